//! What the checks are written with.

use std::fmt::Debug;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::task::unconstrained;

use super::Conformance;
use crate::remote::{
    Cell, CellState, Ended, EntryName, Fault, Fill, How, Incarnation, LeaseId, Lock, Locked, Part,
    Proof, Read, Reading, Release, Remote, Turn, Waiter, Wake, Watch,
};

/// Longer than any check.
pub(super) const LONG: Duration = Duration::from_secs(600);
/// Not too short for a slow server, and not long to wait for.
pub(super) const SHORT: Duration = Duration::from_secs(1);
/// After this a [`SHORT`] one has gone.
pub(super) const A_LITTLE_MORE: Duration = Duration::from_millis(1_250);

pub(super) const IF_NEW: How = How::IfFree { seen: None };

/// One process.
pub(super) struct Process<'a> {
    pub(super) suite: &'a Conformance,
    pub(super) remote: Arc<dyn Remote>,
    wake: Arc<Wake>,
    pub(super) watch: Arc<Watch>,
}

/// The result of an operation that nothing hinders.
pub(super) fn done<T>(result: Result<T, Fault>) -> T {
    match result {
        Ok(done) => done,
        Err(fault) => panic!("an operation failed: {fault}"),
    }
}

/// The answer to the only question.
pub(super) fn only<T: Debug>(answers: impl IntoIterator<Item = T>) -> T {
    let answers: Vec<_> = answers.into_iter().collect();
    let count = answers.len();
    match <[T; 1]>::try_from(answers) {
        Ok([answer]) => answer,
        Err(answers) => panic!("one question has {count} answers: {answers:?}"),
    }
}

pub(super) fn entry(name: &str) -> EntryName {
    EntryName::new(name)
}

pub(super) fn tag(name: &str) -> Cell {
    Cell::Tag(name.into())
}

pub(super) fn if_seen(seen: LeaseId) -> How {
    How::IfFree { seen: Some(seen) }
}

pub(super) fn wish(entry: &EntryName, how: How, ttl: Duration) -> Lock {
    let entry = entry.clone();
    Lock { entry, how, ttl }
}

/// An envelope with the identity where it belongs, and something else everywhere else.
pub(super) fn envelope(lease: LeaseId, payload: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = (1..=56).collect();
    bytes[16..24].copy_from_slice(&lease.0);
    bytes.extend_from_slice(payload);
    bytes
}

/// The same without what the server writes.
pub(super) fn without_stamps(bytes: &[u8]) -> Vec<u8> {
    [&bytes[..32], &bytes[48..]].concat()
}

impl<'a> Process<'a> {
    pub(super) fn new(
        suite: &'a Conformance,
        remote: Arc<dyn Remote>,
        wake: Arc<Wake>,
        watch: Arc<Watch>,
    ) -> Self {
        Self {
            suite,
            remote,
            wake,
            watch,
        }
    }

    pub(super) async fn read(&self, entries: Vec<(EntryName, Part)>, cells: Vec<Cell>) -> Reading {
        let counts = (entries.len(), cells.len());
        let reading = done(self.remote.read(Read { entries, cells }).await);
        let answered = (reading.entries.len(), reading.cells.len());
        assert_eq!(answered, counts, "each question has an answer");
        reading
    }

    pub(super) async fn bytes(&self, entry: &EntryName) -> Option<Vec<u8>> {
        let reading = self.read(vec![(entry.clone(), Part::Whole)], vec![]);
        let bytes = only(reading.await.entries).bytes;
        bytes.map(|bytes| bytes.to_vec())
    }

    /// The payload of an entry made by [`envelope`].
    pub(super) async fn payload(&self, entry: &EntryName) -> Option<Vec<u8>> {
        let bytes = self.bytes(entry).await?;
        Some(bytes[56..].to_vec())
    }

    pub(super) async fn cells(&self, cells: &[Cell]) -> Vec<CellState> {
        self.read(vec![], cells.to_vec()).await.cells.to_vec()
    }

    pub(super) async fn cell(&self, cell: &Cell) -> CellState {
        only(self.cells(std::slice::from_ref(cell)).await)
    }

    /// The proof of a cell that has a token.
    pub(super) async fn proof(&self, cell: &Cell) -> Proof {
        let state = self.cell(cell).await;
        match state.proof() {
            Some(proof) => proof,
            None => panic!("a cell with a token is {state:?}"),
        }
    }

