//! What the server pushes, on its way to the processes that follow.
//!
//! A process has a line of its own for it, on which everything arrives in the order in which it was
//! sent. By itself a line is in order: it is followed from `attach` on, what changes is told in the
//! step in which it changes, before the one who changed it is answered, and each operation that a
//! process sends proves that nothing is missing on its line. Where the way is cut, the server goes
//! down or begins another life, the process is told at once that its line ended, and follows again
//! as soon as it can.
//!
//! By hand nothing arrives before it is let through, nobody is told that a line ended, and none is
//! followed again, unless the test says so.

use std::collections::VecDeque;
use std::sync::Arc;

use super::client::Double;
use super::data::ClientId;
use super::server::DoubleServer;
use super::wire::World;
use crate::defect::Defect;
use crate::remote::{Beat, Cell, Incarnation, Watch};

/// What changed and was not pushed yet, each once.
#[derive(Debug, Default)]
pub(super) struct Log(Vec<Change>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Change {
    Cell(Cell),
    Everything,
}

/// Something on its way to a process that follows; see [`Double::pushes`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pushed {
    /// The server has begun to push.
    Following,
    /// This changed.
    Changed(Cell),
    /// Everything changed.
    Everything,
    /// The answer to a question of [`Double::beat`]; so many more are asked after it.
    Answer(u8),
}

/// The way of pushes to one process.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) by_hand: bool,
    watch: Option<Arc<Watch>>,
    /// Whether the server pushes.
    followed: bool,
    way: VecDeque<Item>,
}

#[derive(Debug)]
enum Item {
    Following(Incarnation),
    Change(Change),
    Answer { beat: Beat, more: u8 },
}

/// What a process is told when nothing is locked.
#[derive(Debug)]
pub(super) struct Told {
    watch: Arc<Watch>,
    what: News,
}

#[derive(Debug)]
enum News {
    Began(Incarnation),
    Change(Change),
    Heard(Beat),
    Ended(&'static str),
}

impl Log {
    /// Nobody follows families, nor what tags had before.
    pub(super) fn changed(&mut self, cell: &Cell) {
        if !matches!(cell, Cell::Family(_) | Cell::Replaced(_)) {
            self.add(Change::Cell(cell.clone()));
        }
    }

    pub(super) fn changed_everything(&mut self) {
        self.add(Change::Everything);
    }

    fn add(&mut self, change: Change) {
        if !self.0.contains(&change) {
            self.0.push(change);
        }
    }
}

impl Told {
    pub(super) fn tell(self) {
        match self.what {
            News::Began(incarnation) => self.watch.begin(incarnation),
            News::Change(Change::Cell(cell)) => self.watch.changed(&cell),
            News::Change(Change::Everything) => self.watch.changed_everything(),
            News::Heard(beat) => self.watch.heard(beat),
            News::Ended(why) => self.watch.end(why),
        }
    }
}

impl Item {
    fn shown(&self) -> Pushed {
        match self {
            Self::Following(_) => Pushed::Following,
            Self::Change(Change::Cell(cell)) => Pushed::Changed(cell.clone()),
            Self::Change(Change::Everything) => Pushed::Everything,
            Self::Answer { more, .. } => Pushed::Answer(*more),
        }
    }
}

impl World {
    pub(super) fn attach(&mut self, client: ClientId, watch: Arc<Watch>) {
        self.clients[client].line.watch = Some(watch);
        self.follow(client);
    }

    /// The end of a step: of the server's, and of those whose line is in order.
    pub(super) fn push(&mut self) {
        if !self.early_answers {
            self.end_of_cycle();
        }
        while let Some(client) = self.next_to_arrive() {
            self.deliver(client);
        }
    }

    fn next_to_arrive(&self) -> Option<ClientId> {
        let mut lines = self.clients.iter().map(|client| &client.line);
        lines.position(|line| !line.by_hand && !line.way.is_empty())
    }

    /// What changed is sent to all who follow.
    fn end_of_cycle(&mut self) {
        let Log(changes) = std::mem::take(&mut self.data.log);
        let lines = self.clients.iter_mut().map(|client| &mut client.line);
        for line in lines.filter(|line| line.followed) {
            line.way.extend(changes.iter().cloned().map(Item::Change));
        }
    }

    /// A process asks whether the server is still there. It asks again when that is answered: by
    /// then the server's cycle is over in which it was.
    pub(super) fn beat(&mut self, client: ClientId) {
        let line = &self.clients[client].line;
        // A watch locks nothing that is held by those who come here.
        if let Some(beat) = line.watch.as_ref().map(|watch| watch.beat()) {
            let more = u8::from(!Defect::OnePing.is_on());
            self.answer(client, beat, more);
        }
    }

    fn answer(&mut self, client: ClientId, beat: Beat, more: u8) {
        let line = &mut self.clients[client].line;
        if line.followed {
            line.way.push_back(Item::Answer { beat, more });
        }
    }

