//! The store as the rest of the runtime sees it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

#[cfg(feature = "rate-limit")]
use super::buckets;
use super::commands;
use super::names::{Names, whole};
use super::node::Node;
use super::opening;
use super::push::Push;
use super::reads;
use super::settings::RedisSettings;
use super::tokens::draw;
use super::turns;
use super::wake::Ear;
use crate::background::within;
use crate::breaker::BreakerState;
use crate::error::Error;
use crate::remote::{
    Cell, CellState, Concluded, EntryName, Fill, FillReply, Intent, LeaseId, Lock, LockReply, Read,
    ReadOrLock, ReadReply, Release, Remote, Reply, Status, Turn, Wake, Watch,
};
#[cfg(feature = "rate-limit")]
use crate::remote::{Draw, Drawn};

/// A Redis or Valkey server as the tier that processes share.
///
/// It connects in the background, and connects again when the connection is lost or proves to be
/// bad. While there is none, operations fail at once. Its tasks and connections end when it is
/// closed or the last handle is dropped. If the runtime they run on ends before, the next
/// operation starts them again on the runtime it runs on.
///
/// ```no_run
/// # use cached_runtime as cache_aside;
/// use cache_aside::remote::redis::{RedisRemote, RedisSettings};
/// use cache_aside::remote::{Remote, Status};
///
/// # async fn example() -> Result<(), cache_aside::Error> {
/// let remote = RedisRemote::start(RedisSettings::new("redis://localhost", "shop")).await?;
/// if let Status::Down(why) = remote.status() {
///     println!("the cache works without Redis for now: {why}");
/// }
/// # Ok(()) }
/// ```
pub struct RedisRemote {
    node: Arc<Node>,
}

impl RedisRemote {
    /// Returns at once; the tasks run on `runtime`, or else on the one this is called on.
    ///
    /// # Errors
    ///
    /// When a setting cannot be used. A server that cannot be reached is no error.
    pub fn new(settings: RedisSettings, runtime: Option<Handle>) -> Result<Arc<Self>, Error> {
        let checked = settings.check()?;
        let names = Names::new(&checked.settings.namespace);
        let mut process = [0; 8];
        draw(&mut process).map_err(|_| Error::config("the system gives no random numbers"))?;
        let push = Push::new(names.canary(process));
        let node = Arc::new(Node::new(checked, Ear::new(process), push, names));
        if let Some(runtime) = runtime.or_else(|| Handle::try_current().ok()) {
            node.keep_up(&runtime);
        }
        Ok(Arc::new(Self { node }))
    }

    /// As [`new`](Self::new), and waits until the server answers, for `connect_timeout` at most.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub async fn start(settings: RedisSettings) -> Result<Arc<Self>, Error> {
        Self::start_on(settings, None).await
    }

    /// The same with tasks on `runtime`.
    pub(crate) async fn start_on(
        settings: RedisSettings,
        runtime: Option<Handle>,
    ) -> Result<Arc<Self>, Error> {
        let limit = settings.connect_timeout;
        let remote = Self::new(settings, runtime)?;
        // Whatever came of it is in the status.
        let _ = within(limit, remote.node.known()).await;
        Ok(remote)
    }
}

impl Remote for RedisRemote {
    fn attach(&self, wake: Arc<Wake>, watch: Arc<Watch>) {
        self.node.ear().attach(wake);
        self.node.push().attach(watch);
        let runtime = self.node.runtime();
        if let Some(runtime) = runtime.or_else(|| Handle::try_current().ok()) {
            self.node.keep_up(&runtime);
        }
    }

    fn status(&self) -> Status {
        self.node.status()
    }

    fn breaker(&self) -> BreakerState {
        self.node.breaker_state()
    }

    fn breaker_opened(&self) -> u64 {
        self.node.breaker_opened()
    }

