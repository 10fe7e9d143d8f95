//! Writes that nobody reads past: what they change is hidden while they are under way.

use std::collections::BTreeSet;
use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use crate::background;
use crate::cache::Cache;
use crate::error::{Error, ErrorKind};
use crate::invalidation::{cell_of, manner, wait};
use crate::remote::{Cell, Intent};
use crate::shared::{INTENT_LIFE, LONGEST_PROOF};
use crate::tags::{Tag, TagCell};

/// A write whose writer dies is covered if it was done within this time. A constant of all versions
/// that share a store.
const LONGEST_WRITE: Duration = Duration::from_secs(15);

/// A write in a bracket; see [`Cache::write_bracket`]. It happens when it is awaited.
#[must_use = "a write does nothing until it is awaited"]
pub struct WriteBracket<F: Future> {
    cache: Cache,
    tags: Vec<Tag>,
    settled: bool,
    limit: Option<Duration>,
    body: Option<Pin<Box<F>>>,
    stage: Stage<F::Output>,
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

enum Stage<T> {
    New,
    Beginning(Boxed<Result<Bracket, Error>>),
    /// Until the end of the body, or of the time it has.
    Writing(Bracket, Option<Boxed<()>>),
    Ending(Boxed<()>, Option<Result<T, Error>>),
    Done,
}

impl Cache {
    /// Runs a write, and hides everything that carries one of these tags from before it begins until
    /// it has ended: for that time it is loaded by each caller, and neither stored nor given to
    /// others. So from the *commit* on, and not only from the return of an invalidation, nobody is
    /// given anything older, in no process that shares the store, apart from the trusted copies of
    /// other processes (see below); also if this process dies between the commit and the
    /// invalidation. Then the tags stay hidden for up to 30 s.
    ///
    /// What this takes:
    ///
    /// - The write does not run unless the store has taken note of it: the error is of kind
    ///   [`Unavailable`](ErrorKind::Unavailable) then. Its own outcome is the `Ok`, whatever it is.
    /// - In other processes copies with these tags go away by the store's push, within the time of
    ///   [`Coherence::Bounded`](crate::Coherence::Bounded) after the bracket began. With
    ///   [`settled`](WriteBracket::settled) the write waits for that. In this process they are gone
    ///   before it begins.
    /// - A writer that dies is covered if its write was done within 15 s; one that lives, if it takes
    ///   no more than 30 s. If a bracket did not cover its tags until its end, that is counted
    ///   ([`Stats::weakened_brackets`](crate::Stats::weakened_brackets)) and a warning is logged;
    ///   what was there before the write may have been given to others until it had ended, as with an
    ///   invalidation.
    /// - Of two writes of one tag at the same time neither can end the cover of the other: the tag
    ///   stays hidden until 30 s after the later one began.
    ///
    /// If the store cannot be told of the end, that is repeated until it can, and does not concern
    /// the caller: the tags are hidden until then. A write that is dropped half-way may have
    /// happened: its bracket is ended behind it.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::{Cache, Key, Policy};
    /// use std::time::Duration;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let cache = Cache::in_process();
    /// let policy = Policy::ttl(Duration::from_secs(60)).tags(["user:42"]);
    /// let key = Key::<u32>::new("age", &(42,));
    /// cache.put(&key, &36, &policy).await?;
    ///
    /// let written: Result<(), std::io::Error> = cache
    ///     .write_bracket(["user:42"], async {
    ///         // The transaction. Nobody is given the cached age any more.
    ///         assert_eq!(cache.get(&key).await, None);
    ///         Ok(())
    ///     })
    ///     .await?;
    /// # assert!(written.is_ok());
    /// # Ok::<(), cache_aside::Error>(()) }).unwrap();
    /// ```
    pub fn write_bracket<I, F>(&self, tags: I, write: F) -> WriteBracket<F>
    where
        I: IntoIterator<Item: Into<Tag>>,
        F: Future,
    {
        let tags: BTreeSet<Tag> = tags.into_iter().map(Into::into).collect();
        WriteBracket {
            cache: self.clone(),
            tags: tags.into_iter().collect(),
            settled: false,
            limit: None,
            body: Some(Box::pin(write)),
            stage: Stage::New,
        }
    }
}

impl<F: Future> WriteBracket<F> {
    /// Begins the write when no process can have a copy any more that carries one of the tags. That
    /// takes the time of [`Coherence::Bounded`](crate::Coherence::Bounded), of which the bracket can
    /// wait for 5 s at most (else it is an error of kind [`Unavailable`](ErrorKind::Unavailable));
    /// and no time with [`Coherence::Strict`](crate::Coherence::Strict) or without a shared store.
    /// It does not wait for processes that are cut off and were built with
    /// [`local_on_down`](crate::CacheBuilder::local_on_down).
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// # let cache = cache_aside::Cache::in_process();
    /// let sold = cache.write_bracket(["stock:7"], async { true }).settled().await?;
    /// # assert!(sold);
    /// # Ok::<(), cache_aside::Error>(()) }).unwrap();
    /// ```
    pub fn settled(mut self) -> Self {
        self.settled = true;
        self
    }

