//! Which functions can be cached.

use proc_macro2::{Ident, Span};
use syn::{GenericArgument, PathArguments, Safety, Type};

use crate::args::Args;
use crate::errors::Errors;
use crate::fallback::ours;
use crate::function::{Function, peel};
use crate::tokens::{borrow, mention};

pub(super) fn check(args: &Args, function: &Function, errors: &mut Errors) {
    attributes("cache_aside", function, errors);
    modifiers(function, errors);
    output(function, errors);
    if !args.meant("prefix")
        && let Some(at) = unseen_type(function)
    {
        errors.at_span(
            at,
            format!(
                "methods need `prefix`: the macro cannot see which type this impl is for, so two \
                 `{}` methods would share entries",
                function.sig.ident
            ),
        );
    }
}

/// At most one of our attributes belongs on a function.
pub(crate) fn attributes(attribute: &str, function: &Function, errors: &mut Errors) {
    for attr in &function.attrs {
        match ours(attr) {
            Some(same) if same == attribute => {
                errors.at(attr, format!("`#[{attribute}]` is given twice"));
            }
            Some(_) => errors.at(
                attr,
                "a cached function cannot invalidate: on a hit nothing runs; split the function",
            ),
            None => {}
        }
    }
}

fn modifiers(function: &Function, errors: &mut Errors) {
    let sig = &function.sig;
    if let Some(default) = &function.default {
        errors.at(
            default,
            "a `default fn` cannot be cached; cache the function it calls",
        );
    }
    if let Some(constness) = &sig.constness {
        errors.at(
            constness,
            "a `const fn` cannot be cached; only an `async fn` can",
        );
        return;
    }
    if let Safety::Unsafe(token) = &sig.safety {
        errors.at(
            token,
            "an `unsafe fn` cannot be cached: a hit would skip what the caller promises",
        );
    }
    if let Some(abi) = &sig.abi {
        errors.at(
            abi,
            "an `extern fn` cannot be cached; only a plain `async fn` can",
        );
    }
    if sig.asyncness.is_some() || function.is_boxed() {
        return;
    }
    if function.returns_boxed_future() {
        errors.at(
            &sig.output,
            "this function returns a boxed future, as inside `#[async_trait]`; put \
             `#[cache_aside]` on an inherent `async fn` and call that",
        );
    } else {
        errors.at(sig.fn_token, "only `async fn` can be cached; add `async`");
    }
}

fn output(function: &Function, errors: &mut Errors) {
    const NOTHING: &str = "nothing to cache: the function returns nothing";
    let Some(ty) = &function.output else {
        errors.at(&function.sig.ident, NOTHING);
        return;
    };
    // A boxed future that is no function for us has its own error already.
    if function.returns_boxed_future() && !function.is_boxed() {
        return;
    }
    match peel(ty) {
        Type::Tuple(tuple) if tuple.elems.is_empty() => errors.at(ty, NOTHING),
        Type::Never(_) => errors.at(ty, "a function that never returns cannot be cached"),
        _ if returned_opaque(function, "a cached value is decoded from bytes", errors) => {}
        _ => {
            if let Some(at) = borrow(ty) {
                errors.at_span(
                    at,
                    "cannot return a borrow from the cache; return an owned value such as \
                     `String`",
                );
            }
            if let Some(inner) = type_argument(ty, &["Option"], 0)
                && type_argument(inner, &["Result"], 0).is_some()
            {
                errors.at(
                    ty,
                    "an `Err` inside of `Some` would be stored; return `Result<Option<_>, _>`, \
                     with `transpose()`",
                );
            }
        }
    }
}

/// Refuses `impl Trait` in the return type.
pub(crate) fn returned_opaque(function: &Function, reason: &str, errors: &mut Errors) -> bool {
    let opaque = function.output.as_ref().and_then(|ty| mention(ty, "impl"));
    if let Some(at) = &opaque {
        errors.at(
            at,
            format!("name the returned type: {reason}, so its type must be known"),
        );
    }
    opaque.is_some()
}

/// The type argument at `index` of a path that ends in one of these names.
pub(super) fn type_argument<'a>(ty: &'a Type, names: &[&str], index: usize) -> Option<&'a Type> {
    let Type::Path(path) = peel(ty) else {
        return None;
    };
    let segment = path
        .path
        .segments
        .last()
        .filter(|segment| names.iter().any(|name| segment.ident == name))?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.into_iter().nth(index)
}

/// What shows that the function stands in an impl: a receiver, or `Self`.
fn unseen_type(function: &Function) -> Option<Span> {
    if let Some(receiver) = &function.receiver {
        return Some(receiver.written.self_token.span);
    }
    let sig = &function.sig;
    let here = |ident: Ident| ident.span();
    mention(sig, "Self")
        .map(here)
        .or_else(|| crate::rewrite::own_self_type(function.body.tokens.clone()).map(here))
}
