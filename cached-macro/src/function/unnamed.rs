//! Arguments without a name, as `#[async_trait]` leaves them: called `__arg1` in the signature, with
//! `let Path(id) = { let __arg1 = __arg1; __arg1 };` at the start of the body.

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::parse::Parser;
use syn::{Pat, PatIdent, Token};

use crate::tokens::{flatten, is_ident, is_punct};

/// What stood in the place of the name.
pub(super) struct Written {
    pub(super) pat: Pat,
    /// What brings its names into scope, no longer part of the body.
    pub(super) statement: TokenStream,
}

/// What the user wrote for an argument that is called `name` and is the `index`th, as tokens of
/// `author`; `None` if that name.
pub(super) fn written(
    name: &Ident,
    index: usize,
    author: Span,
    body: &mut TokenStream,
) -> Option<Written> {
    let text = name.to_string();
    // Who chose such a name by himself has it in the source.
    if text != format!("__arg{index}") || name.span().source_text() == Some(text) {
        return None;
    }
    let mut tokens: Vec<TokenTree> = body.clone().into_iter().collect();
    let equals = (0..tokens.len()).find(|at| gives(&tokens[*at..], name))?;
    let is_let = |token: &TokenTree| is_ident(Some(token), "let");
    let binding = tokens[..equals].iter().rposition(is_let)?;
    let pattern: TokenStream = tokens[binding + 1..equals].iter().cloned().collect();
    let pat = Pat::parse_single.parse2(pattern).ok()?;
    if matches!(&pat, Pat::Ident(PatIdent { ident, .. }) if ident == name) {
        let underscore = Token![_](name.span().resolved_at(author));
        return Some(Written {
            pat: Pat::Verbatim(underscore.into_token_stream()),
            statement: TokenStream::new(),
        });
    }
    let mut start = binding;
    while start >= 2 && is_punct(tokens.get(start - 2), '#') {
        start -= 2;
    }
    let statement = tokens.drain(start..equals + 3).collect();
    *body = tokens.into_iter().collect();
    Some(Written { pat, statement })
}

/// `= { let name = name; name };`, or in older versions of that attribute `= name;`.
fn gives(tokens: &[TokenTree], name: &Ident) -> bool {
    let is_name = |token: &TokenTree| matches!(token, TokenTree::Ident(ident) if ident == name);
    let [equals, value, end, ..] = tokens else {
        return false;
    };
    let is_value = match value {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
            let inside = flatten(group.stream());
            inside.len() == 6
                && is_ident(inside.first(), "let")
                && inside.last().is_some_and(is_name)
        }
        value => is_name(value),
    };
    is_punct(Some(equals), '=') && is_value && is_punct(Some(end), ';')
}
