//! The invalidation of a tag that a million entries have, against that of a tag of a single one.
//!
//! In this process there are a million entries: each round loads all of them anew, which is what takes the time, and
//! invalidates both tags once. In the server there is one token for a tag, however many entries mention it, and no list of
//! them: a round stores twenty thousand entries there, with copies in this process, and what is measured does not get to know
//! of the others. What is sent for an invalidation is counted besides.

use std::future::IntoFuture as _;
use std::sync::LazyLock;
use std::time::Duration;

use cache_aside::{Cache, cache_aside};

use crate::Effort;
use crate::measure::{Rounds, at_once, timed};
use crate::own::{BOUNDED, in_process, of_server};
use crate::record::{Goal, Record};
use crate::store::store;
use crate::subject::ready;

static MILLION: LazyLock<Cache> = LazyLock::new(|| in_process(1_200_000));

/// The group is `many` or `one`; so is the tag.
#[cache_aside(ttl = "1h", tags = ["members:{group}"], cache = *MILLION)]
async fn local(group: &str, id: u64) -> u64 {
    id
}

#[cache_aside(ttl = "1h", tags = ["members:{group}"], cache = of_server(&BOUNDED))]
async fn shared(group: &str, id: u64) -> u64 {
    id
}

const MANY: &str = "members:many";
const ONE: &str = "members:one";

/// The one and the other, in an order that changes.
fn in_turn(round: usize, time: impl Fn(&'static str) -> Duration) -> [Duration; 2] {
    if round.is_multiple_of(2) {
        let many = time(MANY);
        [many, time(ONE)]
    } else {
        let one = time(ONE);
        [time(MANY), one]
    }
}

fn in_this_process(effort: Effort) -> Record {
    let members = effort.of(100_000_u64, 1_000_000);
    let invalidate =
        |tag: &'static str| ready(MILLION.invalidate_tag(tag).into_future()).expect("done");
    let rounds = (0..effort.of(9, 15)).map(|round| {
        for id in 0..members {
            ready(local("many", id));
        }
        ready(local("one", 0));
        // What filling displaced from the caches of the processor, for both.
        (0..20).for_each(|_| invalidate("nobody's"));
        in_turn(round, |tag| timed(|| invalidate(tag)))
    });
    let (many, one): (Vec<_>, Vec<_>) = rounds.map(|[many, one]| (many, one)).unzip();
    let rounds = many.len() as u64;
    let loads = MILLION.stats().total.loads;
    assert_eq!(loads, rounds * (members + 1), "all had to be loaded again");
    let [many, one] = [many, one].map(|times| Rounds::of(times, 1));
    println!("in this process, ns: {members} members {many}, 1 member {one}");
    let what = [
        "invalidation",
        &format!("tag of {members} local entries"),
        "tag of 1",
        "in this process: time ratio",
    ];
    // As good as the same: what differs between two runs of the same is more.
    Record::new("P15", Goal::AtMost(1.1), what, many.over(&one).into())
}

/// By a task of the runtime.
fn invalidate_shared(tag: &'static str) -> Duration {
    at_once(&store().runtime, 1, move |_| async move {
        let done = of_server(&BOUNDED).invalidate_tag(tag).await;
        done.expect("the server answers");
    })
}

fn fill_store(members: u64) {
    const CALLERS: u64 = 64;
    at_once(&store().runtime, CALLERS, move |caller| async move {
        for id in (caller..members).step_by(64) {
            shared("many", id).await;
        }
        if caller == 0 {
            shared("one", 0).await;
        }
    });
}

/// Commands that were sent for one invalidation. Checks of connections are not.
fn commands(tag: &'static str) -> u64 {
    let server = &store().server;
    let sent = server.sent_while(|| {
        invalidate_shared(tag);
    });
    let mut sent = sent.expect("the server answers");
    println!("sent for {tag}: {sent:?}");
    sent.retain(|name, _| !["exists", "info", "ping", "time", "wait"].contains(&name.as_str()));
    sent.values().sum()
}

fn in_the_server(effort: Effort) -> [Record; 3] {
    let members = effort.of(2_000_u64, 20_000);
    let before = of_server(&BOUNDED).stats().total.loads;
    let rounds = (0..effort.of(9, 15)).map(|round| {
        fill_store(members);
        for _ in 0..20 {
            invalidate_shared("nobody's");
        }
        in_turn(round, invalidate_shared)
    });
    let (many, one): (Vec<_>, Vec<_>) = rounds.map(|[many, one]| (many, one)).unzip();
    let loads = of_server(&BOUNDED).stats().total.loads - before;
    assert_eq!(
        loads,
        many.len() as u64 * (members + 1),
        "all had to be loaded again"
    );
    let [many, one] = [many, one].map(|times| Rounds::of(times, 1));
    println!("in the server, ns: {members} members {many}, 1 member {one}");
    fill_store(members);
    let sent = [MANY, ONE].map(commands);
    let path = "invalidation";
    let tag = format!("tag of {members} entries in the server");
    let counted = |variant, count| {
        #[expect(clippy::cast_precision_loss, reason = "a handful")]
        let count = count as f64;
        let what = [path, variant, "", "commands sent"];
        Record::new("P15", Goal::AtMost(1.0), what, (count, count))
    };
    let what = [path, &tag, "tag of 1", "with a server: time ratio"];
    [
        Record::new("P15", Goal::AtMost(1.1), what, many.over(&one).into()),
        counted(&tag, sent[0]),
        counted("tag of 1 entry in the server", sent[1]),
    ]
}

pub(crate) fn run(effort: Effort) -> Vec<Record> {
    let mut records = vec![in_this_process(effort)];
    // The functions of this section need its caches.
    store();
    records.extend(in_the_server(effort));
    records
}