    fn read(&self, what: Read) -> ReadReply<'_> {
        reads::read(&self.node, what)
    }

    fn lock(&self, locks: Vec<Lock>, cells: Vec<Cell>, keep: Duration) -> Reply<'_, LockReply> {
        Box::pin(commands::lock(&self.node, locks, cells, keep))
    }

    fn read_or_lock(
        &self,
        entry: EntryName,
        ttl: Duration,
        cells: Vec<Cell>,
        keep: Duration,
    ) -> Reply<'_, ReadOrLock> {
        Box::pin(opening::read_or_lock(&self.node, entry, ttl, cells, keep))
    }

    fn ensure(
        &self,
        cells: Vec<Cell>,
        then: Vec<Cell>,
        keep: Duration,
    ) -> Reply<'_, Vec<CellState>> {
        Box::pin(commands::ensure(&self.node, cells, then, keep))
    }

    fn fill(&self, fills: Vec<Fill>, cells: Vec<Cell>, keep: Duration) -> Reply<'_, FillReply> {
        Box::pin(commands::fill(&self.node, fills, cells, keep))
    }

    fn renew(&self, leases: Vec<(EntryName, LeaseId)>, ttl: Duration) -> Reply<'_, Vec<bool>> {
        let names = self.node.names();
        let leases = leases
            .into_iter()
            .map(|(entry, lease)| (whole(names.lease(&entry)), lease))
            .collect();
        Box::pin(commands::renew(&self.node, leases, ttl))
    }

    fn release(&self, leases: Vec<(EntryName, LeaseId)>, why: Release) -> Reply<'_, ()> {
        let names = self.node.names();
        let leases = leases
            .into_iter()
            .map(|(entry, lease)| (whole(names.lease(&entry)), lease, Some(entry)))
            .collect();
        Box::pin(commands::release(&self.node, leases, why))
    }

    fn rotate(&self, first: Vec<Cell>, then: Vec<Cell>, turn: Turn) -> Reply<'_, ()> {
        Box::pin(turns::rotate(&self.node, first, then, turn))
    }

    fn remove(&self, entries: Vec<EntryName>, turn: Turn) -> Reply<'_, ()> {
        Box::pin(turns::remove(&self.node, entries, turn))
    }

    fn intend(&self, cells: Vec<Cell>, life: Duration) -> Reply<'_, Vec<Intent>> {
        Box::pin(turns::intend(&self.node, cells, life))
    }

    fn conclude(
        &self,
        first: Vec<Cell>,
        intents: Vec<(Cell, Intent)>,
        turn: Turn,
    ) -> Reply<'_, Vec<Concluded>> {
        Box::pin(turns::conclude(&self.node, first, intents, turn))
    }

    fn lock_name(&self, name: &str, ttl: Duration) -> Reply<'_, Option<LeaseId>> {
        let name = name.to_owned();
        Box::pin(async move { commands::lock_name(&self.node, &name, ttl).await })
    }

    fn renew_name(&self, name: &str, lease: LeaseId, ttl: Duration) -> Reply<'_, bool> {
        let name = self.node.names().lock(name);
        Box::pin(async move {
            let renewed = commands::renew(&self.node, vec![(name, lease)], ttl).await?;
            Ok(renewed.first() == Some(&true))
        })
    }

    fn release_name(&self, name: &str, lease: LeaseId) -> Reply<'_, ()> {
        let leases = vec![(self.node.names().lock(name), lease, None)];
        Box::pin(commands::release(&self.node, leases, Release::Failed))
    }

    #[cfg(feature = "rate-limit")]
    fn draw(&self, draw: Draw) -> Reply<'_, Drawn> {
        Box::pin(async move { buckets::draw(&self.node, &draw).await })
    }

    fn close(&self) {
        self.node.close();
    }
}

impl Drop for RedisRemote {
    fn drop(&mut self) {
        self.node.close();
    }
}

/// Where the server is may be a secret: it is not shown.
impl fmt::Debug for RedisRemote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisRemote")
            .field("status", &self.node.status())
            .finish_non_exhaustive()
    }
}
