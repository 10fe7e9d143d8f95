//! Invalidations, and those of them that the store has not taken yet.

use std::collections::BTreeSet;
use std::sync::atomic::{
    AtomicBool, AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::background;
use crate::coherence::settled_after;
use crate::defect::Defect;
use crate::key::RawKey;
use crate::remote::{Cell, Concluded, EntryName, Fault, Intent, Turn};

use super::deps::{any_family, family_of};
use super::wish::Wish;
use super::{INTENT_LIFE, SHORTEST_TOKEN_LIFE, Shared, namespace_cell};

/// More than this is owed as one: the whole namespace.
const MOST_NAMES: usize = 10_000;

/// What is to be invalidated. Names only: every attempt makes tokens of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    pub(crate) keys: Vec<EntryName>,
    /// Cells of tags, of prefixes and of the namespace.
    pub(crate) tags: Vec<Cell>,
    /// For how long answers may be given as stale ones that carry these tags. What is owed is
    /// owed without it.
    pub(crate) soft: Option<Duration>,
}

#[derive(Debug, Default)]
pub(super) struct Owed {
    names: Mutex<Names>,
    /// How many names there are; written under their lock.
    count: AtomicUsize,
    /// How often something was added.
    ever: AtomicU64,
    /// Whether a task works on them, on the runtime of whoever needs that.
    served: AtomicBool,
    /// Whether one does on that of the cache.
    served_at_home: AtomicBool,
    /// Nothing can be done about them any more.
    closed: AtomicBool,
}

#[derive(Clone, Debug, Default)]
struct Names {
    keys: BTreeSet<EntryName>,
    tags: BTreeSet<Cell>,
    /// Drawn anew with every addition: what was added during an attempt is not crossed out by it.
    edition: u64,
}

impl Order {
    pub(crate) fn key(key: &RawKey) -> Self {
        Self {
            keys: vec![EntryName::of(key)],
            ..Self::default()
        }
    }
}

impl Shared {
    /// Invalidates in the store. What cannot be done now is owed: the store is not used, and the
    /// attempt repeated behind the caller, until it is done. The error says that this is so.
    pub(crate) fn invalidate(
        self: &Arc<Self>,
        order: Order,
    ) -> impl Future<Output = Result<(), Fault>> + Send + use<> {
        let mut undone = Undone {
            shared: Arc::clone(self),
            order,
        };
        async move {
            if !undone.shared.owed.is_empty() {
                // Whoever only writes asks for nothing else that would see to it.
                undone.shared.serve();
            }
            undone.shared.attempt(&undone.order).await?;
            let done = std::mem::take(&mut undone.order);
            undone.shared.doubt(&done);
            Ok(())
        }
    }

    /// Not to be forgotten whatever happens to the caller.
    pub(crate) fn owe(self: &Arc<Self>, order: Order) {
        let names = order.clone();
        if self.is_closed() {
            tracing::error!(
                "an invalidation came after the cache was closed; other processes may serve what it names until it expires"
            );
            self.owed.add(order);
        } else if self.owed.add(order) {
            tracing::warn!(
                "invalidations wait for the shared store; they are repeated until it has them, and it is not used before"
            );
        }
        self.doubt(&names);
        self.serve();
    }

    /// What was read in the store before this moment may be older than the invalidation. Its own
    /// push says so, too, but maybe later than the caller is told that it is done.
    fn doubt(&self, order: &Order) {
        let keys = order.keys.iter().cloned().map(Cell::Key);
        for cell in order.tags.iter().cloned().chain(keys) {
            self.watch.changed(&cell);
        }
    }

    /// One attempt at all that is owed; whether nothing is left.
    pub(crate) async fn settle(self: &Arc<Self>) -> bool {
        let names = self.owed.names().clone();
        if names.is_empty() {
            return true;
        }
        let done = self.attempt(&names.order()).await.is_ok();
        if done && self.owed.cross_out(&names) {
            tracing::info!("the shared store has all invalidations that waited");
        }
        self.owed.is_empty()
    }

    async fn attempt(&self, order: &Order) -> Result<(), Fault> {
        let turn = Turn {
            soft: order.soft,
            ..self.turn()
        };
        if !order.keys.is_empty() {
            self.remote.remove(order.keys.clone(), turn).await?;
        }
        if order.tags.is_empty() {
            return Ok(());
        }
        let first = families_of(&order.tags);
        let tags = order.tags.clone();
        let (first, then) = if Defect::TagBeforeFamily.is_on() {
            (tags, first)
        } else {
            (first, tags)
        };
        self.remote.rotate(first, then, turn).await
    }

    /// How everything is invalidated here.
    fn turn(&self) -> Turn {
        Turn {
            lag: self.lag,
            ..Turn::keeping(SHORTEST_TOKEN_LIFE)
        }
    }

