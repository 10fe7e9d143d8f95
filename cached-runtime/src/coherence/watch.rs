//! What a store pushes, and what follows from it.

use std::fmt;
use std::pin::pin;
use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::clock::{AtomicMoment, Clock, Moment};
use crate::defect::Defect;
use crate::remote::{Cell, Incarnation};
use crate::shared::namespace_cell;
use crate::tags::{Number, Sequence, TagTable};

use super::record::{Record, Told};
use super::{Coherence, Trust};

#[cfg(test)]
mod tests;

/// So many keys are told apart by the pushes; those that share a place share their doubts.
pub(super) const PLACES: usize = 8 * 1_024;
const FASTEST_BEAT: Duration = Duration::from_millis(25);
const SLOWEST_BEAT: Duration = Duration::from_millis(250);

/// Where a [`Remote`](crate::remote::Remote) tells what its server pushes.
///
/// Whoever follows the pushes of a server, which may begin at once where it [is wanted](Self::is_wanted), or
/// when it is [needed](Self::until_needed),
/// 1. turns them on, has the server confirm it, and calls [`begin`](Self::begin);
/// 2. calls [`changed`](Self::changed) for each push *in the order in which they come*, before it
///    handles whatever came after it;
/// 3. proves four times in a window that nothing is missing: takes a [`beat`](Self::beat), asks the
///    server twice, one question after the answer to the other, and calls [`heard`](Self::heard);
/// 4. calls [`end`](Self::end) as soon as it knows that pushes may be missing.
///
/// Every change that the server confirmed to somebody before a beat was taken must have been told
/// when `heard` is called with it. A store that pushes nothing calls [`end`](Self::end) at most:
/// each copy is confirmed by a question then.
pub struct Watch {
    /// When the last beat was taken that is known to have been heard.
    pub(super) horizon: AtomicMoment,
    /// What was confirmed before this is in doubt.
    pub(super) epoch: AtomicU64,
    /// The last push about a key, by the place of its name.
    pub(super) keys: Box<[AtomicU64]>,
    pub(super) sequence: Arc<Sequence>,
    pub(super) tags: Arc<TagTable>,
    pub(super) clock: Clock,
    coherence: Coherence,
    /// That of `coherence`.
    trust: Trust,
    serves_views: bool,
    /// Whether copies are kept, or about to be.
    needed: AtomicBool,
    need: Notify,
    pub(super) hasher: foldhash::quality::RandomState,
    pub(super) link: Mutex<Link>,
    /// Who wants to know of each change.
    observer: OnceLock<Observer>,
    lost: AtomicU64,
    withheld: AtomicU64,
    pub(super) record: Record,
}

type Observer = Box<dyn Fn(&Cell) + Send + Sync>;

#[derive(Clone, Debug)]
pub(super) enum Link {
    Followed {
        /// Tells links apart.
        began: Number,
        incarnation: Incarnation,
    },
    /// Why pushes are not heard.
    Lost(String),
    /// Nothing was ever said of them.
    None,
}

/// A moment at which a proof that nothing is missing was begun.
#[derive(Clone, Copy, Debug)]
pub struct Beat {
    since: Moment,
    /// The link it was taken on.
    link: Option<Number>,
    /// Where in the record.
    recorded: usize,
}

impl Watch {
    /// `None`: there is no store, so nothing is ever in doubt.
    pub(crate) fn new(
        coherence: Option<Coherence>,
        sequence: Arc<Sequence>,
        tags: Arc<TagTable>,
        clock: Clock,
    ) -> Self {
        let followed = coherence.unwrap_or(Coherence::Strict);
        let places = if coherence.is_some() { PLACES } else { 0 };
        Self {
            horizon: AtomicMoment::new(Moment::FIRST),
            epoch: AtomicU64::new(Number::MAX),
            keys: (0..places).map(|_| AtomicU64::new(0)).collect(),
            sequence,
            tags,
            clock,
            coherence: followed,
            trust: followed.trust(),
            serves_views: false,
            needed: AtomicBool::new(false),
            need: Notify::new(),
            hasher: foldhash::quality::RandomState::default(),
            link: Mutex::new(Link::None),
            observer: OnceLock::new(),
            lost: AtomicU64::new(0),
            withheld: AtomicU64::new(0),
            record: Record::default(),
        }
    }

    /// Whether what comes out of the store may rest on it, too.
    pub(crate) fn serving_views(self, on: bool) -> Self {
        if on {
            self.need();
        }
        Self {
            serves_views: on,
            ..self
        }
    }

    /// Somebody is about to keep what pushes tell of.
    #[inline]
    pub(crate) fn need(&self) {
        if !self.needed.load(Relaxed) {
            self.needed.store(true, Release);
            self.need.notify_waiters();
        }
    }

    /// Has each change told to somebody, who must not wait.
    pub(crate) fn observe(&self, changes: impl Fn(&Cell) + Send + Sync + 'static) {
        // Once per cache, when it is made.
        let _ = self.observer.set(Box::new(changes));
        self.need();
    }

    pub(crate) fn serves_views(&self) -> bool {
        self.serves_views
    }

