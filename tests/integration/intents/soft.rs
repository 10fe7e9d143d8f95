//! Answers that may be given for a while after they were invalidated.

use std::time::Duration;

use cache_aside::remote::double::Op;
use cache_aside::{Coherence, Key, Policy};
use tokio::time::timeout;

use super::Fleet;
use crate::support::{Broken, MINUTE, SECOND, World, settle};

/// May be given stale at once, may be given stale for an error, and may not.
#[derive(Clone, Copy, PartialEq)]
enum Can {
    Revalidate,
    Fail,
    Not,
}

fn rules(can: Can) -> Policy {
    let rules = Policy::ttl(MINUTE).jitter(0.0).tags(["soft"]);
    match can {
        Can::Revalidate => rules.stale_while_revalidate(MINUTE),
        Can::Fail => rules.stale_if_error(MINUTE),
        Can::Not => rules,
    }
}

/// Refreshes run behind the call.
async fn ask(world: &World, can: Can) -> Result<u64, Broken> {
    let key = Key::<u64>::new(
        match can {
            Can::Revalidate => "soft.revalidate",
            Can::Fail => "soft.fail",
            Can::Not => "soft.not",
        },
        &(),
    );
    let owned = world.clone();
    let load = move || async move { owned.try_load().await };
    let rules = rules(can);
    let asked = world.cache.get_or_load_owned(&key, &rules, load);
    timeout(10 * SECOND, asked).await.expect("an answer")
}

async fn soften(world: &World, how: usize, window: Duration) {
    let cache = &world.cache;
    let invalidations = match how {
        0 => vec![cache.invalidate_tag("soft")],
        1 => ["soft.revalidate", "soft.fail", "soft.not"]
            .map(|prefix| cache.invalidate_prefix(prefix))
            .into(),
        _ => vec![cache.clear()],
    };
    for invalidation in invalidations {
        invalidation.soft(window).await.unwrap();
    }
}

async fn softly(worlds: &[&World], advance: impl Fn(Duration)) {
    let (one, other) = (worlds[0], worlds[worlds.len() - 1]);
    for how in 0..3 {
        let before = ask(one, Can::Fail).await.unwrap();
        for can in [Can::Revalidate, Can::Not] {
            assert_eq!(ask(one, can).await, Ok(before));
        }
        for can in [Can::Revalidate, Can::Fail, Can::Not] {
            assert_eq!(ask(other, can).await, Ok(before));
        }
        let version = one.write();
        soften(one, how, 10 * SECOND).await;
        advance(9 * SECOND);
        // At once, while one caller loads; not by loading.
        one.forget_reached();
        one.forget_released();
        one.hold();
        for _ in 0..2 {
            assert_eq!(ask(other, Can::Revalidate).await, Ok(before), "{how}");
        }
        one.reached(1).await;
        one.let_go();
        for _ in 0..1_000 {
            if ask(other, Can::Revalidate).await == Ok(version) {
                break;
            }
            settle().await;
        }
        for world in worlds {
            assert_eq!(ask(world, Can::Revalidate).await, Ok(version), "{how}");
        }
        // For an error, as often as there is one.
        one.break_down(true);
        for world in worlds.repeat(2) {
            assert_eq!(ask(world, Can::Fail).await, Ok(before), "{how}");
            assert_eq!(ask(world, Can::Not).await, Err(Broken), "{how}");
        }
        // Not for longer than it was said.
        advance(SECOND);
        for world in worlds {
            assert_eq!(ask(world, Can::Fail).await, Err(Broken), "{how}");
        }
        one.break_down(false);
        for world in worlds {
            assert_eq!(ask(world, Can::Fail).await, Ok(version), "{how}: fresh");
            assert_eq!(ask(world, Can::Not).await, Ok(version), "{how}");
        }
    }
}

