//! What is known of one entry.

use std::time::Duration;

use crate::clock::Moment;
use crate::codec;
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
    /// The codec by which it was written into the shared store: `messagepack`, `json`, `postcard`
    /// or `user`; `None` for a value that is in this process only.
    pub codec: Option<&'static str>,
    /// Its tags.
    pub tags: Vec<Tag>,
}

impl EntryInfo {
    pub(crate) fn of<T: Cacheable>(
        entry: &AnyEntry,
        tier: Tier,
        current: bool,
        now: Moment,
    ) -> Self {
        let written_by = entry.backing().and_then(|backing| backing.codec);
        let life = entry.life();
        Self {
            tier,
            age: now.since(life.born),
            ttl_left: life.fresh_until.since(now),
            load_cost: entry.cost(),
            negative: entry.is_negative(),
            invalidated: !current,
            size: entry.value::<T>().map(weight),
            codec: written_by.map(codec::name),
            tags: entry.tags().filter_map(|cell| cell.tag()).collect(),
        }
    }
}
