//! The values of single options.

use proc_macro2::{Ident, TokenTree};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Expr, Lit, LitInt, LitStr, Token, Type};

use crate::duration::{Time, has_unit, peel};

/// `key_fn = user_key`, `key_fn = user_key -> User`.
#[derive(Clone)]
pub(crate) struct KeyFn {
    pub(crate) ident: Ident,
    pub(crate) value: Option<Type>,
}

/// By how much a stored life may be shortened.
#[derive(Clone)]
pub(crate) enum Jitter {
    /// `"10%"` is 0.1.
    Fraction(f64),
    By(Time),
}

/// A number between bounds.
#[derive(Clone)]
pub(crate) enum Number {
    /// Looked at here.
    Literal(f64),
    /// A constant, which is looked at when it is known.
    Constant(Expr),
}

pub(super) fn time(option: &str, input: ParseStream<'_>) -> syn::Result<Time> {
    Time::new(option, input.parse()?)
}

pub(super) fn negative_ttl(input: ParseStream<'_>) -> syn::Result<Time> {
    let value = peel(input.parse()?);
    if is_bool(&value) || is_word(&value, &["on", "off"]) {
        return Err(syn::Error::new_spanned(
            value,
            "`negative_ttl` takes a duration; write `negative_ttl = \"10s\"`, or \
             `negative_ttl = 0` to store no `None`",
        ));
    }
    Time::new("negative_ttl", value)
}

/// `true` or `false`; `example` is the one that is worth writing.
pub(super) fn switch(option: &str, example: &str, input: ParseStream<'_>) -> syn::Result<bool> {
    match peel(input.parse()?) {
        Expr::Lit(syn::ExprLit {
            lit: Lit::Bool(flag),
            ..
        }) => Ok(flag.value),
        other => Err(syn::Error::new_spanned(
            other,
            format!("`{option}` is `true` or `false`; write `{option} = {example}`"),
        )),
    }
}

pub(super) fn is_bool(expr: &Expr) -> bool {
    matches!(expr, Expr::Lit(literal) if matches!(literal.lit, Lit::Bool(_)))
}

/// Is it one of these words, as a bare name or in a string?
pub(super) fn is_word(expr: &Expr, words: &[&str]) -> bool {
    match expr {
        Expr::Path(path) => words.iter().any(|word| path.path.is_ident(word)),
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => words.contains(&text.value().as_str()),
            _ => false,
        },
        _ => false,
    }
}

pub(super) fn prefix(input: ParseStream<'_>) -> syn::Result<LitStr> {
    let lit = string(
        input,
        "`prefix` takes one string; write `prefix = \"user\"`",
    )?;
    match prefix_fault("prefix", &lit) {
        Some(error) => Err(error),
        None => Ok(lit),
    }
}

/// What is wrong with a prefix that is known now.
pub(crate) fn prefix_fault(option: &str, lit: &LitStr) -> Option<syn::Error> {
    let text = lit.value();
    let message = if text.is_empty() {
        format!("`{option}` may not be empty; write a name such as `\"user\"`")
    } else if text.contains(|c: char| c == ':' || c.is_whitespace()) {
        format!("`{option}` may not contain `:` or whitespace: they separate key parts")
    } else if text.contains(['{', '}']) {
        format!("`{option}` is no template; arguments are part of the key already")
    } else {
        return None;
    };
    Some(syn::Error::new_spanned(lit, message))
}

fn prefixes_fault(lit: &LitStr) -> Option<syn::Error> {
    let text = lit.value();
    let message = if text.contains(['{', '}']) {
        "`prefixes` are no templates: each is all that one function stores; for one entry write \
         `keys = [user_key(id)]` or `tags = [\"user:{id}\"]`"
    } else if text.is_empty() {
        "no function has an empty prefix; write `prefixes = [\"user_list\"]`"
    } else {
        return prefix_fault("prefixes", lit);
    };
    Some(syn::Error::new_spanned(lit, message))
}

