//! The server, as a test sees it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::client::Double;
use super::data::{Contents, Data};
use super::generator::Generator;
use super::push::Log;
use super::trouble::{Op, Trouble};
use super::wire::{Client, Held, World};
use crate::remote::{Cell, EntryName, Incarnation, ServerTime};

/// A server that several [`Double`]s use. Clones are the same server.
#[derive(Clone)]
pub struct DoubleServer {
    /// Never held while announcements and replies are handed over.
    world: Arc<Mutex<World>>,
}

/// What a server held at some moment: a dump on a disk, or a replica that lags behind.
#[derive(Clone)]
pub struct Snapshot(Contents);

impl DoubleServer {
    /// An empty server. The same seed draws the same tokens and leases.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut generator = Generator::new(seed);
        let data = Data {
            contents: Contents::default(),
            incarnation: generator.incarnation(),
            elapsed: 0,
            origin: generator.origin(),
            full: false,
            news: Vec::new(),
            log: Log::default(),
        };
        Self {
            world: Arc::new(Mutex::new(World::new(data, generator))),
        }
    }

    /// Another process.
    #[must_use]
    pub fn connect(&self) -> Double {
        let id = self.with(|world| {
            world.clients.push(Client::default());
            world.clients.len() - 1
        });
        Double::new(self.clone(), id)
    }

    /// Lets time pass.
    pub fn advance(&self, by: Duration) {
        self.with(|world| world.data.advance(by));
    }

    /// What the server's clock shows.
    #[must_use]
    pub fn now(&self) -> ServerTime {
        self.with(|world| world.data.time())
    }

    /// Sets the server's clock, and moves no deadline of what it holds.
    pub fn set_now(&self, now: ServerTime) {
        self.with(|world| world.data.origin = now.0.saturating_sub(world.data.elapsed));
    }

    /// Which life of the server this is.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.with(|world| world.data.incarnation)
    }

    /// How many of these operations were sent to the server, whether they arrived or not.
    #[must_use]
    pub fn count(&self, op: Op) -> u64 {
        self.with(|world| world.counts.get(&op).copied().unwrap_or_default())
    }

    /// How many operations were sent to the server.
    #[must_use]
    pub fn trips(&self) -> u64 {
        self.with(|world| world.counts.values().sum())
    }
}

/// What goes wrong for everybody. [`Double`] has the same for one process.
impl DoubleServer {
    /// From now on this happens to these operations, too.
    pub fn begin(&self, trouble: Trouble, ops: &[Op]) {
        self.with(|world| world.troubles.begin(trouble, ops));
    }

    /// It happens to no operation any more. What is held stays so.
    pub fn end(&self, trouble: Trouble) {
        self.with(|world| world.troubles.end(trouble));
    }

    /// Nobody reaches the server, and what is on its way is lost.
    pub fn go_down(&self) {
        self.with(|world| {
            world.lost += u64::from(world.down.is_none());
            world.down = Some("the server is down");
            world.lose_held();
            world.lose_lines("the server is down");
        });
    }

    /// The server can be reached again; it holds what it did.
    pub fn come_up(&self) {
        self.with(|world| {
            world.down = None;
            world.follow_again();
            wake_all(world);
        });
    }

    /// Whether announcements are lost.
    pub fn silence(&self, on: bool) {
        self.with(|world| world.silent = on);
    }

    /// Whether memory is full: what needs more is refused.
    pub fn fill_memory(&self, on: bool) {
        self.with(|world| world.data.full = on);
    }

    /// Whether the parts of a request are executed in an order drawn from the seed, where none is
    /// promised. It shows only where requests are held at [`Point::Between`](super::Point::Between).
    pub fn scatter(&self, on: bool) {
        self.with(|world| world.scattered = on);
    }
}

/// What is on its way.
impl DoubleServer {
    /// The requests that are held, the oldest first.
    #[must_use]
    pub fn held(&self) -> Vec<Held> {
        self.with(|world| world.held())
    }

