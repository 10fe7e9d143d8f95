//! Options against each other and against the function.

use quote::quote;

use super::check;

#[test]
fn options_against_each_other() {
    let item = || {
        quote!(
            async fn load(id: u8, ids: Vec<u8>) -> Option<u8> {
                None
            }
        )
    };
    for (args, expected) in [
        (
            quote!(prefix = "a"),
            "`ttl` is required: without it entries would never expire; write `ttl = \"5m\"`",
        ),
        (
            quote!(ttl = 5, ttl_with = f),
            "`ttl` and `ttl_with` exclude each other: each says how long; remove one",
        ),
        (quote!(ttl = 0), "`ttl` must be longer than zero"),
        (
            quote!(ttl = 5, stale_if_error = "0s"),
            "`stale_if_error` must be longer than zero; leave it out to have none",
        ),
        (
            quote!(ttl = 5, local = 6),
            "`local` is longer than `ttl`; shorten `local`, or leave it out",
        ),
        (
            quote!(ttl = 5, local = 0),
            "`local` must be longer than zero; write `local = false`",
        ),
        (
            quote!(ttl = 5, jitter = "5s"),
            "`jitter` would take the whole `ttl`; shorten `jitter`, or write `jitter = \"10%\"`",
        ),
        (
            quote!(ttl = 5, key(id), skip(ids)),
            "`key` already chooses what the key is made of; remove `skip`",
        ),
        (
            quote!(ttl = 5, refresh_ahead = 0.5, early_expiry = 1),
            "`refresh_ahead` and `early_expiry` exclude each other: each decides when to refresh \
             early; remove one",
        ),
        (
            quote!(ttl = 5, soft_timeout = 1),
            "`soft_timeout` answers with a stale value; add `stale_while_revalidate = \"1m\"` or \
             `stale_if_error = \"1h\"`",
        ),
        (
            quote!(
                ttl = 5,
                soft_timeout = 2,
                load_timeout = 1,
                stale_if_error = 5
            ),
            "`soft_timeout` has to come before `load_timeout`; make `soft_timeout` shorter",
        ),
        (
            quote!(ttl = 5, skip(id, ids)),
            "nothing is left for the key, so every call would share one entry; if that is wanted \
             write `key()`",
        ),
        (
            quote!(ttl = 5, skip(idd)),
            "no argument `idd` to skip; did you mean `id`? arguments are `id`, `ids`",
        ),
        (quote!(ttl = 5, skip(id, id)), "`id` is skipped twice"),
        (
            quote!(ttl = 5, key(db.name)),
            "no argument `db` in `load`; arguments are `id`, `ids`",
        ),
        (
            quote!(ttl = 5, tags = ["u:{user}"]),
            "no argument `user` in `load`; arguments are `id`, `ids`",
        ),
        (
            quote!(ttl = 5, tags = ["u:{self.id}"]),
            "no argument `self` in `load`; arguments are `id`, `ids`",
        ),
        (
            quote!(ttl = 5, key_fn = load),
            "the cached function has this name already; write `key_fn = user_key`",
        ),
        (
            quote!(ttl = 5, each = ids, single_flight = off),
            "`single_flight` is for single calls; remove it or `each`",
        ),
        (
            quote!(ttl = 5, each = ids, skip(id, ids)),
            "`ids` is skipped, so `each` has no keys; keep it",
        ),
        (
            quote!(ttl = 5, each = ids, soft_timeout = 1),
            "`soft_timeout` is for single calls; remove it or `each`",
        ),
        (
            quote!(ttl = 5, soft_timeout = 1, stale_if_error = "1"),
            "durations need a unit; write `\"1s\"` or `\"5m\"`",
        ),
        (
            quote!(ttl = 5, each = keys),
            "no argument `keys` for `each`; arguments are `id`, `ids`",
        ),
    ] {
        check(args, item(), &[expected]);
    }
}

