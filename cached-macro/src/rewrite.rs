//! Puts another name in the place of `self`.
//!
//! A load that outlives the call works on a clone of the receiver, and nothing but a parameter
//! can be named `self`. Replaced are `self` in expressions, in the tokens of macros, and as
//! `{self}` in their format strings. Items inside the body have a `self` of their own and stay as
//! they are, as do macros that hold a `fn`.

use proc_macro2::{Delimiter, Group, Ident, Literal, TokenStream, TokenTree};

use crate::tokens::{flatten, is_ident, is_punct};

/// The name for the clone: one that the function does not use. It has the hygiene of the `self` it
/// stands for, since a format string can only name what its own tokens could name.
pub(crate) fn name_for_self(used: TokenStream) -> String {
    let used: Vec<String> = flatten(used).iter().map(ToString::to_string).collect();
    let mut name = "this".to_owned();
    while used.iter().any(|token| token.contains(&name)) {
        name.push('_');
    }
    name
}

/// The body with `name` for `self`.
pub(crate) fn replace_self(tokens: TokenStream, name: &str) -> TokenStream {
    replace(tokens, name, false)
}

/// Where the body itself, not an item inside of it, names `Self`.
pub(crate) fn own_self_type(tokens: TokenStream) -> Option<Ident> {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        let items = untouched(&tokens[at..]);
        if items == 0 {
            match &tokens[at] {
                TokenTree::Ident(ident) if ident == "Self" => return Some(ident.clone()),
                TokenTree::Group(group) => {
                    if let Some(found) = own_self_type(group.stream()) {
                        return Some(found);
                    }
                }
                _ => {}
            }
        }
        at += items.max(1);
    }
    None
}

fn replace(tokens: TokenStream, name: &str, in_macro: bool) -> TokenStream {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut replaced = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let end = at + untouched(&tokens[at..]);
        if end > at {
            replaced.extend_from_slice(&tokens[at..end]);
            at = end;
            continue;
        }
        let group_is_macro = in_macro || follows_bang(&tokens[..at]);
        replaced.push(match &tokens[at] {
            TokenTree::Ident(ident) if ident == "self" && !is_path(&tokens[at + 1..]) => {
                Ident::new(name, ident.span()).into()
            }
            TokenTree::Group(group) => {
                group_with(group, replace(group.stream(), name, group_is_macro))
            }
            TokenTree::Literal(literal) if in_macro => in_format_string(literal, name).into(),
            other => other.clone(),
        });
        at += 1;
    }
    replaced.into_iter().collect()
}

/// How many tokens from here on are an item, a visibility, or a macro that may define items.
fn untouched(tokens: &[TokenTree]) -> usize {
    let TokenTree::Ident(word) = &tokens[0] else {
        return 0;
    };
    let next = tokens.get(1);
    match word.to_string().as_str() {
        "struct" | "enum" | "trait" | "impl" | "mod" | "macro_rules" => item(tokens),
        // `fn(u8) -> u8` is a type, and `union` may be a variable.
        "union" | "fn" if matches!(next, Some(TokenTree::Ident(_))) => item(tokens),
        "use" => statement(tokens),
        "pub" if matches!(next, Some(TokenTree::Group(_))) => 2,
        _ => match (next, tokens.get(2)) {
            (bang, Some(TokenTree::Group(group)))
                if is_punct(bang, '!')
                    && flatten(group.stream())
                        .iter()
                        .any(|t| is_ident(Some(t), "fn")) =>
            {
                3
            }
            _ => 0,
        },
    }
}

/// Up to the braces or the semicolon that end an item.
fn item(tokens: &[TokenTree]) -> usize {
    let is_end = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        token => is_punct(Some(token), ';'),
    };
    tokens
        .iter()
        .position(is_end)
        .map_or(tokens.len(), |end| end + 1)
}

fn statement(tokens: &[TokenTree]) -> usize {
    tokens
        .iter()
        .position(|token| is_punct(Some(token), ';'))
        .map_or(tokens.len(), |end| end + 1)
}

/// `self::helper()` names a module.
fn is_path(after: &[TokenTree]) -> bool {
    is_punct(after.first(), ':') && is_punct(after.get(1), ':')
}

