//! One argument.

use proc_macro2::Ident;
use syn::{Attribute, Pat, PatIdent, Type};

use super::{Borrow, cfgs, type_borrow};
use crate::tokens::mention;

/// An argument that is not the receiver.
pub(crate) struct Param {
    pub(crate) cfgs: Vec<Attribute>,
    pub(crate) pat: Pat,
    pub(crate) ty: Type,
    pub(crate) borrow: Borrow,
    /// The name, where the whole argument has one.
    pub(crate) name: Option<Ident>,
    /// All names that its pattern brings into scope.
    pub(crate) bound: Vec<Ident>,
}

impl Param {
    pub(super) fn new(typed: &syn::PatType) -> Self {
        let name = match &*typed.pat {
            Pat::Ident(PatIdent {
                by_ref: None,
                subpat: None,
                ident,
                ..
            }) => Some(ident.clone()),
            _ => None,
        };
        let mut bound = Vec::new();
        bindings(&typed.pat, &mut bound);
        Self {
            cfgs: cfgs(&typed.attrs),
            pat: (*typed.pat).clone(),
            ty: (*typed.ty).clone(),
            borrow: type_borrow(&typed.ty),
            name,
            bound,
        }
    }

    /// Puts the pattern that was written back in the place of a name that was not.
    pub(super) fn unname(&mut self, pat: Pat) {
        self.name = None;
        self.bound.clear();
        bindings(&pat, &mut self.bound);
        self.pat = pat;
    }

    /// Is there an `impl Trait` in its type?
    pub(crate) fn is_opaque(&self) -> bool {
        mention(&self.ty, "impl").is_some()
    }
}

fn bindings(pat: &Pat, names: &mut Vec<Ident>) {
    match pat {
        Pat::Ident(pat) => {
            names.push(pat.ident.clone());
            if let Some((_, inner)) = &pat.subpat {
                bindings(inner, names);
            }
        }
        Pat::Tuple(pat) => pat.elems.iter().for_each(|pat| bindings(pat, names)),
        Pat::TupleStruct(pat) => pat.elems.iter().for_each(|pat| bindings(pat, names)),
        Pat::Slice(pat) => pat.elems.iter().for_each(|pat| bindings(pat, names)),
        Pat::Struct(pat) => pat
            .fields
            .iter()
            .for_each(|field| bindings(&field.pat, names)),
        Pat::Reference(pat) => bindings(&pat.pat, names),
        Pat::Paren(pat) => bindings(&pat.pat, names),
        Pat::Or(pat) => pat
            .cases
            .iter()
            .take(1)
            .for_each(|pat| bindings(pat, names)),
        Pat::Type(pat) => bindings(&pat.pat, names),
        _ => {}
    }
}
