//! The values that say where answers are kept, and who shares the loads of them.

use std::time::Duration;

use syn::parse::ParseStream;
use syn::{Expr, Lit, TypePath};

use super::value::{is_bool, is_word, literal, word};
use crate::duration::{Time, peel};
use crate::size::Size;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SingleFlight {
    Cluster,
    Local,
    Off,
}

#[derive(Clone)]
pub(crate) enum Local {
    Whole,
    Not,
    For(Time),
}

#[derive(Clone)]
pub(crate) enum Coherence {
    Strict,
    /// `window` as it was written.
    Bounded {
        length: Duration,
        window: Time,
    },
}

pub(super) fn single_flight(input: ParseStream<'_>) -> syn::Result<SingleFlight> {
    let word = word(input);
    match word.as_deref() {
        Some("cluster") => Ok(SingleFlight::Cluster),
        Some("local") => Ok(SingleFlight::Local),
        Some("off") => Ok(SingleFlight::Off),
        _ => Err(input
            .error("`single_flight` is `cluster`, `local` or `off`; write `single_flight = off`")),
    }
}

pub(super) fn local(input: ParseStream<'_>) -> syn::Result<Local> {
    match peel(input.parse()?) {
        Expr::Lit(syn::ExprLit {
            lit: Lit::Bool(flag),
            ..
        }) if flag.value => Ok(Local::Whole),
        Expr::Lit(syn::ExprLit {
            lit: Lit::Bool(_), ..
        }) => Ok(Local::Not),
        other if is_word(&other, &["on", "off", "yes", "no", "true", "false"]) => {
            Err(syn::Error::new_spanned(
                other,
                "`local` is `true`, `false` or a duration; write `local = false`",
            ))
        }
        other => Ok(Local::For(Time::new("local", other)?)),
    }
}

pub(super) fn coherence(input: ParseStream<'_>) -> syn::Result<Coherence> {
    let value = peel(input.parse()?);
    if matches!(&value, Expr::Path(path) if path.path.is_ident("strict")) {
        return Ok(Coherence::Strict);
    }
    if is_bool(&value) || is_word(&value, &["strict", "bounded", "on", "off"]) {
        return Err(syn::Error::new_spanned(
            value,
            "`coherence` is `strict` or a duration; write `coherence = strict`, or \
             `coherence = \"500ms\"`",
        ));
    }
    let window = Time::new("coherence", value)?;
    match window.length() {
        Some(length) => Ok(Coherence::Bounded { length, window }),
        // A hit in this process has to know it, and evaluates no expression.
        None => Err(syn::Error::new_spanned(
            window,
            "`coherence` is part of the function, so it is no expression; write \
             `coherence = strict`, or a duration such as `coherence = \"500ms\"`",
        )),
    }
}

pub(super) fn codec(input: ParseStream<'_>) -> syn::Result<TypePath> {
    const WRITE: &str =
        "`codec` takes the path of a type; write `codec = cache_aside::codec::Json`";
    if let Some(text) = literal(input) {
        return Err(syn::Error::new_spanned(text, WRITE));
    }
    input
        .parse()
        .map_err(|error: syn::Error| syn::Error::new(error.span(), WRITE))
}

pub(super) fn compress_above(input: ParseStream<'_>) -> syn::Result<Size> {
    let value = peel(input.parse()?);
    if is_bool(&value) || is_word(&value, &["on", "off"]) {
        return Err(syn::Error::new_spanned(
            value,
            "`compress_above` takes a size; write `compress_above = \"4KiB\"`, or \
             `compress_above = 0` for never",
        ));
    }
    Size::new("compress_above", "\"4KiB\"", value)
}

pub(super) fn max_size(input: ParseStream<'_>) -> syn::Result<Size> {
    Size::new("max_size", "\"1MiB\"", input.parse()?)
}