    /// Lets a request go on, up to where it is held next; false if it is not held.
    pub fn release(&self, id: u64) -> bool {
        self.with(|world| world.release(id))
    }

    /// Lets all requests go on that are held now.
    pub fn release_all(&self) {
        for held in self.held() {
            self.release(held.id);
        }
    }

    /// Whoever sent this request is told that it is lost, and it stays on its way.
    pub fn give_up(&self, id: u64) -> bool {
        self.with(|world| world.give_up(id))
    }
}

/// What a server forgets, and what it has back.
impl DoubleServer {
    /// An entry goes away.
    pub fn evict_entry(&self, entry: &EntryName) {
        self.with(|world| world.data.contents.evict_entry(entry));
    }

    /// A lease, or what is left after an answer that was not stored, goes away.
    pub fn evict_lease(&self, entry: &EntryName) {
        self.with(|world| world.data.contents.evict_lease(entry));
    }

    /// A cell goes away.
    pub fn evict_cell(&self, cell: &Cell) {
        self.with(|world| world.data.evict_cell(cell));
    }

    /// All cells go away.
    pub fn evict_cells(&self) {
        self.with(|world| world.data.evict_cells());
    }

    /// The lease of a name goes away.
    pub fn evict_name(&self, name: &str) {
        self.with(|world| world.data.contents.evict_name(name));
    }

    /// Everything goes away.
    pub fn flush(&self) {
        self.with(|world| world.data.flush());
    }

    /// What the server holds now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.with(|world| Snapshot(world.data.contents.clone()))
    }

    /// The server crashes and comes back as another incarnation, with what it held at an earlier
    /// moment or with nothing. What was on its way is lost.
    pub fn restart(&self, from: Option<&Snapshot>) {
        self.with(|world| {
            world.lose_held();
            world.lose_lines("the server crashed");
            world.data.log = Log::default();
            world.data.contents = from.map(|Snapshot(old)| old.clone()).unwrap_or_default();
            world.data.incarnation = world.generator.incarnation();
            world.follow_again();
            wake_all(world);
        });
    }

    /// A replica takes over: another incarnation, which holds what had reached it, with another
    /// clock. What was on its way is lost.
    pub fn fail_over(&self, to: &Snapshot) {
        self.restart(Some(to));
        self.with(|world| world.data.origin = world.generator.origin());
    }

    /// A bracketed write is under way in this cell.
    pub fn put_intent(&self, cell: Cell, life: Duration) {
        self.with(|world| {
            let intent = world.generator.intent();
            world.data.put_cell(cell, intent.to_vec(), life);
        });
    }

    /// Puts any bytes into a cell.
    pub fn put_cell(&self, cell: Cell, bytes: Vec<u8>, life: Duration) {
        self.with(|world| world.data.put_cell(cell, bytes, life));
    }

    /// The bytes of the largest entry.
    #[must_use]
    pub fn largest_entry(&self) -> usize {
        self.with(|world| world.data.largest_entry())
    }

    /// Puts any bytes where an entry is.
    pub fn put_entry(&self, entry: EntryName, bytes: Vec<u8>, life: Duration) {
        self.with(|world| world.data.put_entry(entry, bytes, life));
    }

    /// Changes the world, and tells of it when it can be used again.
    pub(super) fn with<R>(&self, change: impl FnOnce(&mut World) -> R) -> R {
        let (result, outbox) = {
            let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
            let result = change(&mut world);
            world.push();
            (result, std::mem::take(&mut world.outbox))
        };
        outbox.deliver();
        result
    }
}

/// Contents are not shown.
impl fmt::Debug for DoubleServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DoubleServer")
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Snapshot")
    }
}

/// After a break everybody who waits looks for itself.
fn wake_all(world: &mut World) {
    for client in 0..world.clients.len() {
        world.wake_everybody(client);
    }
}
