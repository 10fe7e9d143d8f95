//! What a caller asks of one answer: how long it lives, what it is tagged with, when it may be stale.

mod any_policy;
mod by_value;
mod for_value;
mod options;

#[cfg(test)]
mod tests;

pub(crate) use any_policy::AnyPolicy;
pub use for_value::PolicyFor;
pub(crate) use options::{Local, MAX_SIZE, Options};
pub use options::{Locally, SingleFlight};

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use by_value::ByValue;
use options::SHORTEST_LEASE;

use crate::codec::Codec;
use crate::codec::compress::{Compresses, Compressor, LARGEST};
use crate::coherence::Coherence;
use crate::freshness::{Early, Jitter};
use crate::outcome::AnyCodec;
use crate::tags::Tag;
use crate::value::Cacheable;

/// The options of the attribute, for a cache that is called by hand.
///
/// Options that look at the value (`cache_if`, `tags_with`, [`Policy::ttl_with`]) or encode it
/// (`codec`) bind the policy to a value type; without them one policy serves keys of every type.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::{Cache, Key, Policy};
/// use std::time::Duration;
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let cache = Cache::in_process();
/// let policy = Policy::ttl(Duration::from_secs(300)).tags(["team:7"]).jitter(0.2);
/// let members = Key::<Vec<String>>::new("members", &(7u64,));
/// let load = || async { Ok::<_, std::io::Error>(vec!["Ada".to_owned()]) };
/// assert_eq!(cache.get_or_load(&members, &policy, load).await?, ["Ada"]);
///
/// let never_empty = policy.clone().cache_if(|members: &Vec<String>| !members.is_empty());
/// cache.put(&members, &vec![], &never_empty).await?;
/// assert_eq!(cache.get(&members).await, None);
///
/// // What the tier that processes share is asked to do.
/// let shared = policy.clone().max_size(64 << 10).lease(Duration::from_secs(10));
/// let private = policy.remote(false);
/// # let _ = (shared, private);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[must_use = "a policy does nothing until a cache is called with it"]
pub struct Policy<T = Untyped> {
    pub(crate) options: Options,
    pub(crate) by_value: ByValue<T>,
}

/// The type parameter of a [`Policy`] that serves values of every type.
#[derive(Clone, Copy, Debug)]
pub enum Untyped {}

impl Policy<Untyped> {
    /// Answers are fresh for `ttl`, less the jitter. A zero ttl stores nothing.
    pub fn ttl(ttl: Duration) -> Self {
        Self {
            options: Options {
                ttl,
                ..Options::default()
            },
            by_value: ByValue::default(),
        }
    }

    /// Answers are fresh for as long as the loaded value says.
    pub fn ttl_with<T>(ttl: impl Fn(&T) -> Duration + Send + Sync + 'static) -> Policy<T> {
        let by_value = ByValue {
            ttl_with: Some(Arc::new(ttl)),
            ..ByValue::default()
        };
        Policy {
            options: Options::default(),
            by_value,
        }
    }

    /// Stores only values that `keep` accepts; others are returned and not stored.
    pub fn cache_if<T>(self, keep: impl Fn(&T) -> bool + Send + Sync + 'static) -> Policy<T> {
        self.typed().with_cache_if(keep)
    }

    /// Adds tags that depend on the loaded value.
    pub fn tags_with<T, I>(self, tags: impl Fn(&T) -> I + Send + Sync + 'static) -> Policy<T>
    where
        I: IntoIterator<Item: Into<Tag>>,
    {
        self.typed().with_tags_with(tags)
    }

    /// How values become bytes for the remote tier. Default: `MessagePack` with field names.
    ///
    /// A codec that is not [`SELF_DESCRIBING`](Codec::SELF_DESCRIBING) goes with keys that have a
    /// [`version`](crate::Key::version).
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// # #[cfg(feature = "messagepack")] {
    /// use cache_aside::{Policy, codec::MessagePack};
    /// use std::time::Duration;
    ///
    /// let users = Policy::ttl(Duration::from_secs(60)).codec::<String>(MessagePack);
    /// # drop(users); }
    /// ```
    pub fn codec<T: Cacheable>(self, codec: impl Codec) -> Policy<T> {
        self.typed().with_codec(codec)
    }

    pub(crate) fn typed<T>(self) -> Policy<T> {
        Policy {
            options: self.options,
            by_value: ByValue::default(),
        }
    }
}

impl<T: Cacheable> Policy<T> {
    /// Stores only values that `keep` accepts; others are returned and not stored.
    pub fn cache_if(self, keep: impl Fn(&T) -> bool + Send + Sync + 'static) -> Self {
        self.with_cache_if(keep)
    }

    /// Adds tags that depend on the loaded value.
    pub fn tags_with<I>(self, tags: impl Fn(&T) -> I + Send + Sync + 'static) -> Self
    where
        I: IntoIterator<Item: Into<Tag>>,
    {
        self.with_tags_with(tags)
    }

    /// How values become bytes for the remote tier. Default: `MessagePack` with field names.
    ///
    /// A codec that is not [`SELF_DESCRIBING`](Codec::SELF_DESCRIBING) goes with keys that have a
    /// [`version`](crate::Key::version).
    pub fn codec(self, codec: impl Codec) -> Self {
        self.with_codec(codec)
    }

    fn with_codec<C: Codec>(mut self, _: C) -> Self {
        self.by_value.codec = Some(AnyCodec::of::<C, T>());
        self
    }
}

impl<T> Policy<T> {
    /// Tags under which the answer can be invalidated.
    pub fn tags<I>(mut self, tags: I) -> Self
    where
        I: IntoIterator<Item: Into<Tag>>,
    {
        let all = &mut self.options.tags;
        for tag in tags.into_iter().map(Into::into) {
            if !all.contains(&tag) {
                all.push(tag);
            }
        }
        self
    }

