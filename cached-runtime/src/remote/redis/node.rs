//! One server: its links, who uses them, and how it does.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::error::Trouble;
use super::keeper;
use super::link::{self, Link, Phase};
use super::names::Names;
use super::pair::Pair;
use super::push::Push;
use super::reads::Reads;
use super::refusal::{Refusals, What};
use super::settings::{Checked, RedisSettings};
use super::wake::Ear;
use crate::background::{keep_running, runtime};
use crate::breaker::{Breaker, BreakerState};
use crate::clock::Clock;

mod operation;
mod status;

/// What all operations and tasks of one [`RedisRemote`](super::RedisRemote) share.
pub(super) struct Node {
    checked: Checked,
    names: Names,
    links: Vec<Arc<Link>>,
    breaker: Breaker,
    next: AtomicUsize,
    ear: Arc<Ear>,
    push: Arc<Push>,
    reads: Reads,
    refusals: Refusals,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    runtime: Mutex<Option<Handle>>,
}

/// What an operation is, as far as deadlines and permissions go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It changes nothing.
    Read,
    /// It takes or makes something that a reader waits for. It may come to something without a write.
    Take,
    /// It writes.
    Write,
    /// It ends or prolongs what is there: a full memory, for one, is no hindrance.
    End,
}

/// What a write has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Memory {
    Unknown,
    There,
    Full,
}

impl Kind {
    fn what(self) -> What {
        match self {
            Self::Read => What::Reads,
            Self::Take | Self::Write | Self::End => What::Writes,
        }
    }
}

impl Node {
    pub(super) fn new(checked: Checked, ear: Ear, push: Push, names: Names) -> Self {
        let links = (0..checked.settings.connections)
            .map(|_| Arc::new(Link::new()))
            .collect();
        Self {
            checked,
            names,
            links,
            breaker: Breaker::new(Clock::system()),
            next: AtomicUsize::new(0),
            ear: Arc::new(ear),
            push: Arc::new(push),
            reads: Reads::default(),
            refusals: Refusals::new(Clock::system()),
            tasks: Mutex::default(),
            runtime: Mutex::default(),
        }
    }

    pub(super) fn settings(&self) -> &RedisSettings {
        &self.checked.settings
    }

    pub(super) fn checked(&self) -> &Checked {
        &self.checked
    }

    /// Whether what is read is followed by `WAIT`: it counts if it came from a master.
    pub(super) fn verifies(&self, pair: &Pair) -> bool {
        self.settings().verify_role && pair.shows_role()
    }

    pub(super) fn names(&self) -> &Names {
        &self.names
    }

    pub(super) fn ear(&self) -> &Ear {
        &self.ear
    }

    pub(super) fn push(&self) -> &Push {
        &self.push
    }

    pub(super) fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Starts what nobody does, on this runtime.
    pub(super) fn keep_up(self: &Arc<Self>, runtime: &Handle) {
        for link in &self.links {
            if let Some(duty) = link.take_duty() {
                *self.last_runtime() = Some(runtime.clone());
                self.run(runtime, keeper::keep(Arc::clone(self), duty));
            }
        }
        if let Some(duty) = self.ear.take_duty() {
            self.run(runtime, super::wake::listen(Arc::clone(self), duty));
        }
        if let Some(duty) = self.push.take_duty() {
            self.run(runtime, super::push::follow(Arc::clone(self), duty));
        }
    }

    /// Runs a task that ends when this is closed, if not before.
    pub(super) fn run(&self, runtime: &Handle, task: impl Future<Output = ()> + Send + 'static) {
        let task = keep_running(runtime, task);
        let mut tasks = self.tasks();
        tasks.retain(|task| !task.is_finished());
        tasks.push(task);
    }

    /// The runtime that the connections were last started on.
    pub(super) fn runtime(&self) -> Option<Handle> {
        self.last_runtime().clone()
    }

    /// Whether its tasks run on the caller's runtime: while that stands still, so does the caller.
    pub(super) fn runs_here(&self) -> bool {
        let here = Handle::try_current().map(|here| here.id());
        let there = self.last_runtime();
        here.is_ok_and(|here| there.as_ref().is_some_and(|there| there.id() == here))
    }

