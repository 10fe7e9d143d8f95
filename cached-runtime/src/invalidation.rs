//! Invalidations: by key, tag, prefix or all at once.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::background;
use crate::cache::Cache;
use crate::error::{Error, ErrorKind};
use crate::key::RawKey;
use crate::remote::{Cell, EntryName};
use crate::shared::{Order, Shared, namespace_cell};
use crate::tags::{Manner, Tag, name_of_prefix};

/// A pending invalidation. It happens when it is awaited; once that returns `Ok`, no caller who
/// starts later is given anything older, also not by a load that was running all the while. In
/// other processes that share the store, copies follow within the time of
/// [`Coherence`](crate::Coherence), and all else at once.
///
/// Where the store cannot be reached the result is an error of kind
/// [`Pending`](crate::ErrorKind::Pending): in this process it is done, elsewhere it is not yet; it
/// is repeated behind the caller until it is. Dropped half-way it is completed in the same way. After
/// [`close`](Cache::close) nothing is repeated: the error is of kind
/// [`Unfinished`](crate::ErrorKind::Unfinished) then.
#[must_use = "an invalidation does nothing until it is awaited"]
pub struct Invalidation {
    cache: Cache,
    targets: Vec<Target>,
    settled: bool,
    soft: Option<Duration>,
    running: Option<Running>,
}

type Running = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// A clone is an invalidation of its own, and has not begun.
impl Clone for Invalidation {
    fn clone(&self) -> Self {
        Self {
            cache: self.cache.clone(),
            targets: self.targets.clone(),
            settled: self.settled,
            soft: self.soft,
            running: None,
        }
    }
}

impl fmt::Debug for Invalidation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invalidation")
            .field("targets", &self.targets)
            .finish_non_exhaustive()
    }
}

#[derive(Clone)]
enum Target {
    Key(RawKey),
    Tag(Tag),
    Prefix(String),
    Everything,
}

/// Targets are made of arguments: they are not shown.
impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Key",
            Self::Tag(_) => "Tag",
            Self::Prefix(_) => "Prefix",
            Self::Everything => "Everything",
        })
    }
}

impl Invalidation {
    pub(crate) fn new(cache: &Cache) -> Self {
        Self {
            cache: cache.clone(),
            targets: Vec::new(),
            settled: false,
            soft: None,
            running: None,
        }
    }

    pub(crate) fn tag(mut self, tag: impl Into<Tag>) -> Self {
        self.targets.push(Target::Tag(tag.into()));
        self
    }

