//! Requests on their way to the server and back.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::data::{ClientId, Data};
use super::generator::Generator;
use super::plan::{self, Plan, Run};
use super::push::{Line, Told};
use super::trouble::{Op, Point, Trouble, Troubles};
use crate::remote::{Ended, EntryName, Fault, Wake};

/// A request that is held; see [`DoubleServer::held`](super::DoubleServer::held).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Names the request.
    pub id: u64,
    /// The process that sent it, by [`Double::id`](super::Double::id).
    pub client: usize,
    /// What it asks for.
    pub op: Op,
    /// Where it is.
    pub at: Point,
}

/// The server, the processes, and everything between.
#[derive(Debug)]
pub(super) struct World {
    pub(super) data: Data,
    pub(super) generator: Generator,
    pub(super) clients: Vec<Client>,
    pub(super) troubles: Troubles,
    /// Why the server cannot be reached.
    pub(super) down: Option<&'static str>,
    /// Whether announcements are lost.
    pub(super) silent: bool,
    /// Whether the steps of a request come in any order.
    pub(super) scattered: bool,
    pub(super) counts: BTreeMap<Op, u64>,
    /// How often it went down.
    pub(super) lost: u64,
    pub(super) outbox: Outbox,
    /// Whether a writer may be answered before what it changed is pushed.
    pub(super) early_answers: bool,
    held: BTreeMap<u64, Request>,
    sent: u64,
}

/// One process.
#[derive(Debug, Default)]
pub(super) struct Client {
    pub(super) wake: Option<Arc<Wake>>,
    pub(super) line: Line,
    pub(super) troubles: Troubles,
    pub(super) down: Option<&'static str>,
    pub(super) closed: bool,
    pub(super) silent: bool,
    /// What it takes the server's time to be ahead by.
    pub(super) ahead: u64,
    pub(super) counts: BTreeMap<Op, u64>,
    /// How often it was cut off.
    pub(super) lost: u64,
}

#[derive(Debug)]
struct Request {
    client: ClientId,
    op: Op,
    at: Point,
    run: Box<dyn Run>,
}

/// What is told once nothing is locked: telling runs code of others.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    ended: Vec<(Box<dyn Run>, Option<Fault>)>,
    news: Vec<News>,
    pub(super) told: Vec<Told>,
}

/// `None`: announcements may have been lost.
type News = (Arc<Wake>, Option<(EntryName, Ended)>);

impl Outbox {
    pub(super) fn deliver(self) {
        // Before the answers, which may be to those who changed what was pushed.
        for told in self.told {
            told.tell();
        }
        for (wake, news) in self.news {
            match news {
                Some((entry, ended)) => wake.announce(&entry, ended),
                None => wake.everybody(),
            }
        }
        for (mut run, fault) in self.ended {
            run.end(fault);
        }
    }
}

impl World {
    pub(super) fn new(data: Data, generator: Generator) -> Self {
        Self {
            data,
            generator,
            clients: Vec::new(),
            troubles: Troubles::default(),
            down: None,
            silent: false,
            scattered: false,
            counts: BTreeMap::new(),
            lost: 0,
            outbox: Outbox::default(),
            early_answers: false,
            held: BTreeMap::new(),
            sent: 0,
        }
    }

