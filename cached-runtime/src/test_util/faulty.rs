//! A store between which and the cache things go wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::background::{has_waited, within};
use crate::breaker::BreakerState;
use crate::remote::double::Op;
use crate::remote::{
    Cell, CellState, Concluded, EntryName, Fault, Fill, FillReply, Intent, LeaseId, Lock,
    LockReply, Read, ReadReply, Release, Remote, Reply, Status, Turn, Wake, Watch,
};
#[cfg(feature = "rate-limit")]
use crate::remote::{Draw, Drawn};

/// Every store ends an operation after some time.
const TIME_LIMIT: Duration = Duration::from_secs(1);

/// What goes wrong with an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mishap {
    /// There is no connection: it is not sent, and fails at once. While this happens to every
    /// operation, the store says that it cannot be used.
    Unavailable,
    /// The store says no, at once and without doing it.
    Refused,
    /// It is done, and the reply is lost: whoever asked does not know.
    ReplyLost,
    /// It is sent so much later.
    Delay(Duration),
    /// It is not sent before [`clear`](Faulty::clear).
    Hang,
}

/// Any store, and what goes wrong on the way to it: the double, Redis, or one of your own.
///
/// As with every store, no operation takes for ever: one that was not sent within a second is
/// lost. The second is a timer of the runtime, so it is over at once where
/// `tokio::time::pause` is in force.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::{Cache, Key, Policy, remote::DoubleServer, test_util::{Faulty, Mishap, Op}};
/// use std::{convert::Infallible, sync::Arc, time::Duration};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let store = Arc::new(Faulty::new(Arc::new(DoubleServer::new(1).connect())));
/// let cache = Cache::builder().remote(store.clone()).build().await?;
/// let key = Key::<u32>::new("age", &(1,));
/// let policy = Policy::ttl(Duration::from_secs(60));
/// let age = |age| cache.get_or_load(&key, &policy, move || async move { Ok::<_, Infallible>(age) });
///
/// store.begin(Mishap::Refused, &[Op::Read]);
/// assert_eq!(age(36).await, Ok(36));
/// assert_eq!(age(37).await, Ok(37)); // answered, and not stored
/// store.clear();
/// assert_eq!(age(38).await, Ok(38));
/// assert_eq!(age(39).await, Ok(38));
/// # Ok::<(), cache_aside::Error>(()) }).unwrap();
/// ```
pub struct Faulty {
    store: Arc<dyn Remote>,
    state: Mutex<State>,
    entries_read: AtomicU64,
    cells_read: AtomicU64,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    counts: BTreeMap<Op, u64>,
}

struct Rule {
    mishap: Mishap,
    ops: Vec<Op>,
    /// How many operations it still happens to; `None`: to all.
    left: Option<u64>,
    /// Closed when what hangs may go on; it never has a permit.
    over: Arc<Semaphore>,
}

impl Faulty {
    /// A way to `store` on which nothing goes wrong yet.
    pub fn new(store: Arc<dyn Remote>) -> Self {
        Self {
            store,
            state: Mutex::default(),
            entries_read: AtomicU64::new(0),
            cells_read: AtomicU64::new(0),
        }
    }

    /// From now on this happens to these operations, until [`clear`](Self::clear). What began
    /// earlier goes before.
    pub fn begin(&self, mishap: Mishap, ops: &[Op]) {
        self.add(mishap, ops, None);
    }

    /// This happens to the next `times` of these operations, counted together.
    pub fn next(&self, times: u64, mishap: Mishap, ops: &[Op]) {
        self.add(mishap, ops, Some(times));
    }

    /// Nothing goes wrong any more, and what hangs is sent.
    pub fn clear(&self) {
        for rule in self.with(|state| std::mem::take(&mut state.rules)) {
            rule.over.close();
        }
    }

    /// How many of these operations the cache asked for, whatever became of them.
    pub fn count(&self, op: Op) -> u64 {
        self.with(|state| state.counts.get(&op).copied().unwrap_or_default())
    }

    /// How many operations the cache asked for.
    pub fn trips(&self) -> u64 {
        self.with(|state| state.counts.values().sum())
    }

    /// How many entries all the reads asked for; one can ask for several.
    pub fn entries_read(&self) -> u64 {
        self.entries_read.load(Relaxed)
    }

    /// How many cells (the tokens of tags, prefixes and keys) all the reads asked for.
    pub fn cells_read(&self) -> u64 {
        self.cells_read.load(Relaxed)
    }

    fn add(&self, mishap: Mishap, ops: &[Op], left: Option<u64>) {
        let rule = Rule {
            mishap,
            ops: ops.to_vec(),
            left,
            over: Arc::new(Semaphore::new(0)),
        };
        self.with(|state| state.rules.push(rule));
    }