    pub(crate) fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.targets.push(Target::Prefix(prefix.into()));
        self
    }

    /// Nothing is ever stored under a key that could not be made.
    pub(crate) fn raw_key(mut self, key: Option<RawKey>) -> Self {
        self.targets.extend(key.map(Target::Key));
        self
    }

    pub(crate) fn everything(mut self) -> Self {
        self.targets.push(Target::Everything);
        self
    }

    /// Waits until no process can have an older copy, and not only this one: other processes trust
    /// what they have for the time of [`Coherence::Bounded`](crate::Coherence::Bounded), if they are
    /// cut off. So it takes that time, and none with [`Coherence::Strict`](crate::Coherence::Strict)
    /// or without a shared store. It does not wait for processes that are cut off and were built with
    /// [`local_on_down`](crate::CacheBuilder::local_on_down). Dropped while it waits, it is done all
    /// the same.
    ///
    /// # Errors
    /// Of kind [`Pending`](crate::ErrorKind::Pending) also where there is no tokio runtime with
    /// timers to wait on.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::Cache;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let cache = Cache::in_process();
    /// cache.invalidate_tag("user:42").settled().await?;
    /// # Ok::<(), cache_aside::Error>(()) }).unwrap();
    /// ```
    pub fn settled(mut self) -> Self {
        self.settled = true;
        self
    }

    /// Lets those have what was there before, for `window` at most, who can do with it: functions
    /// with `stale_while_revalidate` are given it at once, as a stale answer, while one caller loads;
    /// functions with `stale_if_error` if the load fails or takes too long. Everybody else loads.
    ///
    /// The window of the function counts from the end of the ttl, as ever, and `window` from the
    /// invalidation: both must be open when the caller asks. Of two such invalidations the later one
    /// counts: what was there before the earlier is not given any more. Nor is it after an
    /// invalidation without a window.
    ///
    /// For tags, prefixes and the whole namespace. A single key is invalidated as without it: what
    /// was stored under it is removed.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::{Cache, Key, Policy};
    /// use std::time::Duration;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// const MINUTE: Duration = Duration::from_secs(60);
    /// let cache = Cache::in_process();
    /// let policy = Policy::ttl(MINUTE).stale_if_error(MINUTE).tags(["rates"]);
    /// let key = Key::<f64>::new("rate", &("EUR",));
    /// cache.put(&key, &1.08, &policy).await?;
    ///
    /// cache.invalidate_tag("rates").soft(MINUTE).await?;
    /// let down = || async { Err::<f64, _>(std::io::ErrorKind::ConnectionRefused) };
    /// assert_eq!(cache.get_or_load(&key, &policy, down).await, Ok(1.08));
    ///
    /// cache.invalidate_tag("rates").await?;
    /// assert!(cache.get_or_load(&key, &policy, down).await.is_err());
    /// # Ok::<(), cache_aside::Error>(()) }).unwrap();
    /// ```
    pub fn soft(mut self, window: Duration) -> Self {
        self.soft = Some(window).filter(|window| !window.is_zero());
        self
    }

    pub(crate) fn names_nothing(&self) -> bool {
        self.targets.is_empty()
    }

    pub(crate) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Takes the tags out, each once.
    pub(crate) fn take_tags(&mut self) -> Vec<Tag> {
        let mut tags = BTreeSet::new();
        self.targets.retain(|target| match target {
            Target::Tag(tag) => {
                tags.insert(tag.clone());
                false
            }
            Target::Key(_) | Target::Prefix(_) | Target::Everything => true,
        });
        tags.into_iter().collect()
    }

    /// Invalidates in this process, which neither waits nor fails. What is left is the store's part.
    fn apply(&mut self) -> Option<Running> {
        let (cache, settled) = (&self.cache, self.settled && !self.names_nothing());
        let mut order = Order {
            soft: self.soft,
            ..Order::default()
        };
        let manner = manner(cache, self.soft);
        for target in self.targets.drain(..) {
            if let Some(until) = manner.lags_until {
                // Noted before: what begins after the number is drawn is hidden.
                match &target {
                    Target::Key(key) => cache.store().lags(key, cache.clock().now(), until),
                    Target::Tag(tag) => cache.tags().cell(tag).rare().lags(until),
                    Target::Prefix(prefix) => cache.tags().prefix_cell(prefix).rare().lags(until),
                    Target::Everything => cache.store().everything_lags(until),
                }
            }
            // Drawn before it is applied: loads that begin from here on are newer.
            let number = cache.sequence().next();
            match &target {
                Target::Key(key) => {
                    let lags = manner.lags_until.map(|until| (cache.clock().now(), until));
                    cache.store().invalidate(key, number, lags);
                }
                Target::Tag(tag) => cache.tags().invalidate(tag, number, manner),
                Target::Prefix(prefix) => cache.tags().invalidate_prefix(prefix, number, manner),
                Target::Everything => cache.store().clear(number, manner),
            }
            cache.observatory().invalidated();
            order.add(target);
        }
        let shared = Arc::clone(cache.shared()?);
        let invalidated = shared.invalidate(order);
        Some(Box::pin(async move {
            invalidated
                .await
                .map_err(|fault| not_done(&shared).because(fault))?;
            if settled { wait(&shared).await } else { Ok(()) }
        }))
    }
}

/// An invalidation that is not to be forgotten: it is begun where this is dropped with it.
pub(crate) struct Pending(pub(crate) Option<Invalidation>);

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(invalidation) = self.0.take() {
            begin(invalidation);
        }
    }
}

/// What came of an invalidation that the store did not take.
fn not_done(shared: &Shared) -> Error {
    if shared.is_closed() {
        let message = "done in this process; the cache is closed, so others may serve what it names until it expires";
        return Error::new(ErrorKind::Unfinished, message);
    }
    let message = "done in this process, not yet in the store; repeated until the store has it";
    Error::new(ErrorKind::Pending, message)
}

/// Until no process has an older copy.
pub(crate) async fn wait(shared: &Shared) -> Result<(), Error> {
    if shared.settled().await {
        return Ok(());
    }
    let message = "done in the store; without a timer nobody knows when all processes have heard";
    Err(Error::new(ErrorKind::Pending, message))
}

/// How an invalidation is meant in a cache of this process alone.
pub(crate) fn manner(cache: &Cache, soft: Option<Duration>) -> Manner {
    if cache.shared().is_some() {
        return Manner::default();
    }
    let from_now = |time| cache.clock().now().after(time);
    Manner {
        lags_until: cache.settle_lag().map(from_now),
        soft_until: soft.map(from_now),
    }
}

/// A tag where processes share it.
pub(crate) fn cell_of(tag: &Tag) -> Cell {
    Cell::Tag(tag.name())
}

impl Order {
    fn add(&mut self, target: Target) {
        match target {
            Target::Key(key) => self.keys.push(EntryName::of(&key)),
            Target::Tag(tag) => self.tags.push(cell_of(&tag)),
            Target::Prefix(prefix) => {
                self.tags.push(Cell::Tag(name_of_prefix(&prefix).into()));
            }
            Target::Everything => self.tags.push(namespace_cell()),
        }
    }
}

impl Future for Invalidation {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if self.running.is_none() {
            self.running = self.apply();
        }
        match &mut self.running {
            Some(running) => running.as_mut().poll(context),
            None => Poll::Ready(Ok(())),
        }
    }
}

/// Begins, and leaves the rest to the cache. For those who cannot wait.
pub(crate) fn begin(mut invalidation: Invalidation) {
    // Dropped half-way it is owed.
    drop(invalidation.apply().map(background::spawn_detached));
}