    /// Shortens each stored life at random, by up to a fraction of the ttl (`0.1`, the default) or
    /// a [`Duration`]. `0.0` turns it off.
    pub fn jitter(mut self, jitter: impl Into<Jitter>) -> Self {
        self.options.jitter = jitter.into();
        self
    }

    /// How long "not found" is remembered; zero: not at all. Default: a tenth of the ttl, at most
    /// 30 s.
    pub fn negative_ttl(mut self, ttl: Duration) -> Self {
        self.options.negative_ttl = Some(ttl);
        self
    }

    /// For this long past the ttl the old value is given at once, while one caller refreshes it.
    pub fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.options.windows.while_revalidate = window;
        self
    }

    /// For this long past the ttl the old value is given when the load fails or is cut.
    pub fn stale_if_error(mut self, window: Duration) -> Self {
        self.options.windows.if_error = window;
        self
    }

    /// Past this fraction of the ttl one caller refreshes behind its answer.
    pub fn refresh_ahead(mut self, fraction: f64) -> Self {
        self.options.early = Some(Early::Ahead(fraction));
        self
    }

    /// Refreshes early at random (`XFetch`): the likelier, the nearer the expiry and the slower
    /// the load. `beta` is 1.0 in the literature; more is earlier.
    pub fn early_expiry(mut self, beta: f64) -> Self {
        self.options.early = Some(Early::Chance { beta });
        self
    }

    /// With a stale value at hand, waits this long for the load and then gives the stale value;
    /// the load goes on and is stored. By hand this takes a load that can outlive its call:
    /// [`Cache::get_or_load_owned`](crate::Cache::get_or_load_owned).
    pub fn soft_timeout(mut self, limit: Duration) -> Self {
        self.options.soft_timeout = Some(limit);
        self
    }

    /// Cuts a load that takes longer. Called by hand, it works where a stale value is at hand:
    /// [`Cache::get_or_load`](crate::Cache::get_or_load) cannot make an error of the caller's type.
    pub fn load_timeout(mut self, limit: Duration) -> Self {
        self.options.load_timeout = Some(limit);
        self
    }

    /// How closely copies in this process follow what other processes invalidate. Of this and what
    /// the cache is set to, the closer holds. Signs of life come at the pace of the cache's own
    /// window, four times in it: a much shorter one here has most hits ask the store, and one of less
    /// than 100 ms counts as `Strict`.
    pub fn coherence(mut self, coherence: Coherence) -> Self {
        self.options.coherence = Some(coherence);
        self
    }

    /// Who shares one load. Default: [`SingleFlight::Cluster`].
    pub fn single_flight(mut self, who: SingleFlight) -> Self {
        self.options.single_flight = who;
        self
    }

    /// Whether it is kept in this process, or for how long at most, stale windows included. Where it is
    /// not, callers at the same time still share one load. Default: `true`.
    pub fn local(mut self, kept: impl Into<Locally>) -> Self {
        let Locally(local) = kept.into();
        self.options.local = local;
        self
    }

    /// Whether it is kept in the remote tier. An answer that stays in this process is invalidated
    /// through the shared tier like every other. Default: `true`.
    pub fn remote(mut self, kept: bool) -> Self {
        self.options.remote = kept;
        self
    }

    /// Compresses payloads of more than this many bytes, on their way to the remote tier. Zero,
    /// the default, turns it off. It needs the feature `lz4` or `zstd`.
    pub fn compress_above(mut self, bytes: usize) -> Self
    where
        Compressor<T>: Compresses,
    {
        self.options.compress_above = (bytes > 0).then_some(bytes);
        self
    }

    /// Larger payloads are returned, not stored in any tier, and counted. A value that is kept in this
    /// process only counts for what its codec would make of it. Default: 1 MiB; at most 256 MiB.
    pub fn max_size(mut self, bytes: usize) -> Self {
        self.options.max_size = bytes.min(LARGEST);
        self
    }

    /// How long a loader that crashed can hold up other processes. A loader that lives renews its
    /// lease at a third of this time, so it is at least 300 ms: a shorter one counts as that.
    /// Default: 3 s.
    pub fn lease(mut self, time: Duration) -> Self {
        self.options.lease = time.max(SHORTEST_LEASE);
        self
    }

    /// How long to wait for the load of another process that is alive; then the caller loads by
    /// itself, and does not store. Default: 30 s.
    pub fn lease_wait(mut self, limit: Duration) -> Self {
        self.options.lease_wait = limit;
        self
    }

    pub(crate) fn with_cache_if(
        mut self,
        keep: impl Fn(&T) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.by_value.cache_if = Some(Arc::new(keep));
        self
    }

    pub(crate) fn with_tags_with<I>(
        mut self,
        tags: impl Fn(&T) -> I + Send + Sync + 'static,
    ) -> Self
    where
        I: IntoIterator<Item: Into<Tag>>,
    {
        let tags = move |value: &T| tags(value).into_iter().map(Into::into).collect();
        self.by_value.tags_with.push(Arc::new(tags));
        self
    }
}

impl<T> Clone for Policy<T> {
    fn clone(&self) -> Self {
        Self {
            options: self.options.clone(),
            by_value: self.by_value.clone(),
        }
    }
}

impl<T> fmt::Debug for Policy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Tags are made of arguments: they are counted, not shown.
        f.debug_struct("Policy")
            .field("ttl", &self.options.ttl)
            .field("tags", &self.options.tags.len())
            .finish_non_exhaustive()
    }
}
