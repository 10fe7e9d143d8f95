//! Options against each other. An error stands at the one that comes later in the text.

use std::time::Duration;

use proc_macro2::{Ident, Span};

use crate::args::{Args, Given, Jitter, Local};
use crate::errors::Errors;

pub(super) fn check(args: &Args, errors: &mut Errors) {
    ttl(args, errors);
    lengths(args, errors);
    conflicts(args, errors);
    each(args, errors);
}

fn ttl(args: &Args, errors: &mut Errors) {
    match (&args.ttl, &args.ttl_with) {
        (None, None) if !args.meant("ttl") && !args.meant("ttl_with") => errors.at_span(
            Span::call_site(),
            "`ttl` is required: without it entries would never expire; write `ttl = \"5m\"`",
        ),
        (Some(ttl), Some(with)) => exclude(&ttl.name, &with.name, "each says how long", errors),
        _ => {}
    }
}

/// Lengths of time that are known now.
fn lengths(args: &Args, errors: &mut Errors) {
    let above_zero = [
        ("ttl", &args.ttl),
        ("stale_while_revalidate", &args.stale_while_revalidate),
        ("stale_if_error", &args.stale_if_error),
        ("soft_timeout", &args.soft_timeout),
        ("load_timeout", &args.load_timeout),
    ];
    for (name, option) in above_zero {
        if let Some(time) = option
            && time.value.length() == Some(Duration::ZERO)
        {
            let remedy = if name == "ttl" {
                ""
            } else {
                "; leave it out to have none"
            };
            errors.at(
                &time.value,
                format!("`{name}` must be longer than zero{remedy}"),
            );
        }
    }
    let ttl = args.ttl.as_ref();
    let ttl = ttl.and_then(|ttl| Some((&ttl.name, ttl.value.length()?)));
    if let Some(Given {
        name,
        value: Local::For(time),
    }) = &args.local
    {
        match (time.length(), ttl) {
            (Some(Duration::ZERO), _) => {
                errors.at(
                    time,
                    "`local` must be longer than zero; write `local = false`",
                );
            }
            (Some(length), Some((ttl, ttl_length))) if length > ttl_length => {
                errors.at(
                    later(name, ttl),
                    "`local` is longer than `ttl`; shorten `local`, or leave it out",
                );
            }
            _ => {}
        }
    }
    if let Some(Given {
        name,
        value: Jitter::By(time),
    }) = &args.jitter
        && let (Some(length), Some((ttl, ttl_length))) = (time.length(), ttl)
        && length >= ttl_length
    {
        errors.at(
            later(name, ttl),
            "`jitter` would take the whole `ttl`; shorten `jitter`, or write `jitter = \"10%\"`",
        );
    }
    if let (Some(soft), Some(load)) = (&args.soft_timeout, &args.load_timeout)
        && let (Some(soft_length), Some(load_length)) = (soft.value.length(), load.value.length())
        && soft_length >= load_length
    {
        let at = later(&soft.name, &load.name);
        errors.at(
            at,
            "`soft_timeout` has to come before `load_timeout`; make `soft_timeout` shorter",
        );
    }
}

fn conflicts(args: &Args, errors: &mut Errors) {
    if let (Some(key), Some(skip)) = (&args.key, &args.skip) {
        let at = later(&key.name, &skip.name);
        errors.at(
            at,
            "`key` already chooses what the key is made of; remove `skip`",
        );
    }
    if let (Some(ahead), Some(early)) = (&args.refresh_ahead, &args.early_expiry) {
        exclude(
            &ahead.name,
            &early.name,
            "each decides when to refresh early",
            errors,
        );
    }
    // For a batch it is refused whatever stands beside it.
    if let Some(soft) = &args.soft_timeout
        && !args.meant("stale_while_revalidate")
        && !args.meant("stale_if_error")
        && !args.meant("each")
    {
        errors.at(
            &soft.name,
            "`soft_timeout` answers with a stale value; add `stale_while_revalidate = \"1m\"` or \
             `stale_if_error = \"1h\"`",
        );
    }
}

/// An error at the later of two options that do not go together.
pub(crate) fn exclude(first: &Ident, second: &Ident, reason: &str, errors: &mut Errors) {
    let at = later(first, second);
    let message = format!("`{first}` and `{second}` exclude each other: {reason}; remove one");
    errors.at(at, message);
}

/// A batch neither shares loads nor refreshes what it has.
fn each(args: &Args, errors: &mut Errors) {
    let Some(each) = &args.each else { return };
    let refused = [
        args.key.as_ref().map(|option| &option.name),
        args.single_flight.as_ref().map(|option| &option.name),
        args.stale_while_revalidate
            .as_ref()
            .map(|option| &option.name),
        args.refresh_ahead.as_ref().map(|option| &option.name),
        args.early_expiry.as_ref().map(|option| &option.name),
        args.soft_timeout.as_ref().map(|option| &option.name),
    ];
    for name in refused.into_iter().flatten() {
        let message = format!("`{name}` is for single calls; remove it or `each`");
        errors.at(later(name, &each.name), message);
    }
}

/// Which of two options comes second in the text.
pub(super) fn later<'a>(one: &'a Ident, other: &'a Ident) -> &'a Ident {
    let (one_at, other_at) = (
        crate::errors::position(one.span()),
        crate::errors::position(other.span()),
    );
    if one_at > other_at { one } else { other }
}
