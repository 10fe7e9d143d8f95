//! The function again, with a cache around its body. Cannot fail.
//!
//! ```text
//! async fn load(db: &Db, id: u64) -> Result<User, DbError> { BODY }
//! ```
//!
//! becomes
//!
//! ```text
//! async fn load(db: &Db, id: u64) -> Result<User, DbError> {
//!     let codec = || ..;               // what the return type can do: the only bounds on it
//!     let miss = {                     // borrows the arguments, waits for nothing
//!         let parts = ..;
//!         match look(site, cache, &parts, &codec) { Hit(hit) => return hit, Miss(miss) => .. }
//!     };
//!     // Where all calls with one key have one policy in a block of its own, which begins so:
//!     // let miss = match miss.await { Ok(answer) => return answer, Err(miss) => miss };
//!     miss.run(codec, async move { BODY }).await
//! }
//! ```
//!
//! Names are invisible to the user's code, since their spans resolve at the macro; items are not,
//! so they stand in blocks of their own. Lints are silenced where generated code sets them off.

mod each;
mod key;
mod key_fn;
mod rules;
mod tags;

pub(crate) use rules::set_time;
pub(crate) use tags::pieces;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Expr, FnArg, Pat, Signature};

use self::each::{for_each, look_each};
use crate::args::Given;
use crate::function::{Function, brace, first_span};
use crate::plan::{Kept, Load, Plan};
use crate::rewrite::{name_for_self, replace_self};
use crate::tokens::{erase_lifetimes, placed};

