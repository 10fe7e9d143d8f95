//! What a store pushes, and what follows from it.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Release},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::{AtomicMoment, Clock, Moment};
use crate::defect::Defect;
use crate::remote::{Cell, CellState, EntryName, Incarnation, Proof};
use crate::shared::namespace_cell;
use crate::tags::{Number, Sequence, TagCells, TagTable};

use super::{Coherence, Trust};

/// So many keys are told apart by the pushes; those that share a place share their doubts.
const PLACES: usize = 8 * 1_024;
const FASTEST_BEAT: Duration = Duration::from_millis(25);
const SLOWEST_BEAT: Duration = Duration::from_millis(250);

/// Where a [`Remote`](crate::remote::Remote) tells what its server pushes.
///
/// Whoever follows the pushes of a server
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
    horizon: AtomicMoment,
    /// What was confirmed before this is in doubt.
    epoch: AtomicU64,
    /// The last push about a key, by the place of its name.
    keys: Box<[AtomicU64]>,
    sequence: Arc<Sequence>,
    tags: Arc<TagTable>,
    clock: Clock,
    coherence: Coherence,
    serves_views: bool,
    hasher: RandomState,
    link: Mutex<Link>,
}

#[derive(Clone, Debug)]
enum Link {
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
}

/// When and for how long an entry of this process is given without a question.
#[derive(Debug)]
pub(crate) struct Vouched {
    /// Drawn before the store was last asked about it.
    confirmed: AtomicU64,
    trust: Trust,
    /// Where pushes about its key leave their mark.
    place: u32,
}

impl Watch {
    /// `None`: there is no store, so nothing is ever in doubt.
    pub(crate) fn new(
        coherence: Option<Coherence>,
        sequence: Arc<Sequence>,
        tags: Arc<TagTable>,
        clock: Clock,
    ) -> Self {
        let places = if coherence.is_some() { PLACES } else { 0 };
        Self {
            horizon: AtomicMoment::new(Moment::FIRST),
            epoch: AtomicU64::new(Number::MAX),
            keys: (0..places).map(|_| AtomicU64::new(0)).collect(),
            sequence,
            tags,
            clock,
            coherence: coherence.unwrap_or(Coherence::Strict),
            serves_views: false,
            hasher: RandomState::new(),
            link: Mutex::new(Link::None),
        }
    }

    /// Whether what comes out of the store may rest on it, too.
    pub(crate) fn serving_views(self, on: bool) -> Self {
        Self {
            serves_views: on,
            ..self
        }
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

    /// From now on every change is told, in this life of the server. What is known from before is
    /// in doubt.
    pub fn begin(&self, incarnation: Incarnation) {
        let mut link = self.link();
        let began = self.sequence.next();
        if !(Defect::OldViewsKept.is_on() && self.epoch.load(Acquire) != Number::MAX) {
            self.epoch.store(began, Release);
        }
        *link = Link::Followed { began, incarnation };
    }

    /// A cell or a key may have changed.
    pub fn changed(&self, cell: &Cell) {
        match cell {
            Cell::Tag(_) if *cell == namespace_cell() => self.changed_everything(),
            Cell::Tag(name) => self.tags.doubt(name, self.sequence.next()),
            Cell::Key(entry) => {
                let number = self.sequence.next();
                if let Some(mark) = self.keys.get(self.place(entry) as usize) {
                    mark.fetch_max(number, Release);
                }
            }
            Cell::Family(_) => {}
        }
    }

    /// Everything may have changed.
    pub fn changed_everything(&self) {
        let link = self.link();
        if matches!(*link, Link::Followed { .. }) {
            self.epoch.store(self.sequence.next(), Release);
        }
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
        }
    }

    /// The server has answered twice since `beat`, and what it pushed before has been told.
    pub fn heard(&self, beat: Beat) {
        let link = self.link();
        // Moved under the lock: a beat of an earlier link moves nothing.
        if matches!(*link, Link::Followed { began, .. } if beat.link == Some(began)) {
            self.horizon.forward(beat.since);
        }
    }

    /// Pushes may be missing from now on. Copies are trusted until their time is over, as if the
    /// server had fallen silent.
    pub fn end(&self, why: &str) {
        *self.link() = Link::Lost(why.to_owned());
    }