    /// Says that a write is under way.
    pub(crate) async fn intend(
        self: &Arc<Self>,
        tags: Vec<Cell>,
    ) -> Result<Vec<(Cell, Intent)>, Fault> {
        if tags.is_empty() {
            return Ok(Vec::new());
        }
        let (tier, cells) = (Arc::clone(self), tags.clone());
        let asked = async move { tier.remote.intend(cells, INTENT_LIFE).await };
        let intents = Wish::new(self, tags.clone(), asked).answer().await?;
        for cell in &tags {
            self.watch.changed(cell);
        }
        Ok(tags.into_iter().zip(intents).collect())
    }

    /// Waits until no process has a copy that is older than what was invalidated by now; false if it
    /// cannot.
    pub(crate) async fn settled(&self) -> bool {
        let window = self.watch.coherence().window();
        if window.is_zero() || Defect::SettledAtOnce.is_on() {
            return true;
        }
        // Whoever hears nothing has stopped trusting its copies by then.
        background::has_waited(settled_after(window)).await
    }

    /// Says that a write is over, and how many of its intents were lost. What cannot be said now is
    /// owed as the invalidation of its tags: that ends no intent, and this write's own run out.
    pub(crate) fn conclude(
        self: &Arc<Self>,
        intents: Vec<(Cell, Intent)>,
    ) -> impl Future<Output = Result<usize, Fault>> + Send + use<> {
        let order = Order {
            tags: intents.iter().map(|(cell, _)| cell.clone()).collect(),
            ..Order::default()
        };
        let mut undone = Undone {
            shared: Arc::clone(self),
            order,
        };
        async move {
            let shared = Arc::clone(&undone.shared);
            let first = families_of(&undone.order.tags);
            let ended = shared
                .remote
                .conclude(first, intents, shared.turn())
                .await?;
            let done = std::mem::take(&mut undone.order);
            shared.doubt(&done);
            let weakened = |ended: &&Concluded| **ended == Concluded::Weakened;
            Ok(ended.iter().filter(weakened).count())
        }
    }

    /// I11: whether nothing is owed. If something is, a task sees to it.
    pub(super) fn may_be_used(self: &Arc<Self>) -> bool {
        let free = self.owed.is_empty() || Defect::UsedWhileOwing.is_on();
        if !free {
            self.serve();
        }
        free
    }
}

/// Owed if it is dropped before it is done, also by a caller who does not wait any longer.
struct Undone {
    shared: Arc<Shared>,
    order: Order,
}

impl Drop for Undone {
    fn drop(&mut self) {
        let order = std::mem::take(&mut self.order);
        if !order.keys.is_empty() || !order.tags.is_empty() {
            self.shared.owe(order);
        }
    }
}

impl Owed {
    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn len(&self) -> usize {
        self.count.load(Acquire)
    }

    pub(super) fn ever(&self) -> u64 {
        self.ever.load(Relaxed)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Acquire)
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Release);
    }

    pub(super) fn serves(&self, at_home: bool) -> &AtomicBool {
        if at_home {
            &self.served_at_home
        } else {
            &self.served
        }
    }

    /// How many tasks see to them.
    pub(super) fn servants(&self) -> usize {
        let serves = |at_home| usize::from(self.serves(at_home).load(Acquire));
        serves(false) + serves(true)
    }

    /// Whether nothing was owed before.
    fn add(&self, order: Order) -> bool {
        self.ever.fetch_add(1, Relaxed);
        let mut names = self.names();
        let first = names.is_empty();
        names.keys.extend(order.keys);
        names.tags.extend(order.tags);
        names.edition += 1;
        if names.len() > MOST_NAMES {
            names.keys.clear();
            names.tags = BTreeSet::from([namespace_cell()]);
        }
        self.count.store(names.len(), Release);
        first
    }

    /// Whether nothing is owed any more.
    fn cross_out(&self, done: &Names) -> bool {
        let mut names = self.names();
        if names.edition != done.edition {
            // Something came in meanwhile, maybe the same names once more: all of it again.
            return false;
        }
        *names = Names {
            edition: names.edition,
            ..Names::default()
        };
        self.count.store(0, Release);
        true
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Names {
    fn len(&self) -> usize {
        self.keys.len() + self.tags.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn order(&self) -> Order {
        Order {
            keys: self.keys.iter().cloned().collect(),
            tags: self.tags.iter().cloned().collect(),
            soft: None,
        }
    }
}

/// The families that are to be rotated before these tags are.
fn families_of(tags: &[Cell]) -> Vec<Cell> {
    let families: BTreeSet<Cell> = tags.iter().filter_map(family).collect();
    let any = (!families.is_empty()).then(any_family);
    families.into_iter().chain(any).collect()
}

/// Tags that a result may have had have a family; those of prefixes and of the namespace do not.
fn family(cell: &Cell) -> Option<Cell> {
    let Cell::Tag(name) = cell else {
        return None;
    };
    let implied = name.starts_with('@') && !name.starts_with("@@");
    (!implied).then(|| family_of(name))
}
