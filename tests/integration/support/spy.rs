//! A store whose reads are counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use cache_aside::remote::{
    Cell, CellState, Concluded, Double, EntryName, Fill, FillReply, Intent, LeaseId, Lock,
    LockReply, Read, Reading, Release, Remote, Reply, Status, Turn, Wake, Watch,
};

/// Counts the entries and the cells that are read.
#[derive(Debug)]
pub(crate) struct Spy(pub(crate) Arc<Double>, [AtomicUsize; 2]);

impl Spy {
    pub(crate) fn on(way: Double) -> Arc<Self> {
        Arc::new(Self(Arc::new(way), Default::default()))
    }

    /// Entries and cells that were read by now.
    pub(crate) fn reads(&self) -> [usize; 2] {
        [0, 1].map(|which| self.1[which].load(SeqCst))
    }
}

impl Remote for Spy {
    fn attach(&self, wake: Arc<Wake>, watch: Arc<Watch>) {
        self.0.attach(wake, watch);
    }
    fn status(&self) -> Status {
        self.0.status()
    }
    fn read(&self, what: Read) -> Reply<'_, Reading> {
        self.1[0].fetch_add(what.entries.len(), SeqCst);
        let cells = self.1[1].fetch_add(what.cells.len(), SeqCst);
        if cells > 100_000 {
            // Something goes round in circles.
            self.0.close();
        }
        self.0.read(what)
    }
    fn lock(&self, locks: Vec<Lock>, cells: Vec<Cell>, keep: Duration) -> Reply<'_, LockReply> {
        self.0.lock(locks, cells, keep)
    }
    fn ensure(&self, a: Vec<Cell>, b: Vec<Cell>, keep: Duration) -> Reply<'_, Vec<CellState>> {
        self.0.ensure(a, b, keep)
    }
    fn fill(&self, fills: Vec<Fill>, cells: Vec<Cell>, keep: Duration) -> Reply<'_, FillReply> {
        self.0.fill(fills, cells, keep)
    }
    fn renew(&self, leases: Vec<(EntryName, LeaseId)>, ttl: Duration) -> Reply<'_, Vec<bool>> {
        self.0.renew(leases, ttl)
    }
    fn release(&self, leases: Vec<(EntryName, LeaseId)>, why: Release) -> Reply<'_, ()> {
        self.0.release(leases, why)
    }
    fn rotate(&self, first: Vec<Cell>, then: Vec<Cell>, turn: Turn) -> Reply<'_, ()> {
        self.0.rotate(first, then, turn)
    }
    fn remove(&self, entries: Vec<EntryName>, turn: Turn) -> Reply<'_, ()> {
        self.0.remove(entries, turn)
    }
    fn intend(&self, cells: Vec<Cell>, life: Duration) -> Reply<'_, Vec<Intent>> {
        self.0.intend(cells, life)
    }
    fn conclude(
        &self,
        first: Vec<Cell>,
        intents: Vec<(Cell, Intent)>,
        turn: Turn,
    ) -> Reply<'_, Vec<Concluded>> {
        self.0.conclude(first, intents, turn)
    }
    fn lock_name(&self, name: &str, ttl: Duration) -> Reply<'_, Option<LeaseId>> {
        self.0.lock_name(name, ttl)
    }
    fn renew_name(&self, name: &str, lease: LeaseId, ttl: Duration) -> Reply<'_, bool> {
        self.0.renew_name(name, lease, ttl)
    }
    fn release_name(&self, name: &str, lease: LeaseId) -> Reply<'_, ()> {
        self.0.release_name(name, lease)
    }
    fn close(&self) {
        self.0.close();
    }
}
