//! The function beside the cached one that makes its keys.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{GenericParam, Generics, Pat, TypeParamBound, WherePredicate};

use super::key;
use crate::args::KeyFn;
use crate::function::{Param, cfgs};
use crate::plan::{Load, Plan};
use crate::tokens::{lifetimes, mentions};

/// `fn user_key(id: u64) -> Key<User>`
pub(super) fn expand(plan: &Plan, key_fn: &KeyFn) -> TokenStream {
    let Plan {
        k,
        import,
        private,
        function,
        ..
    } = plan;
    let KeyFn { ident, .. } = key_fn;
    let here = Span::mixed_site().located_at(ident.span());
    let vis = &function.vis;
    let cfgs = cfgs(&function.attrs);
    let doc = format!(
        " The key under which `{}` stores its answer.",
        function.sig.ident
    );
    let value = stored(plan, key_fn);
    let inputs = inputs(plan);
    let generics = generics(plan, &quote! { #(#inputs)* #value });
    let (parameters, _, bounds) = generics.split_for_impl();
    let site = key::site(plan);
    let parts = key::parts_of_one(plan);
    quote_spanned! {here=>
        #(#cfgs)*
        #[doc = #doc]
        #[must_use]
        #[allow(unused_variables, clippy::all, clippy::pedantic)]
        #vis fn #ident #parameters (#(#inputs),*) -> #private::Key<#value> #bounds {
            #import
            #site
            #parts
            #k::key_of(site, &parts)
        }
    }
}

/// The arguments that are part of the key, as they were declared.
fn inputs(plan: &Plan) -> Vec<TokenStream> {
    let here = Span::mixed_site();
    let Plan {
        private: k,
        function,
        key,
        ..
    } = plan;
    let mut inputs = Vec::new();
    if let Some(receiver) = function.receiver.as_ref().filter(|_| key.receiver) {
        let name = receiver.written.self_token;
        inputs.push(quote_spanned! {here=> &#name });
    }
    for (param, _) in function
        .params
        .iter()
        .zip(&key.params)
        .filter(|(_, in_key)| **in_key)
    {
        let Param { cfgs, pat, ty, .. } = param;
        let pat = without_mut(pat);
        let ty = if is_each(param, &plan.load) {
            quote_spanned! {here=> <#ty as #k::Each>::Key }
        } else {
            ty.to_token_stream()
        };
        inputs.push(quote! { #(#cfgs)* #pat: #ty });
    }
    inputs
}

fn is_each(param: &Param, load: &Load) -> bool {
    matches!(load, Load::Each(each) if param.bound.contains(each))
}

fn without_mut(pat: &Pat) -> Pat {
    let mut pat = pat.clone();
    if let Pat::Ident(pat) = &mut pat {
        pat.mutability = None;
    }
    pat
}

/// The type of what is stored, read off the return type: inside of `Result`, and of `Option`.
fn stored(plan: &Plan, key_fn: &KeyFn) -> TokenStream {
    let Plan {
        private: k,
        function,
        ..
    } = plan;
    if let Some(value) = &key_fn.value {
        return value.to_token_stream();
    }
    let at = function.output_span();
    let kind = |ty: &TokenStream| {
        quote_spanned! {at=> {
            #[allow(unused_imports)]
            use #k::Plain as _;
            #k::Probe::<#ty>::CACHE_ASIDE_KIND
        } }
    };
    let output = function.output_type();
    let outer_kind = kind(&output);
    let outer = quote_spanned! {at=> <#output as #k::Layer<#outer_kind>>::Inner };
    if matches!(plan.load, Load::Each(_)) {
        return quote_spanned! {at=> <#outer as #k::Answers>::Value };
    }
    let inner_kind = kind(&outer);
    // An `Option` below a `Result` is a negative answer; a `Result` below anything is a value.
    quote_spanned! {at=>
        <#outer as #k::Layer<{ if #outer_kind == 1 && #inner_kind == 2 { 2 } else { 0 } }>>::Inner
    }
}

/// The generic parameters that the key depends on, or that its arguments name.
fn generics(plan: &Plan, used: &TokenStream) -> Generics {
    let mut generics = plan.function.sig.generics.clone();
    let counts = |name: &Ident| {
        plan.key.types.contains(name) || plan.key.constants.contains(name) || mentions(used, name)
    };
    let (kept, dropped): (Vec<GenericParam>, Vec<GenericParam>) =
        generics.params.into_iter().partition(|param| match param {
            GenericParam::Type(param) => counts(&param.ident),
            GenericParam::Const(param) => counts(&param.ident),
            GenericParam::Lifetime(_) => true,
        });
    let dropped: Vec<Ident> = dropped.into_iter().filter_map(name).collect();
    let stays = |tokens: TokenStream| !dropped.iter().any(|name| mentions(&tokens, name));
    generics.params = kept.into_iter().collect();
    for param in &mut generics.params {
        if let GenericParam::Type(param) = param {
            let bounds = std::mem::take(&mut param.bounds);
            let bounds = bounds
                .into_iter()
                .filter(|bound: &TypeParamBound| stays(bound.to_token_stream()));
            param.bounds = bounds.collect();
        }
    }
    if let Some(clause) = &mut generics.where_clause {
        let predicates = std::mem::take(&mut clause.predicates);
        let predicates = predicates
            .into_iter()
            .filter(|one: &WherePredicate| stays(one.to_token_stream()));
        clause.predicates = predicates.collect();
    }
    let named = {
        let params = generics
            .params
            .iter()
            .filter(|param| !matches!(param, GenericParam::Lifetime(_)));
        let clause = &generics.where_clause;
        lifetimes(quote! { #used #(#params)* #clause })
    };
    let params = std::mem::take(&mut generics.params);
    generics.params = params
        .into_iter()
        .filter(|param| match param {
            GenericParam::Lifetime(param) => named.contains(&param.lifetime.ident),
            _ => true,
        })
        .collect();
    generics
}

fn name(param: GenericParam) -> Option<Ident> {
    match param {
        GenericParam::Type(param) => Some(param.ident),
        GenericParam::Const(param) => Some(param.ident),
        GenericParam::Lifetime(_) => None,
    }
}
