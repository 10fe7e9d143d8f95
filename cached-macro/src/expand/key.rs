//! The static and the parts of the key.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote_spanned;
use syn::LitStr;
use syn::ext::IdentExt;

use super::rules;
use crate::plan::{Load, Part, PartKind, Plan};
use crate::tokens::placed;

/// `let site = ..`, in a block of its own: items are not hygienic.
pub(super) fn site(plan: &Plan) -> TokenStream {
    let Plan {
        k, args, function, ..
    } = plan;
    let here = Span::mixed_site();
    let name = LitStr::new(&function.sig.ident.unraw().to_string(), here);
    let prefix = args.prefix.as_ref().map(|prefix| {
        let prefix = &prefix.value;
        quote_spanned! {here=> .prefix(#prefix) }
    });
    let version = args.version.as_ref().map(|version| {
        let version = LitStr::new(&version.value, here);
        quote_spanned! {here=> .version(#version) }
    });
    let coherence = rules::coherence(plan).map(|coherence| {
        quote_spanned! {here=> .coherence(#coherence) }
    });
    quote_spanned! {here=>
        let site = {
            enum Here {}
            static SITE: #k::Site = #k::Site::new(#name, #k::type_name::<Here>)
                #prefix #version #coherence;
            &SITE
        };
    }
}

/// `let parts = ..`, one statement for each part, since a statement can have the `cfg` of its
/// argument.
pub(super) fn parts(plan: &Plan) -> TokenStream {
    list(plan, false)
}

/// The same for one element of a batch, which is an argument like any other there.
pub(super) fn parts_of_one(plan: &Plan) -> TokenStream {
    list(plan, true)
}

fn list(plan: &Plan, single: bool) -> TokenStream {
    let Plan { k, key, .. } = plan;
    let here = Span::mixed_site();
    let head = if key.types.is_empty() && key.constants.is_empty() {
        quote_spanned! {here=> #k::Nil }
    } else {
        let (types, constants) = (&key.types, &key.constants);
        // One type stands alone, as in `Key::of_type`.
        let types = match &types[..] {
            [single] => quote_spanned! {here=> #single },
            types => quote_spanned! {here=> (#(#types),*) },
        };
        quote_spanned! {here=> #k::types::<#types>() #(.constant(&#constants))* }
    };
    let element = match &plan.load {
        Load::Each(each) if single => Some(each),
        _ => None,
    };
    let parts = key.parts.iter().map(|part| statement(part, element, k));
    // The macro does not see the impl around the function; the name of a closure shows it. Asked for last: behind a call
    // the compiler may read a `&str` again, both words at once, just after it has stored them one by one. A processor waits for
    // that, a fifth of a hit.
    quote_spanned! {here=>
        let parts = #head;
        #(#parts)*
        let parts = #k::scoped(site, || (), parts);
    }
}

fn statement(part: &Part, element: Option<&Ident>, k: &TokenStream) -> TokenStream {
    let Part { cfgs, span, kind } = part;
    let at = Span::mixed_site().located_at(*span);
    let k = placed(k, at);
    let part = match kind {
        PartKind::Element => {
            if let Some(name) = element {
                quote_spanned! {at=> #k::arg(&#name).part() }
            } else {
                quote_spanned! {at=> #k::Element }
            }
        }
        PartKind::Receiver { name, borrowed } => {
            let value = reference(name, *borrowed, *span);
            quote_spanned! {at=> #k::arg(#value).part() }
        }
        PartKind::Argument {
            name,
            borrowed,
            opaque,
        } => {
            let value = reference(name, *borrowed, *span);
            if *opaque {
                quote_spanned! {at=> #k::arg(#value).part_of_type() }
            } else {
                quote_spanned! {at=> #k::arg(#value).part() }
            }
        }
        // The `let` keeps what the expression makes.
        PartKind::Expression(expr) => {
            return quote_spanned! {at=>
                #(#cfgs)*
                let part = &(#expr);
                #(#cfgs)*
                let parts = #k::Cons(parts, #k::arg(part).part());
            };
        }
    };
    quote_spanned! {at=>
        #(#cfgs)*
        let parts = #k::Cons(parts, #part);
    }
}

/// A reference to an argument: its name with the place of its type, where errors about the type
/// belong.
fn reference(name: &Ident, borrowed: bool, span: Span) -> TokenStream {
    let mut placed = name.clone();
    placed.set_span(span.resolved_at(name.span()));
    let at = Span::mixed_site().located_at(span);
    if borrowed {
        quote_spanned! {at=> #placed }
    } else {
        quote_spanned! {at=> &#placed }
    }
}