pub(super) fn prefixes(input: ParseStream<'_>) -> syn::Result<Vec<Expr>> {
    let prefixes = array("prefixes", "prefixes = [\"user_list\"]", input)?;
    let mut faults: Option<syn::Error> = None;
    for prefix in &prefixes {
        if let Expr::Lit(literal) = prefix
            && let Lit::Str(text) = &literal.lit
            && let Some(error) = prefixes_fault(text)
        {
            match &mut faults {
                Some(faults) => faults.combine(error),
                None => faults = Some(error),
            }
        }
    }
    faults.map_or(Ok(prefixes), Err)
}

pub(super) fn expressions(input: ParseStream<'_>) -> syn::Result<Vec<Expr>> {
    Ok(Punctuated::<Expr, Token![,]>::parse_terminated(input)?
        .into_iter()
        .collect())
}

pub(super) fn names(input: ParseStream<'_>) -> syn::Result<Vec<Ident>> {
    let name = |input: ParseStream<'_>| {
        let name = input
            .call(Ident::parse_any)
            .map_err(|error| syn::Error::new(error.span(), "name an argument to skip"))?;
        if input.is_empty() || input.peek(Token![,]) {
            return Ok(name);
        }
        Err(input.error(format!(
            "whole arguments are skipped; write `skip({name})`, or choose parts with `key(..)`"
        )))
    };
    Ok(
        Punctuated::<Ident, Token![,]>::parse_terminated_with(input, name)?
            .into_iter()
            .collect(),
    )
}

pub(super) fn key_fn(input: ParseStream<'_>) -> syn::Result<KeyFn> {
    let ident = input.parse().map_err(|error: syn::Error| {
        let message =
            "`key_fn` takes the name of the function to generate; write `key_fn = user_key`";
        syn::Error::new(error.span(), message)
    })?;
    let value = match input.parse::<Option<Token![->]>>()? {
        Some(_) => Some(input.parse()?),
        None => None,
    };
    Ok(KeyFn { ident, value })
}

pub(super) fn version(input: ParseStream<'_>) -> syn::Result<String> {
    match literal(input) {
        Some(Lit::Str(text)) if text.value().is_empty() => Err(syn::Error::new_spanned(
            text,
            "`version` may not be empty; write `version = 2`",
        )),
        Some(Lit::Str(text)) => Ok(text.value()),
        Some(Lit::Int(number)) if has_unit(number.suffix()) => Err(syn::Error::new_spanned(
            &number,
            format!("a version that is no number is a string; write `version = \"{number}\"`"),
        )),
        Some(Lit::Int(number)) => Ok(number.base10_digits().to_owned()),
        _ => Err(input.error("`version` takes an integer or a string; write `version = 2`")),
    }
}

pub(crate) const TEMPLATES: &str = "`tags` takes string templates; write `tags = [\"user:{id}\"]`";

/// Of any expressions: what is no template is refused together with what is wrong in templates.
pub(super) fn templates(input: ParseStream<'_>) -> syn::Result<Vec<Expr>> {
    list(TEMPLATES, input)
}

pub(super) fn keys(input: ParseStream<'_>) -> syn::Result<Vec<Expr>> {
    array("keys", "keys = [user_key(id)]", input)
}

/// `[a, b]`.
fn array(option: &str, example: &str, input: ParseStream<'_>) -> syn::Result<Vec<Expr>> {
    list(
        &format!("`{option}` takes a list in brackets; write `{example}`"),
        input,
    )
}

fn list(write: &str, input: ParseStream<'_>) -> syn::Result<Vec<Expr>> {
    match peel(input.parse()?) {
        Expr::Array(array) => Ok(array.elems.into_iter().collect()),
        other => Err(syn::Error::new_spanned(other, write)),
    }
}

