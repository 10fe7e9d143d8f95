//! What is refused, and in which words. Where an error stands is tested from outside.

#![allow(clippy::too_many_lines, reason = "tables")]

mod functions;
mod options;

use proc_macro2::TokenStream;
use quote::quote;

/// The errors that an expansion holds.
fn refusals(expansion: &TokenStream) -> Vec<String> {
    let text = expansion.to_string();
    let after = text.split("compile_error ! { ").skip(1);
    let literals = after.filter_map(|rest| rest.split(" }").next());
    literals
        .map(|literal| {
            syn::parse_str::<syn::LitStr>(literal)
                .expect("a message")
                .value()
        })
        .collect()
}

fn check(args: TokenStream, item: TokenStream, expected: &[&str]) {
    let text = format!("#[cache_aside({args})] {item}");
    assert_eq!(refusals(&crate::cached(args, item)), expected, "{text}");
}

/// Whoever joins a load must not need a policy that differs from that of the load.
#[test]
fn callers_join_without_a_policy_where_all_calls_with_one_key_have_one() {
    let plain = quote!(
        async fn load(&self, id: u64, db: &Db) -> u64 {
            1
        }
    );
    for (args, joins) in [
        (quote!(ttl = "5m", skip(self, db)), true),
        (quote!(ttl_with = |_| TTL, skip(self, db)), true),
        (
            quote!(
                ttl = 5,
                tags = ["a", "{id}", "{id.0}", "{result}"],
                skip(self, db)
            ),
            true,
        ),
        (quote!(ttl = 5, tags = ["{self.name}"], skip(db)), true),
        (
            quote!(
                ttl = 5,
                local = "1s",
                jitter = "1s",
                lease = "1s",
                skip(self, db)
            ),
            true,
        ),
        (
            quote!(ttl = 5, tags = ["{self.name}"], skip(self, db)),
            false,
        ),
        (
            quote!(ttl = 5, tags = ["{id}", "{db.name}"], skip(self, db)),
            false,
        ),
        (quote!(ttl = 5, key(id)), false),
        (quote!(ttl = TTL, skip(self, db)), false),
        (quote!(ttl_with = of(db), skip(self, db)), false),
        (
            quote!(ttl = 5, negative_ttl = self.short, skip(self, db)),
            false,
        ),
        (quote!(ttl = 5, local = self.short, skip(self, db)), false),
        (quote!(ttl = 5, jitter = self.short, skip(self, db)), false),
        (quote!(ttl = 5, single_flight = off, skip(self, db)), false),
        (
            quote!(
                ttl = 5,
                load_timeout = "1s",
                stale_if_error = "1m",
                skip(self, db)
            ),
            false,
        ),
        (
            quote!(ttl = 5, stale_while_revalidate = "1m", skip(self, db)),
            false,
        ),
    ] {
        let named = quote!(prefix = "p", #args);
        let expansion = crate::cached(named, plain.clone());
        assert_eq!(refusals(&expansion), [""; 0], "{args}");
        let join = quote!(look.join(codec)).to_string();
        assert_eq!(expansion.to_string().contains(&join), joins, "{args}");
    }
}

/// An element must not be given the tags or the times of another.
#[test]
fn elements_share_a_policy_where_nothing_in_it_is_of_one_of_them() {
    let batch = quote!(
        async fn load(db: &Db, tenant: u64, ids: &[u64]) -> HashMap<u64, User> {
            1
        }
    );
    for (args, shared) in [
        (quote!(ttl = "5m"), true),
        (quote!(ttl_with = |_| TTL), true),
        (quote!(ttl_with = of_value, cache_if = |_| true), true),
        (quote!(ttl_with = of(ids)), false),
        (quote!(ttl = 5, cache_if = of(ids)), false),
        (
            quote!(
                ttl = 5,
                tags_with = if ids.is_empty() { none } else { some }
            ),
            false,
        ),
        (quote!(ttl = 5, tags = ["a", "{tenant}", "{result}"]), true),
        (quote!(ttl = 5, tags = ["a", "{ids}"]), false),
        (quote!(ttl = 5, tags = ["{ids.0}"]), false),
        (quote!(ttl = of(ids)), false),
        (quote!(ttl = 5, local = of(ids)), false),
        (quote!(ttl = 5, jitter = of(ids)), false),
    ] {
        let named = quote!(prefix = "p", each = ids, skip(db), #args);
        let expansion = crate::cached(named, batch.clone());
        assert_eq!(refusals(&expansion), [""; 0], "{args}");
        let all = quote!(miss.rules_of_all(rules)).to_string();
        assert_eq!(expansion.to_string().contains(&all), shared, "{args}");
    }
}

#[test]
fn background_loads_keep_nothing_borrowed() {
    let outlive = "`refresh_ahead` lets the load outlive the call, and a clone of this argument \
                   cannot; take an owned value or an `Arc` of it";
    for (argument, expected) in [
        (quote!(a: Option<&str>), outlive),
        (quote!(a: &[&str]), outlive),
        (quote!(a: &dyn Db), outlive),
        (quote!(a: &Foo<'a>), outlive),
        (quote!(a: Cow<'a, str>), outlive),
        (
            quote!((a, b): &(u8, u8)),
            "`refresh_ahead` keeps a clone of this argument for the load; give it a name",
        ),
        (
            quote!(a: &mut u8),
            "`refresh_ahead` lets the load outlive the call, and a `&mut` cannot; return the \
             change, or take an `Arc` of a lock",
        ),
    ] {
        let item = quote!(async fn load<'a>(id: u8, #argument) -> u8 { 1 });
        check(
            quote!(ttl = 5, refresh_ahead = 0.5, key(id)),
            item,
            &[expected],
        );
    }
    check(
        quote!(ttl = 5, refresh_ahead = 0.5),
        quote!(
            async fn load<'a>(id: &'a str) -> u8 {
                let n: &'a str = id;
                1
            }
        ),
        &[
            "`refresh_ahead` lets the load outlive the call, so its body cannot name `'a`; leave \
           the lifetime out",
        ],
    );
}

#[test]
fn invalidations() {
    for (args, item, expected) in [
        (
            quote!(),
            quote!(
                async fn f() {}
            ),
            "nothing to invalidate; write `tags = [\"user:{id}\"]`, `keys = [user_key(id)]` or \
             `prefixes = [\"user_list\"]`",
        ),
        (
            quote!(tags = ["a"]),
            quote!(
                fn f() {}
            ),
            "only `async fn` can invalidate; add `async`",
        ),
        (
            quote!(tags = ["a:{id}"]),
            quote!(
                async fn f() {}
            ),
            "no argument `id` in `f`; `f` has none",
        ),
        (
            quote!(tags = ["a"]),
            quote!(
                async fn f() -> impl Display {
                    1
                }
            ),
            "name the returned type: whether the write succeeded is read off it, so its type must \
             be known",
        ),
    ] {
        assert_eq!(refusals(&crate::invalidating(args, item)), [expected]);
    }
}

#[test]
fn how_a_write_invalidates() {
    let no_tag = "a bracket covers tags that are known before the write, and here is none; add one \
                  such as `tags = [\"user:{id}\"]`, or remove `bracket`";
    let no_argument = "no argument `uid` in `write`; did you mean `id`? arguments are `id`";
    let exclude = "`bracket` and `soft` exclude each other: a bracket leaves nothing older to be \
                   given; remove one";
    let keys = "`soft` is for tags and prefixes: what is stored under a key is removed; name a tag \
                or a prefix, or remove `soft`";
    let zero = "`soft` must be longer than zero; leave it out to have none";
    for (args, expected) in [
        (quote!(keys = [k(id)], bracket = true), &[no_tag][..]),
        (
            quote!(tags = [], prefixes = ["a"], bracket = true),
            &[no_tag],
        ),
        (quote!(tags = ["a:{result}"], bracket = true), &[no_tag]),
        (
            quote!(tags = ["a:{result}:{id}"], bracket = true),
            &[no_tag],
        ),
        (
            quote!(tags = ["a:{result}", "a:{uid}"], bracket = true),
            &[no_argument],
        ),
        (
            quote!(tags = ["a"], bracket = true, soft = "5s"),
            &[exclude],
        ),
        (quote!(tags = ["a"], soft = 0), &[zero]),
        (
            quote!(tags = ["a:{result}", "b"], bracket = true, settled = true),
            &[],
        ),
        (quote!(keys = [k(id)], tags = [], soft = 5), &[keys]),
        (
            quote!(prefixes = ["a"], keys = [k(id)], bracket = false, soft = 5),
            &[],
        ),
        (quote!(keys = [k(id)], settled = true), &[]),
        (quote!(tags = ["a:{result}"], soft = PATIENCE), &[]),
    ] {
        let text = args.to_string();
        let item = quote!(
            async fn write(id: u8) -> u8 {
                id
            }
        );
        assert_eq!(
            refusals(&crate::invalidating(args, item)),
            expected,
            "{text}"
        );
    }
}

#[test]
fn a_key_function_needs_a_value_type_that_can_be_named() {
    check(
        quote!(ttl = 5, key_fn = k),
        quote!(
            async fn f<T>(t: T) -> Vec<T> {
                g()
            }
        ),
        &[
            "the return type depends on `T`, so the type of the value has to be written out; write \
           `key_fn = k -> User`",
        ],
    );
    check(
        quote!(ttl = 5, key_fn = k -> Vec<T>),
        quote!(
            async fn f<T>(t: T) -> Vec<T> {
                g()
            }
        ),
        &[],
    );
}
