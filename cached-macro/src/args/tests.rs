use std::time::Duration;

use proc_macro2::TokenStream;

use super::{Args, Coherence, InvalidateArgs, Jitter, Local, Number, SingleFlight};
use crate::errors::Errors;

fn tokens(text: &str) -> TokenStream {
    text.parse().expect("tokens")
}

/// The options, and what is wrong with them.
fn read(text: &str) -> (Args, Vec<String>) {
    let mut errors = Errors::new();
    let args = Args::parse(tokens(text), &mut errors);
    (args, messages(errors))
}

fn messages(errors: Errors) -> Vec<String> {
    errors
        .finish()
        .into_iter()
        .flatten()
        .map(|error| error.to_string())
        .collect()
}

fn accepted(text: &str) -> Args {
    let (args, errors) = read(text);
    assert_eq!(errors, Vec::<String>::new(), "{text}");
    args
}

#[test]
fn a_number_is_a_literal_or_a_constant() {
    let args = accepted("ttl = 5, refresh_ahead = SHARE, early_expiry = 2 * shop::BETA");
    let given = [args.refresh_ahead, args.early_expiry];
    for number in given.map(|number| number.expect("it was given").value) {
        assert!(matches!(number, Number::Constant(_)));
    }
    let args = accepted("ttl = 5, refresh_ahead = 0.5f64, early_expiry = 2");
    assert!(matches!(
        args.refresh_ahead.expect("given").value,
        Number::Literal(0.5)
    ));
    assert!(matches!(
        args.early_expiry.expect("given").value,
        Number::Literal(2.0)
    ));
}