    /// Drops the write if it takes longer, as an error of kind [`Late`](ErrorKind::Late): whether it
    /// happened is not known then. 15 s at most, which is what a writer is covered for that dies.
    /// Without it no write is dropped.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::ErrorKind;
    /// use std::{future::pending, time::Duration};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// # let cache = cache_aside::Cache::in_process();
    /// let write = cache.write_bracket(["stock:7"], pending::<()>());
    /// let late = write.limit(Duration::from_millis(1)).await.unwrap_err();
    /// assert_eq!(late.kind(), ErrorKind::Late);
    /// # });
    /// ```
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit.min(LONGEST_WRITE));
        self
    }
}

/// What a write hides. Dropped, it is ended behind whoever drops it.
pub(crate) struct Bracket {
    cache: Cache,
    tags: Vec<Tag>,
    /// Held while the write is under way, in a cache of this process alone.
    cells: Vec<Arc<TagCell>>,
    intents: Vec<(Cell, Intent)>,
    ended: bool,
}

impl Bracket {
    pub(crate) async fn begin(cache: Cache, tags: Vec<Tag>, settled: bool) -> Result<Self, Error> {
        let mut bracket = Self {
            cache,
            tags,
            cells: Vec::new(),
            intents: Vec::new(),
            // There is nothing to end yet.
            ended: true,
        };
        let began = bracket.cache.clock().now();
        if let Some(shared) = bracket.cache.shared() {
            let cells = bracket.tags.iter().map(cell_of).collect();
            bracket.intents = shared.intend(cells).await.map_err(|fault| {
                let message = "the shared store could not be told of a write that it should cover";
                Error::new(ErrorKind::Unavailable, message).because(fault)
            })?;
        } else {
            let cells = bracket
                .tags
                .iter()
                .map(|tag| bracket.cache.tags().cell(tag));
            bracket.cells = cells.collect();
            for cell in &bracket.cells {
                cell.rare().begin_write();
            }
        }
        bracket.ended = false;
        // Only now: what was seen or began to load before is stored by nobody from here on.
        bracket.invalidate_here();
        let waits = settled && !bracket.tags.is_empty();
        if let Some(shared) = bracket.cache.shared().filter(|_| waits) {
            wait(shared).await?;
            // What is left must cover the write, and the loads that began before it was over.
            let spent = bracket.cache.clock().now().since(began);
            if spent + LONGEST_WRITE + LONGEST_PROOF > INTENT_LIFE {
                let message =
                    "a write that waits for so long until it is settled cannot be covered";
                return Err(Error::new(ErrorKind::Unavailable, message));
            }
        }
        Ok(bracket)
    }