    /// Why a process cannot use the server.
    pub(super) fn unusable(&self, client: ClientId) -> Option<&'static str> {
        let process = &self.clients[client];
        let closed = process.closed.then_some("it was closed");
        closed.or(process.down).or(self.down)
    }

    /// Sends a request, and lets it go as far as it comes.
    pub(super) fn send<T: Clone + Send + 'static>(
        &mut self,
        client: ClientId,
        op: Op,
        plan: impl FnOnce(&mut Generator) -> Plan<T>,
    ) -> Result<oneshot::Receiver<Result<T, Fault>>, Fault> {
        if let Some(why) = self.unusable(client) {
            return Err(Fault::Unavailable(why.to_owned()));
        }
        *self.counts.entry(op).or_default() += 1;
        *self.clients[client].counts.entry(op).or_default() += 1;
        if !self.clients[client].line.by_hand {
            self.beat(client);
        }
        let mut plan = plan(&mut self.generator);
        if self.scattered {
            plan.scatter(&mut self.generator);
        }
        let (run, reply) = plan::start(plan);
        let copy = self.has(client, Trouble::Repeat, op).then(|| run.copy());
        let request = |run| Request {
            client,
            op,
            at: Point::Sent,
            run,
        };
        let (first, second) = (request(run), copy.map(request));
        if self.has(client, Trouble::LoseRequest, op) {
            self.lost(first, "the request was lost");
        } else if self.holds(&first) {
            self.hold(first);
        } else {
            self.advance(first);
        }
        if let Some(copy) = second {
            self.hold(copy);
        }
        Ok(reply)
    }

    pub(super) fn held(&self) -> Vec<Held> {
        let held = |(&id, request): (&u64, &Request)| Held {
            id,
            client: request.client,
            op: request.op,
            at: request.at,
        };
        self.held.iter().map(held).collect()
    }

    /// Lets a held request go on, to the next point where it is held.
    pub(super) fn release(&mut self, id: u64) -> bool {
        let request = self.held.remove(&id);
        let found = request.is_some();
        if let Some(request) = request {
            self.advance(request);
        }
        found
    }

    /// Whoever waits for a held request gives up; it stays on its way.
    pub(super) fn give_up(&mut self, id: u64) -> bool {
        let Some(request) = self.held.get_mut(&id) else {
            return false;
        };
        let caller = request.run.caller();
        let late = Fault::Lost("no reply in time".to_owned());
        self.outbox.ended.push((caller, Some(late)));
        true
    }

    /// Nothing that is on its way arrives.
    pub(super) fn lose_held(&mut self) {
        for request in std::mem::take(&mut self.held).into_values() {
            self.lost(request, "the connection was lost");
        }
    }

    /// One process gets no reply any more to what it sent, which may still arrive.
    pub(super) fn lose_replies(&mut self, client: ClientId) {
        let sent = self.held.iter().filter(|(_, held)| held.client == client);
        let sent: Vec<u64> = sent.map(|(&id, _)| id).collect();
        for id in sent {
            self.give_up(id);
        }
    }

    /// Announcements may have been lost.
    pub(super) fn wake_everybody(&mut self, client: ClientId) {
        if let Some(wake) = &self.clients[client].wake {
            self.outbox.news.push((Arc::clone(wake), None));
        }
    }

    /// Executes a request that was just sent or let go, as far as it comes.
    fn advance(&mut self, mut request: Request) {
        if request.at != Point::Executed {
            while request.run.step(&mut self.data) {
                request.at = Point::Between;
                if self.holds(&request) {
                    self.announce();
                    self.hold(request);
                    return;
                }
            }
            self.announce();
            request.at = Point::Executed;
            if self.holds(&request) {
                self.hold(request);
                return;
            }
        }
        if self.has(request.client, Trouble::LoseReply, request.op) {
            self.lost(request, "the reply was lost");
        } else {
            self.outbox.ended.push((request.run, None));
        }
    }

    fn announce(&mut self) {
        for (client, entry, ended) in std::mem::take(&mut self.data.news) {
            let process = &self.clients[client];
            let reached = !self.silent && !process.silent && self.unusable(client).is_none();
            if let Some(wake) = process.wake.as_ref().filter(|_| reached) {
                let news = (Arc::clone(wake), Some((entry, ended)));
                self.outbox.news.push(news);
            }
        }
    }

    fn has(&self, client: ClientId, trouble: Trouble, op: Op) -> bool {
        self.troubles.has(trouble, op) || self.clients[client].troubles.has(trouble, op)
    }

    fn holds(&self, request: &Request) -> bool {
        self.has(request.client, Trouble::Hold(request.at), request.op)
    }

    fn hold(&mut self, request: Request) {
        self.sent += 1;
        self.held.insert(self.sent, request);
    }

    fn lost(&mut self, request: Request, why: &str) {
        let fault = Fault::Lost(why.to_owned());
        self.outbox.ended.push((request.run, Some(fault)));
    }
}
