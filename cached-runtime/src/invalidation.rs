//! Invalidations: by key, tag, prefix or all at once.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::cache::Cache;
use crate::error::Error;
use crate::key::RawKey;
use crate::tags::Tag;

/// A pending invalidation. It happens when it is awaited; once that returns `Ok`, no caller who
/// starts later is given anything older, also not by a load that was running all the while.
#[derive(Clone, Debug)]
#[must_use = "an invalidation does nothing until it is awaited"]
pub struct Invalidation {
    cache: Cache,
    targets: Vec<Target>,
}

#[derive(Clone)]
enum Target {
    Key(RawKey),
    Tag(Tag),
    Prefix(String),
    Everything,
}

/// Targets are made of arguments: they are not shown.
impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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

    /// In this process it neither waits nor fails.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "callers handle the failure they promise to handle"
    )]
    pub(crate) fn apply(&mut self) -> Result<(), Error> {
        let cache = &self.cache;
        for target in self.targets.drain(..) {
            // Drawn before it is applied: loads that begin from here on are newer.
            let number = cache.sequence().next();
            match target {
                Target::Key(key) => cache.store().invalidate(&key, number),
                Target::Tag(tag) => cache.tags().invalidate(&tag, number),
                Target::Prefix(prefix) => cache.tags().invalidate_prefix(&prefix, number),
                Target::Everything => cache.store().clear(number),
            }
            cache.observatory().invalidated();
        }
        Ok(())
    }
}

impl Future for Invalidation {
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(self.apply())
    }
}
