//! Buckets, of implementations that keep them.

use std::time::Duration;

use super::Conformance;
use super::process::{A_LITTLE_MORE, LONG, Process, done, entry};
use crate::remote::{Draw, Drawn, Pace};

const HOUR: u64 = 3_600_000_000;

/// Ten tokens, of which one comes back in an hour: as good as never.
const SLOW: Pace = Pace {
    token: HOUR,
    speed: 1,
    capacity: 10 * HOUR,
};

async fn draw(process: &Process<'_>, bucket: &str, pace: Pace, tokens: u64) -> Drawn {
    let bucket = entry(bucket);
    let parts = tokens * pace.token;
    let draw = Draw {
        bucket,
        pace,
        parts,
    };
    done(process.remote.draw(draw).await)
}

fn assert_missing(drawn: Drawn, allowed: bool, tokens: u64) {
    assert_eq!(drawn.allowed, allowed, "{drawn:?}");
    // What came back meanwhile is a small part of a token.
    assert_eq!(drawn.missing.div_ceil(HOUR), tokens, "{drawn:?}");
}

pub(super) async fn a_bucket_that_is_not_there_is_full(suite: &Conformance) {
    if !suite.limits() {
        return;
    }
    let one = suite.process().await;
    assert_missing(draw(&one, "bucket:new", SLOW, 11).await, false, 0);
    assert_missing(draw(&one, "bucket:new", SLOW, 10).await, true, 10);
    assert_missing(draw(&one, "bucket:new", SLOW, 1).await, false, 10);
    assert_missing(draw(&one, "bucket:other", SLOW, 1).await, true, 1);
}

pub(super) async fn a_bucket_gives_what_it_has_to_all_processes_together(suite: &Conformance) {
    if !suite.limits() {
        return;
    }
    let (one, two) = suite.two().await;
    for missing in 1..=5 {
        let drawn = draw(&one, "bucket:shared", SLOW, 1).await;
        assert_missing(drawn, true, 2 * missing - 1);
        let drawn = draw(&two, "bucket:shared", SLOW, 1).await;
        assert_missing(drawn, true, 2 * missing);
    }
    assert_missing(draw(&one, "bucket:shared", SLOW, 1).await, false, 10);
    assert_missing(draw(&two, "bucket:shared", SLOW, 1).await, false, 10);
}

pub(super) async fn a_bucket_fills_with_time(suite: &Conformance) {
    if !suite.limits() {
        return;
    }
    let one = suite.process().await;
    let pace = Pace {
        token: 1_000_000,
        speed: 1,
        capacity: 60_000_000,
    };
    let before = draw(&one, "bucket:fills", pace, 60).await;
    assert_eq!((before.allowed, before.missing), (true, pace.capacity));
    assert!(!draw(&one, "bucket:fills", pace, 2).await.allowed);
    suite.wait(A_LITTLE_MORE).await;
    let after = draw(&one, "bucket:fills", pace, 1).await;
    assert!(after.allowed, "{after:?}");
    let back = Duration::from_micros(pace.capacity - (after.missing - pace.token));
    assert!(back + Duration::from_millis(1) >= A_LITTLE_MORE, "{back:?}");
    assert!(back < LONG / 20, "{back:?}");

    // With the last part it is forgotten, and no earlier.
    let quick = Pace {
        speed: 1_000,
        ..pace
    };
    assert!(draw(&one, "bucket:ends", quick, 60).await.allowed);
    suite.wait(A_LITTLE_MORE).await;
    let full = draw(&one, "bucket:ends", quick, 60).await;
    assert_eq!((full.allowed, full.missing), (true, pace.capacity));
}

pub(super) async fn a_bucket_that_is_only_looked_at_keeps_what_it_has(suite: &Conformance) {
    if !suite.limits() {
        return;
    }
    let one = suite.process().await;
    assert_missing(draw(&one, "bucket:seen", SLOW, 0).await, true, 0);
    assert_missing(draw(&one, "bucket:seen", SLOW, 4).await, true, 4);
    assert_missing(draw(&one, "bucket:seen", SLOW, 0).await, true, 4);
    assert_missing(draw(&one, "bucket:seen", SLOW, 7).await, false, 4);
    assert_missing(draw(&one, "bucket:seen", SLOW, 6).await, true, 10);
}

pub(super) async fn other_settings_find_the_tokens_that_are_missing(suite: &Conformance) {
    if !suite.limits() {
        return;
    }
    let one = suite.process().await;
    assert!(draw(&one, "bucket:set", SLOW, 7).await.allowed);
    let other = Pace {
        token: HOUR / 2,
        speed: 1,
        capacity: 4 * HOUR,
    };
    let drawn = draw(&one, "bucket:set", other, 1).await;
    assert!(drawn.allowed, "{drawn:?}");
    assert_eq!(drawn.missing.div_ceil(other.token), 8, "{drawn:?}");
    let smaller = Pace {
        capacity: 3 * HOUR,
        ..SLOW
    };
    assert_missing(draw(&one, "bucket:set", smaller, 1).await, false, 3);
}

pub(super) async fn buckets_with_odd_names_do_not_meet(suite: &Conformance) {
    if !suite.limits() {
        return;
    }
    let one = suite.process().await;
    for name in [
        "bucket:{",
        "bucket:}",
        "bucket:%7B",
        "bucket:",
        "bucket:\r\n",
    ] {
        assert_missing(draw(&one, name, SLOW, 1).await, true, 1);
    }
}
