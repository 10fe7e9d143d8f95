//! What is known of one entry.

use std::time::Duration;

use crate::cache::Cache;
use crate::call::{Subject, meet};
use crate::clock::Moment;
use crate::codec;
use crate::key::Key;
use crate::local::AnyEntry;
use crate::mode::Tier;
use crate::outcome::{self, Shape};
use crate::policy::AnyPolicy;
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
    /// How long its load took, to three digits or more; an hour at most.
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
        let written_by = entry.behind().and_then(|behind| behind.codec);
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

impl Cache {
    /// What is known of a key's entry, in this process or in the shared store: current or not,
    /// `None` if there is none.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::{Cache, Key, Policy};
    /// use std::time::Duration;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let cache = Cache::in_process();
    /// let key = Key::<u32>::new("answer", &());
    /// cache.put(&key, &42, &Policy::ttl(Duration::from_secs(60)).tags(["t"])).await?;
    /// let info = cache.inspect(&key).await.unwrap();
    /// assert!(info.ttl_left <= Duration::from_secs(60) && !info.invalidated);
    /// assert_eq!(info.tags[0].as_str(), "t");
    /// # Ok::<(), cache_aside::Error>(()) }).unwrap();
    /// ```
    pub async fn inspect<T: Cacheable>(&self, key: &Key<T>) -> Option<EntryInfo> {
        let raw = key.raw()?;
        let here = self.store().peek(raw);
        if self.shared().is_some() {
            let codec = outcome::codec(Shape::<Option<T>, T, _>::of_option());
            let mut subject = Subject::new(self, raw.clone());
            subject.set_policy(self, AnyPolicy::storing_nothing());
            let found = here.clone().filter(|entry| self.store().is_current(entry));
            let met = meet(self, &codec.kind, &subject, found, true).await;
            if let Some(entry) = met.found {
                let now = self.clock().now();
                return Some(EntryInfo::of::<T>(&entry, met.tier, true, now));
            }
        }
        let entry = here?;
        let current = self.shared().is_none() && self.store().is_current(&entry);
        let now = self.clock().now();
        Some(EntryInfo::of::<T>(&entry, Tier::Local, current, now))
    }
}
