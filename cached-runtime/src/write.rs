//! Functions that write: what they change is invalidated when they have changed it.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use crate::bracket::Bracket;
use crate::cache::Cache;
use crate::error::{Error, ErrorKind};
use crate::invalidation::{Invalidation, Pending};
use crate::key::IntoKey;
use crate::outcome::{Answer, Shape};
use crate::tags::Tag;
use crate::template::{Piece, Template, without_value};

/// A write and what it invalidates. Targets are made before the body takes the arguments.
pub struct Write<R, T, E> {
    shape: Shape<R, T, E>,
    known: Invalidation,
    by_result: Vec<Template<T>>,
    bracket: bool,
    settled: bool,
}

/// Starts a write.
pub fn invalidation<R, T, E>(cache: &Cache, shape: Shape<R, T, E>) -> Write<R, T, E> {
    Write {
        shape,
        known: Invalidation::new(cache),
        by_result: Vec::new(),
        bracket: false,
        settled: false,
    }
}

impl<R, T, E> Write<R, T, E> {
    /// Invalidates a tag.
    #[must_use]
    pub fn tag<const N: usize>(mut self, pieces: [Piece<T>; N]) -> Self {
        match without_value(&pieces) {
            Some(tag) => self.known = self.known.tag(tag),
            None => self.by_result.push(Template::new(pieces)),
        }
        self
    }

    /// Invalidates a key.
    #[must_use]
    pub fn key(mut self, key: impl IntoKey) -> Self {
        self.known = self.known.raw_key(key.into_key());
        self
    }

    /// Invalidates a prefix.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.known = self.known.prefix(prefix);
        self
    }

    /// Hides the tags that are known before the write while it is under way.
    #[must_use]
    pub fn bracket(mut self) -> Self {
        self.bracket = true;
        self
    }

    /// Waits until no process has an older copy: before the write in a bracket, and after it.
    #[must_use]
    pub fn settled(mut self) -> Self {
        self.settled = true;
        self.known = self.known.settled();
        self
    }

    /// Lets those have what was there before, for so long, who can do with it.
    #[must_use]
    pub fn soft(mut self, window: Duration) -> Self {
        self.known = self.known.soft(window);
        self
    }

    /// Writes, then invalidates; an `Err` of the body invalidates nothing.
    ///
    /// A bracket that cannot begin is the function's error, where its error type can hold that.
    /// Else the write runs without it.
    pub async fn run<F: Future<Output = R>>(self, body: F) -> R {
        let beginning = self.begin();
        let bracket = match beginning.await {
            Ok(bracket) => bracket,
            Err(error) => match self.shape.not_invalidated(error) {
                Ok(failed) => return failed,
                Err(error) => {
                    tracing::warn!(%error, "a write runs all the same, without the cover of a bracket");
                    None
                }
            },
        };
        let Self {
            shape,
            mut known,
            by_result,
            ..
        } = self;
        if bracket.is_some() {
            // Their end invalidates them.
            known.take_tags();
        }
        // A caller that goes away in the middle of the body may have written.
        let mut pending = Pending(Some(known));
        let outcome = body.await;
        // Taken apart before the store is waited for, not around that: an error may not be `Send`.
        let value = match written(&shape, outcome, &by_result, &mut pending) {
            Ok(value) => value,
            Err(failed) => return failed,
        };
        if let Some(bracket) = bracket {
            bracket.end().await;
        }
        let Some(invalidation) = pending.0.take() else {
            return shape.put_back(value);
        };
        if invalidation.names_nothing() {
            return shape.put_back(value);
        }
        let Err(error) = invalidation.await else {
            return shape.put_back(value);
        };
        match shape.not_invalidated(error) {
            Ok(failed) => failed,
            Err(error) => {
                // What is owed is told when that begins and when it is over.
                if error.kind() != ErrorKind::Pending {
                    tracing::error!(%error, "a write is done, and what it changed is not invalidated");
                }
                shape.put_back(value)
            }
        }
    }
}

impl<R, T, E> Write<R, T, E> {
    /// The bracket of the write, where it has one. What is waited for holds nothing of the function's.
    fn begin(&self) -> impl Future<Output = Result<Option<Bracket>, Error>> + use<R, T, E> {
        let tags = self.known.clone().take_tags();
        let wanted = self.bracket && !tags.is_empty();
        let (cache, settled) = (self.known.cache().clone(), self.settled);
        async move {
            if wanted {
                Bracket::begin(cache, tags, settled).await.map(Some)
            } else {
                Ok(None)
            }
        }
    }
}

/// What was written, and the tags that follow from it; an error is what the function returns.
///
/// No error is left when this returns `Ok`.
fn written<R, T, E>(
    shape: &Shape<R, T, E>,
    outcome: R,
    by_result: &[Template<T>],
    pending: &mut Pending,
) -> Result<Option<T>, R> {
    // While these are made, `pending` still holds the rest: what is written is written, also if
    // one of them panics.
    let added: Vec<Tag> = match (shape.peek)(&outcome) {
        Answer::Failed => {
            pending.0 = None;
            return Err(outcome);
        }
        Answer::NotFound => Vec::new(),
        Answer::Value(value) => by_result
            .iter()
            .filter_map(|template| template.with_value(value))
            .collect(),
    };
    let value = (shape.take)(outcome)?;
    // Not forgotten by a caller that goes away while a bracket ends.
    pending.0 = pending
        .0
        .take()
        .map(|known| added.into_iter().fold(known, Invalidation::tag));
    Ok(value)
}

impl<R, T, E> fmt::Debug for Write<R, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Write")
            .field("known", &self.known)
            .finish_non_exhaustive()
    }
}
