//! What is known about an entry apart from its key, as data for the runtime.

use std::time::Duration;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens as _, format_ident, quote_spanned};

use super::tags::pieces;
use crate::args::{Args, Coherence, Given, Jitter, Local, Number, SingleFlight};
use crate::duration::Time;
use crate::function::first_span;
use crate::plan::Plan;
use crate::tokens::placed;

/// `let rules = ..`, one statement for each option that was given.
pub(super) fn rules(plan: &Plan) -> TokenStream {
    let Plan { k, args, .. } = plan;
    let here = Span::mixed_site();
    let times = args
        .times()
        .into_iter()
        .flatten()
        .map(|time| self::time(time, k));
    let closures = closures(args);
    let others = others(plan);
    let tags = plan.tags.iter().map(|tag| {
        let cfgs = &tag.cfgs;
        let pieces = pieces(tag, k);
        quote_spanned! {here=>
            #(#cfgs)*
            let rules = rules.tag(#pieces);
        }
    });
    quote_spanned! {here=>
        let rules = #k::rules(codec);
        #(#times)*
        #closures
        #(#others)*
        #(#tags)*
    }
}

fn time(option: &Given<Time>, k: &TokenStream) -> TokenStream {
    set(
        &format_ident!("{}", option.name, span = Span::mixed_site()),
        &option.value,
        k,
    )
}

fn set(method: &Ident, time: &Time, k: &TokenStream) -> TokenStream {
    set_time("rules", method, time, k)
}

/// `let rules = rules.ttl(..)`. The declared type makes an expression of another one an error about
/// that expression.
pub(crate) fn set_time(builder: &str, method: &Ident, time: &Time, k: &TokenStream) -> TokenStream {
    let here = Span::mixed_site();
    let builder = Ident::new(builder, here);
    let value = time.expand(k);
    match time {
        Time::Fixed { .. } => {
            quote_spanned! {here=> let #builder = #builder.#method(#value); }
        }
        Time::Computed(_) => quote_spanned! {here=>
            let length: #k::Duration = #value;
            let #builder = #builder.#method(length);
        },
    }
}

/// They become function pointers, so they cannot capture.
fn closures(args: &Args) -> TokenStream {
    let closures = [&args.ttl_with, &args.cache_if, &args.tags_with];
    let set = closures.into_iter().flatten().map(|Given { name, value }| {
        let at = Span::mixed_site().located_at(first_span(value));
        let method = format_ident!("{}", name, span = at);
        quote_spanned! {at=> let rules = rules.#method(#value); }
    });
    set.collect()
}

fn others(plan: &Plan) -> Vec<TokenStream> {
    let Plan { k, args, .. } = plan;
    let here = Span::mixed_site();
    let mut set = Vec::new();
    let number = |number: f64| Literal::f64_suffixed(number);
    match args.jitter.as_ref().map(|jitter| &jitter.value) {
        Some(Jitter::Fraction(fraction)) => {
            let fraction = number(*fraction);
            set.push(quote_spanned! {here=> let rules = rules.jitter(#fraction); });
        }
        Some(Jitter::By(time)) if time.length() == Some(Duration::ZERO) => {
            set.push(quote_spanned! {here=> let rules = rules.jitter(0f64); });
        }
        Some(Jitter::By(time)) => set.push(self::set(&Ident::new("jitter_by", here), time, k)),
        None => {}
    }
    for (option, check) in [(&args.refresh_ahead, "share"), (&args.early_expiry, "beta")] {
        let Some(Given { name, value }) = option else {
            continue;
        };
        let method = Ident::new(&name.to_string(), here);
        let value = match value {
            Number::Literal(value) => number(*value).into_token_stream(),
            Number::Constant(value) => {
                let check = Ident::new(check, here);
                quote_spanned! {here=> const { #k::#check(#value) } }
            }
        };
        set.push(quote_spanned! {here=> let rules = rules.#method(#value); });
    }
    if let Some(mode) = &args.single_flight {
        let mode = match mode.value {
            SingleFlight::Cluster => Ident::new("Cluster", here),
            SingleFlight::Local => Ident::new("Local", here),
            SingleFlight::Off => Ident::new("Off", here),
        };
        set.push(
            quote_spanned! {here=> let rules = rules.single_flight(#k::SingleFlight::#mode); },
        );
    }
    match args.local.as_ref().map(|local| &local.value) {
        Some(Local::Not) => set.push(quote_spanned! {here=> let rules = rules.not_local(); }),
        Some(Local::For(time)) => set.push(self::set(&Ident::new("local_for", here), time, k)),
        Some(Local::Whole) | None => {}
    }
    if args.remote.as_ref().is_some_and(|remote| !remote.value) {
        set.push(quote_spanned! {here=> let rules = rules.not_remote(); });
    }
    set.extend(coherence(plan).map(|coherence| {
        quote_spanned! {here=> let rules = rules.coherence(#coherence); }
    }));
    set.extend(codec(plan));
    for Given { name, value } in [&args.compress_above, &args.max_size].into_iter().flatten() {
        // At the option: it may be that no feature can do that.
        let at = here.located_at(name.span());
        let method = format_ident!("{}", name, span = at);
        let bytes = Literal::u64_unsuffixed(value.bytes);
        set.push(quote_spanned! {at=> let rules = rules.#method(#bytes); });
    }
    set
}

/// A constant: the static has it, for hits, and the rules, for all else.
pub(super) fn coherence(plan: &Plan) -> Option<TokenStream> {
    let Plan { k, args, .. } = plan;
    let here = Span::mixed_site();
    args.coherence.as_ref().map(|given| match &given.value {
        Coherence::Strict => quote_spanned! {here=> #k::Coherence::Strict },
        Coherence::Bounded { window, .. } => {
            let window = window.expand(k);
            quote_spanned! {here=> #k::Coherence::Bounded(#window) }
        }
    })
}

/// At the path that was given, where a type that is no codec is reported. The value is asked to be
/// cacheable at the return type, as it is elsewhere: one place, one error.
fn codec(plan: &Plan) -> Option<TokenStream> {
    let Plan {
        k, args, function, ..
    } = plan;
    let Given { value: codec, .. } = args.codec.as_ref()?;
    let at = Span::mixed_site().located_at(first_span(codec));
    let value = Ident::new("_", function.output_span());
    let k = placed(k, at);
    let asked = args.version.is_none().then(|| {
        quote_spanned! {at=>
            #k::without_version::<#codec, {
                #[allow(unused_imports)]
                use #k::NoCodec as _;
                #k::Described::<#codec>::SELF_DESCRIBING_CODEC
            }>();
        }
    });
    Some(quote_spanned! {at=>
        let rules = #k::encoded::<#value, #codec>(rules);
        #asked
    })
}
