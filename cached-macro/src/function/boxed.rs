//! The shape that `#[async_trait]` leaves: not `async`, a boxed future that lives for
//! `'async_trait`, and `Box::pin(async move { .. })` as the whole body.
//!
//! That attribute stands on the impl, so it has always run before ours.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{GenericArgument, PathArguments, PathSegment, ReturnType, Type, TypeParamBound};

use crate::tokens::{is_ident, lifetimes};

/// What stands around the body.
pub(super) struct Boxed {
    /// `Box::pin`
    function: TokenStream,
    /// `( .. )`
    call: Group,
    /// `async move`
    modifiers: TokenStream,
    /// `{ .. }`
    block: Group,
}

impl Boxed {
    /// The body again, with other statements in the box.
    pub(super) fn with_body(&self, statements: TokenStream) -> TokenStream {
        let Self {
            function,
            call,
            modifiers,
            block,
        } = self;
        let block = refill(block, statements);
        let call = refill(call, [modifiers.clone(), block].into_iter().collect());
        [function.clone(), call].into_iter().collect()
    }
}

/// The type behind the future, what stands around the body, and the body.
pub(super) fn recognise(
    returned: &ReturnType,
    body: &TokenStream,
) -> Option<(Type, Boxed, TokenStream)> {
    let inner = output(returned)?;
    if !lifetimes(returned).iter().any(|name| name == "async_trait") {
        return None;
    }
    let (function, call) = split_group(body.clone(), Delimiter::Parenthesis)?;
    let (modifiers, block) = split_group(call.stream(), Delimiter::Brace)?;
    let words: Vec<TokenTree> = modifiers.clone().into_iter().collect();
    let is_block =
        words.len() == 2 && is_ident(words.first(), "async") && is_ident(words.last(), "move");
    let last = function.clone().into_iter().last();
    if !is_block || !is_ident(last.as_ref(), "pin") {
        return None;
    }
    let tokens = block.stream();
    Some((
        inner,
        Boxed {
            function,
            call,
            modifiers,
            block,
        },
        tokens,
    ))
}

/// `T` of `Pin<Box<dyn Future<Output = T> + ..>>`.
pub(super) fn output(returned: &ReturnType) -> Option<Type> {
    let ReturnType::Type(_, ty) = returned else {
        return None;
    };
    let boxed = argument_of(ty, "Pin")?;
    let Type::TraitObject(object) = argument_of(&boxed, "Box")? else {
        return None;
    };
    object.bounds.iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else {
            return None;
        };
        let segment = bound
            .path
            .segments
            .last()
            .filter(|segment| segment.ident == "Future")?;
        arguments(segment).find_map(|argument| match argument {
            GenericArgument::AssocType(output) if output.ident == "Output" => {
                Some(output.ty.clone())
            }
            _ => None,
        })
    })
}

/// The first type argument of a path that ends in `name`.
fn argument_of(ty: &Type, name: &str) -> Option<Type> {
    let Type::Path(path) = ty else { return None };
    let segment = path
        .path
        .segments
        .last()
        .filter(|segment| segment.ident == name)?;
    arguments(segment).find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty.clone()),
        _ => None,
    })
}

fn arguments(segment: &PathSegment) -> impl Iterator<Item = &GenericArgument> {
    let arguments = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => Some(&arguments.args),
        _ => None,
    };
    arguments.into_iter().flatten()
}

/// The tokens before a group that ends the stream, and the group.
fn split_group(tokens: TokenStream, delimiter: Delimiter) -> Option<(TokenStream, Group)> {
    let mut tokens: Vec<TokenTree> = tokens.into_iter().collect();
    match tokens.pop() {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => {
            Some((tokens.into_iter().collect(), group))
        }
        _ => None,
    }
}

fn refill(group: &Group, tokens: TokenStream) -> TokenStream {
    let mut copy = Group::new(group.delimiter(), tokens);
    copy.set_span(group.span());
    copy.into_token_stream()
}
