//! One run, from its server to its verdict.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use cache_aside::{Cache, Coherence, Health, HealthStatus};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::INSTANCES;
use super::dice::Dice;
use super::faults::{Faults, HELD};
use super::judge::{Instance, World};
use super::kinds::WINDOW;
use super::report::Tally;
use super::source::Trouble;
use super::traffic::Shop;
use crate::support::process::Parent;
use crate::support::proxy::Proxy;
use crate::support::server::Server;

/// Within this time after the last fault everything works again: a server that refused to push is asked again after
/// 11 s at most.
const RECOVERY: Duration = Duration::from_secs(15);

#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) length: Duration,
    /// Of each instance.
    pub(super) callers: u64,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Verdict {
    pub(super) table: String,
    /// What must not be; empty if all is well.
    pub(super) failures: Vec<String>,
}

/// How the health of an instance changed.
#[derive(Debug, Default)]
struct HealthLog {
    changes: u64,
    degraded: Duration,
    reasons: BTreeMap<String, u64>,
}

/// Panics that were counted, if somebody counts them.
pub(super) static PANICS: AtomicU64 = AtomicU64::new(0);

async fn cache(url: String, kind: Instance) -> Cache {
    let cache = Cache::builder()
        .namespace("soak")
        .coherence(Coherence::Bounded(WINDOW))
        .back_off(Duration::from_secs(1))
        .trust_views(kind.trusts_views)
        .audit(0.1)
        .redis(url);
    let cache = match kind.unshared_loads {
        Some(limit) => cache.unshared_loads(limit),
        None => cache,
    };
    cache.build().await.expect("good settings")
}

/// Until it is killed: has leases, and loads that do not end.
pub(crate) async fn holder(parent: Parent) {
    let kinds = [Instance::default(); INSTANCES];
    let cache = cache(parent.env("STORE"), kinds[0]).await;
    let world = Arc::new(World::new(&Dice::new(0), kinds));
    world.source.trouble(Trouble::Hangs);
    let shop = Shop::new(0, cache, Arc::clone(&world));
    let holds = async {
        while world.source.counted().0 < HELD.len() as u64 {
            sleep(Duration::from_millis(2)).await;
        }
        parent.send("holds");
        std::future::pending::<()>().await;
    };
    tokio::join!(shop.hold(&HELD), holds);
}

pub(super) async fn run(plan: Plan) -> Verdict {
    let dice = Dice::new(plan.seed);
    let panics = PANICS.load(SeqCst);
    let server = Server::options()
        .args(["--lua-time-limit", "50"])
        .start()
        .await;
    let version = format!("{:?} {}", server.flavor(), server.version());
    let mut kinds = [Instance::default(); INSTANCES];
    kinds[1].trusts_views = true;
    kinds[2].unshared_loads = Some(8);
    let world = Arc::new(World::new(&dice, kinds));
    let (mut roads, mut shops) = (Vec::new(), Vec::new());
    for (instance, kind) in kinds.into_iter().enumerate() {
        let road = Proxy::start(&server).await;
        let cache = cache(road.url(), kind).await;
        shops.push(Shop::new(instance, cache, Arc::clone(&world)));
        roads.push(road);
    }
    let ends = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    tasks.spawn(watch_the_scheduler(Arc::clone(&world), Arc::clone(&ends)));
    let mut health = Vec::new();
    for (shop, number) in shops.iter().zip(0..) {
        let log = Arc::new(Mutex::new(HealthLog::default()));
        health.push(Arc::clone(&log));
        tasks.spawn(watch_the_health(shop.cache.clone(), log, Arc::clone(&ends)));
        for caller in 0..plan.callers {
            let (shop, ends) = (shop.clone(), Arc::clone(&ends));
            let mut dice = dice.for_one(100 + number * plan.callers + caller);
            tasks.spawn(async move {
                while !ends.load(SeqCst) {
                    shop.act(&mut dice).await;
                    sleep(Duration::from_millis(dice.below(10))).await;
                }
            });
        }
    }
    let mut faults = Faults {
        server,
        roads,
        world: Arc::clone(&world),
        evicted: 0,
    };
    faults.play(dice.for_one(0), plan.length).await;
    ends.store(true, SeqCst);
    let mut failures = Vec::new();
    while let Ok(Some(ended)) = timeout(RECOVERY * 3, tasks.join_next()).await {
        if let Err(error) = ended {
            failures.push(format!("a caller: {error}"));
        }
    }
    if !tasks.is_empty() {
        failures.push(format!("{} callers never came back", tasks.len()));
    }
    for shop in &shops {
        failures.extend(recovers(shop).await);
    }
    let panics = PANICS.load(SeqCst) - panics;
    if panics > 0 {
        failures.push(format!("{panics} panics"));
    }
    let mut tally = world.tally.lock().expect("no panic");
    tally.settle();
    if tally.wrong > 0 {
        failures.push(format!("{} wrong answers or errors", tally.wrong));
    }
    let slow = tally.too_slow();
    if let Some(first) = slow.first() {
        failures.push(format!(
            "{} calls were too slow, such as {first:?}",
            slow.len()
        ));
    }
    let table = table(
        plan,
        &version,
        &world,
        &shops,
        &health,
        faults.evicted,
        &mut tally,
    );
    Verdict { table, failures }
}

