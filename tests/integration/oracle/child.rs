//! The role of the processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use cache_aside::{Cache, Coherence, Counts, Defect};
use redis::aio::MultiplexedConnection;
use tokio::task::JoinSet;

use super::database::Database;
use super::dice::Dice;
use super::shop::{Promise, Shop};
use crate::support::process::Parent;

/// A name, and what it counts.
type Counted = (&'static str, fn(&Counts) -> u64);

/// What is counted, under these names in the database.
const COUNTED: [Counted; 6] = [
    ("hits", |counts| counts.hits),
    ("remote hits", |counts| counts.remote_hits),
    ("overtaken", |counts| counts.overtaken),
    ("joined", |counts| counts.joined),
    ("unshared", |counts| counts.unshared),
    ("loads", |counts| counts.loads),
];

/// Works until it is told to end.
pub(crate) async fn child(mut parent: Parent) {
    let number = |name: &str| parent.env(name).parse::<u64>().expect("a number");
    let dice = Dice::new(number("SEED"));
    let workers = number("WORKERS");
    let client = redis::Client::open(parent.env("DATABASE")).expect("a URL");
    let config =
        redis::AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(20)));
    let connected = client
        .get_multiplexed_async_connection_with_config(&config)
        .await;
    let database = connected.expect("the database is there");
    if let Some(defect) = defect(&parent.env("DEFECT")) {
        defect.switch_on();
    }
    let window = Duration::from_millis(number("WINDOW"));
    let coherence = if window.is_zero() {
        Coherence::Strict
    } else {
        Coherence::Bounded(window)
    };
    let cache = Cache::builder()
        .namespace("oracle")
        .coherence(coherence)
        .redis(parent.env("STORE"))
        .build()
        .await
        .expect("good settings");
    let mut shop = Shop::new(
        parent.env("NAME"),
        cache,
        Database::Server(database.clone()),
        number("IDS"),
        dice.for_one(0),
    );
    shop.promise = Promise {
        window,
        settled: if window.is_zero() { 0 } else { 5 },
        ..Promise::default()
    };
    let shop = Arc::new(shop);
    let ends = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for worker in 1..=workers {
        let (shop, ends, mut dice) = (shop.clone(), ends.clone(), dice.for_one(worker));
        tasks.spawn(async move {
            while !ends.load(Relaxed) {
                shop.act(&mut dice).await;
                tokio::time::sleep(Duration::from_millis(dice.below(8))).await;
            }
        });
    }
    let counting = tokio::spawn(count(shop.clone(), database.clone()));
    parent.send("ready");
    while parent.receive().await != "end" {}
    ends.store(true, Relaxed);
    while let Some(ended) = tasks.join_next().await {
        ended.expect("no worker panics");
    }
    // With nothing going wrong any more, the store takes what it is owed.
    shop.cache.close().await.expect("nothing is left to do");
    counting.abort();
    parent.send("done");
}

pub(super) fn defect(name: &str) -> Option<Defect> {
    let all = [
        Defect::TokensAfterLoad,
        Defect::UnfencedFill,
        Defect::BlindJoin,
        Defect::TagBeforeFamily,
        Defect::UnverifiedCopy,
        Defect::UsedWhileOwing,
        Defect::NoHorizon,
        Defect::ReplyOverPush,
        Defect::OldViewsKept,
        Defect::TokensOnly,
        Defect::OnePing,
        Defect::IntentReplaced,
        Defect::SettledAtOnce,
    ];
    all.into_iter().find(|defect| format!("{defect:?}") == name)
}

/// Adds to what all processes count, also those that are killed.
async fn count(shop: Arc<Shop>, mut database: MultiplexedConnection) {
    let mut told = [0; COUNTED.len() + 2];
    loop {
        let total = shop.cache.stats().total;
        let counted = COUNTED.iter().map(|(name, of)| (*name, of(&total)));
        let ours = [
            ("pending", shop.pending.load(Relaxed)),
            ("reads", shop.reads.load(Relaxed)),
        ];
        let mut pipe = redis::pipe();
        for ((name, now), told) in counted.chain(ours).zip(&mut told) {
            pipe.cmd("HINCRBY").arg("counts").arg(name).arg(now - *told);
            pipe.ignore();
            *told = now;
        }
        let answer = pipe.query_async(&mut database).await;
        let () = answer.expect("the database answers");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
