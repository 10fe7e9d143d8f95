use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use crate::cache::Cache;
use crate::clock::Clock;
use crate::coherence::{Coherence, Trust};
use crate::config::Settings;
use crate::flight::Landing;
use crate::key::Key;
use crate::outcome::{Codec, NotAResult, Shape, codec};
use crate::policy::Policy;
use crate::remote::DoubleServer;
use crate::tags::{Manner, Tag};

use super::found::Joined;
use super::{Call, Kept, Loading, Miss, plain_hit};

type Plain = Miss<u64, u64, NotAResult<u64>>;

fn plain() -> Codec<u64, u64, NotAResult<u64>> {
    codec(Shape::of_value())
}

/// A caller that waits, and the landing of the load it waits for, whose value brought a tag.
fn joining(cache: &Cache) -> (Call, Landing) {
    let key = Key::<u64>::new("call", &(1,));
    let raw = key.raw().expect("a number is a key");
    let policy = Policy::ttl(Duration::from_secs(60)).tags_with(|value: &u64| [value.to_string()]);
    let miss = Plain::new(cache, raw, None, None, &plain()).rules(policy);
    let call = miss.attempt.call;
    call.subject.cell(cache);
    let loading = Loading::begin(cache, None);
    let kept = call
        .subject
        .keep(cache, &plain().kind, Some(&7_u64), &loading);
    match kept {
        Kept::Stored(entry) => (call, Landing::Arrived(entry)),
        kept => panic!("not stored: {kept:?}"),
    }
}

#[test]
fn a_joined_value_is_given_if_nothing_it_depends_on_was_invalidated() {
    let cache = Cache::in_process();
    let (call, landing) = joining(&cache);
    let Joined::Answer(given) = call.joined(&plain().kind, landing) else {
        panic!("not given");
    };
    assert_eq!(given.into_answer(&plain()), 7);
}

/// Between the landing and the moment the waiter looks at it, the value's own tag is invalidated:
/// at boarding nobody knew of that tag, so it has to be asked now.
#[test]
fn r8_a_joined_value_is_proven_again_when_it_arrives() {
    for spoil in [
        |cache: &Cache| {
            cache
                .tags()
                .invalidate(&Tag::from("7"), cache.sequence().next(), Manner::default());
        },
        |cache: &Cache| {
            cache
                .tags()
                .invalidate_prefix("call", cache.sequence().next(), Manner::default());
        },
        |cache: &Cache| {
            let number = cache.sequence().next();
            cache.store().clear(number, Manner::default());
        },
        |cache: &Cache| {
            let key = Key::<u64>::new("call", &(1,));
            let raw = key.raw().expect("a number is a key");
            cache.store().invalidate(raw, cache.sequence().next(), None);
        },
    ] {
        let cache = Cache::in_process();
        let (call, landing) = joining(&cache);
        spoil(&cache);
        assert!(matches!(
            call.joined(&plain().kind, landing),
            Joined::InVain
        ));
    }
}

/// A key that nobody holds forgets what came over it.
#[tokio::test]
async fn r8_a_key_is_held_before_anything_rests_on_it() {
    type Case = (&'static str, Cache, Policy, fn(&Call));
    let alone = Cache::in_process;
    let shared = || {
        Cache::new(Settings {
            remote: Some(Arc::new(DoubleServer::new(1).connect())),
            ..Settings::default()
        })
    };
    let policy = || Policy::ttl(Duration::from_secs(60));
    let boards = |call: &Call| drop(call.board(None));
    let asks = |call: &Call| {
        let tier = call.cache.shared().expect("it is shared");
        drop(call.subject.share(&call.cache, tier, &plain().kind));
    };
    let stale = || policy().local(false).stale_if_error(Duration::from_secs(1));
    let cases: [Case; 4] = [
        ("a load", alone(), policy(), boards),
        ("a load for others", shared(), policy().local(false), boards),
        ("a copy that is asked for", shared(), policy(), asks),
        ("what may be given after a load", shared(), stale(), asks),
    ];
    let key = Key::<u64>::new("call", &(1,));
    let raw = key.raw().expect("a number is a key");
    let call = |cache: &Cache, policy: Policy| {
        let miss = Plain::new(cache, raw, None, None, &plain());
        miss.rules(policy.typed()).attempt.call
    };
    for (what, cache, policy, rests) in cases {
        let call = call(&cache, policy);
        let start = cache.sequence().next();
        rests(&call);
        cache.store().invalidate(raw, cache.sequence().next(), None);
        assert!(!call.subject.is_latest(&cache, start), "{what}");
        assert!(!call.subject.is_unmoved(&cache), "{what}");
    }
    let cache = alone();
    let load = || async { Ok::<_, Infallible>(7) };
    assert_eq!(cache.get_or_load(&key, &policy(), load).await, Ok(7));
    let call = call(&cache, policy());
    cache.store().invalidate(raw, cache.sequence().next(), None);
    let found = call.found.as_ref().expect("it was there");
    assert!(!call.subject.is_unbroken(&cache, found), "what was found");
}

#[test]
fn the_name_of_a_type_is_the_same_in_two_programs() {
    let named = |name| super::share::without_crates(name);
    assert_eq!(named("web::model::User"), "model::User");
    assert_eq!(named("worker::model::User"), "model::User");
    assert_eq!(named("u64"), "u64");
    let nested = "alloc::vec::Vec<core::option::Option<(web::model::User, [u8; 4])>>";
    assert_eq!(
        named(nested),
        "vec::Vec<option::Option<(model::User, [u8; 4])>>"
    );
    assert_ne!(named("web::a::User"), named("web::b::User"));
}

/// Both decide by one reading: it must be one that trust does not outlive by what a coarse one lags.
#[tokio::test]
async fn i9_a_hit_on_a_copy_goes_by_no_reading_that_lags() {
    const WINDOW: Duration = Duration::from_secs(1);
    let (server, clock) = (DoubleServer::new(1), Clock::lagging());
    clock.advance(WINDOW * 10);
    let cache = Cache::new(Settings {
        clock: clock.clone(),
        remote: Some(Arc::new(server.connect())),
        coherence: Coherence::Bounded(WINDOW),
        ..Settings::default()
    });
    let key = Key::<u64>::new("call", &(1,));
    let policy = Policy::ttl(WINDOW * 60).tags(["tag"]);
    // Twice: the token that the first load made is pushed, and has the copy confirmed once.
    for _ in 0..2 {
        let load = || async { Ok::<_, Infallible>(7) };
        assert_eq!(cache.get_or_load(&key, &policy, load).await, Ok(7));
    }
    let raw = key.raw().expect("a number is a key");
    let hit = || plain_hit(&cache, raw, &plain(), Trust::FOREVER);
    assert_eq!(hit(), Some(7));
    clock.advance(WINDOW);
    assert_eq!(hit(), None);
}
