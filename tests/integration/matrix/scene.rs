//! What is prepared for a row: which keys lie where when the fault begins.

use cache_aside::{Cache, CacheExt, Clock, Coherence, Outcome};

use super::fault::Fault;
use super::process::{Process, SHORT, failing, item, items, stale};
use super::{READ, WRITE};
use crate::support::refusing::No;
use crate::support::{MINUTE, SECOND, World, eventually};

pub(super) const NAMESPACE: &str = "matrix";

/// Which element of a row something is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Id {
    /// There is a copy in the process.
    Copy,
    /// The same, asked for when it is not trusted any more.
    Later,
    /// In the store and not in the process.
    Stored,
    Missing,
    /// In the process and in the store; invalidated during the fault.
    Gone,
    /// In the store; asked for when the fault is over.
    Witness,
    /// In the process; asked for until a fault is noticed.
    Spare,
}

impl Id {
    /// Every round of a row has keys of its own.
    pub(super) fn of(self, round: u64) -> u64 {
        round * 10 + self as u64
    }
}

/// Two processes, of which one is looked at.
pub(super) struct Scene {
    pub(super) fault: Fault,
    /// This is the one.
    pub(super) here: Process,
    /// It reaches the server without the network that is broken, and trusts no copy.
    pub(super) other: Process,
}

/// A source and a clock that two processes share. The clock stands still: copies are trusted until it is moved.
pub(super) fn world() -> World {
    let clock = Clock::manual();
    clock.advance(MINUTE);
    World::with(Cache::in_process(), clock)
}

pub(super) async fn process(url: &str, coherence: Coherence, world: &World) -> Process {
    let builder = Cache::builder().namespace(NAMESPACE).redis(url);
    let builder = builder.read_timeout(READ).write_timeout(WRITE);
    Process::start(builder.coherence(coherence), world).await
}

/// What others have stored.
pub(super) async fn store(other: &Process, round: u64) {
    item(other, Id::Stored.of(round)).await;
    item(other, Id::Witness.of(round)).await;
    items(other, vec![Id::Stored.of(round)]).await;
    // The other process has a copy of what is invalidated, too.
    item(other, Id::Gone.of(round)).await;
}

impl Scene {
    /// Fills this process, and lets time pass.
    pub(super) async fn fill(&self, round: u64) {
        let (here, clock) = (&self.here, &self.here.world.clock);
        let trusts = round > 0 || !self.fault.hears_no_pushes();
        self.load(round).await;
        if trusts {
            // A sign of life after all that was made: what was pushed about it has been heard.
            clock.advance(2 * SECOND);
            here.until_vouching(Id::Copy.of(round), true).await;
            // What those pushes put in doubt is confirmed.
            self.load(round).await;
        }
        // The lives of copies in the process end by this clock, and not those in the store.
        clock.advance(SHORT);
        if trusts {
            here.until_vouching(Id::Copy.of(round), true).await;
        }
    }

    async fn load(&self, round: u64) {
        let here = &self.here;
        for id in [Id::Copy, Id::Later, Id::Gone, Id::Spare] {
            item(here, id.of(round)).await;
        }
        for id in [Id::Copy, Id::Gone] {
            stale(here, id.of(round)).await;
            failing(here, id.of(round)).await.expect("it is not broken");
        }
    }

    /// Copies are not trusted any more, but for a sign of life since.
    pub(super) async fn trust_is_over(&self, round: u64) {
        self.here.world.clock.advance(2 * SECOND);
        if round > 0 || self.fault.leaves_pushes() {
            self.here.until_vouching(Id::Spare.of(round), true).await;
        }
    }

    /// What is noticed with a delay is noticed on return.
    pub(super) async fn noticed(&self, pushes_lost: u64) {
        let here = &self.here;
        match self.fault {
            Fault::RestartedEmpty => {
                eventually("the restart is noticed", async || {
                    here.world.cache.stats().pushes_lost > pushes_lost
                })
                .await;
                here.until_healthy().await;
                // Each connection notices by itself.
                eventually("the store is used", async || {
                    let read = item(here, Id::Spare.of(0)).with_cache_report().await;
                    read.1.outcome == Outcome::Hit
                })
                .await;
            }
            Fault::Says(No::Replica) => {
                // Some servers push that all is gone, and some do not.
                eventually("the change is noticed", async || {
                    here.world.cache.stats().pushes_lost > pushes_lost
                })
                .await;
                here.world.clock.advance(2 * SECOND);
            }
            Fault::Flushed | Fault::OtherTypes | Fault::ForeignBytes | Fault::Says(No::Loading) => {
                here.until_vouching(Id::Spare.of(0), false).await;
            }
            Fault::Says(_) | Fault::Loses(_) if self.fault.leaves_pushes() => {
                // They prove that they are heard, while the fault lasts.
                here.world.clock.advance(2 * SECOND);
                here.until_vouching(Id::Copy.of(0), true).await;
            }
            _ => {}
        }
    }
}