    /// Ends it. What is left to do is the store's part, and is not forgotten if it is dropped.
    pub(crate) fn end(mut self) -> Boxed<()> {
        self.finish()
    }

    fn finish(&mut self) -> Boxed<()> {
        self.ended = true;
        self.invalidate_here();
        for cell in self.cells.drain(..) {
            cell.rare().end_write();
        }
        let Some(shared) = self.cache.shared() else {
            return Box::pin(ready(()));
        };
        let concluded = shared.conclude(std::mem::take(&mut self.intents));
        let cache = self.cache.clone();
        Box::pin(async move {
            match concluded.await {
                Ok(0) => {}
                Ok(weakened) => cache.observatory().weakened(weakened),
                Err(error) => {
                    tracing::warn!(%error, "the end of a bracketed write is told to the shared store later");
                }
            }
        })
    }

    fn invalidate_here(&self) {
        let manner = manner(&self.cache, None);
        for tag in &self.tags {
            let number = self.cache.sequence().next();
            self.cache.tags().invalidate(tag, number, manner);
        }
    }
}

impl Drop for Bracket {
    fn drop(&mut self) {
        if !self.ended {
            let mut end = self.finish();
            // Begun at once: a bracket that follows must not come before it.
            let mut context = Context::from_waker(std::task::Waker::noop());
            if end.as_mut().poll(&mut context).is_pending() {
                drop(background::spawn_detached(end));
            }
        }
    }
}

/// Nothing in it is pinned but what stands in a box.
impl<F: Future> Unpin for WriteBracket<F> {}

impl<F: Future> Future for WriteBracket<F> {
    type Output = Result<F::Output, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            match &mut this.stage {
                Stage::New => {
                    let tags = std::mem::take(&mut this.tags);
                    let begin = Bracket::begin(this.cache.clone(), tags, this.settled);
                    this.stage = Stage::Beginning(Box::pin(begin));
                }
                Stage::Beginning(begin) => match ready!(begin.as_mut().poll(context)) {
                    Ok(bracket) => {
                        let late = this
                            .limit
                            .map(|limit| -> Boxed<()> { Box::pin(background::sleep(limit)) });
                        this.stage = Stage::Writing(bracket, late);
                    }
                    Err(error) => {
                        this.stage = Stage::Done;
                        return Poll::Ready(Err(error));
                    }
                },
                Stage::Writing(_, late) => {
                    let body = this.body.as_mut().map(|body| body.as_mut().poll(context));
                    let output = match (body, late) {
                        (Some(Poll::Ready(output)), _) => Ok(output),
                        (_, Some(late)) => {
                            ready!(late.as_mut().poll(context));
                            let message = "a write in a bracket took longer than its limit";
                            Err(Error::new(ErrorKind::Late, message))
                        }
                        (_, None) => return Poll::Pending,
                    };
                    this.body = None;
                    if let Stage::Writing(bracket, _) =
                        std::mem::replace(&mut this.stage, Stage::Done)
                    {
                        this.stage = Stage::Ending(bracket.end(), Some(output));
                    }
                }
                Stage::Ending(end, output) => {
                    ready!(end.as_mut().poll(context));
                    let output = output.take();
                    this.stage = Stage::Done;
                    return output.map_or(Poll::Pending, Poll::Ready);
                }
                Stage::Done => return Poll::Pending,
            }
        }
    }
}

impl<F: Future> Drop for WriteBracket<F> {
    fn drop(&mut self) {
        // The write is over before it is said to be.
        self.body = None;
        if let Stage::Ending(end, _) = std::mem::replace(&mut self.stage, Stage::Done) {
            drop(background::spawn_detached(end));
        }
    }
}

/// Tags are made of arguments: they are not shown.
impl<F: Future> fmt::Debug for WriteBracket<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriteBracket")
            .field("settled", &self.settled)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
