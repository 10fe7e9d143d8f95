//! Loads that may outlive the call: what the caller has only lent is cloned for them.

use proc_macro2::{Ident, Span};
use quote::{ToTokens, quote_spanned};
use syn::{Attribute, GenericParam, Pat, PatIdent, Token, Type};

use crate::args::Args;
use crate::errors::Errors;
use crate::function::{Borrow, Function, Param, peel};
use crate::tokens::{borrow, erase_lifetimes, lifetimes};

/// A borrowed argument of which the load has its own.
pub(crate) struct Kept {
    pub(crate) cfgs: Vec<Attribute>,
    /// `self` for the receiver.
    pub(crate) name: Ident,
    pub(crate) mutability: Option<Token![mut]>,
    /// As it was declared; `None` where a `let` cannot name it.
    pub(crate) ty: Option<proc_macro2::TokenStream>,
    /// Where a type that cannot be cloned is reported.
    pub(crate) span: Span,
}

/// The option that asks for it.
pub(super) fn option(args: &Args) -> Option<&Ident> {
    let options = [
        args.stale_while_revalidate
            .as_ref()
            .map(|option| &option.name),
        args.refresh_ahead.as_ref().map(|option| &option.name),
        args.soft_timeout.as_ref().map(|option| &option.name),
    ];
    options.into_iter().flatten().next()
}

pub(super) fn kept(option: &Ident, function: &Function, errors: &mut Errors) -> Vec<Kept> {
    body(option, function, errors);
    let mut kept = Vec::new();
    if let Some(receiver) = &function.receiver {
        let ty = match &receiver.written.kind {
            syn::ReceiverKind::Typed(_, ty) => Some(ty),
            _ => None,
        };
        if receiver.borrow == Borrow::Mutable {
            mutable(option, &receiver.written, errors);
        }
        if let Some(ty) = ty {
            nested(option, ty, errors);
        }
        if receiver.borrow == Borrow::Shared {
            let span = receiver.written.self_token.span;
            let ty = if let Some(ty) = ty {
                erase_lifetimes(ty)
            } else {
                quote_spanned! {Span::mixed_site().located_at(span)=> &Self }
            };
            kept.push(Kept {
                cfgs: Vec::new(),
                name: Ident::from(receiver.written.self_token),
                mutability: None,
                ty: Some(ty),
                span,
            });
        }
    }
    kept.extend(
        function
            .params
            .iter()
            .filter_map(|param| argument(option, param, errors)),
    );
    kept
}

fn argument(option: &Ident, param: &Param, errors: &mut Errors) -> Option<Kept> {
    if param.borrow == Borrow::Mutable {
        mutable(option, &param.ty, errors);
        return None;
    }
    if nested(option, &param.ty, errors) || param.borrow == Borrow::Owned {
        return None;
    }
    let Pat::Ident(PatIdent {
        mutability,
        ident,
        by_ref: None,
        subpat: None,
        ..
    }) = &param.pat
    else {
        errors.at(
            &param.pat,
            format!("`{option}` keeps a clone of this argument for the load; give it a name"),
        );
        return None;
    };
    let span = match peel(&param.ty) {
        Type::Reference(reference) => crate::function::first_span(&reference.elem),
        ty => crate::function::first_span(ty),
    };
    Some(Kept {
        cfgs: param.cfgs.clone(),
        name: ident.clone(),
        mutability: *mutability,
        ty: (!param.is_opaque()).then(|| erase_lifetimes(&param.ty)),
        span,
    })
}

fn mutable(option: &Ident, at: impl ToTokens, errors: &mut Errors) {
    errors.at(
        at,
        format!(
            "`{option}` lets the load outlive the call, and a `&mut` cannot; return the change, \
             or take an `Arc` of a lock"
        ),
    );
}

/// Refuses what a clone of the argument would still borrow. The compiler would refuse it as well,
/// but in words that help nobody.
fn nested(option: &Ident, ty: &Type, errors: &mut Errors) -> bool {
    let mut inner = peel(ty);
    let mut object = false;
    if let Type::Reference(reference) = inner {
        inner = peel(&reference.elem);
        object = matches!(inner, Type::TraitObject(_));
    }
    let nested = object || borrow(inner).is_some();
    if nested {
        errors.at(
            ty,
            format!(
                "`{option}` lets the load outlive the call, and a clone of this argument cannot; \
                 take an owned value or an `Arc` of it"
            ),
        );
    }
    nested
}

/// In a load of its own the lifetimes of the signature mean nothing.
fn body(option: &Ident, function: &Function, errors: &mut Errors) {
    let declared: Vec<&Ident> = function
        .sig
        .generics
        .params
        .iter()
        .filter_map(|param| match param {
            GenericParam::Lifetime(param) => Some(&param.lifetime.ident),
            _ => None,
        })
        .collect();
    for named in lifetimes(&function.body.tokens) {
        if declared.contains(&&named) {
            errors.at(
                &named,
                format!(
                    "`{option}` lets the load outlive the call, so its body cannot name \
                     `'{named}`; leave the lifetime out"
                ),
            );
        }
    }
}
