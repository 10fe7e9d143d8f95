//! Where answers are kept, and what only makes sense in one of these places.

use std::time::Duration;

use proc_macro2::Ident;

use super::options::later;
use crate::args::{Args, Coherence, Given, Local, SingleFlight};
use crate::errors::Errors;
use crate::function::Function;
use crate::tokens::mention;

/// A third of it has to be longer than a round trip.
const SHORTEST_LEASE: Duration = Duration::from_millis(300);
/// A heartbeat takes a part of it.
const SHORTEST_COHERENCE: Duration = Duration::from_millis(100);

pub(super) fn check(args: &Args, function: &Function, errors: &mut Errors) {
    values(args, errors);
    if let Some(remote) = args.remote.as_ref().filter(|remote| !remote.value) {
        not_remote(args, &remote.name, errors);
    }
    not_shared(args, errors);
    no_copies(args, errors);
    unknown_codec(args, function, errors);
}

fn values(args: &Args, errors: &mut Errors) {
    if let Some(Given { value, .. }) = &args.max_size
        && value.bytes == 0
    {
        errors.at(
            &value.literal,
            "`max_size` must be larger than zero; to store nothing, remove the attribute",
        );
    }
    if let Some(Given { value, .. }) = &args.lease
        && value.length().is_some_and(|length| length < SHORTEST_LEASE)
    {
        errors.at(
            value,
            "`lease` is renewed at a third, so it is at least 300ms; write `lease = \"3s\"`",
        );
    }
    if let Some(Given { value, .. }) = &args.lease_wait
        && value.length() == Some(Duration::ZERO)
    {
        errors.at(
            value,
            "`lease_wait` must be longer than zero; to wait for no other process write \
             `single_flight = local`",
        );
    }
    if let Some(Given {
        value: Coherence::Bounded { length, window },
        ..
    }) = &args.coherence
        && *length < SHORTEST_COHERENCE
    {
        errors.at(
            window,
            "`coherence` cannot be kept within less than 100 ms; write `strict`, which asks the \
             store each time",
        );
    }
}

/// What is not kept in the remote tier has no bytes there, and no lease.
fn not_remote(args: &Args, remote: &Ident, errors: &mut Errors) {
    let of_remote = [
        args.codec.as_ref().map(|option| &option.name),
        args.compress_above.as_ref().map(|option| &option.name),
        args.lease.as_ref().map(|option| &option.name),
        args.lease_wait.as_ref().map(|option| &option.name),
    ];
    for name in of_remote.into_iter().flatten() {
        errors.at(
            later(remote, name),
            format!("`{name}` needs the remote tier; remove `remote = false` or `{name}`"),
        );
    }
    if let Some(flight) = &args.single_flight
        && flight.value == SingleFlight::Cluster
    {
        errors.at(
            later(remote, &flight.name),
            "`single_flight = cluster` needs the remote tier; remove `remote = false`, or write \
             `single_flight = local`",
        );
    }
    if let Some(local) = &args.local
        && matches!(local.value, Local::Not)
    {
        errors.at(
            later(remote, &local.name),
            "`local = false` and `remote = false` leave no tier to keep the answer in; remove one",
        );
    }
}

/// Who shares loads in one process only waits for no other.
fn not_shared(args: &Args, errors: &mut Errors) {
    let Some(flight) = &args.single_flight else {
        return;
    };
    let mode = match flight.value {
        SingleFlight::Cluster => return,
        SingleFlight::Local => "local",
        SingleFlight::Off => "off",
    };
    for option in [&args.lease, &args.lease_wait].into_iter().flatten() {
        let name = &option.name;
        errors.at(
            later(&flight.name, name),
            format!(
                "`{name}` is for loads that processes share; write `single_flight = cluster`, or \
                 remove `{name}`: with `{mode}` they share none"
            ),
        );
    }
}

/// Where this process keeps nothing, nothing has to follow.
fn no_copies(args: &Args, errors: &mut Errors) {
    if let (Some(coherence), Some(local)) = (&args.coherence, &args.local)
        && matches!(local.value, Local::Not)
    {
        errors.at(
            later(&coherence.name, &local.name),
            "`coherence` is about the copies in this process, and with `local = false` there are \
             none; remove one",
        );
    }
}

/// Whether a codec needs a version is asked of its type, which has to be known here.
fn unknown_codec(args: &Args, function: &Function, errors: &mut Errors) {
    let Some(Given { value: codec, .. }) = &args.codec else {
        return;
    };
    if args.meant("version") {
        return;
    }
    let parameters = function.sig.generics.type_params();
    let generic = parameters
        .map(|parameter| parameter.ident.to_string())
        .chain(["Self".to_owned()])
        .any(|name| mention(codec, &name).is_some());
    if generic {
        errors.at(
            codec,
            "a generic codec needs `version`: whether its bytes say which field is which is not \
             known here; write `version = 1`, or name one codec",
        );
    }
}