#[test]
fn every_option_is_read() {
    let args = accepted(
        r#"
        ttl = "5m", prefix = "user", key(id, filter.page), key_fn = user_key -> Vec<User>,
        version = 2, tags = ["a", "b:{id}"], jitter = "20%", negative_ttl = 0,
        cache_if = |user: &User| user.active, stale_while_revalidate = WINDOW,
        stale_if_error = 60, refresh_ahead = 0.8, soft_timeout = "200ms", load_timeout = "2s",
        single_flight = off, local = "10s", cache = self.cache, each = ids, crate = ::a::b,
        tags_with = f::<A, B>, skip(self, r#type), early_expiry = 2,
        ttl_with = |user| user.ttl(), lease = "3s", lease_wait = WAIT, remote = false,
        codec = ::a::Codec<B>, compress_above = "4KiB", max_size = 1024, coherence = "1m30s",
        "#,
    );
    let length =
        |time: Option<super::Given<super::Time>>| time.and_then(|time| time.value.length());
    assert_eq!(length(args.ttl), Some(Duration::from_secs(300)));
    assert_eq!(length(args.negative_ttl), Some(Duration::ZERO));
    assert_eq!(length(args.stale_while_revalidate), None);
    assert_eq!(length(args.stale_if_error), Some(Duration::from_secs(60)));
    assert_eq!(args.key.expect("key").value.len(), 2);
    assert!(args.key_fn.expect("key_fn").value.value.is_some());
    assert_eq!(args.version.expect("version").value, "2");
    assert_eq!(args.tags.expect("tags").value.len(), 2);
    assert!(matches!(
        args.jitter.expect("jitter").value,
        Jitter::Fraction(0.2)
    ));
    assert_eq!(
        args.single_flight.expect("single_flight").value,
        SingleFlight::Off
    );
    assert!(matches!(args.local.expect("local").value, Local::For(_)));
    assert_eq!(length(args.lease), Some(Duration::from_secs(3)));
    assert_eq!(length(args.lease_wait), None);
    assert!(!args.remote.expect("remote").value && args.codec.is_some());
    let above = args.compress_above.expect("compress_above").value;
    assert_eq!(above.bytes, 4096);
    assert_eq!(args.max_size.expect("max_size").value.bytes, 1024);
    assert!(matches!(
        args.coherence.expect("coherence").value,
        Coherence::Bounded { length, .. } if length == Duration::from_secs(90)
    ));
    assert_eq!(args.skip.expect("skip").value.len(), 2);
    assert!(args.cache_if.is_some() && args.tags_with.is_some() && args.ttl_with.is_some());
    assert!(args.cache.is_some() && args.each.is_some() && args.crate_path.is_some());
}

#[test]
fn values_have_more_than_one_form() {
    assert!(matches!(
        accepted("local = true").local.expect("local").value,
        Local::Whole
    ));
    assert!(matches!(
        accepted("local = false").local.expect("local").value,
        Local::Not
    ));
    assert!(accepted("remote = true").remote.expect("remote").value);
    assert!(matches!(
        accepted("coherence = strict")
            .coherence
            .expect("coherence")
            .value,
        Coherence::Strict
    ));
    for (text, mode) in [
        ("cluster", SingleFlight::Cluster),
        ("local", SingleFlight::Local),
        ("off", SingleFlight::Off),
    ] {
        let flight = accepted(&format!("single_flight = {text}")).single_flight;
        assert_eq!(flight.expect("single_flight").value, mode);
    }
    assert_eq!(
        accepted(r#"version = "v2""#)
            .version
            .expect("version")
            .value,
        "v2"
    );
    assert_eq!(
        accepted("version = 0x10u8").version.expect("version").value,
        "16"
    );
    assert!(matches!(
        accepted("jitter = 0").jitter.expect("jitter").value,
        Jitter::By(_)
    ));
    assert!(accepted("key()").key.expect("key").value.is_empty());
    assert!(accepted("").ttl.is_none());
}

#[test]
fn a_mistake_says_what_to_write() {
    for (text, message) in [
        (
            "ttl",
            r#"expected `ttl = <duration>`, for example `ttl = "5m"`"#,
        ),
        (
            "ttl =",
            r#"expected `ttl = <duration>`, for example `ttl = "5m"`"#,
        ),
        ("ttl(5)", r#"`ttl` takes one duration; write `ttl = "5m"`"#),
        (
            r#"prefix("user")"#,
            r#"`prefix` takes one string; write `prefix = "user"`"#,
        ),
        (
            "prefix = user",
            r#"`prefix` takes one string; write `prefix = "user"`"#,
        ),
        (
            r#"prefix = "a:b""#,
            "`prefix` may not contain `:` or whitespace: they separate key parts",
        ),
        (
            r#"prefix = """#,
            r#"`prefix` may not be empty; write a name such as `"user"`"#,
        ),
        (
            r#"prefix = "{id}""#,
            "`prefix` is no template; arguments are part of the key already",
        ),
        (
            "skip = [db]",
            "`skip` takes a list of arguments; write `skip(db)`",
        ),
        ("skip", "`skip` takes a list of arguments; write `skip(db)`"),
        (
            "skip(a.b)",
            "whole arguments are skipped; write `skip(a)`, or choose parts with `key(..)`",
        ),
        ("skip(5)", "name an argument to skip"),
        (
            r#"tags = "user""#,
            r#"`tags` takes string templates; write `tags = ["user:{id}"]`"#,
        ),
        (
            "version = 1.5",
            "`version` takes an integer or a string; write `version = 2`",
        ),
        (
            "key_fn = \"k\"",
            "`key_fn` takes the name of the function to generate; write `key_fn = user_key`",
        ),
        (
            r#"jitter = "100%""#,
            r#"`jitter` shortens a life, so it lies between `"0%"` and `"99%"`"#,
        ),
        (
            "refresh_ahead = 80",
            "`refresh_ahead` takes a fraction of the ttl between 0 and 1; write \
             `refresh_ahead = 0.8`",
        ),
        (
            "refresh_ahead = on",
            "`refresh_ahead` takes a fraction of the ttl between 0 and 1; write \
             `refresh_ahead = 0.8`",
        ),
        (
            "refresh_ahead = -0.5",
            "`refresh_ahead` takes a fraction of the ttl between 0 and 1; write \
             `refresh_ahead = 0.8`",
        ),
        (
            "early_expiry = 0.0",
            "`early_expiry` takes a number above zero; write `early_expiry = 1.0`",
        ),
        (
            "crate = shelf",
            "path must start with `::` or `crate::`; write `::my_dep::cache_aside`",
        ),
        (r#""5m""#, r#"name an option, for example `ttl = "5m"`"#),
    ] {
        assert_eq!(read(text).1, [message], "{text}");
    }
}

#[test]
fn a_mistake_about_tiers_says_what_to_write() {
    for (text, message) in [
        (
            "single_flight = global",
            "`single_flight` is `cluster`, `local` or `off`; write `single_flight = off`",
        ),
        (
            "remote = off",
            "`remote` is `true` or `false`; write `remote = false`",
        ),
        (
            "remote(false)",
            "`remote` takes one switch; write `remote = false`",
        ),
        (
            r#"codec = "json""#,
            "`codec` takes the path of a type; write `codec = cache_aside::codec::Json`",
        ),
        (
            "codec = 5",
            "`codec` takes the path of a type; write `codec = cache_aside::codec::Json`",
        ),
        (
            "codec = &Json",
            "`codec` takes the path of a type; write `codec = cache_aside::codec::Json`",
        ),
        (
            "compress_above = off",
            "`compress_above` takes a size; write `compress_above = \"4KiB\"`, or \
             `compress_above = 0` for never",
        ),
        (
            "coherence = window(id)",
            "`coherence` is part of the function, so it is no expression; write \
             `coherence = strict`, or a duration such as `coherence = \"500ms\"`",
        ),
        (
            r#"coherence = "strict""#,
            "`coherence` is `strict` or a duration; write `coherence = strict`, or \
             `coherence = \"500ms\"`",
        ),
        (
            "coherence = 500ms",
            "a unit belongs in a string; write `coherence = \"500ms\"`",
        ),
        (
            "max_size = 1MiB",
            "a unit belongs in a string; write `max_size = \"1MiB\"`",
        ),
    ] {
        assert_eq!(read(text).1, [message], "{text}");
    }
}

#[test]
fn an_unknown_option_lists_those_there_are() {
    let errors = read(r#"ttll = "5m""#).1;
    let start = "unknown option `ttll`; did you mean `ttl`? options are `ttl`, `ttl_with`, ";
    assert!(errors[0].starts_with(start), "{errors:?}");
    let errors = read("expires = 5").1;
    assert!(
        errors[0].starts_with("unknown option `expires`; options are `ttl`, "),
        "{errors:?}"
    );
}

#[test]
fn all_mistakes_are_found_at_once() {
    let errors = read(r#"ttl = "5x", ttl = 5 6, prefix, key(a b), tags = 1, each = 5 each"#).1;
    assert_eq!(errors.len(), 7, "{errors:#?}");
    assert!(errors.contains(&"`ttl` is given twice".to_owned()));
    assert!(errors.contains(&"first given here".to_owned()));
}

#[test]
fn an_option_with_a_mistake_is_not_missing() {
    let (args, _) = read(r#"ttll = "5m", prefix = "a:b""#);
    assert!(args.meant("ttl") && args.meant("prefix") && !args.meant("skip"));
}

fn invalidate(text: &str) -> (InvalidateArgs, Vec<String>) {
    let mut errors = Errors::new();
    let args = InvalidateArgs::parse(tokens(text), &mut errors);
    (args, messages(errors))
}

#[test]
fn every_option_of_an_invalidation_is_read() {
    let (args, errors) = invalidate(
        r#"
        tags = ["user:{id}"], keys = [user_key(id), other], prefixes = ["a", format!("b{id}")],
        cache = &cache, on_failure = propagate, crate = crate::facade, bracket = true,
        settled = false, soft = PATIENCE
        "#,
    );
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(args.keys.as_ref().map(|keys| keys.value.len()), Some(2));
    assert_eq!(
        args.prefixes.as_ref().map(|prefixes| prefixes.value.len()),
        Some(2)
    );
    assert!(args.has_target() && args.on_failure.is_some());
    assert!(args.bracket.expect("bracket").value && !args.settled.expect("settled").value);
    assert_eq!(args.soft.expect("soft").value.length(), None);
}

#[test]
fn a_mistake_in_an_invalidation_says_what_to_write() {
    for (text, message) in [
        (
            "keys = user_key(id)",
            "`keys` takes a list in brackets; write `keys = [user_key(id)]`",
        ),
        (
            "on_failure = ignore",
            "`on_failure` is `propagate` where it is given; write `on_failure = propagate`",
        ),
        (
            "bracket = on",
            "`bracket` is `true` or `false`; write `bracket = true`",
        ),
        (
            "settled",
            "expected `settled = <switch>`, for example `settled = true`",
        ),
        (
            "soft = true",
            r#"`soft` takes a duration; write `soft = "5m"`"#,
        ),
        (
            r#"prefixes = ["a:b"]"#,
            "`prefixes` may not contain `:` or whitespace: they separate key parts",
        ),
    ] {
        assert_eq!(invalidate(text).1, [message], "{text}");
    }
}
