//! Where a key function can be generated.

use syn::GenericParam;

use crate::args::Args;
use crate::errors::Errors;
use crate::function::Function;
use crate::tokens::mentions;

pub(super) fn check(args: &Args, function: &Function, errors: &mut Errors) {
    let Some(key_fn) = &args.key_fn else { return };
    let name = &key_fn.value.ident;
    if function.is_boxed() {
        errors.at(
            &key_fn.name,
            "an impl of a trait cannot have further functions; make keys with `Key::new(..)`",
        );
    }
    if *name == function.sig.ident {
        errors.at(
            name,
            "the cached function has this name already; write `key_fn = user_key`",
        );
    }
    let hidden =
        function
            .sig
            .generics
            .params
            .iter()
            .find_map(|param| match (param, &function.output) {
                (GenericParam::Type(param), Some(output)) if mentions(output, &param.ident) => {
                    Some(&param.ident)
                }
                (GenericParam::Const(param), Some(output)) if mentions(output, &param.ident) => {
                    Some(&param.ident)
                }
                _ => None,
            });
    if let (Some(hidden), None) = (hidden, &key_fn.value.value) {
        errors.at(
            name,
            format!(
                "the return type depends on `{hidden}`, so the type of the value has to be written \
                 out; write `key_fn = {name} -> User`"
            ),
        );
    }
}
