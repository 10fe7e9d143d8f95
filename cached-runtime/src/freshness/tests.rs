use std::time::Duration;

use crate::clock::Clock;

use super::{Early, Jitter, Life, Windows};

const TTL: Duration = Duration::from_secs(100);

#[test]
fn jitter_only_shortens_and_uses_its_whole_range() {
    let lives: Vec<_> = (0..=100)
        .map(|i| Jitter::default().shorten(TTL, f64::from(i) / 100.0))
        .collect();
    assert_eq!(lives[0], TTL);
    assert_eq!(lives[100], Duration::from_secs(90));
    assert!(lives.is_sorted_by(|a, b| a >= b));
    assert_eq!(Jitter::OFF.shorten(TTL, 0.999), TTL);
    assert_eq!(
        Jitter::from(Duration::from_secs(5)).shorten(TTL, 0.5),
        Duration::from_millis(97_500)
    );
    assert_eq!(Jitter::from(TTL * 2).shorten(TTL, 1.0), Duration::ZERO);
}

#[test]
fn the_stale_windows_open_at_the_end_of_the_ttl_and_close_on_time() {
    let clock = Clock::manual();
    let windows = Windows {
        while_revalidate: TTL / 2,
        if_error: TTL,
    };
    let life = Life::new(clock.now(), TTL, windows, None, None);
    clock.advance(TTL.saturating_sub(Duration::from_nanos(1)));
    assert!(life.is_fresh(clock.now()));
    clock.advance(Duration::from_nanos(1));
    assert!(!life.is_fresh(clock.now()));
    assert!(life.within(windows.while_revalidate, clock.now()));
    clock.advance(TTL / 2);
    assert!(!life.within(windows.while_revalidate, clock.now()));
    assert!(life.within(windows.if_error, clock.now()));
    clock.advance(TTL / 2);
    assert!(!life.within(windows.if_error, clock.now()));
    assert!(
        !life.within(TTL * 10, clock.now()),
        "a reader's longer window finds nothing kept"
    );
}

#[test]
fn what_was_stored_elsewhere_has_the_life_it_was_stored_with() {
    let clock = Clock::manual();
    let windows = Windows {
        while_revalidate: TTL / 2,
        if_error: TTL,
    };
    let stored = Life::new(clock.now(), TTL, windows, None, None);
    for age in [1, 100, 149, 150, 199, 200, 1_000] {
        // By a clock that begins when it is found.
        let clock = Clock::manual();
        let (now, age) = (clock.now(), Duration::from_secs(age));
        let found = Life::found(now, age, (TTL, 2 * TTL), None);
        let moved = stored.born.after(age);
        assert_eq!(found.is_fresh(now), stored.is_fresh(moved), "{age:?}");
        for window in [windows.while_revalidate, windows.if_error, TTL * 10] {
            let open = (found.within(window, now), stored.within(window, moved));
            assert_eq!(open.0, open.1, "{window:?} at {age:?}");
        }
        assert_eq!(now.since(found.born), age);
    }
}

#[test]
fn a_cap_bounds_the_life_with_its_windows() {
    let born = Clock::manual().now();
    let windows = Windows {
        while_revalidate: TTL,
        if_error: TTL,
    };
    let life = Life::new(born, TTL, windows, Some(TTL / 4), None);
    assert_eq!(
        (life.fresh_until, life.usable_until),
        (born.after(TTL / 4), born.after(TTL / 4))
    );
}

#[test]
fn a_carefree_read_never_misses_a_decision() {
    let clock = Clock::manual();
    clock.advance(TTL * 100);
    let born = clock.now();
    for (early, cost) in [
        (Early::Ahead(0.8), Duration::ZERO),
        (Early::Chance { beta: 1.0 }, Duration::from_secs(1)),
        (Early::Chance { beta: 3.0 }, Duration::from_secs(60)),
    ] {
        let life = Life::new(born, TTL, Windows::default(), None, Some((early, cost)));
        let last_carefree = life.carefree_until.before(Duration::from_nanos(1));
        assert!(!early.due(&life, cost, last_carefree, 0.999_999));
        assert!(early.due(&life, cost, life.fresh_until, 0.0));
    }
}

#[test]
fn chance_refreshes_earlier_for_slower_loads() {
    let born = Clock::manual().now();
    let (fast, slow) = (Duration::from_millis(10), Duration::from_secs(10));
    let early = Early::Chance { beta: 1.0 };
    let life = Life::new(born, TTL, Windows::default(), None, Some((early, slow)));
    let near = life.fresh_until.before(Duration::from_secs(5));
    let share = |cost| {
        (0..1_000)
            .filter(|i| early.due(&life, cost, near, f64::from(*i) / 1_000.0))
            .count()
    };
    // P(10 s * draw >= 5 s) = exp(-0.5) = 0.607
    assert_eq!(share(fast), 0);
    assert!((600..615).contains(&share(slow)), "{}", share(slow));
}

#[test]
fn no_number_from_a_user_makes_it_panic() {
    let odd = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -1.0,
        0.0,
        1.0,
        f64::MAX,
    ];
    let now = Clock::manual().now();
    for number in odd {
        for ttl in [Duration::ZERO, TTL, Duration::MAX] {
            assert!(Jitter::from(number).shorten(ttl, 1.0) <= ttl);
            for early in [Early::Ahead(number), Early::Chance { beta: number }] {
                let windows = Windows {
                    while_revalidate: ttl,
                    if_error: Duration::MAX,
                };
                let life = Life::new(now, ttl, windows, None, Some((early, ttl)));
                early.due(&life, ttl, now, 0.999);
                assert!(life.within(windows.longest(), now) || ttl.is_zero());
            }
        }
    }
}
