//! What an entry says of itself, however little of it is kept.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, Moment};
use crate::coherence::Vouched;
use crate::freshness::{Early, Life, Windows};
use crate::key::{Ident, Identity, Key, Named, Nil, RawKey};
use crate::observe::Observatory;
use crate::tags::{Changes, Tag, TagCell, TagCells, TagTable};

use super::super::behind::Behind;
use super::super::more::More;
use super::super::{AnyEntry, EntryHead, Home, Limits, Store};

const SECOND: Duration = Duration::from_secs(1);

struct Desk {
    store: Store,
    tags: TagTable,
    observatory: Observatory,
}

impl Desk {
    fn new() -> Self {
        let limits = Limits {
            entries: 10,
            bytes: None,
        };
        Self {
            store: Store::new(limits, Changes::new()),
            tags: TagTable::new(),
            observatory: Observatory::default(),
        }
    }

    fn tags(&self, tags: &[String]) -> TagCells {
        let prefix = self.tags.prefix_cell("p");
        let tags = tags
            .iter()
            .map(|tag| self.tags.cell(&Tag::from(tag.as_str())));
        std::iter::once(prefix).chain(tags).collect()
    }

    fn home(&self, key: &RawKey) -> Arc<Home> {
        let stats = self.observatory.prefix("p");
        self.store.home(key, &stats, &self.tags(&[]))
    }

    fn entry(&self, key: &RawKey, life: Life, weight: usize, tags: &[String]) -> Arc<AnyEntry> {
        let place = (key, self.home(key));
        let head = EntryHead::new(place, 7, life, SECOND, weight, self.tags(tags));
        Arc::new(head.with("value"))
    }
}

fn key(of: &str) -> RawKey {
    Key::<u8>::new("p", of).raw().expect("cacheable").clone()
}

fn plain_life(now: Moment) -> Life {
    Life::new(now, SECOND * 60, Windows::default(), None, None)
}

#[test]
fn an_entry_knows_its_key_and_its_tags_however_many_and_long() {
    let (desk, life) = (Desk::new(), plain_life(Clock::manual().now()));
    for len in 0..70 {
        let key = key(&"x".repeat(len));
        let tags: Vec<_> = (0..len % 6).map(|tag| format!("tag:{tag}")).collect();
        let entry = desk.entry(&key, life, len / 10, &tags);
        assert_eq!(entry.key_rest(), key.rest());
        assert_eq!(
            RawKey::of_head(entry.home().head.encoded(), entry.key_rest()),
            Some(key)
        );
        let known: Vec<_> = entry.tags().filter_map(|cell| cell.tag()).collect();
        let expected: Vec<_> = tags.iter().map(|tag| Tag::from(tag.as_str())).collect();
        assert_eq!((entry.tags().count(), known), (1 + tags.len(), expected));
        assert_eq!((entry.weight(), entry.cost()), (len / 10, SECOND));
    }
}

#[test]
fn the_life_of_an_entry_is_the_one_it_was_given() {
    let (desk, clock) = (Desk::new(), Clock::manual());
    let windows = Windows {
        while_revalidate: SECOND,
        if_error: SECOND * 5,
    };
    let early = Some((Early::Chance { beta: 1.0 }, SECOND));
    for at in [Duration::ZERO, SECOND * 10_000] {
        clock.advance(at);
        let now = clock.now();
        for ttl in [1, 15_000_000, 20_000_000, 60_000_000_000, u64::MAX] {
            let ttl = Duration::from_nanos(ttl);
            for life in [
                Life::new(now, ttl, Windows::default(), None, None),
                Life::new(now, ttl, windows, None, None),
                Life::new(now, ttl, windows, Some(SECOND * 2), None),
                Life::new(now, ttl, Windows::default(), None, early),
                Life::new(now, ttl, Windows::default(), None, None).kept_until(now.after(SECOND)),
            ] {
                let tags = ["a", "b", "c"].map(str::to_owned);
                for entry in [
                    desk.entry(&key("k"), life, 0, &[]),
                    desk.entry(&key("k"), life, 1, &[]),
                    desk.entry(&key("k"), life, 0, &tags),
                    desk.entry(&key(&"k".repeat(50)), life, 0, &[]),
                ] {
                    assert_eq!(entry.life(), life, "{ttl:?}");
                    assert_eq!(entry.carefree_until, life.carefree_until);
                }
            }
        }
    }
}

#[test]
fn a_plain_life_that_is_not_round_ends_a_little_sooner() {
    let (desk, now) = (Desk::new(), Clock::manual().now());
    let ttl = Duration::from_nanos(3_456_789_012_345);
    let life = Life::new(now, ttl, Windows::default(), None, None);
    let kept = desk.entry(&key("k"), life, 0, &[]).life();
    assert_eq!(kept, Life::plain(now, kept.fresh_until));
    assert!(kept.fresh_until <= life.fresh_until);
    assert!(kept.fresh_until.after(ttl / 100_000) > life.fresh_until);
}

/// Most entries are one piece of memory and nothing besides; the number is for 64 bits.
#[test]
fn the_head_of_an_entry_is_small() {
    assert!(size_of::<EntryHead>() <= 88, "{}", size_of::<EntryHead>());
}

/// Those with a stale window, more tags or a weight have this besides; what a copy has stands apart.
#[test]
fn what_an_entry_of_this_process_alone_has_besides_is_small() {
    assert!(size_of::<More>() <= 72, "{}", size_of::<More>());
}

/// And the tokens of two tags are in it.
#[test]
fn what_stands_behind_a_copy_is_one_more_piece() {
    let size = size_of::<(Behind, Vouched)>();
    assert!(size <= 104, "{size}");
}

#[test]
fn a_tag_of_its_own_is_little() {
    assert!(size_of::<TagCell>() <= 48, "{}", size_of::<TagCell>());
}

#[test]
fn the_entries_of_one_function_have_one_home_and_those_of_others_another() {
    let desk = Desk::new();
    let home = desk.home(&key("a"));
    assert!(Arc::ptr_eq(&home, &desk.home(&key("b"))));
    let version = Key::<u8>::new("p", "a").version(2);
    let other = desk.home(version.raw().expect("cacheable"));
    assert!(!Arc::ptr_eq(&home, &other));
    assert_ne!(home.head.encoded(), other.head.encoded());
}

/// A function remembers one head by its number, in whatever cache it is met.
#[test]
fn a_function_knows_its_head_in_every_cache_and_takes_no_other_for_it() {
    let function = Named::new("p", None);
    let own = Identity::new(&function, &Nil);
    let key = own.encode().expect("cacheable");
    let caches = [Desk::new(), Desk::new()];
    let version = Key::<u8>::new("p", &()).version(2);
    for _ in 0..2_000 {
        for desk in &caches {
            assert!(own.is_under(&desk.home(&key).head));
            let other = desk.home(version.raw().expect("cacheable"));
            assert!(!own.is_under(&other.head));
        }
    }
}
