//! What a caller asks of one answer: how long it lives, what it is tagged with, when it may be stale.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::freshness::{Early, Jitter, NEGATIVE_TTL, Windows};
use crate::tags::Tag;
use crate::template::Template;
use crate::value::Cacheable;

/// The options of the attribute, for a cache that is called by hand.
///
/// Options that look at the value (`cache_if`, `tags_with`, [`Policy::ttl_with`]) bind the policy
/// to a value type; without them one policy serves keys of every type.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::{Cache, Key, Policy};
/// use std::time::Duration;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let cache = Cache::in_process();
/// let policy = Policy::ttl(Duration::from_secs(300)).tags(["team:7"]).jitter(0.2);
/// let members = Key::<Vec<String>>::new("members", &(7u64,));
/// let load = || async { Ok::<_, std::io::Error>(vec!["Ada".to_owned()]) };
/// assert_eq!(cache.get_or_load(&members, &policy, load).await?, ["Ada"]);
///
/// let never_empty = policy.clone().cache_if(|members: &Vec<String>| !members.is_empty());
/// cache.put(&members, &vec![], &never_empty).await?;
/// assert_eq!(cache.get(&members).await, None);
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

/// Who shares one load of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SingleFlight {
    /// All callers of this process.
    #[default]
    Local,
    /// Nobody: every caller that finds nothing loads.
    Off,
}

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) ttl: Duration,
    pub(crate) jitter: Jitter,
    pub(crate) negative_ttl: Option<Duration>,
    pub(crate) windows: Windows,
    pub(crate) early: Option<Early>,
    pub(crate) soft_timeout: Option<Duration>,
    pub(crate) load_timeout: Option<Duration>,
    pub(crate) single_flight: SingleFlight,
    pub(crate) local: Local,
    pub(crate) tags: Vec<Tag>,
}

/// What the local tier keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Local {
    Kept,
    KeptFor(Duration),
    NotKept,
}

type Look<T, R> = Arc<dyn Fn(&T) -> R + Send + Sync>;

pub(crate) struct ByValue<T> {
    pub(crate) ttl_with: Option<Look<T, Duration>>,
    pub(crate) cache_if: Option<Look<T, bool>>,
    pub(crate) tags_with: Vec<Look<T, Vec<Tag>>>,
    pub(crate) templates: Vec<Template<T>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ttl: Duration::ZERO,
            jitter: Jitter::default(),
            negative_ttl: None,
            windows: Windows::default(),
            early: None,
            soft_timeout: None,
            load_timeout: None,
            single_flight: SingleFlight::default(),
            local: Local::Kept,
            tags: Vec::new(),
        }
    }
}

impl<T> Default for ByValue<T> {
    fn default() -> Self {
        Self {
            ttl_with: None,
            cache_if: None,
            tags_with: Vec::new(),
            templates: Vec::new(),
        }
    }
}

impl<T> Clone for ByValue<T> {
    fn clone(&self) -> Self {
        Self {
            ttl_with: self.ttl_with.clone(),
            cache_if: self.cache_if.clone(),
            tags_with: self.tags_with.clone(),
            templates: self.templates.clone(),
        }
    }
}

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
}

impl<T> Policy<T> {
    /// Tags under which the answer can be invalidated.
    pub fn tags<I>(mut self, tags: I) -> Self
    where
        I: IntoIterator<Item: Into<Tag>>,
    {
        self.options.tags.extend(tags.into_iter().map(Into::into));
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

    /// Who shares one load.
    pub fn single_flight(mut self, who: SingleFlight) -> Self {
        self.options.single_flight = who;
        self
    }

    /// Bounds the whole life in this process, stale windows included.
    pub fn local_for(mut self, life: Duration) -> Self {
        self.options.local = Local::KeptFor(life);
        self
    }

    /// Keeps nothing in this process; callers at the same time still share one load.
    pub fn not_local(mut self) -> Self {
        self.options.local = Local::NotKept;
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

    pub(crate) fn storing_nothing() -> Self {
        Self {
            options: Options::default(),
            by_value: ByValue::default(),
        }
    }

    /// The ttl of a value, before jitter.
    pub(crate) fn ttl_of(&self, value: &T) -> Duration {
        self.by_value
            .ttl_with
            .as_ref()
            .map_or(self.options.ttl, |ttl| ttl(value))
    }

    /// The ttl of "not found", before jitter.
    pub(crate) fn ttl_of_none(&self) -> Duration {
        let default = match self.by_value.ttl_with {
            Some(_) => NEGATIVE_TTL,
            None => NEGATIVE_TTL.min(self.options.ttl / 10),
        };
        self.options.negative_ttl.unwrap_or(default)
    }

    pub(crate) fn accepts(&self, value: &T) -> bool {
        self.by_value
            .cache_if
            .as_ref()
            .is_none_or(|keep| keep(value))
    }

    pub(crate) fn result_tags(&self, value: &T) -> Vec<Tag> {
        let written = self
            .by_value
            .templates
            .iter()
            .filter_map(|tag| tag.with_value(value));
        let computed = self.by_value.tags_with.iter().flat_map(|tags| tags(value));
        written.chain(computed).collect()
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

/// A policy that can be used for values of type `T`: a `Policy`, or a `Policy<T>`.
pub trait PolicyFor<T>: sealed::Sealed<T> {}

impl<T, P: sealed::Sealed<T>> PolicyFor<T> for P {}

pub(crate) mod sealed {
    use super::{Cacheable, Policy, Untyped};

    pub trait Sealed<T> {
        fn for_value(&self) -> Policy<T>;
    }

    impl<T: Cacheable> Sealed<T> for Policy<Untyped> {
        fn for_value(&self) -> Policy<T> {
            self.clone().typed()
        }
    }

    impl<T: Cacheable> Sealed<T> for Policy<T> {
        fn for_value(&self) -> Policy<T> {
            self.clone()
        }
    }
}
