//! Questions about tokens that need no grammar.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;

/// All tokens in the order of the source, those inside of groups too.
pub(crate) fn flatten(tokens: impl ToTokens) -> Vec<TokenTree> {
    fn push(tokens: TokenStream, all: &mut Vec<TokenTree>) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => push(group.stream(), all),
                token => all.push(token),
            }
        }
    }
    let mut all = Vec::new();
    push(tokens.into_token_stream(), &mut all);
    all
}

pub(crate) fn is_punct(token: Option<&TokenTree>, punct: char) -> bool {
    matches!(token, Some(TokenTree::Punct(p)) if p.as_char() == punct)
}

pub(crate) fn is_ident(token: Option<&TokenTree>, name: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == name)
}

/// The identifiers that can name a variable or a type: no fields, no lifetimes.
fn names(tokens: impl ToTokens) -> Vec<Ident> {
    let all = flatten(tokens);
    let before = |i: usize, n: usize| i.checked_sub(n).and_then(|i| all.get(i));
    let mut names = Vec::new();
    for (i, token) in all.iter().enumerate() {
        let field = is_punct(before(i, 1), '.') && !is_punct(before(i, 2), '.');
        match token {
            TokenTree::Ident(name) if !field && !is_punct(before(i, 1), '\'') => {
                names.push(name.clone());
            }
            _ => {}
        }
    }
    names
}

/// Where `name` is mentioned as a variable or a type, raw or not.
pub(crate) fn mention(tokens: impl ToTokens, name: &str) -> Option<Ident> {
    names(tokens)
        .into_iter()
        .find(|ident| ident.unraw() == name)
}

pub(crate) fn mentions(tokens: impl ToTokens, name: &Ident) -> bool {
    names(tokens)
        .iter()
        .any(|ident| ident.unraw() == name.unraw())
}

/// The names of all lifetimes but `'static`, in order, without the quote.
pub(crate) fn lifetimes(tokens: impl ToTokens) -> Vec<Ident> {
    let all = flatten(tokens);
    all.windows(2)
        .filter(|pair| is_punct(pair.first(), '\''))
        .filter_map(|pair| match &pair[1] {
            TokenTree::Ident(name) if name != "static" => Some(name.clone()),
            _ => None,
        })
        .collect()
}

/// The first borrow that a type shows: a `&`, or a lifetime other than `'static`.
pub(crate) fn borrow(tokens: impl ToTokens) -> Option<Span> {
    let all = flatten(tokens);
    all.iter().enumerate().find_map(|(i, token)| {
        let lifetime = is_punct(Some(token), '\'') && !is_ident(all.get(i + 1), "static");
        (lifetime || is_punct(Some(token), '&')).then(|| token.span())
    })
}

/// The same type with its lifetimes left to inference, for a `let`.
pub(crate) fn erase_lifetimes(tokens: impl ToTokens) -> TokenStream {
    let mut erased: Vec<TokenTree> = Vec::new();
    let mut rest = tokens.into_token_stream().into_iter().peekable();
    while let Some(token) = rest.next() {
        match token {
            TokenTree::Punct(tick)
                if tick.as_char() == '\'' && !is_ident(rest.peek(), "static") =>
            {
                let name = rest.next();
                // `&'a T` becomes `&T`, `Foo<'a>` becomes `Foo<'_>`.
                if !is_punct(erased.last(), '&')
                    && let Some(name) = name
                {
                    erased.push(tick.into());
                    erased.push(Ident::new("_", name.span()).into());
                }
            }
            TokenTree::Group(group) => {
                let inner = erase_lifetimes(group.stream());
                let mut copy = proc_macro2::Group::new(group.delimiter(), inner);
                copy.set_span(group.span());
                erased.push(copy.into());
            }
            token => erased.push(token),
        }
    }
    erased.into_iter().collect()
}

/// The same tokens at another place; they mean what they meant.
pub(crate) fn placed(tokens: &TokenStream, place: Span) -> TokenStream {
    let place_one = |mut token: TokenTree| {
        token.set_span(place.resolved_at(token.span()));
        token
    };
    tokens.clone().into_iter().map(place_one).collect()
}

#[cfg(test)]
mod tests {
    use super::{borrow, erase_lifetimes, lifetimes, mention};
    use quote::quote;

    #[test]
    fn fields_and_lifetimes_are_no_mentions() {
        assert!(mention(quote!(user.id), "user").is_some());
        assert!(mention(quote!(user.id), "id").is_none());
        assert!(mention(quote!(&'id str), "id").is_none());
        assert!(mention(quote!(0..id), "id").is_some());
        assert!(mention(quote!(f(vec![r#type])), "type").is_some());
    }

    #[test]
    fn borrows_are_seen_at_any_depth() {
        assert!(borrow(quote!(Result<Vec<&str>, E>)).is_some());
        assert!(borrow(quote!(Result<Cow<'a, str>, E>)).is_some());
        assert!(borrow(quote!(Result<Cow<'static, str>, E>)).is_none());
    }

    #[test]
    fn lifetimes_are_erased_where_they_stand() {
        let erased = erase_lifetimes(quote!(&'a mut Foo<'b, (&'c str, &'static str)>));
        assert_eq!(
            erased.to_string(),
            quote!(&mut Foo<'_, (&str, &'static str)>).to_string()
        );
        let names = lifetimes(quote!(&'a Foo<'b>))
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>();
        assert_eq!(names, ["a", "b"]);
    }
}
