//! What is known of one entry.

use std::time::Duration;

use crate::clock::Moment;
use crate::local::AnyEntry;
use crate::mode::Tier;
use crate::tags::Tag;
use crate::value::{Cacheable, weight};

/// The answer of [`Cache::inspect`](crate::Cache::inspect).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntryInfo {
    /// Where it was found.
    pub tier: Tier,
    /// Time since it was stored.
    pub age: Duration,
    /// Time until it is no longer fresh; zero if it is not.
    pub ttl_left: Duration,
    /// How long its load took.
    pub load_cost: Duration,
    /// Whether it says "not found".
    pub negative: bool,
    /// Whether it was invalidated since: then nobody is given it any more.
    pub invalidated: bool,
    /// Size of the encoded value in bytes; `None` for a value of another type than the key's.
    pub size: Option<usize>,
    /// Its tags.
    pub tags: Vec<Tag>,
}

impl EntryInfo {
    pub(crate) fn of<T: Cacheable>(entry: &AnyEntry, current: bool, now: Moment) -> Self {
        Self {
            tier: Tier::Local,
            age: now.since(entry.life.born),
            ttl_left: entry.life.fresh_until.since(now),
            load_cost: entry.cost,
            negative: entry.is_negative(),
            invalidated: !current,
            size: entry.value::<T>().map(weight),
            tags: entry.tags.iter().filter_map(|cell| cell.tag()).collect(),
        }
    }
}