    /// Lets the first thing through that is on its way to a process.
    fn deliver(&mut self, client: ClientId) -> Option<Pushed> {
        let item = self.clients[client].line.way.pop_front()?;
        let shown = item.shown();
        match item {
            Item::Following(incarnation) => self.tell(client, News::Began(incarnation)),
            Item::Change(change) => self.tell(client, News::Change(change)),
            Item::Answer { beat, more: 0 } => self.tell(client, News::Heard(beat)),
            Item::Answer { beat, more } => {
                self.end_of_cycle();
                self.answer(client, beat, more - 1);
            }
        }
        Some(shown)
    }

    fn tell(&mut self, client: ClientId, what: News) {
        if let Some(watch) = &self.clients[client].line.watch {
            let watch = Arc::clone(watch);
            self.outbox.told.push(Told { watch, what });
        }
    }

    /// Has the server push to a process from now on, if it can be reached and is wanted.
    fn follow(&mut self, client: ClientId) {
        let (usable, incarnation) = (self.unusable(client).is_none(), self.data.incarnation);
        let line = &mut self.clients[client].line;
        let wanted = line.watch.as_ref().is_some_and(|watch| watch.is_wanted());
        if usable && wanted {
            line.followed = true;
            line.way = VecDeque::from([Item::Following(incarnation)]);
        }
    }

    /// All whose line ended and who look after it by themselves.
    pub(super) fn follow_again(&mut self) {
        for client in 0..self.clients.len() {
            self.mend_line(client);
        }
    }

    /// The same for one.
    pub(super) fn mend_line(&mut self, client: ClientId) {
        let line = &self.clients[client].line;
        if !line.by_hand && !line.followed {
            self.follow(client);
        }
    }

    fn cut_line(&mut self, client: ClientId) {
        let line = &mut self.clients[client].line;
        line.followed = false;
        line.way.clear();
    }

    /// What is on its way to a process is lost, as is what would follow it.
    pub(super) fn lose_line(&mut self, client: ClientId, why: &'static str) {
        self.cut_line(client);
        if !self.clients[client].line.by_hand {
            self.tell(client, News::Ended(why));
        }
    }

    pub(super) fn lose_lines(&mut self, why: &'static str) {
        for client in 0..self.clients.len() {
            self.lose_line(client, why);
        }
    }
}

/// What the server pushes to this process. See [`push_by_hand`](Self::push_by_hand).
impl Double {
    /// Whether what is pushed to this process stays on its way until
    /// [`deliver_push`](Self::deliver_push), and all else that happens to its line is left to the
    /// test, too: [`beat`](Self::beat), [`cut_pushes_silently`](Self::cut_pushes_silently),
    /// [`break_pushes`](Self::break_pushes), [`follow_again`](Self::follow_again). Then no
    /// operation proves that nothing is missing, and a line that ended by a cut or a restart is
    /// silent: nobody is told, and nobody follows again.
    ///
    /// The end of it lets through what is on its way, and follows again where that is needed.
    pub fn push_by_hand(&self, on: bool) {
        self.server().with(|world| {
            world.clients[self.id()].line.by_hand = on;
            world.mend_line(self.id());
        });
    }

    /// What is on its way to this process, in the order in which it arrives.
    #[must_use]
    pub fn pushes(&self) -> Vec<Pushed> {
        let shown = |world: &mut World| {
            let way = &world.clients[self.id()].line.way;
            way.iter().map(Item::shown).collect()
        };
        self.server().with(shown)
    }

    /// Whether the server pushes to this process.
    #[must_use]
    pub fn is_followed(&self) -> bool {
        self.server()
            .with(|world| world.clients[self.id()].line.followed)
    }

    /// Lets the first thing through that is on its way to this process, and says what it was.
    pub fn deliver_push(&self) -> Option<Pushed> {
        self.server().with(|world| world.deliver(self.id()))
    }

    /// This process asks the server whether it is still there, and once more when that is answered.
    /// The answers come behind what was sent to it by the time the server is asked.
    pub fn beat(&self) {
        self.server().with(|world| world.beat(self.id()));
    }

    /// What is on its way to this process and all that would be later is lost, and nobody is told.
    pub fn cut_pushes_silently(&self) {
        self.server().with(|world| world.cut_line(self.id()));
    }

    /// The same, and the process is told.
    pub fn break_pushes(&self) {
        self.server().with(|world| {
            world.cut_line(self.id());
            world.tell(self.id(), News::Ended("the connection broke"));
        });
    }

    /// This process has the server push again, on a new line: false if it cannot reach it, or if
    /// nobody wants to know.
    pub fn follow_again(&self) -> bool {
        self.server().with(|world| {
            world.cut_line(self.id());
            world.follow(self.id());
            world.clients[self.id()].line.followed
        })
    }
}

/// When the server pushes.
impl DoubleServer {
    /// Whether whoever changes something may be answered before that is on its way to those who
    /// follow. Then it is sent at the next [`end_of_cycle`](Self::end_of_cycle), or when the server
    /// answers the second question of a [`Double::beat`], which cannot come in the same cycle as
    /// the first.
    pub fn answer_early(&self, on: bool) {
        self.with(|world| world.early_answers = on);
    }

    /// Sends what changed to those who follow.
    pub fn end_of_cycle(&self) {
        self.with(World::end_of_cycle);
    }

    /// Whether something changed that was not sent yet.
    #[must_use]
    pub fn has_unpushed(&self) -> bool {
        self.with(|world| !world.data.log.0.is_empty())
    }
}
