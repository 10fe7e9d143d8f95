//! Invalidations: by key, tag, prefix or all at once.

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::background;
use crate::cache::Cache;
use crate::error::{Error, ErrorKind};
use crate::key::RawKey;
use crate::remote::{Cell, EntryName};
use crate::shared::{Order, namespace_cell};
use crate::tags::{Tag, name_of_prefix, name_of_tag};

/// A pending invalidation. It happens when it is awaited; once that returns `Ok`, no caller who
/// starts later is given anything older, also not by a load that was running all the while, in no
/// process that shares the store.
///
/// Where the store cannot be reached the result is an error of kind
/// [`Pending`](crate::ErrorKind::Pending): in this process it is done, elsewhere it is not yet; it
/// is repeated behind the caller until it is. Dropped half-way it is completed in the same way.
#[must_use = "an invalidation does nothing until it is awaited"]
pub struct Invalidation {
    cache: Cache,
    targets: Vec<Target>,
    running: Option<Running>,
}

type Running = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// A clone is an invalidation of its own, and has not begun.
impl Clone for Invalidation {
    fn clone(&self) -> Self {
        Self {
            cache: self.cache.clone(),
            targets: self.targets.clone(),
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

    /// Invalidates in this process, which neither waits nor fails. What is left is the store's part.
    fn apply(&mut self) -> Option<Running> {
        let cache = &self.cache;
        let mut order = Order::default();
        for target in self.targets.drain(..) {
            // Drawn before it is applied: loads that begin from here on are newer.
            let number = cache.sequence().next();
            match &target {
                Target::Key(key) => cache.store().invalidate(key, number),
                Target::Tag(tag) => cache.tags().invalidate(tag, number),
                Target::Prefix(prefix) => cache.tags().invalidate_prefix(prefix, number),
                Target::Everything => cache.store().clear(number),
            }
            cache.observatory().invalidated();
            order.add(target);
        }
        let invalidated = cache.shared()?.invalidate(order);
        Some(Box::pin(async move {
            invalidated.await.map_err(|fault| {
                let message =
                    "done in this process, not yet in the store; it is repeated until it is";
                Error::new(ErrorKind::Pending, message).because(fault)
            })
        }))
    }
}

impl Order {
    fn add(&mut self, target: Target) {
        let tag = |name: Cow<'_, str>| Cell::Tag(name.into());
        match target {
            Target::Key(key) => self.keys.push(EntryName::of(&key)),
            Target::Tag(name) => self.tags.push(tag(name_of_tag(name.as_str()))),
            Target::Prefix(prefix) => self.tags.push(tag(name_of_prefix(&prefix).into())),
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
