//! What is emitted after an error: the errors, and the function as if it had no attribute of ours,
//! so that its callers do not fail as well.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Attribute;
use syn::parse::{ParseStream, Parser};

pub(crate) fn fallback(item: &TokenStream, error: &syn::Error) -> TokenStream {
    let errors = error.to_compile_error();
    let split = |input: ParseStream<'_>| {
        let attrs = input.call(Attribute::parse_outer)?;
        Ok((attrs, input.parse::<TokenStream>()?))
    };
    let Ok((attrs, rest)) = split.parse2(item.clone()) else {
        return quote! { #errors #item };
    };
    let others = attrs.iter().filter(|attr| ours(attr).is_none());
    quote! { #errors #(#others)* #rest }
}

/// The name of an attribute that is one of this crate's, by whatever path.
pub(crate) fn ours(attr: &Attribute) -> Option<&'static str> {
    let last = attr.path().segments.last()?;
    ["cache_aside", "cache_invalidate"]
        .into_iter()
        .find(|name| last.ident == name)
}