    pub(super) async fn ensure(&self, cell: &Cell, keep: Duration) -> CellState {
        let cells = vec![cell.clone()];
        only(done(self.remote.ensure(cells, vec![], keep).await))
    }

    pub(super) async fn rotate(&self, cell: &Cell, keep: Duration) {
        done(
            self.remote
                .rotate(vec![], vec![cell.clone()], Turn::keeping(keep))
                .await,
        );
    }

    pub(super) async fn lock(&self, entry: &EntryName, how: How, ttl: Duration) -> Locked {
        let wish = vec![wish(entry, how, ttl)];
        only(done(self.remote.lock(wish, vec![], LONG).await).locks).0
    }

    /// A lease that is expected to be granted.
    pub(super) async fn granted(&self, entry: &EntryName, how: How, ttl: Duration) -> LeaseId {
        match self.lock(entry, how, ttl).await {
            Locked::Granted(lease) => lease,
            other => panic!("a lease that should be granted is {other:?}"),
        }
    }

    /// Asks for a lease that somebody else holds, which makes this process one of those who wait.
    pub(super) async fn busy(&self, entry: &EntryName) -> Duration {
        match self.lock(entry, IF_NEW, LONG).await {
            Locked::Busy(left) => left,
            other => panic!("a lease that should be busy is {other:?}"),
        }
    }

    pub(super) async fn fill(&self, entry: &EntryName, lease: LeaseId, payload: &[u8]) -> bool {
        self.fill_for(entry, lease, payload, LONG).await
    }

    pub(super) async fn fill_for(
        &self,
        entry: &EntryName,
        lease: LeaseId,
        payload: &[u8],
        life: Duration,
    ) -> bool {
        let fill = Fill {
            entry: entry.clone(),
            lease,
            envelope: envelope(lease, payload),
            life,
        };
        only(done(self.remote.fill(vec![fill], vec![], LONG).await).fills).stored
    }

    /// An entry that was not there is there.
    pub(super) async fn store(&self, entry: &EntryName, payload: &[u8]) -> LeaseId {
        let lease = self.granted(entry, IF_NEW, LONG).await;
        assert!(self.fill(entry, lease, payload).await, "a fill is stored");
        lease
    }

    pub(super) async fn renew(&self, entry: &EntryName, lease: LeaseId, ttl: Duration) -> bool {
        let leases = vec![(entry.clone(), lease)];
        only(done(self.remote.renew(leases, ttl).await))
    }

    pub(super) async fn release(&self, entry: &EntryName, lease: LeaseId, why: Release) {
        done(self.remote.release(vec![(entry.clone(), lease)], why).await);
    }

    pub(super) async fn remove(&self, entry: &EntryName) {
        done(
            self.remote
                .remove(vec![entry.clone()], Turn::keeping(LONG))
                .await,
        );
    }

    pub(super) async fn incarnation(&self) -> Incarnation {
        let reading = self.read(vec![(entry("anything"), Part::Identity)], vec![]);
        only(reading.await.entries).incarnation
    }

    pub(super) fn waits_for(&self, entry: &EntryName) -> Listener<'a> {
        Listener {
            suite: self.suite,
            waiter: self.wake.register(entry),
        }
    }
}

/// Listens for what one process is told of one entry.
pub(super) struct Listener<'a> {
    suite: &'a Conformance,
    waiter: Waiter,
}

impl Listener<'_> {
    /// What it is told, in the end.
    pub(super) async fn heard(&mut self) -> Ended {
        for _ in 0..1_000 {
            if let Some(ended) = self.already().await {
                return ended;
            }
            self.suite.wait(Duration::from_millis(5)).await;
        }
        panic!("who waits was told nothing");
    }

    /// Nothing was told, and nothing is on its way.
    pub(super) async fn heard_nothing(&mut self) {
        self.suite.wait(Duration::from_millis(100)).await;
        assert_eq!(
            self.already().await,
            None,
            "somebody was told who did not wait"
        );
    }

    /// What was told by now, not counting that announcements may have been lost.
    async fn already(&mut self) -> Option<Ended> {
        loop {
            // A runtime that makes a long check pause would look like no news.
            let mut news = pin!(unconstrained(self.waiter.news()));
            let poll = poll_fn(|context| Poll::Ready(news.as_mut().poll(context)));
            match poll.await {
                Poll::Ready(None) => {}
                Poll::Ready(ended) => return ended,
                Poll::Pending => return None,
            }
        }
    }
}