    fn with<R>(&self, what: impl FnOnce(&mut State) -> R) -> R {
        what(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Happens when the operation is polled first.
    fn send<'a, T: Send + 'a>(
        &'a self,
        op: Op,
        go: impl FnOnce(&'a dyn Remote) -> Reply<'a, T> + Send + 'a,
    ) -> Reply<'a, T> {
        Box::pin(async move {
            let Some((mishap, over)) = self.with(|state| state.next(op)) else {
                return go(&*self.store).await;
            };
            let sent = match mishap {
                Mishap::Unavailable => return Err(Fault::Unavailable(UNAVAILABLE.to_owned())),
                Mishap::Refused => return Err(Fault::Refused("the test refuses it".to_owned())),
                Mishap::ReplyLost => {
                    go(&*self.store).await?;
                    return Err(Fault::Lost("the reply was lost".to_owned()));
                }
                Mishap::Delay(time) => {
                    has_waited(time.min(TIME_LIMIT)).await;
                    time < TIME_LIMIT
                }
                Mishap::Hang => within(TIME_LIMIT, over.acquire()).await.is_some(),
            };
            if sent {
                go(&*self.store).await
            } else {
                Err(Fault::Lost("no reply in time".to_owned()))
            }
        })
    }
}

const UNAVAILABLE: &str = "the test cut the connection";

impl State {
    /// Counts an operation, and says what happens to it.
    fn next(&mut self, op: Op) -> Option<(Mishap, Arc<Semaphore>)> {
        *self.counts.entry(op).or_default() += 1;
        let rule = self
            .rules
            .iter_mut()
            .find(|rule| rule.ops.contains(&op) && rule.left != Some(0))?;
        rule.left = rule.left.map(|left| left - 1);
        Some((rule.mishap, Arc::clone(&rule.over)))
    }

    fn is_cut(&self) -> bool {
        let cut = |op| {
            self.rules.iter().any(|rule| {
                rule.mishap == Mishap::Unavailable && rule.left.is_none() && rule.ops.contains(op)
            })
        };
        Op::ALL.iter().all(cut)
    }
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Faulty").field(&self.store).finish()
    }
}

impl Remote for Faulty {
    fn attach(&self, wake: Arc<Wake>, watch: Arc<Watch>) {
        self.store.attach(wake, watch);
    }

    fn status(&self) -> Status {
        if self.with(|state| state.is_cut()) {
            return Status::Down(UNAVAILABLE.to_owned());
        }
        self.store.status()
    }

    fn breaker(&self) -> BreakerState {
        if self.with(|state| state.is_cut()) {
            return BreakerState::Open;
        }
        self.store.breaker()
    }

    fn breaker_opened(&self) -> u64 {
        self.store.breaker_opened()
    }

    fn read(&self, what: Read) -> ReadReply<'_> {
        self.entries_read
            .fetch_add(what.entries.len() as u64, Relaxed);
        self.cells_read.fetch_add(what.cells.len() as u64, Relaxed);
        ReadReply::Later(self.send(Op::Read, |store| Box::pin(store.read(what))))
    }

    fn lock(&self, locks: Vec<Lock>, cells: Vec<Cell>, keep: Duration) -> Reply<'_, LockReply> {
        self.send(Op::Lock, move |store| store.lock(locks, cells, keep))
    }

    // `read_or_lock` is left as it is: what happens to reads and to wishes happens to it, too.

    fn ensure(
        &self,
        cells: Vec<Cell>,
        then: Vec<Cell>,
        keep: Duration,
    ) -> Reply<'_, Vec<CellState>> {
        self.send(Op::Ensure, move |store| store.ensure(cells, then, keep))
    }

    fn fill(&self, fills: Vec<Fill>, cells: Vec<Cell>, keep: Duration) -> Reply<'_, FillReply> {
        self.send(Op::Fill, move |store| store.fill(fills, cells, keep))
    }

    fn renew(&self, leases: Vec<(EntryName, LeaseId)>, ttl: Duration) -> Reply<'_, Vec<bool>> {
        self.send(Op::Renew, move |store| store.renew(leases, ttl))
    }

    fn release(&self, leases: Vec<(EntryName, LeaseId)>, why: Release) -> Reply<'_, ()> {
        self.send(Op::Release, move |store| store.release(leases, why))
    }

    fn rotate(&self, first: Vec<Cell>, then: Vec<Cell>, turn: Turn) -> Reply<'_, ()> {
        self.send(Op::Rotate, move |store| store.rotate(first, then, turn))
    }

    fn remove(&self, entries: Vec<EntryName>, turn: Turn) -> Reply<'_, ()> {
        self.send(Op::Remove, move |store| store.remove(entries, turn))
    }

    fn intend(&self, cells: Vec<Cell>, life: Duration) -> Reply<'_, Vec<Intent>> {
        self.send(Op::Intend, move |store| store.intend(cells, life))
    }

    fn conclude(
        &self,
        first: Vec<Cell>,
        intents: Vec<(Cell, Intent)>,
        turn: Turn,
    ) -> Reply<'_, Vec<Concluded>> {
        self.send(Op::Conclude, move |store| {
            store.conclude(first, intents, turn)
        })
    }

    fn lock_name(&self, name: &str, ttl: Duration) -> Reply<'_, Option<LeaseId>> {
        let name = name.to_owned();
        self.send(Op::LockName, move |store| store.lock_name(&name, ttl))
    }

    fn renew_name(&self, name: &str, lease: LeaseId, ttl: Duration) -> Reply<'_, bool> {
        let name = name.to_owned();
        self.send(Op::RenewName, move |store| {
            store.renew_name(&name, lease, ttl)
        })
    }

    fn release_name(&self, name: &str, lease: LeaseId) -> Reply<'_, ()> {
        let name = name.to_owned();
        self.send(Op::ReleaseName, move |store| {
            store.release_name(&name, lease)
        })
    }

    #[cfg(feature = "rate-limit")]
    fn draw(&self, draw: Draw) -> Reply<'_, Drawn> {
        self.send(Op::Draw, move |store| store.draw(draw))
    }

    fn close(&self) {
        self.store.close();
    }
}
