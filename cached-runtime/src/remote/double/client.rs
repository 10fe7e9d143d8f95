//! One process's way to the server.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::generator::{Generator, TOKEN};
use super::plan::Plan;
use super::server::DoubleServer;
use super::trouble::Op;
use super::wire::Client;
use crate::remote::{
    Cell, CellState, Concluded, EntryName, Fault, Fill, FillReply, Filled, Found, How, Incarnation,
    Intent, LeaseId, Lock, LockReply, Locked, Part, Read, ReadOrLock, ReadReply, Reading, Release,
    Remote, Reply, ServerTime, Status, Turn, Wake, Watch,
};
#[cfg(feature = "rate-limit")]
use crate::remote::{Draw, Drawn};

/// The [`Remote`] of one process, whose server is a [`DoubleServer`].
pub struct Double {
    pub(super) server: DoubleServer,
    pub(super) id: usize,
}

/// Before the server has answered.
const NOBODY: Incarnation = Incarnation(0);
const NOTHING: Found = Found {
    bytes: None,
    incarnation: NOBODY,
    now: ServerTime(0),
};

impl Double {
    pub(super) fn new(server: DoubleServer, id: usize) -> Self {
        Self { server, id }
    }

    /// The number of this process in [`Held`](super::Held).
    #[must_use]
    pub fn id(&self) -> usize {
        self.id
    }

    /// The server.
    #[must_use]
    pub fn server(&self) -> &DoubleServer {
        &self.server
    }

    pub(super) fn with<R>(&self, change: impl FnOnce(&mut Client) -> R) -> R {
        self.server
            .with(|world| change(&mut world.clients[self.id]))
    }

    /// Sends when the operation is polled first; from then on it is the server's, whether somebody
    /// waits for it or not.
    fn send<T: Clone + Send + 'static>(
        &self,
        op: Op,
        plan: impl FnOnce(&mut Generator) -> Plan<T> + Send + 'static,
    ) -> Reply<'_, T> {
        Box::pin(async move {
            let mut reply = self.server.with(|world| world.send(self.id, op, plan))?;
            // A runtime may make a task pause that waits, even for what is there.
            if let Ok(reply) = reply.try_recv() {
                return reply;
            }
            let gone = || Fault::Lost("the server is gone".to_owned());
            reply.await.unwrap_or_else(|_| Err(gone()))
        })
    }
}

impl fmt::Debug for Double {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Double({})", self.id)
    }
}

impl Remote for Double {
    fn attach(&self, wake: Arc<Wake>, watch: Arc<Watch>) {
        self.server.with(|world| {
            world.clients[self.id].wake = Some(wake);
            world.attach(self.id, watch);
        });
    }

    fn status(&self) -> Status {
        let unusable = self.server.with(|world| world.unusable(self.id));
        unusable.map_or(Status::Up, |why| Status::Down(why.to_owned()))
    }

    /// How often the server went down, or this process was cut off from it.
    fn breaker_opened(&self) -> u64 {
        self.server
            .with(|world| world.lost + world.clients[self.id].lost)
    }

