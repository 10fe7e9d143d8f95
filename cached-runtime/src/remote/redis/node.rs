//! One server: its links, who uses them, and how it does.

use std::fmt;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::error::{Effect, Trouble};
use super::keeper;
use super::link::{Link, Phase};
use super::names::Names;
use super::pair::Pair;
use super::push::Push;
use super::reads::Reads;
use super::settings::{Checked, RedisSettings};
use super::wake::Ear;
use crate::background::{keep_running, within};
use crate::remote::{Fault, Status};

/// What all operations and tasks of one [`RedisRemote`](super::RedisRemote) share.
pub(super) struct Node {
    checked: Checked,
    names: Names,
    links: Vec<Arc<Link>>,
    next: AtomicUsize,
    ear: Arc<Ear>,
    push: Arc<Push>,
    reads: Reads,
    refusals: [Refusal; 2],
    tasks: Mutex<Vec<JoinHandle<()>>>,
    runtime: Mutex<Option<Handle>>,
}

/// What an operation is, as far as deadlines and permissions go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It changes nothing.
    Read,
    /// It takes or makes something that a reader waits for.
    Take,
    Write,
}

/// Why the server refuses what it can be used for otherwise, until it does not any more.
#[derive(Debug, Default)]
struct Refusal {
    any: AtomicBool,
    why: Mutex<String>,
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
            next: AtomicUsize::new(0),
            ear: Arc::new(ear),
            push: Arc::new(push),
            reads: Reads::default(),
            refusals: Default::default(),
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

    /// Waits until the first attempts to connect are over.
    pub(super) async fn known(&self) {
        for link in &self.links {
            link.known().await;
        }
        self.ear.known().await;
    }

    /// One operation on one connection, with one deadline.
    pub(super) async fn operate<T, F>(
        self: &Arc<Self>,
        kind: Kind,
        work: impl FnOnce(Arc<Pair>) -> F + Send,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Trouble>> + Send,
    {
        let limit = match kind {
            Kind::Read | Kind::Take => self.settings().read_timeout,
            Kind::Write => self.settings().write_timeout,
        };
        let mut used = None;
        let outcome = {
            // Pinned here, because what is passed by value is kept twice.
            let work = pin!(async {
                let (link, pair) = self.pair().await?;
                used = Some((link, Arc::clone(&pair)));
                work(pair).await
            });
            within(limit, work).await
        };
        let trouble = match (outcome, &used) {
            (Some(Ok(reply)), _) => {
                // A wish for a lease may come to something without a write.
                if kind != Kind::Take {
                    self.refusal(kind).over();
                }
                return Ok(reply);
            }
            (Some(Err(trouble)), _) => trouble,
            (None, Some(_)) => Trouble::late(limit),
            (None, None) => Trouble::unavailable("connecting"),
        };
        if let Some((link, pair)) = used {
            self.follow(kind, &trouble, link, &pair);
        }
        Err(trouble.fault)
    }

    pub(super) fn status(self: &Arc<Self>) -> Status {
        let mut down = None;
        for link in &self.links {
            match link.phase() {
                Phase::Up(pair) => return self.how_well(&pair),
                Phase::Alone => {
                    // The next operation starts what is missing, so it is worth a try.
                    let why = "not connected; the next operation will connect";
                    return match Handle::try_current() {
                        Ok(_) => Status::Degraded(why.to_owned()),
                        Err(_) => Status::Down("there is no tokio runtime".to_owned()),
                    };
                }
                Phase::Starting => return Status::Degraded("connecting".to_owned()),
                Phase::Down(why) => down = down.or(Some(why)),
                Phase::Closed => return Status::Down("closed".to_owned()),
            }
        }
        Status::Down(down.unwrap_or_default())
    }

    pub(super) fn close(&self) {
        self.links.iter().for_each(|link| link.close());
        self.ear.close();
        self.push.close();
        for task in self.tasks().drain(..) {
            task.abort();
        }
    }

    fn how_well(&self, pair: &Pair) -> Status {
        let refused = self.refusals.iter().find_map(Refusal::why);
        match (refused, pair.shortcoming()) {
            (Some(why), _) => Status::Degraded(why),
            (None, Some(why)) => Status::Degraded(why.to_owned()),
            (None, None) => Status::Up,
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

    /// What one failure means for those who come after.
    fn follow(&self, kind: Kind, trouble: &Trouble, link: &Link, pair: &Arc<Pair>) {
        let why = trouble.why();
        let in_use = match trouble.effect {
            Effect::None | Effect::NoScript => return,
            Effect::Refused => return self.refusal(kind).is(&why),
            Effect::Suspect => link.doubt(pair, &why),
            Effect::Close => link.give_up(pair, &why),
        };
        // They lead to the same server: nobody else waits for it until a heartbeat passed.
        if in_use {
            self.links.iter().for_each(|link| link.doubt_any(&why));
        }
    }

    fn refusal(&self, kind: Kind) -> &Refusal {
        let [reads, writes] = &self.refusals;
        match kind {
            Kind::Read => reads,
            Kind::Take | Kind::Write => writes,
        }
    }

    fn last_runtime(&self) -> MutexGuard<'_, Option<Handle>> {
        self.runtime.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tasks(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Refusal {
    fn is(&self, why: &str) {
        let mut last = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.any.swap(true, Relaxed) || *last != why {
            tracing::warn!("redis refuses: {why}");
            why.clone_into(&mut last);
        }
    }

    fn over(&self) {
        if self.any.load(Relaxed) && self.any.swap(false, Relaxed) {
            tracing::info!("redis does not refuse any more");
        }
    }

    fn why(&self) -> Option<String> {
        let why = || self.why.lock().unwrap_or_else(PoisonError::into_inner);
        self.any.load(Relaxed).then(|| why().clone())
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").finish_non_exhaustive()
    }
}
