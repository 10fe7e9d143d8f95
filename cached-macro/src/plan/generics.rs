//! Which generic parameters are part of the key.

use proc_macro2::Ident;
use syn::GenericParam;

use crate::function::Function;
use crate::tokens::mentions;

/// The type and const parameters that tell calls apart: all but those of skipped arguments alone.
pub(super) fn counted(function: &Function, in_key: &[bool]) -> (Vec<Ident>, Vec<Ident>) {
    let (mut types, mut constants) = (Vec::new(), Vec::new());
    let is_counted = |name: &Ident| {
        let mut in_arguments = false;
        for (param, in_key) in function.params.iter().zip(in_key) {
            if mentions(&param.ty, name) {
                in_arguments = true;
                if *in_key {
                    return true;
                }
            }
        }
        !in_arguments
            || function
                .output
                .as_ref()
                .is_some_and(|output| mentions(output, name))
    };
    for param in &function.sig.generics.params {
        match param {
            GenericParam::Type(param) if is_counted(&param.ident) => {
                types.push(param.ident.clone());
            }
            GenericParam::Const(param) if is_counted(&param.ident) => {
                constants.push(param.ident.clone());
            }
            _ => {}
        }
    }
    (types, constants)
}