#[tokio::test]
async fn what_is_softly_invalidated_is_given_as_stale_to_those_who_can_do_with_it() {
    let alone = Fleet::alone(|settings| settings).await;
    softly(&[&alone], |by| alone.clock.advance(by)).await;
    for coherence in [Coherence::Strict, Coherence::default()] {
        let fleet = Fleet::with(2, |settings| settings.coherence(coherence)).await;
        softly(&fleet.two(), |by| fleet.advance(by)).await;
    }
}

#[tokio::test]
async fn r18_what_is_invalidated_without_a_window_is_never_given_as_stale() {
    let fleet = Fleet::new().await;
    let alone = Fleet::alone(|settings| settings).await;
    for worlds in [vec![&alone], fleet.two().to_vec()] {
        let (one, other) = (worlds[0], worlds[worlds.len() - 1]);
        for how in 0..6 {
            for world in &worlds {
                ask(world, Can::Revalidate).await.unwrap();
                ask(world, Can::Fail).await.unwrap();
            }
            // Hard alone, after a soft one, and before one.
            if how > 0 && how != 5 {
                soften(one, 0, MINUTE).await;
            }
            let cache = &one.cache;
            match how {
                0 | 1 | 5 => cache.invalidate_tag("soft").await.unwrap(),
                2 => {
                    cache.invalidate_prefix("soft.fail").await.unwrap();
                    cache.invalidate_prefix("soft.revalidate").await.unwrap();
                }
                3 => cache.clear().await.unwrap(),
                _ => {
                    let write = async {};
                    cache.write_bracket(["soft"], write).await.unwrap();
                }
            }
            if how == 5 {
                soften(one, 0, MINUTE).await;
            }
            let version = one.write();
            one.break_down(true);
            assert_eq!(ask(other, Can::Fail).await, Err(Broken), "{how}");
            one.break_down(false);
            for world in &worlds {
                assert_eq!(ask(world, Can::Revalidate).await, Ok(version), "{how}");
                assert_eq!(ask(world, Can::Fail).await, Ok(version), "{how}");
            }
        }
    }
}

#[tokio::test]
async fn of_two_soft_invalidations_the_later_one_counts() {
    let fleet = Fleet::new().await;
    let alone = Fleet::alone(|settings| settings).await;
    for one in [&alone, &fleet.worlds[0]] {
        ask(one, Can::Fail).await.unwrap();
        soften(one, 0, MINUTE).await;
        soften(one, 0, MINUTE).await;
        one.break_down(true);
        assert_eq!(
            ask(one, Can::Fail).await,
            Err(Broken),
            "what was before both"
        );
        one.break_down(false);
        ask(one, Can::Fail).await.unwrap();
        soften(one, 0, MINUTE).await;
        one.break_down(true);
        assert!(
            ask(one, Can::Fail).await.is_ok(),
            "what was before the last"
        );
        one.break_down(false);
    }
}

#[tokio::test]
async fn a_window_costs_nothing_where_nothing_was_invalidated() {
    let fleet = Fleet::with(3, |settings| settings).await;
    let [one, two] = fleet.two();
    let third = &fleet.worlds[2];
    for world in fleet.two() {
        ask(world, Can::Fail).await.unwrap();
    }
    let (key, rules) = (Key::<u64>::new("soft.fail", &()), rules(Can::Fail));
    let rules = rules.coherence(Coherence::Strict);
    let trips = fleet.ways[1].trips();
    let load = || two.try_load();
    assert_eq!(two.cache.get_or_load(&key, &rules, load).await, Ok(1));
    assert_eq!(fleet.ways[1].trips(), trips + 1, "a hit is one trip");
    one.cache.invalidate_tag("soft").await.unwrap();
    // One without a window is not interested in what was there before.
    let not = Policy::ttl(MINUTE).tags(["soft"]);
    let load = || third.try_load();
    third.cache.get_or_load(&key, &not, load).await.unwrap();
    assert_eq!(fleet.ways[2].count(Op::Read), 1);
}
