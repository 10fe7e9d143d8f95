//! Questions about tokens that need no grammar.

use std::collections::VecDeque;

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;

/// All tokens, those inside of groups too, in the order of the source.
struct Flat {
    open: Vec<proc_macro2::token_stream::IntoIter>,
}

impl Iterator for Flat {
    type Item = TokenTree;

    fn next(&mut self) -> Option<TokenTree> {
        loop {
            match self.open.last_mut()?.next() {
                Some(TokenTree::Group(group)) => self.open.push(group.stream().into_iter()),
                Some(token) => return Some(token),
                None => drop(self.open.pop()),
            }
        }
    }
}

fn flat(tokens: &impl ToTokens) -> Flat {
    Flat { open: vec![tokens.to_token_stream().into_iter()] }
}

/// The names of all lifetimes, without the quote.
fn lifetimes(tokens: &impl ToTokens) -> impl Iterator<Item = Ident> {
    let mut quote = false;
    flat(tokens).filter_map(move |token| {
        let name = match token {
            TokenTree::Ident(name) if quote => Some(name),
            _ => None,
        };
        quote = matches!(&token_punct(name.as_ref(), &token_tick(&name)), Some('\''));
        name
    })
}

/// The first identifier that is one of `names`, raw or not.
pub(crate) fn find_ident(tokens: &impl ToTokens, names: &[&str]) -> Option<Ident> {
    flat(tokens).find_map(|token| match token {
        TokenTree::Ident(ident) if names.iter().any(|name| ident.unraw() == name) => Some(ident),
        _ => None,
    })
}
