//! The options there are, and how a list of them is read.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Token, parenthesized, token};

use crate::errors::{Errors, did_you_mean, quoted};

/// One option as messages show it.
pub(crate) struct Opt {
    pub(crate) name: &'static str,
    /// What its value is, as in "takes one string".
    pub(crate) takes: &'static str,
    /// How to write it.
    pub(crate) example: &'static str,
}

const fn opt(name: &'static str, takes: &'static str, example: &'static str) -> Opt {
    Opt {
        name,
        takes,
        example,
    }
}

impl Opt {
    /// Written as `skip(..)`, not as `ttl = ..`.
    fn is_list(&self) -> bool {
        !self.example.contains('=')
    }
}

pub(crate) const CACHE_ASIDE: &[Opt] = &[
    opt("ttl", "duration", r#"ttl = "5m""#),
    opt("ttl_with", "closure", "ttl_with = |user| user.ttl()"),
    opt("prefix", "string", r#"prefix = "user""#),
    opt("key", "list of expressions", "key(id, filter.page)"),
    opt("skip", "list of arguments", "skip(db)"),
    opt("key_fn", "name", "key_fn = user_key"),
    opt("version", "integer or string", "version = 2"),
    opt("tags", "list of templates", r#"tags = ["user:{id}"]"#),
    opt("tags_with", "closure", "tags_with = |users| tags_of(users)"),
    opt("jitter", "percentage or duration", r#"jitter = "10%""#),
    opt("negative_ttl", "duration", r#"negative_ttl = "10s""#),
    opt("cache_if", "closure", "cache_if = |user| user.active"),
    opt(
        "stale_while_revalidate",
        "duration",
        r#"stale_while_revalidate = "1m""#,
    ),
    opt("stale_if_error", "duration", r#"stale_if_error = "1h""#),
    opt("refresh_ahead", "fraction", "refresh_ahead = 0.8"),
    opt("early_expiry", "number", "early_expiry = 1.0"),
    opt("soft_timeout", "duration", r#"soft_timeout = "200ms""#),
    opt("load_timeout", "duration", r#"load_timeout = "2s""#),
    opt("single_flight", "mode", "single_flight = local"),
    opt("lease", "duration", r#"lease = "3s""#),
    opt("lease_wait", "duration", r#"lease_wait = "30s""#),
    opt("local", "switch or duration", r#"local = "10s""#),
    opt("coherence", "mode or duration", "coherence = strict"),
    opt("remote", "switch", "remote = false"),
    opt("codec", "path", "codec = cache_aside::codec::Json"),
    opt("compress_above", "size", r#"compress_above = "4KiB""#),
    opt("max_size", "size", r#"max_size = "1MiB""#),
    opt("cache", "expression", "cache = self.cache"),
    opt("each", "argument", "each = ids"),
    opt("crate", "path", "crate = ::my_dep::cache_aside"),
];

pub(crate) const CACHE_INVALIDATE: &[Opt] = &[
    opt("tags", "list of templates", r#"tags = ["user:{id}"]"#),
    opt("keys", "list of keys", "keys = [user_key(id)]"),
    opt(
        "prefixes",
        "list of prefixes",
        r#"prefixes = ["user_list"]"#,
    ),
    opt("cache", "expression", "cache = self.cache"),
    opt("bracket", "switch", "bracket = true"),
    opt("settled", "switch", "settled = true"),
    opt("soft", "duration", r#"soft = "30s""#),
    opt("on_failure", "mode", "on_failure = propagate"),
    opt("crate", "path", "crate = ::my_dep::cache_aside"),
];

/// An option that stands in the text.
struct Meant {
    name: &'static str,
    written: Ident,
}

/// Reads all options, and calls `take` with each that is known, new and well formed so far. After
/// an error it goes on behind the next comma. Returns the options that were meant, those with an
/// error too: they are not missing.
pub(crate) fn options(
    tokens: TokenStream,
    grammar: &[Opt],
    errors: &mut Errors,
    mut take: impl FnMut(Ident, ParseStream<'_>) -> syn::Result<()>,
) -> Vec<&'static str> {
    let mut found = Vec::new();
    let mut seen: Vec<Meant> = Vec::new();
    let read = (|input: ParseStream<'_>| {
        while !input.is_empty() {
            if let Err(error) = option(input, grammar, &mut seen, &mut take) {
                found.push(error);
                skip_to_comma(input);
            }
            if !input.is_empty() && !input.peek(Token![,]) {
                found.push(input.error("expected `,` between options"));
                skip_to_comma(input);
            }
            input.parse::<Option<Token![,]>>()?;
        }
        Ok(())
    })
    .parse2(tokens);
    for error in found {
        errors.push(error);
    }
    errors.keep(read);
    seen.into_iter().map(|meant| meant.name).collect()
}

fn option(
    input: ParseStream<'_>,
    grammar: &[Opt],
    seen: &mut Vec<Meant>,
    take: &mut impl FnMut(Ident, ParseStream<'_>) -> syn::Result<()>,
) -> syn::Result<()> {
    if !input.peek(Ident::peek_any) {
        return Err(input.error(format!(
            "name an option, for example `{}`",
            grammar[0].example
        )));
    }
    let name = input.call(Ident::parse_any)?;
    let text = name.to_string();
    let all = || grammar.iter().map(|option| option.name);
    let Some(option) = grammar.iter().find(|option| option.name == text) else {
        let hint = did_you_mean(&text, all());
        let sentence = if hint.is_empty() { ";" } else { "" };
        let meant = grammar
            .iter()
            .find(|option| hint.contains(&quoted([option.name])));
        seen.extend(meant.map(|option| Meant {
            name: option.name,
            written: name.clone(),
        }));
        let list = quoted(all());
        return Err(syn::Error::new(
            name.span(),
            format!("unknown option `{text}`{hint}{sentence} options are {list}"),
        ));
    };
    if let Some(first) = seen
        .iter()
        .map(|meant| &meant.written)
        .find(|first| **first == name)
    {
        let mut error = syn::Error::new(name.span(), format!("`{text}` is given twice"));
        error.combine(syn::Error::new(first.span(), "first given here"));
        skip_to_comma(input);
        return Err(error);
    }
    seen.push(Meant {
        name: option.name,
        written: name.clone(),
    });
    if option.is_list() {
        list(name, option, input, take)
    } else {
        value(name, option, input, take)
    }
}

fn list(
    name: Ident,
    option: &Opt,
    input: ParseStream<'_>,
    take: &mut impl FnMut(Ident, ParseStream<'_>) -> syn::Result<()>,
) -> syn::Result<()> {
    if !input.peek(token::Paren) {
        let Opt { takes, example, .. } = option;
        let at = if input.is_empty() {
            name.span()
        } else {
            input.span()
        };
        return Err(syn::Error::new(
            at,
            format!("`{name}` takes a {takes}; write `{example}`"),
        ));
    }
    let inside;
    parenthesized!(inside in input);
    let read = match take(name, &inside) {
        Ok(()) if !inside.is_empty() => Err(inside.error("expected `,`")),
        read => read,
    };
    // Anything left would be a second error about the same mistake.
    inside.parse::<TokenStream>()?;
    read
}

fn value(
    name: Ident,
    option: &Opt,
    input: ParseStream<'_>,
    take: &mut impl FnMut(Ident, ParseStream<'_>) -> syn::Result<()>,
) -> syn::Result<()> {
    let Opt { takes, example, .. } = option;
    if let Some(group) = group(input) {
        let article = if takes.starts_with(['a', 'e', 'i']) {
            "an"
        } else {
            "one"
        };
        return Err(syn::Error::new(
            group,
            format!("`{name}` takes {article} {takes}; write `{example}`"),
        ));
    }
    let missing = || {
        syn::Error::new(
            name.span(),
            format!("expected `{name} = <{takes}>`, for example `{example}`"),
        )
    };
    input.parse::<Token![=]>().map_err(|_| missing())?;
    if input.is_empty() || input.peek(Token![,]) {
        return Err(missing());
    }
    take(name, input)
}

fn group(input: ParseStream<'_>) -> Option<Span> {
    match input.cursor().token_tree() {
        Some((TokenTree::Group(group), _)) => Some(group.span()),
        _ => None,
    }
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        // Cannot fail: there is a token.
        drop(input.parse::<TokenTree>());
    }
}