#[test]
fn several_mistakes_are_all_told() {
    let no_template = "`tags` takes string templates; write `tags = [\"user:{id}\"]`";
    let unknown = "no argument `uid` in `load`; did you mean `id`? arguments are `id`";
    let item = || {
        quote!(
            async fn load(id: u8) -> u8 {
                1
            }
        )
    };
    check(
        quote!(
            ttl = 5,
            tags = [id, "x:{id", "x:{}", "x}", "{uid}", id.name]
        ),
        item(),
        &[
            no_template,
            "`{` is never closed; write `{{` for a plain brace",
            "name an argument between `{` and `}`",
            "`}` was never opened; write `}}` for a plain brace",
            unknown,
            no_template,
        ],
    );
    check(
        quote!(ttl = 5, skip(uid), key(id)),
        item(),
        &[
            "`key` already chooses what the key is made of; remove `skip`",
            "no argument `uid` to skip; did you mean `id`? arguments are `id`",
        ],
    );
    // A tag that could not be read may be the one that the bracket needs.
    for bracket in [quote!(), quote!(, bracket = true)] {
        let args = quote!(tags = [id, "{uid}"] #bracket);
        let refused = super::refusals(&crate::invalidating(args, item()));
        assert_eq!(refused, [no_template, unknown]);
    }
}

#[test]
fn what_needs_a_tier_that_is_not_there() {
    let item = || {
        quote!(
            async fn load(id: u8) -> u8 {
                1
            }
        )
    };
    for (option, name) in [
        (quote!(codec = Json), "codec"),
        (quote!(compress_above = 0), "compress_above"),
        (quote!(lease = "3s"), "lease"),
        (quote!(lease_wait = "3s"), "lease_wait"),
    ] {
        let message =
            format!("`{name}` needs the remote tier; remove `remote = false` or `{name}`");
        check(
            quote!(ttl = 5, remote = false, #option),
            item(),
            &[&message],
        );
        check(quote!(ttl = 5, remote = true, #option), item(), &[]);
    }
    for (args, expected) in [
        (
            quote!(ttl = 5, remote = false, single_flight = cluster),
            "`single_flight = cluster` needs the remote tier; remove `remote = false`, or write \
             `single_flight = local`",
        ),
        (
            quote!(ttl = 5, local = false, remote = false),
            "`local = false` and `remote = false` leave no tier to keep the answer in; remove one",
        ),
        (
            quote!(ttl = 5, lease = 5, single_flight = local),
            "`lease` is for loads that processes share; write `single_flight = cluster`, or \
             remove `lease`: with `local` they share none",
        ),
        (
            quote!(ttl = 5, single_flight = off, lease_wait = 5),
            "`lease_wait` is for loads that processes share; write `single_flight = cluster`, or \
             remove `lease_wait`: with `off` they share none",
        ),
        (
            quote!(ttl = 5, lease = "299ms"),
            "`lease` is renewed at a third, so it is at least 300ms; write `lease = \"3s\"`",
        ),
        (
            quote!(ttl = 5, lease_wait = 0),
            "`lease_wait` must be longer than zero; to wait for no other process write \
             `single_flight = local`",
        ),
        (
            quote!(ttl = 5, coherence = "99ms"),
            "`coherence` cannot be kept within less than 100 ms; write `strict`, which asks the \
             store each time",
        ),
        (
            quote!(ttl = 5, local = false, coherence = strict),
            "`coherence` is about the copies in this process, and with `local = false` there are \
             none; remove one",
        ),
        (
            quote!(ttl = 5, max_size = 0),
            "`max_size` must be larger than zero; to store nothing, remove the attribute",
        ),
    ] {
        check(args, item(), &[expected]);
    }
    for args in [
        quote!(ttl = 5, remote = false, single_flight = off),
        quote!(ttl = 5, remote = false, local = 3),
        quote!(ttl = 5, local = false, codec = Json),
        quote!(ttl = 5, local = 3, coherence = "100ms"),
        quote!(ttl = 5, remote = false, coherence = strict),
        quote!(
            ttl = 5,
            lease = "300ms",
            lease_wait = 1,
            single_flight = cluster
        ),
    ] {
        check(args, item(), &[]);
    }
}

#[test]
fn a_generic_codec_needs_a_version() {
    let item = || {
        quote!(
            async fn load<C: Codec>(id: u8) -> u8 {
                1
            }
        )
    };
    let message = "a generic codec needs `version`: whether its bytes say which field is which is \
                   not known here; write `version = 1`, or name one codec";
    for codec in [quote!(C), quote!(Packed<C>), quote!(Self::Codec)] {
        check(quote!(ttl = 5, codec = #codec), item(), &[message]);
        check(quote!(ttl = 5, codec = #codec, version = 1), item(), &[]);
    }
}

#[test]
fn a_batch_may_say_how_it_is_stored() {
    check(
        quote!(
            ttl = 5,
            each = ids,
            codec = Json,
            compress_above = "4KiB",
            max_size = "2MiB",
            lease = 5,
            lease_wait = 5,
            coherence = strict
        ),
        quote!(
            async fn load(ids: Vec<u8>) -> HashMap<u8, u8> {
                g(ids)
            }
        ),
        &[],
    );
}