    /// How often a beat should be heard.
    #[must_use]
    pub fn interval(&self) -> Duration {
        (self.coherence.window() / 4).clamp(FASTEST_BEAT, SLOWEST_BEAT)
    }

    /// Whether anybody wants to know: where every copy is confirmed by a question, nobody does.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.coherence != Coherence::Strict
    }

    /// Waits until copies are about to be kept in this process: before, a server would push each new tag
    /// for nothing. Nothing is lost by following from then on only, or at once: a copy is confirmed by a
    /// question until pushes are heard.
    pub async fn until_needed(&self) {
        let mut need = pin!(self.need.notified());
        // Before the look: whoever says so after it is heard.
        need.as_mut().enable();
        if !self.needed.load(Acquire) {
            need.await;
        }
    }

    /// From now on every change is told, in this life of the server. What is known from before is
    /// in doubt.
    pub fn begin(&self, incarnation: Incarnation) {
        let mut link = self.link();
        let began = self.sequence.next();
        if !(Defect::OldViewsKept.is_on() && self.epoch.load(Acquire) != Number::MAX) {
            self.epoch.store(began, Release);
        }
        self.tags.changes().count();
        *link = Link::Followed { began, incarnation };
        self.record.note(|| Told::Began(incarnation));
    }

    /// A cell or a key may have changed.
    pub fn changed(&self, cell: &Cell) {
        self.record.note(|| Told::Changed(cell.clone()));
        if let Some(observe) = self.observer.get() {
            observe(cell);
        }
        match cell {
            Cell::Tag(_) if *cell == namespace_cell() => self.doubt_everything(),
            Cell::Tag(name) => self.tags.doubt(name, self.sequence.next()),
            Cell::Key(entry) => {
                let number = self.sequence.next();
                if let Some(mark) = self.keys.get(self.place(entry) as usize) {
                    mark.fetch_max(number, Release);
                }
                self.tags.changes().count();
            }
            Cell::Family(_) | Cell::Replaced(_) => {}
        }
    }

    /// Everything may have changed.
    pub fn changed_everything(&self) {
        self.record.note(|| Told::Everything);
        self.doubt_everything();
    }

    fn doubt_everything(&self) {
        let _link = self.link();
        // Before pushes were first heard everything is in doubt anyway.
        if self.epoch.load(Acquire) != Number::MAX {
            self.epoch.store(self.sequence.next(), Release);
        }
        self.tags.changes().count();
    }

    /// To be taken before the server is asked whether it is still there.
    #[must_use]
    pub fn beat(&self) -> Beat {
        let link = match *self.link() {
            Link::Followed { began, .. } => Some(began),
            Link::Lost(_) | Link::None => None,
        };
        Beat {
            since: self.clock.now(),
            link,
            recorded: self.record.note(|| Told::Beat),
        }
    }

    /// The server has answered twice since `beat`, and what it pushed before has been told.
    pub fn heard(&self, beat: Beat) {
        self.record.note(|| Told::Heard {
            beat: beat.recorded,
        });
        let link = self.link();
        // Moved under the lock: a beat of an earlier link moves nothing.
        if matches!(*link, Link::Followed { began, .. } if beat.link == Some(began)) {
            self.horizon.forward(beat.since);
        }
    }

    /// Pushes may be missing from now on. Copies are trusted until their time is over, as if the
    /// server had fallen silent.
    pub fn end(&self, why: &str) {
        self.record.note(|| Told::Ended(why.to_owned()));
        let mut link = self.link();
        if matches!(*link, Link::Followed { .. }) {
            self.lost.fetch_add(1, Relaxed);
        }
        *link = Link::Lost(why.to_owned());
    }

    /// As [`end`](Self::end): the server took a change and did not push it.
    pub fn withheld(&self, why: &str) {
        self.record.note(|| Told::Ended(why.to_owned()));
        self.withheld.fetch_add(1, Relaxed);
        *self.link() = Link::Lost(why.to_owned());
    }

    /// How often pushes were followed and then missed.
    #[must_use]
    pub fn times_lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }

    /// How often a server turned pushes on and did not deliver them.
    #[must_use]
    pub fn times_withheld(&self) -> u64 {
        self.withheld.load(Relaxed)
    }

    /// Whether pushes are followed.
    #[must_use]
    pub fn is_followed(&self) -> bool {
        matches!(*self.link(), Link::Followed { .. })
    }

    /// Why copies are confirmed one by one, if they are, and if there are any.
    pub(crate) fn shortcoming(&self) -> Option<String> {
        match &*self.link() {
            Link::Lost(why) if self.needed.load(Relaxed) => Some(why.clone()),
            _ => None,
        }
    }

    pub(crate) fn coherence(&self) -> Coherence {
        self.coherence
    }

    /// How far copies are trusted in general.
    #[inline]
    pub(crate) fn trust(&self) -> Trust {
        self.trust
    }

    pub(super) fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The watch of no cache: for tests of a store.
impl Default for Watch {
    fn default() -> Self {
        let watch = Self::new(
            Some(Coherence::default()),
            Arc::new(Sequence::new()),
            Arc::new(TagTable::new()),
            Clock::system(),
        );
        watch.need();
        watch
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("link", &*self.link())
            .finish_non_exhaustive()
    }
}
