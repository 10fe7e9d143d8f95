mod arrivals;

use std::sync::Arc;

use crate::cache::Cache;
use crate::key::{Key, RawKey};
use crate::observe::Observatory;
use crate::policy::AnyPolicy;
use crate::tags::{Manner, Sequence, Tag, TagCell, TagTable};

use super::{Boarding, Flight, Flights, Landing, Leader, Manifest, Ticket};

struct Gate {
    flights: Arc<Flights>,
    sequence: Sequence,
}

impl Gate {
    fn new() -> Self {
        Self {
            flights: Arc::default(),
            sequence: Sequence::new(),
        }
    }

    fn board(&self, key: u64, current: bool) -> Boarding {
        let about = || about(key, &Arc::from([]));
        self.flights
            .board(&raw(key), about, || self.sequence.next(), |_| current)
    }

    fn lead(&self, key: u64) -> Leader {
        match self.board(key, false) {
            Boarding::Lead(leader) => leader,
            Boarding::Join(_) => unreachable!("a flight that is not current is not joined"),
        }
    }

    fn join(&self, key: u64) -> Ticket {
        match self.board(key, true) {
            Boarding::Join(ticket) => ticket,
            Boarding::Lead(_) => panic!("there is no flight to join"),
        }
    }
}

fn raw(key: u64) -> RawKey {
    Key::<u64>::new("p", &(key,))
        .raw()
        .expect("a number is a key")
        .clone()
}

fn about(key: u64, tags: &Arc<[Arc<TagCell>]>) -> Manifest {
    Manifest {
        cache: Cache::in_process(),
        key: raw(key),
        cell: Arc::default(),
        tags: Arc::clone(tags),
        stats: Observatory::default().prefix("p"),
        policy: AnyPolicy::storing_nothing(),
        function: None,
    }
}

#[tokio::test]
async fn the_first_leads_and_the_others_wait_for_it() {
    let gate = Gate::new();
    let leader = gate.lead(1);
    let tickets = [gate.join(1), gate.join(1)];
    leader.land(Landing::TimedOut);
    for ticket in tickets {
        assert!(matches!(ticket.landing().await, Landing::TimedOut));
    }
    assert_eq!(gate.flights.len(), 0);
}

#[tokio::test]
async fn a_dropped_leader_tells_those_who_wait() {
    let gate = Gate::new();
    let leader = gate.lead(1);
    let ticket = gate.join(1);
    drop(leader);
    assert!(matches!(ticket.landing().await, Landing::Gone));
    assert_eq!(gate.flights.len(), 0);
}

#[tokio::test]
async fn a_flight_that_is_not_current_is_replaced_and_lands_on_its_own() {
    let gate = Gate::new();
    let old = gate.lead(1);
    let waits_for_old = gate.join(1);
    let new = gate.lead(1);
    let waits_for_new = gate.join(1);
    old.land(Landing::Overtaken);
    assert_eq!(
        gate.flights.len(),
        1,
        "the old flight does not take the new one off the table"
    );
    new.land(Landing::TimedOut);
    assert!(matches!(waits_for_old.landing().await, Landing::Overtaken));
    assert!(matches!(waits_for_new.landing().await, Landing::TimedOut));
}

#[tokio::test]
async fn dropping_a_ticket_disturbs_nobody() {
    let gate = Gate::new();
    let leader = gate.lead(1);
    let stays = gate.join(1);
    drop(gate.join(1));
    leader.land(Landing::TimedOut);
    assert!(matches!(stays.landing().await, Landing::TimedOut));
}

#[test]
fn a_flight_knows_the_tags_it_depends_on() {
    let (gate, table) = (Gate::new(), TagTable::new());
    let tags: Arc<[_]> = Arc::from([table.cell(&Tag::from("t"))]);
    let board = || {
        gate.flights.board(
            &raw(1),
            || about(1, &tags),
            || gate.sequence.next(),
            Flight::is_unbroken,
        )
    };
    let first = board();
    assert!(matches!(first, Boarding::Lead(_)));
    assert!(matches!(board(), Boarding::Join(_)));
    table.invalidate(&Tag::from("t"), gate.sequence.next(), Manner::default());
    assert!(
        matches!(board(), Boarding::Lead(_)),
        "an older load is not joined"
    );
}