/// Is what follows the argument of a macro call? `!(..)` alone is a negation.
fn follows_bang(before: &[TokenTree]) -> bool {
    let named = matches!(before.len().checked_sub(2).map(|i| &before[i]), Some(TokenTree::Ident(name))
        if !is_keyword(&name.to_string()));
    named && is_punct(before.last(), '!')
}

/// After these a `!` negates.
fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "return" | "if" | "while" | "match" | "in" | "else" | "break" | "await" | "move"
    )
}

/// `"{self:?}"` in a macro is a format string.
fn in_format_string(literal: &Literal, name: &str) -> Literal {
    let text = literal.to_string();
    let is_string = text.ends_with(['"', '#']) && text.starts_with(['"', 'r']);
    if !is_string || !text.contains("{self") {
        return literal.clone();
    }
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(at) = rest.find('{') {
        let (before, from) = rest.split_at(at);
        replaced.push_str(before);
        rest = if let Some(after) = from.strip_prefix("{{") {
            replaced.push_str("{{");
            after
        } else if let Some(after) = from
            .strip_prefix("{self")
            .filter(|s| s.starts_with(['}', ':']))
        {
            replaced.push('{');
            replaced.push_str(name);
            after
        } else {
            replaced.push('{');
            &from[1..]
        };
    }
    replaced.push_str(rest);
    match replaced.parse::<Literal>() {
        Ok(mut copy) => {
            copy.set_span(literal.span());
            copy
        }
        Err(_) => literal.clone(),
    }
}

fn group_with(group: &Group, tokens: TokenStream) -> TokenTree {
    let mut copy = Group::new(group.delimiter(), tokens);
    copy.set_span(group.span());
    copy.into()
}

#[cfg(test)]
mod tests {
    use super::{name_for_self, replace_self};
    use proc_macro2::TokenStream;
    use quote::quote;

    fn check(body: TokenStream, expected: &TokenStream) {
        assert_eq!(replace_self(body, "this").to_string(), expected.to_string());
    }

    #[test]
    fn expressions_are_replaced() {
        check(
            quote!(self.db.find(|x| x + self.n)),
            &quote!(this.db.find(|x| x + this.n)),
        );
        check(quote!(Self::find(self)), &quote!(Self::find(this)));
        check(
            quote!(if !(self.a) {
                *self
            }),
            &quote!(if !(this.a) {
                *this
            }),
        );
        check(
            quote!(let f: fn(u8) = |_| drop(self);),
            &quote!(let f: fn(u8) = |_| drop(this);),
        );
    }

    #[test]
    fn paths_and_items_are_left_alone() {
        for body in [
            quote!(self::helper()),
            quote!(
                use self::a::{self, b};
            ),
            quote!(impl A { fn a(&self) -> u8 { self.b } }),
            quote!(
                fn a(x: &A) -> u8 {
                    x.self_
                }
            ),
            quote!(
                struct A;
            ),
            quote!(
                pub(self) const A: u8 = 1;
            ),
            quote!(make! { fn a(&self) { self.b } }),
        ] {
            check(body.clone(), &body);
        }
    }

    #[test]
    fn what_follows_an_item_is_replaced() {
        check(
            quote!(impl A { fn a(&self) {} } self.a()),
            &quote!(impl A { fn a(&self) {} } this.a()),
        );
    }

    #[test]
    fn macros_are_replaced_with_their_format_strings() {
        check(
            quote!(vec![self.a, f(self)]),
            &quote!(vec![this.a, f(this)]),
        );
        check(
            quote!(format!("{self:?} {{self}} {self} {id}", x = self)),
            &quote!(format!("{this:?} {{self}} {this} {id}", x = this)),
        );
        check(
            quote!(log!(r#"{self}"#, [b"{self}"])),
            &quote!(log!(r#"{this}"#, [b"{self}"])),
        );
        check(quote!(call("{self}")), &quote!(call("{self}")));
        check(quote!(if !("{self}") {}), &quote!(if !("{self}") {}));
    }

    #[test]
    fn the_name_is_free() {
        assert_eq!(name_for_self(quote!(a + b)), "this");
        assert_eq!(name_for_self(quote!(let this = "{this_}";)), "this__");
    }
}