/// With nothing going wrong any more, the store takes what it is owed.
async fn recovers(shop: &Shop) -> Option<String> {
    let until = Instant::now() + RECOVERY;
    loop {
        let health = shop.cache.health().await;
        if health.status == HealthStatus::Healthy {
            break;
        }
        if Instant::now() > until {
            return Some(format!("instance {} stays {health:?}", shop.instance));
        }
        sleep(Duration::from_millis(20)).await;
    }
    let audit = shop.cache.stats().audit;
    if audit.stale > 0 {
        return Some(format!(
            "instance {}: the audit found {audit:?}",
            shop.instance
        ));
    }
    let closed = shop.cache.close().await;
    closed
        .err()
        .map(|error| format!("instance {}: {error}", shop.instance))
}

/// How late the machine is with whatever it is asked to do.
async fn watch_the_scheduler(world: Arc<World>, ends: Arc<AtomicBool>) {
    const PAUSE: Duration = Duration::from_millis(5);
    while !ends.load(SeqCst) {
        let before = world.now();
        sleep(PAUSE).await;
        let late = world.now().saturating_sub(before + PAUSE);
        world.tally(|tally| tally.delayed(late));
    }
}

async fn watch_the_health(cache: Cache, log: Arc<Mutex<HealthLog>>, ends: Arc<AtomicBool>) {
    let (mut last, mut at) = (HealthStatus::Healthy, Instant::now());
    while !ends.load(SeqCst) {
        let health = cache.health().await;
        let since = std::mem::replace(&mut at, Instant::now()).elapsed();
        log.lock().expect("no panic").note(last, since, &health);
        last = health.status;
        sleep(Duration::from_millis(20)).await;
    }
}

impl HealthLog {
    fn note(&mut self, last: HealthStatus, since: Duration, health: &Health) {
        self.changes += u64::from(health.status != last);
        if last != HealthStatus::Healthy {
            self.degraded += since;
        }
        for reason in &health.reasons {
            // Numbers and what follows the third colon change too often.
            let reason = reason.split(": ").take(3).collect::<Vec<_>>().join(": ");
            let reason = reason.replace(|letter: char| letter.is_ascii_digit(), "");
            *self.reasons.entry(reason).or_default() += 1;
        }
    }
}

fn table(
    plan: Plan,
    version: &str,
    world: &World,
    shops: &[Shop],
    health: &[Arc<Mutex<HealthLog>>],
    evicted: u64,
    tally: &mut Tally,
) -> String {
    let (loads, most, row) = world.source.counted();
    let mut lines = vec![
        format!(
            "soak: seed {}, {:?}, {} callers of each of {INSTANCES} instances, {version}",
            plan.seed, plan.length, plan.callers
        ),
        format!(
            "loads                {loads} for {} calls; at most {most} of one key in a second ({row:?})",
            tally.calls
        ),
        format!("evicted by server    {evicted}"),
    ];
    for (shop, health) in shops.iter().zip(health) {
        let (stats, health) = (shop.cache.stats(), health.lock().expect("no panic"));
        let total = stats.total;
        lines.push(format!(
            "instance {}           hits {} (of them remote {}) stale {} negative {} miss {} joined {} unshared {} queued {} held back {} overtaken {} refreshes {} corrupt {} mismatches {}; pushes lost {} withheld {}; weakened brackets {}; {:?}",
            shop.instance, total.hits, total.remote_hits, total.stale, total.negatives, total.misses, total.joined, total.unshared, total.queued, total.held_back, total.overtaken, total.refreshes, total.corrupt, total.type_mismatches, stats.pushes_lost, stats.pushes_withheld, stats.weakened_brackets, stats.audit,
        ));
        lines.push(format!(
            "  health             changed {} times, not healthy for {:.1?}: {:?}",
            health.changes, health.degraded, health.reasons
        ));
    }
    let mut table = lines.join("\n");
    table.push('\n');
    table.push_str(&tally.table());
    table
}