pub(crate) fn expand(plan: &Plan) -> TokenStream {
    let mut sig = plan.function.sig.clone();
    let import = &plan.import;
    let codec = codec(plan);
    let written = written_value(plan);
    let miss = miss(plan);
    let run = match &plan.load {
        Load::InPlace if plan.is_steady() => joined_or_in_place(plan),
        Load::InPlace => in_place(plan),
        Load::Kept(kept) => kept_for_load(plan, kept, &mut sig),
        Load::Each(each) => for_each(plan, each, &mut sig),
    };
    let function = plan
        .function
        .with_body(&sig, quote! { #import #codec #written #miss #run });
    let key_fn = plan
        .args
        .key_fn
        .as_ref()
        .map(|key_fn| key_fn::expand(plan, &key_fn.value));
    quote! { #function #key_fn }
}

/// The probe of the return type: a closure, so that a hit, which needs little of what it makes, does
/// not keep it over the whole call. For a batch it is the value itself: there is no such hit, and a
/// closure would repeat the errors.
///
/// Names from the user stand outside of the block with the `use`, which would shadow them.
fn codec(plan: &Plan) -> TokenStream {
    let Plan {
        k, args, function, ..
    } = plan;
    let output = function.output_type();
    let at_output = function.output_span();
    let k = placed(k, at_output);
    let (probe, codec) = match plan.load {
        Load::Each(_) => (
            quote_spanned! {at_output=> #k::Answers::shape((&&returns).batch()) },
            quote_spanned! {at_output=> batch_codec },
        ),
        _ => (
            quote_spanned! {at_output=> (&&&&returns).shape() },
            quote_spanned! {at_output=> codec },
        ),
    };
    let shape = quote_spanned! {at_output=> (&&#probe).errors() };
    let shape = match (&args.load_timeout, &args.stale_if_error) {
        (None, _) => shape,
        // Without an old value at hand a cut load can only be an error.
        (Some(_), None) => quote_spanned! {at_output=> #shape.timeouts() },
        (Some(_), Some(_)) => quote_spanned! {at_output=> (&&#shape).timeouts_if_any() },
    };
    let closure = match plan.load {
        Load::Each(_) => None,
        _ => Some(quote_spanned! {at_output=> || }),
    };
    quote_spanned! {at_output=>
        let codec = #closure {
            let returns = #k::returns::<#output>();
            {
                use #k::shapes::*;
                #k::#codec(#shape)
            }
        };
    }
}

/// The type that was written for the `key_fn` is that of the value.
fn written_value(plan: &Plan) -> Option<TokenStream> {
    let value = plan.args.key_fn.as_ref()?.value.value.as_ref()?;
    let at = Span::mixed_site().located_at(first_span(value));
    let k = placed(&plan.k, at);
    let codec = if let Load::Each(_) = plan.load {
        quote_spanned! {at=> codec }
    } else {
        quote_spanned! {at=> codec() }
    };
    Some(quote_spanned! {at=> #k::key_fn_is_of::<#value, _>(#codec); })
}

/// The look-up, and what a load has to know.
fn miss(plan: &Plan) -> TokenStream {
    let Plan { k, args, .. } = plan;
    let here = Span::mixed_site();
    let site = key::site(plan);
    let parts = key::parts(plan);
    let place = place(args.cache.as_ref(), k);
    let (miss, made) = match &plan.load {
        Load::Each(each) => (miss_of_each(plan, each), None),
        _ => miss_of_one(plan),
    };
    // In what is known of the call an argument counts as used whatever it is called.
    quote_spanned! {here=>
        #[allow(clippy::used_underscore_binding)]
        let miss = {
            #site
            #parts
            #place
            #miss
        };
        #made
    }
}

fn miss_of_each(plan: &Plan, each: &Ident) -> TokenStream {
    let k = &plan.k;
    let here = Span::mixed_site();
    let look = look_each(plan, each);
    let rules = rules::rules(plan);
    let renamed = renamed(here);
    let miss = if plan.is_one_for_each(each) {
        quote_spanned! {here=> #rules miss.rules_of_all(rules) }
    } else {
        // In the rules the argument is one element of itself.
        quote_spanned! {here=>
            miss.rules(|element| {
                #renamed
                let #each = element;
                #rules
                rules
            })
        }
    };
    quote_spanned! {here=>
        #look
        let miss = match look {
            #k::LookEach::Hit(hit) => return hit,
            #k::LookEach::Miss(miss) => miss,
        };
        #miss
    }
}

/// What has not been found, and what is made for the body then.
fn miss_of_one(plan: &Plan) -> (TokenStream, Option<TokenStream>) {
    let k = &plan.k;
    let here = Span::mixed_site();
    let rules = rules::rules(plan);
    let codec = quote_spanned! {here=> let codec = codec(); };
    let (miss, made) = if plan.is_steady() {
        (
            quote_spanned! {here=> look.join(codec).rules(|| { #codec #rules rules }) },
            None,
        )
    } else {
        (
            quote_spanned! {here=> #codec let miss = look.miss(codec); #rules miss.rules(rules) },
            Some(codec),
        )
    };
    let look = quote_spanned! {here=>
        let look = #k::look(site, place, &parts);
        if let #k::Some(hit) = look.hit(codec()) {
            return hit.answer(codec());
        }
        #miss
    };
    (look, made)
}

/// Where calls with one key have one policy: waits for another caller's load, if one runs. Who does makes
/// no rules and no body.
///
/// In a block of its own, which takes the arguments where there is no hit: what is used after an await
/// would else be moved before the look, in every call.
fn joined_or_in_place(plan: &Plan) -> TokenStream {
    let k = &plan.k;
    let run = in_place(plan);
    quote_spanned! {Span::mixed_site()=>
        async move {
            let miss = match miss.await {
                #k::Ok(answer) => return answer,
                #k::Err(miss) => miss,
            };
            let codec = codec();
            #run
        }.await
    }
}

/// A reference to the cache that is asked. The `&` leaves the user's place where it is, and keeps
/// what the expression makes.
pub(crate) fn place(cache: Option<&Given<Expr>>, k: &TokenStream) -> TokenStream {
    let here = Span::mixed_site();
    let Some(Given { value, .. }) = cache else {
        return quote_spanned! {here=> let place = #k::installed(); };
    };
    let at = here.located_at(first_span(value));
    let k = placed(k, at);
    quote_spanned! {at=>
        let place = &(#value);
        let place = #k::as_cache(place);
    }
}

fn in_place(plan: &Plan) -> TokenStream {
    let body = body(plan, &plan.function.body.block());
    quote_spanned! {Span::mixed_site()=>
        let body = async move { #body };
        miss.run(codec, body).await
    }
}

/// Before: `miss.run(codec, async move { BODY })`, which borrows from the caller.
///
/// After: a closure that clones what is borrowed, and a future that owns the clones. It is called
/// once for each load, so a hit clones nothing.
fn kept_for_load(plan: &Plan, kept: &[Kept], sig: &mut Signature) -> TokenStream {
    let Plan { k, function, .. } = plan;
    let mut tokens = function.body.tokens.clone();
    let (mut clones, mut borrows) = (Vec::new(), Vec::new());
    for Kept {
        cfgs,
        name,
        mutability,
        ty,
        span,
    } in kept
    {
        let at = Span::mixed_site().located_at(*span);
        let k = placed(k, at);
        let local = if name == "self" {
            let fresh = name_for_self(quote! { #sig #tokens });
            tokens = replace_self(tokens, &fresh);
            Ident::new(&fresh, name.span())
        } else {
            name.clone()
        };
        // With its own span the argument is where an unmet bound is reported.
        let mut lent = name.clone();
        lent.set_span(span.resolved_at(name.span()));
        clones.push(quote_spanned! {at=>
            #(#cfgs)*
            #[allow(clippy::pedantic, clippy::restriction)]
            let #local = #k::keepable(#lent).to_owned();
        });
        let renamed = renamed(at);
        let ty = ty.as_ref().map(|ty| quote_spanned! {at=> : #ty });
        borrows.push(quote_spanned! {at=>
            #(#cfgs)*
            #renamed
            let #mutability #local #ty = &#local;
        });
        if mutability.is_some() {
            strip_mut(sig, name);
        }
    }
    // The trait is in the prelude of most modules, so the body does not see more than it did.
    let body = body(plan, &brace(tokens, function.body.span));
    quote_spanned! {function.output_span()=>
        let body = move || {
            #[allow(unused_imports)]
            use #k::ToOwned as _;
            #(#clones)*
            async move {
                #(#borrows)*
                #body
            }
        };
        miss.run_owned(codec, body).await
    }
}

/// `mut` belongs on the binding that the body sees; here it would be unused.
fn strip_mut(sig: &mut Signature, name: &Ident) -> Option<syn::Token![mut]> {
    sig.inputs.iter_mut().find_map(|input| match input {
        FnArg::Typed(typed) => match &mut *typed.pat {
            Pat::Ident(pat) if pat.ident == *name => pat.mutability.take(),
            _ => None,
        },
        FnArg::Receiver(_) => None,
    })
}

/// For a `let` that gives an argument another value under its name: it may go unused, and shadows.
fn renamed(at: Span) -> TokenStream {
    quote_spanned! {at=> #[allow(unused_variables, clippy::pedantic, clippy::restriction)] }
}

fn body(plan: &Plan, block: &TokenStream) -> TokenStream {
    typed_body(&plan.k, &plan.function, block)
}

/// The body behind a `return` of the declared type that is never taken, so that errors about types
/// stand at the user's expression, in the words they would have without the attribute.
pub(crate) fn typed_body(k: &TokenStream, function: &Function, block: &TokenStream) -> TokenStream {
    let output = function.output_type();
    let at_output = function.output_span();
    let k = placed(k, at_output);
    quote_spanned! {at_output=>
        if false {
            return #k::never::<#output>();
        }
        #block
    }
}