    fn read(&self, what: Read) -> ReadReply<'_> {
        let ahead = self.with(|client| client.ahead);
        ReadReply::Later(self.send(Op::Read, move |_| {
            let mut plan = Plan::new(Reading {
                entries: vec![Found::default(); what.entries.len()].into(),
                cells: vec![CellState::Missing; what.cells.len()].into(),
                incarnation: None,
            });
            for (at, (entry, part)) in what.entries.into_iter().enumerate() {
                plan.step(move |server, reply: &mut Reading| {
                    let mut found = server.found(&entry, part);
                    found.now.0 = found.now.0.saturating_add(ahead);
                    reply.entries[at] = found;
                    reply.incarnation = Some(server.incarnation);
                    Ok(())
                });
            }
            for (at, cell) in what.cells.into_iter().enumerate() {
                plan.step(move |server, reply| {
                    reply.cells[at] = server.cell(&cell);
                    reply.incarnation = Some(server.incarnation);
                    Ok(())
                });
            }
            plan
        }))
    }

    fn lock(&self, locks: Vec<Lock>, cells: Vec<Cell>, keep: Duration) -> Reply<'_, LockReply> {
        let client = self.id;
        self.send(Op::Lock, move |fresh| {
            let mut plan = Plan::new(LockReply {
                locks: vec![(Locked::Changed, NOBODY); locks.len()],
                cells: vec![CellState::Missing; cells.len()],
            });
            for (at, lock) in locks.into_iter().enumerate() {
                let lease = fresh.lease();
                plan.step(move |server, reply: &mut LockReply| {
                    let locked = server.lock(client, &lock, lease)?;
                    reply.locks[at] = (locked, server.incarnation);
                    Ok(())
                });
            }
            for (at, cell) in cells.into_iter().enumerate() {
                let token = fresh.token(TOKEN);
                plan.step(move |server, reply| {
                    reply.cells[at] = server.ensure(&cell, token, keep)?;
                    Ok(())
                });
            }
            plan
        })
    }

    fn read_or_lock(
        &self,
        entry: EntryName,
        ttl: Duration,
        cells: Vec<Cell>,
        keep: Duration,
    ) -> Reply<'_, ReadOrLock> {
        let (client, ahead) = (self.id, self.with(|client| client.ahead));
        self.send(Op::ReadOrLock, move |fresh| {
            let mut plan = Plan::new(ReadOrLock {
                entry: NOTHING,
                locked: Locked::Changed,
                cells: vec![CellState::Missing; cells.len()],
            });
            for (at, cell) in cells.into_iter().enumerate() {
                let (token, name) = (fresh.token(TOKEN), entry.clone());
                plan.step(move |server, reply: &mut ReadOrLock| {
                    reply.cells[at] = server.ensure_without(&name, &cell, token, keep)?;
                    Ok(())
                });
            }
            plan.then();
            let (how, lease) = (How::IfFree { seen: None }, fresh.lease());
            let lock = Lock { entry, how, ttl };
            plan.step(move |server, reply| {
                reply.entry = server.found(&lock.entry, Part::Whole);
                reply.entry.now.0 = reply.entry.now.0.saturating_add(ahead);
                let nothing = reply.entry.bytes.is_none();
                if nothing && !reply.cells.contains(&CellState::Intent) {
                    reply.locked = server.lock(client, &lock, lease)?;
                }
                Ok(())
            });
            plan
        })
    }

    fn ensure(
        &self,
        cells: Vec<Cell>,
        then: Vec<Cell>,
        keep: Duration,
    ) -> Reply<'_, Vec<CellState>> {
        self.send(Op::Ensure, move |fresh| {
            let made = cells.len();
            let mut plan = Plan::new(vec![CellState::Missing; made + then.len()]);
            for (at, cell) in cells.into_iter().enumerate() {
                let token = fresh.token(TOKEN);
                plan.step(move |server, reply: &mut Vec<CellState>| {
                    reply[at] = server.ensure(&cell, token, keep)?;
                    Ok(())
                });
            }
            plan.then();
            for (at, cell) in then.into_iter().enumerate() {
                plan.step(move |server, reply| {
                    reply[made + at] = server.cell(&cell);
                    Ok(())
                });
            }
            plan
        })
    }

    fn fill(&self, fills: Vec<Fill>, cells: Vec<Cell>, keep: Duration) -> Reply<'_, FillReply> {
        self.send(Op::Fill, move |_| {
            let nothing = Filled {
                stored: false,
                incarnation: NOBODY,
            };
            let mut plan = Plan::new(FillReply {
                fills: vec![nothing; fills.len()],
                cells: vec![CellState::Missing; cells.len()],
                incarnation: None,
            });
            for (at, fill) in fills.into_iter().enumerate() {
                plan.step(move |server, reply: &mut FillReply| {
                    reply.fills[at] = server.fill(&fill)?;
                    reply.incarnation = Some(server.incarnation);
                    Ok(())
                });
            }
            for (at, cell) in cells.into_iter().enumerate() {
                plan.step(move |server, reply| {
                    reply.cells[at] = server.keep(&cell, keep);
                    reply.incarnation = Some(server.incarnation);
                    Ok(())
                });
            }
            plan
        })
    }

    fn renew(&self, leases: Vec<(EntryName, LeaseId)>, ttl: Duration) -> Reply<'_, Vec<bool>> {
        self.send(Op::Renew, move |_| {
            let mut plan = Plan::new(vec![false; leases.len()]);
            for (at, (entry, lease)) in leases.into_iter().enumerate() {
                plan.step(move |server, reply: &mut Vec<bool>| {
                    reply[at] = server.renew(&entry, lease, ttl);
                    Ok(())
                });
            }
            plan
        })
    }

    fn release(&self, leases: Vec<(EntryName, LeaseId)>, why: Release) -> Reply<'_, ()> {
        self.send(Op::Release, move |_| {
            let mut plan = Plan::new(());
            for (entry, lease) in leases {
                plan.step(move |server, ()| {
                    server.release(&entry, lease, why);
                    Ok(())
                });
            }
            plan
        })
    }

    fn rotate(&self, first: Vec<Cell>, then: Vec<Cell>, turn: Turn) -> Reply<'_, ()> {
        self.send(Op::Rotate, move |fresh| {
            let mut plan = Plan::new(());
            let before = first.len();
            for (at, cell) in first.into_iter().chain(then).enumerate() {
                if at == before {
                    plan.then();
                }
                let token = fresh.fresh(turn);
                plan.step(move |server, ()| server.rotate(&cell, token, turn));
            }
            plan
        })
    }

    fn remove(&self, entries: Vec<EntryName>, turn: Turn) -> Reply<'_, ()> {
        self.send(Op::Remove, move |fresh| {
            let mut plan = Plan::new(());
            for entry in entries {
                let token = fresh.fresh(turn);
                plan.step(move |server, ()| server.remove(&entry, token, turn));
            }
            plan
        })
    }

    fn intend(&self, cells: Vec<Cell>, life: Duration) -> Reply<'_, Vec<Intent>> {
        self.send(Op::Intend, move |fresh| {
            let intents = cells.iter().map(|_| Intent {
                token: fresh.intent(),
                overlaps: false,
            });
            let mut plan = Plan::new(intents.collect());
            for (at, cell) in cells.into_iter().enumerate() {
                plan.step(move |server, reply: &mut Vec<Intent>| {
                    reply[at].overlaps = server.intend(&cell, reply[at].token, life)?;
                    Ok(())
                });
            }
            plan
        })
    }

    fn conclude(
        &self,
        first: Vec<Cell>,
        intents: Vec<(Cell, Intent)>,
        turn: Turn,
    ) -> Reply<'_, Vec<Concluded>> {
        self.send(Op::Conclude, move |fresh| {
            let mut plan = Plan::new(vec![Concluded::Ended; intents.len()]);
            for cell in first {
                let token = fresh.fresh(turn);
                plan.step(move |server, _: &mut Vec<Concluded>| server.rotate(&cell, token, turn));
            }
            plan.then();
            for (at, (cell, intent)) in intents.into_iter().enumerate() {
                let token = fresh.fresh(turn);
                plan.step(move |server, reply| {
                    reply[at] = server.conclude(&cell, intent, token, turn)?;
                    Ok(())
                });
            }
            plan
        })
    }

    fn lock_name(&self, name: &str, ttl: Duration) -> Reply<'_, Option<LeaseId>> {
        let name: Arc<str> = name.into();
        self.send(Op::LockName, move |fresh| {
            let (mut plan, lease) = (Plan::new(None), fresh.lease());
            plan.step(move |server, reply| {
                *reply = server.lock_name(&name, lease, ttl)?;
                Ok(())
            });
            plan
        })
    }

    fn renew_name(&self, name: &str, lease: LeaseId, ttl: Duration) -> Reply<'_, bool> {
        let name: Arc<str> = name.into();
        self.send(Op::RenewName, move |_| {
            let mut plan = Plan::new(false);
            plan.step(move |server, reply| {
                *reply = server.renew_name(&name, lease, ttl);
                Ok(())
            });
            plan
        })
    }

    fn release_name(&self, name: &str, lease: LeaseId) -> Reply<'_, ()> {
        let name: Arc<str> = name.into();
        self.send(Op::ReleaseName, move |_| {
            let mut plan = Plan::new(());
            plan.step(move |server, ()| {
                server.release_name(&name, lease);
                Ok(())
            });
            plan
        })
    }

    #[cfg(feature = "rate-limit")]
    fn draw(&self, draw: Draw) -> Reply<'_, Drawn> {
        self.send(Op::Draw, move |_| {
            let nothing = Drawn {
                allowed: false,
                missing: 0,
            };
            let mut plan = Plan::new(nothing);
            plan.step(move |server, reply| {
                *reply = server.draw(&draw)?;
                Ok(())
            });
            plan
        })
    }

    fn close(&self) {
        self.server.with(|world| {
            world.clients[self.id].closed = true;
            world.lose_replies(self.id);
            world.lose_line(self.id, "it was closed");
        });
    }
}