pub(super) fn jitter(input: ParseStream<'_>) -> syn::Result<Jitter> {
    let fork = input.fork();
    let Some(Lit::Str(text)) = literal(&fork) else {
        let value = peel(input.parse()?);
        let is_other = match &value {
            Expr::Lit(literal) => !matches!(literal.lit, Lit::Int(_)),
            Expr::Unary(unary) => matches!(*unary.expr, Expr::Lit(_)),
            value => is_word(value, &["on", "off"]),
        };
        return if is_other {
            Err(syn::Error::new_spanned(
                value,
                "`jitter` takes a percentage or a duration; write `jitter = \"10%\"`, or \
                 `jitter = 0` for none",
            ))
        } else {
            Time::new("jitter", value).map(Jitter::By)
        };
    };
    let value = text.value();
    let Some(number) = value.strip_suffix('%') else {
        return Ok(Jitter::By(time("jitter", input)?));
    };
    drop(input.parse::<TokenTree>());
    match number.parse::<f64>() {
        Ok(percent) if (0.0..100.0).contains(&percent) => Ok(Jitter::Fraction(percent / 100.0)),
        Ok(_) => Err(syn::Error::new_spanned(
            text,
            "`jitter` shortens a life, so it lies between `\"0%\"` and `\"99%\"`",
        )),
        Err(_) => Err(syn::Error::new_spanned(
            text,
            "`jitter` takes a percentage or a duration; write `jitter = \"10%\"`",
        )),
    }
}

/// The point in the ttl from which an entry is refreshed.
pub(super) fn share(input: ParseStream<'_>) -> syn::Result<Number> {
    let message = "`refresh_ahead` takes a fraction of the ttl between 0 and 1; write \
                   `refresh_ahead = 0.8`";
    number(input, message, |share| share > 0.0 && share < 1.0)
}

pub(super) fn beta(input: ParseStream<'_>) -> syn::Result<Number> {
    let message = "`early_expiry` takes a number above zero; write `early_expiry = 1.0`";
    number(input, message, |beta| beta > 0.0 && beta.is_finite())
}

fn number(input: ParseStream<'_>, message: &str, fits: fn(f64) -> bool) -> syn::Result<Number> {
    let expr = peel(input.parse()?);
    let number = match &expr {
        Expr::Lit(syn::ExprLit {
            lit: Lit::Float(number),
            ..
        }) if !has_unit(number.suffix()) => number.base10_parse().ok(),
        Expr::Lit(syn::ExprLit {
            lit: Lit::Int(number),
            ..
        }) if !has_unit(number.suffix()) => number.base10_parse().ok(),
        Expr::Lit(_) => None,
        Expr::Unary(unary) if matches!(*unary.expr, Expr::Lit(_)) => None,
        word if is_word(word, &["on", "off"]) => None,
        _ => return Ok(Number::Constant(expr)),
    };
    match number.filter(|number| fits(*number)) {
        Some(number) => Ok(Number::Literal(number)),
        None => Err(syn::Error::new_spanned(expr, message)),
    }
}

pub(super) fn on_failure(input: ParseStream<'_>) -> syn::Result<()> {
    match word(input).as_deref() {
        Some("propagate") => Ok(()),
        _ => Err(input.error(
            "`on_failure` is `propagate` where it is given; write `on_failure = propagate`",
        )),
    }
}

pub(super) fn each(input: ParseStream<'_>) -> syn::Result<Ident> {
    input.call(Ident::parse_any).map_err(|error| {
        syn::Error::new(
            error.span(),
            "`each` takes the name of an argument; write `each = ids`",
        )
    })
}

fn string(input: ParseStream<'_>, message: &str) -> syn::Result<LitStr> {
    match literal(&input.fork()) {
        Some(Lit::Str(_)) => input.parse(),
        _ => Err(match input.parse::<Expr>() {
            Ok(other) => syn::Error::new_spanned(other, message),
            Err(error) => syn::Error::new(error.span(), message),
        }),
    }
}

/// The next token as a literal, taken only if it is one of the kinds that values are made of.
pub(super) fn literal(input: ParseStream<'_>) -> Option<Lit> {
    if input.peek(LitStr) || input.peek(LitInt) {
        input.parse().ok()
    } else {
        None
    }
}

/// The next token as a word, taken only if it is one that could stand there.
pub(super) fn word(input: ParseStream<'_>) -> Option<String> {
    let word = Ident::parse_any(&input.fork()).ok()?.to_string();
    if matches!(word.as_str(), "cluster" | "local" | "off" | "propagate") {
        drop(input.call(Ident::parse_any));
        return Some(word);
    }
    None
}