    /// Whether the connection keeps the time of the caller: where that has no runtime, it can keep none itself.
    pub(super) fn keeps_time(&self) -> bool {
        self.runs_here() || runtime().is_none()
    }

    /// Waits until the first attempts to connect are over.
    pub(super) async fn known(&self) {
        for link in &self.links {
            link.known().await;
        }
        self.ear.known().await;
    }

    /// What came of a write that passes where memory is full, too.
    pub(super) fn wrote(&self, memory: Memory) {
        let what = Kind::Write.what();
        match memory {
            Memory::Full => self.refusals.begin(what, &Trouble::full().why()),
            Memory::There => self.refusals.end(what),
            Memory::Unknown => {}
        }
    }

    /// What may come to a write has read.
    pub(super) fn has_read(&self) {
        self.refusals.end(Kind::Read.what());
    }

    pub(super) fn close(&self) {
        self.links.iter().for_each(|link| link.close());
        self.ear.close();
        self.push.close();
        for task in self.tasks().drain(..) {
            task.abort();
        }
    }

    pub(super) fn breaker_state(&self) -> BreakerState {
        let closed = |link: &Arc<Link>| matches!(link.phase(), Phase::Closed);
        if self.links.iter().any(closed) {
            return BreakerState::Open;
        }
        self.breaker.state()
    }

    pub(super) fn breaker_opened(&self) -> u64 {
        self.breaker.opened()
    }

    /// Takes a connection into use that was found to be good. Whether there is anything left to look
    /// after.
    pub(super) fn up(&self, duty: &link::Duty, pair: &Arc<Pair>) -> bool {
        self.reads.pack(pair.packs());
        self.breaker.proven(pair.incarnation().0, || duty.up(pair))
    }

    /// The place of a connection is empty. Whether there is anything left to look after.
    pub(super) fn down(&self, duty: &link::Duty, why: &str) -> bool {
        let mut goes_on = false;
        self.breaker.lost(why, || {
            goes_on = duty.down(why);
            goes_on && self.is_out_of_use()
        });
        goes_on
    }

    fn is_out_of_use(&self) -> bool {
        let up = |link: &Arc<Link>| matches!(link.phase(), Phase::Up(_));
        !self.links.iter().any(up)
    }

    /// The connection whose turn it is, if it can be used.
    fn up_at_once(&self) -> Option<(&Arc<Link>, Arc<Pair>)> {
        let link = &self.links[self.next.load(Relaxed) % self.links.len()];
        match link.phase() {
            Phase::Up(pair) => {
                self.next.fetch_add(1, Relaxed);
                Some((link, pair))
            }
            _ => None,
        }
    }

    async fn pair(self: &Arc<Self>) -> Result<(&Arc<Link>, Arc<Pair>), Trouble> {
        let first = self.next.fetch_add(1, Relaxed) % self.links.len();
        let mut hope = None;
        let mut down = None;
        for link in self.links[first..].iter().chain(&self.links[..first]) {
            match link.phase() {
                Phase::Up(pair) => return Ok((link, pair)),
                Phase::Alone | Phase::Starting => hope = hope.or(Some(link)),
                Phase::Down(why) => down = down.or(Some(why)),
                Phase::Closed => return Err(Trouble::unavailable("closed")),
            }
        }
        if let Some(link) = hope {
            if let Ok(runtime) = Handle::try_current() {
                self.keep_up(&runtime);
            }
            match link.known().await {
                Phase::Up(pair) => return Ok((link, pair)),
                Phase::Down(why) => down = Some(why),
                Phase::Closed => down = Some("closed".to_owned()),
                Phase::Alone | Phase::Starting => {
                    down = Some("there is no tokio runtime to connect on".to_owned());
                }
            }
        }
        Err(Trouble::unavailable(down.unwrap_or_default()))
    }

    fn last_runtime(&self) -> MutexGuard<'_, Option<Handle>> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tasks(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").finish_non_exhaustive()
    }
}
