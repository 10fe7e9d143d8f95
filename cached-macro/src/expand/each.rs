//! The batch form: what is looked for, and the body with what is missing.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::{Attribute, Signature};

use super::{body, erase_lifetimes, renamed, strip_mut};
use crate::function::{Borrow, first_span};
use crate::plan::Plan;
use crate::tokens::placed;

/// At the return type, where a map with other keys is reported; what is no collection is at the type
/// of the argument.
pub(super) fn look_each(plan: &Plan, each: &Ident) -> TokenStream {
    let ty = plan.function.param(each).map(|param| first_span(&param.ty));
    let here = Span::mixed_site();
    let at = ty.map_or(here, |ty| here.located_at(ty));
    let k = placed(&plan.k, at);
    let mut elements = each.clone();
    elements.set_span(at.resolved_at(each.span()));
    let asked = quote_spanned! {at=> #k::Each::itself(&#elements) };
    let at = plan.function.output_span();
    let k = placed(&plan.k, at);
    quote_spanned! {at=>
        let elements = #asked;
        let look = #k::look_each(site, place, elements, &parts, codec);
    }
}

/// The body with the elements that have to be loaded, under the name of the whole argument.
pub(super) fn for_each(plan: &Plan, each: &Ident, sig: &mut Signature) -> TokenStream {
    let function = &plan.function;
    let body = body(plan, &function.body.block());
    let param = function.param(each);
    let mutability = strip_mut(sig, each);
    let borrowed = param.filter(|param| param.borrow != Borrow::Owned);
    let here = Span::mixed_site();
    let k = &plan.k;
    // A second body, for elements that another process was loading and then did not store.
    let taken = taken_along(plan, each, |name| {
        quote_spanned! {here=> let again = (&&#k::Again(&#name)).and(again); }
    });
    // Whole, as they were asked, and not the fields that the body uses.
    let whole = taken_along(plan, each, |name| quote_spanned! {here=> let _ = &#name; });
    let can_again = quote_spanned! {here=>
        let again = {
            #[allow(unused_imports)]
            use #k::again::{ByClone as _, Never as _};
            let again = #k::again::Can;
            #taken
            again
        };
    };
    let run = quote_spanned! {here=>
        let again = #k::again::Second::of(again, &body);
        miss.run(codec, body, again).await
    };
    let renamed = renamed(here);
    let rest = if let Some(param) = borrowed {
        let ty = erase_lifetimes(&param.ty);
        quote_spanned! {here=> let #mutability #each: #ty = &rest; }
    } else {
        quote_spanned! {here=> let #mutability #each = rest; }
    };
    quote_spanned! {here=>
        #can_again
        let body = miss.body(codec, move |rest| {
            #whole
            async move {
                #renamed
                #rest
                #body
            }
        });
        #run
    }
}

/// One statement for each argument that a body may own. Those that are lent can be cloned.
fn taken_along(plan: &Plan, each: &Ident, say: impl Fn(&Ident) -> TokenStream) -> TokenStream {
    let function = &plan.function;
    let ask = |cfgs: &[Attribute], name: &Ident| {
        let said = say(name);
        quote_spanned! {Span::mixed_site()=>
            #(#cfgs)*
            #said
        }
    };
    let mut asked = TokenStream::new();
    if let Some(receiver) = &function.receiver
        && receiver.borrow != Borrow::Shared
    {
        asked.extend(ask(&[], &Ident::from(receiver.written.self_token)));
    }
    for param in &function.params {
        let lent = param.borrow == Borrow::Shared;
        if !lent && !param.bound.contains(each) {
            let names = param.bound.iter();
            asked.extend(names.map(|name| ask(&param.cfgs, name)));
        }
    }
    asked
}
