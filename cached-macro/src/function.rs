//! The function as it was written. Nothing is refused here but what is no function.

mod boxed;
mod param;
mod unnamed;

pub(crate) use param::Param;

use proc_macro2::{Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::{ParseStream, Parser};
use syn::{
    Attribute, FnArg, Receiver, ReceiverKind, ReturnType, Signature, Token, Type, Visibility,
    braced, token,
};

use crate::tokens::mentions;
use boxed::Boxed;

/// A function. Its body stays tokens, so that one that is just being typed does not matter.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) default: Option<Token![default]>,
    pub(crate) sig: Signature,
    pub(crate) receiver: Option<Borrowed<Receiver>>,
    pub(crate) params: Vec<Param>,
    /// What the future gives; `None` is the unit type.
    pub(crate) output: Option<Type>,
    pub(crate) body: Body,
}

/// A receiver with what matters of it.
pub(crate) struct Borrowed<T> {
    pub(crate) written: T,
    pub(crate) borrow: Borrow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Borrow {
    Owned,
    Shared,
    Mutable,
}

/// A body without its braces.
pub(crate) struct Body {
    pub(crate) tokens: TokenStream,
    /// `#![..]` at its start, which may only stand there.
    inner_attrs: TokenStream,
    pub(crate) span: Span,
    /// The boxed future that the body stands in, as `#[async_trait]` writes it.
    boxed: Option<Boxed>,
    /// Statements of that attribute that take arguments apart. They come first, as what they name
    /// can be part of the key.
    patterns: TokenStream,
}

impl Function {
    /// Reads what `#[attribute]` stands on.
    pub(crate) fn parse(attribute: &str, item: TokenStream) -> syn::Result<Self> {
        (|input: ParseStream<'_>| Self::read(attribute, input)).parse2(item)
    }

    fn read(attribute: &str, input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let default = input.parse()?;
        let is_function = input.peek(Token![const])
            || input.peek(Token![async])
            || input.peek(Token![unsafe])
            || input.peek(Token![extern])
            || input.peek(Token![fn]);
        if !is_function {
            return Err(input.error(format!("`#[{attribute}]` goes on an `async fn`")));
        }
        let sig: Signature = input.parse()?;
        if input.peek(Token![;]) {
            let purpose = attribute
                .trim_start_matches("cache_")
                .replace("aside", "cache");
            return Err(input.error(format!(
                "nothing to {purpose}: this method has no body; put the attribute on the impl"
            )));
        }
        let content;
        let brace: token::Brace = braced!(content in input);
        let inner_attrs = content.call(Attribute::parse_inner)?;
        let body = Body {
            tokens: content.parse()?,
            inner_attrs: quote!(#(#inner_attrs)*),
            span: brace.span.join(),
            boxed: None,
            patterns: TokenStream::new(),
        };
        Ok(Self::new(attrs, vis, default, sig, body))
    }

    fn new(
        attrs: Vec<Attribute>,
        vis: Visibility,
        default: Option<Token![default]>,
        sig: Signature,
        mut body: Body,
    ) -> Self {
        let mut output = match &sig.output {
            ReturnType::Default => None,
            ReturnType::Type(_, ty) => Some((**ty).clone()),
        };
        if sig.asyncness.is_none()
            && let Some((inner, boxed, tokens)) = boxed::recognise(&sig.output, &body.tokens)
        {
            output = Some(inner);
            body.tokens = tokens;
            body.boxed = Some(boxed);
        }
        let mut receiver = None;
        let mut params = Vec::new();
        for (index, input) in sig.inputs.iter().enumerate() {
            match input {
                FnArg::Receiver(written) => {
                    let borrow = receiver_borrow(&written.kind);
                    receiver = Some(Borrowed {
                        written: written.clone(),
                        borrow,
                    });
                }
                FnArg::Typed(typed) => {
                    let mut param = Param::new(typed);
                    if body.boxed.is_some() {
                        body.name_as_written(&mut param, index);
                    }
                    params.push(param);
                }
            }
        }
        Self {
            attrs,
            vis,
            default,
            sig,
            receiver,
            params,
            output,
            body,
        }
    }

    /// Is it what `#[async_trait]` made of an `async fn`?
    pub(crate) fn is_boxed(&self) -> bool {
        self.body.boxed.is_some()
    }

    /// Does it return a boxed future, in whatever shape?
    pub(crate) fn returns_boxed_future(&self) -> bool {
        boxed::output(&self.sig.output).is_some()
    }

    /// The names of all arguments, as messages and look-ups use them.
    pub(crate) fn arguments(&self) -> impl Iterator<Item = &Ident> {
        self.params.iter().flat_map(|param| &param.bound)
    }

    pub(crate) fn param(&self, name: &Ident) -> Option<&Param> {
        self.params.iter().find(|param| param.bound.contains(name))
    }

    /// The `cfg`s of all arguments that `tokens` mentions.
    pub(crate) fn cfgs_for(&self, tokens: impl ToTokens) -> Vec<Attribute> {
        let tokens = tokens.into_token_stream();
        let mentioned = |param: &&Param| param.bound.iter().any(|name| mentions(&tokens, name));
        self.params
            .iter()
            .filter(mentioned)
            .flat_map(|param| param.cfgs.clone())
            .collect()
    }

    /// Where errors about the return type belong; hygienic.
    pub(crate) fn output_span(&self) -> Span {
        let span = self
            .output
            .as_ref()
            .map_or(self.sig.ident.span(), first_span);
        Span::mixed_site().located_at(span)
    }

    /// The return type as an expression names it.
    pub(crate) fn output_type(&self) -> TokenStream {
        if let Some(ty) = &self.output {
            ty.to_token_stream()
        } else {
            quote_spanned! {Span::mixed_site()=> () }
        }
    }

    /// The whole function with another body.
    pub(crate) fn with_body(&self, sig: &Signature, statements: TokenStream) -> TokenStream {
        let Self {
            attrs,
            vis,
            default,
            body,
            ..
        } = self;
        let inner_attrs = &body.inner_attrs;
        let patterns = &body.patterns;
        let statements = match &body.boxed {
            Some(boxed) => boxed.with_body(quote!(#patterns #statements)),
            None => statements,
        };
        let block = brace(quote!(#inner_attrs #statements), body.span);
        quote! { #(#attrs)* #vis #default #sig #block }
    }
}

impl Body {
    /// The body in a scope of its own.
    ///
    /// The braces are new ones: in place of the user's own, the compiler would call them unused.
    pub(crate) fn block(&self) -> TokenStream {
        brace(self.tokens.clone(), self.span)
    }

    /// Gives an argument the pattern back that `#[async_trait]` moved into the body.
    fn name_as_written(&mut self, param: &mut Param, index: usize) {
        let Some(name) = param.name.clone() else {
            return;
        };
        let author = first_span(&param.ty);
        if let Some(written) = unnamed::written(&name, index, author, &mut self.tokens) {
            self.patterns.extend(written.statement);
            param.unname(written.pat);
        }
    }
}

/// A brace group that counts as written by the macro, at the place of the user's.
pub(crate) fn brace(tokens: TokenStream, span: Span) -> TokenStream {
    let mut group = Group::new(proc_macro2::Delimiter::Brace, tokens);
    group.set_span(Span::mixed_site().located_at(span));
    TokenTree::Group(group).into()
}

/// A type can only be pointed at by its first token.
pub(crate) fn first_span(tokens: impl ToTokens) -> Span {
    let first = tokens.into_token_stream().into_iter().next();
    first.map_or_else(Span::call_site, |token| token.span())
}

/// The `#[cfg]`s among attributes: what is made for an argument exists where the argument does.
pub(crate) fn cfgs(attrs: &[Attribute]) -> Vec<Attribute> {
    attrs
        .iter()
        .filter(|attr| attr.path().is_ident("cfg"))
        .cloned()
        .collect()
}

fn receiver_borrow(kind: &ReceiverKind) -> Borrow {
    match kind {
        ReceiverKind::Reference(_, _, None) => Borrow::Shared,
        ReceiverKind::Reference(_, _, Some(_)) => Borrow::Mutable,
        ReceiverKind::Typed(_, ty) => type_borrow(ty),
        _ => Borrow::Owned,
    }
}

fn type_borrow(ty: &Type) -> Borrow {
    match peel(ty) {
        Type::Reference(reference) if reference.mutability.is_some() => Borrow::Mutable,
        Type::Reference(_) => Borrow::Shared,
        _ => Borrow::Owned,
    }
}

/// The type without parentheses, written or invisible.
pub(crate) fn peel(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => peel(&group.elem),
        Type::Paren(paren) => peel(&paren.elem),
        other => other,
    }
}