    /// Why copies are confirmed one by one, if they are.
    pub(crate) fn shortcoming(&self) -> Option<String> {
        match &*self.link() {
            Link::Followed { .. } | Link::None => None,
            Link::Lost(why) => Some(why.clone()),
        }
    }

    pub(crate) fn coherence(&self) -> Coherence {
        self.coherence
    }

    /// Of an entry of which `number`, if any, was drawn before the store was asked, and which
    /// `server` confirmed. I10: another server than the one whose pushes are heard confirms
    /// nothing.
    pub(crate) fn vouch(
        &self,
        entry: &EntryName,
        trust: Trust,
        confirmed: Option<(Number, Incarnation)>,
    ) -> Vouched {
        Vouched {
            confirmed: AtomicU64::new(self.counted(confirmed)),
            trust,
            place: self.place(entry),
        }
    }

    /// The store was asked about an entry once more.
    pub(crate) fn confirm(&self, vouched: &Vouched, confirmed: Option<(Number, Incarnation)>) {
        let number = self.counted(confirmed);
        vouched.confirmed.fetch_max(number, Release);
    }

    /// I9: whether an entry that rests on `tags` may be given without a question, at a moment not
    /// after now.
    #[inline]
    pub(crate) fn vouches(
        &self,
        vouched: &Vouched,
        tags: &TagCells,
        now: Moment,
        trust: Trust,
    ) -> bool {
        // The horizon is read first: whatever was told before it was moved is seen below.
        let horizon = self.horizon.load();
        let confirmed = vouched.confirmed.load(Acquire);
        let trusted = now < horizon.plus(trust.0) || Defect::NoHorizon.is_on();
        trusted
            && confirmed > self.epoch.load(Acquire)
            && self
                .keys
                .get(vouched.place as usize)
                .is_some_and(|mark| mark.load(Acquire) < confirmed)
            && tags.undoubted_since(confirmed)
    }

    /// Before the store is asked.
    pub(crate) fn asking(&self) -> Number {
        self.sequence.next()
    }

    /// What was read in a cell; views are used where remote hits may rest on them.
    pub(crate) fn learn(&self, cell: &Cell, state: CellState, asked: (Number, Incarnation)) {
        if let (Cell::Tag(name), CellState::Current(proof)) = (cell, state) {
            let number = self.counted(Some(asked));
            self.tags.cell_named(name).learn(proof, number);
        }
    }

    /// The token in a cell, if it is known without a question.
    pub(crate) fn view(&self, cell: &Cell) -> Option<Proof> {
        let Cell::Tag(name) = cell else {
            return None;
        };
        // In the order of `vouches`.
        let (horizon, epoch) = (self.horizon.load(), self.epoch.load(Acquire));
        let trusted = self.clock.now() < horizon.plus(self.coherence.trust().0);
        let (proof, number) = self.tags.cell_named(name).view().filter(|_| trusted)?;
        (number > epoch).then_some(proof)
    }

    /// Zero if it does not count.
    fn counted(&self, confirmed: Option<(Number, Incarnation)>) -> Number {
        let Some((number, server)) = confirmed else {
            return 0;
        };
        if Defect::ReplyOverPush.is_on() {
            return self.sequence.next();
        }
        match *self.link() {
            Link::Followed { incarnation, .. } if incarnation == server => number,
            _ => 0,
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "any part of the hash will do"
    )]
    fn place(&self, entry: &EntryName) -> u32 {
        self.hasher.hash_one(entry) as u32 % PLACES as u32
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vouched {
    /// Of an entry that nobody else can change.
    pub(crate) fn apart() -> Self {
        Self {
            confirmed: AtomicU64::new(0),
            trust: Trust::FOREVER,
            place: 0,
        }
    }

    #[inline]
    pub(crate) fn trust(&self) -> Trust {
        self.trust
    }

    #[inline]
    pub(crate) fn is_apart(&self) -> bool {
        self.trust == Trust::FOREVER
    }
}

/// The watch of no cache: for tests of a store.
impl Default for Watch {
    fn default() -> Self {
        Self::new(
            Some(Coherence::default()),
            Arc::new(Sequence::new()),
            Arc::new(TagTable::new()),
            Clock::system(),
        )
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("link", &*self.link())
            .finish_non_exhaustive()
    }
}
