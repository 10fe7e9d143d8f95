//! Processes, a store that they share, and what goes wrong between them.

use std::collections::BTreeMap;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::time::{Instant, sleep};

use super::dice::Dice;
use crate::support::process::Child;
use crate::support::proxy::{Mode, Proxy};
use crate::support::server::Server;
use crate::support::snapshot::Snapshot;

/// What one run is.
#[derive(Clone, Copy)]
pub(super) struct Plan {
    pub(super) seed: u64,
    pub(super) processes: u64,
    pub(super) workers: u64,
    /// Rows of each kind.
    pub(super) ids: u64,
    pub(super) length: Duration,
    /// By how much processes may be behind; zero for not at all.
    pub(super) window: Duration,
    /// Whether some are never behind all the same.
    pub(super) mixed: bool,
    /// What is switched on in the processes.
    pub(super) defect: &'static str,
    pub(super) faults: &'static [Fault],
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    Stop,
    Kill,
    Cut,
    /// A connection breaks while nobody can connect: requests in flight fail, and the next come later.
    Outage,
    Delay,
    BlackHole,
    LoseReplies,
    Truncate,
    Flush,
    EvictTokens,
    EvictEntries,
    EvictLeases,
    KillClients,
    KillPushes,
    /// The pushes to a process hang, and nothing else.
    PushesHang,
    StopServer,
    Restart,
    Save,
    Restore,
    FailOver,
    /// Not a fault that a `Remote` allows: the bytes of a token are written again.
    Resend,
}

impl Fault {
    pub(super) const ALL: &[Self] = &[
        Self::Stop,
        Self::Kill,
        Self::Cut,
        Self::Outage,
        Self::Delay,
        Self::BlackHole,
        Self::LoseReplies,
        Self::Truncate,
        Self::Flush,
        Self::EvictTokens,
        Self::EvictEntries,
        Self::EvictLeases,
        Self::KillClients,
        Self::KillPushes,
        Self::PushesHang,
        Self::StopServer,
        Self::Restart,
        Self::Save,
        Self::Restore,
        Self::FailOver,
    ];
}

pub(super) struct Fleet {
    plan: Plan,
    dice: Dice,
    database: Server,
    truth: MultiplexedConnection,
    /// The store; the second is a replica of it.
    primary: Server,
    replica: Server,
    /// Between the two.
    lag: Proxy,
    snapshot: Option<Snapshot>,
    /// Tokens as they once were.
    tokens: BTreeMap<String, Vec<Vec<u8>>>,
    members: Vec<(Child, Proxy)>,
    started: u64,
    began: Instant,
}

/// What came of a run.
pub(super) struct Ran {
    pub(super) violations: Vec<String>,
    pub(super) counts: BTreeMap<String, u64>,
    pub(super) took: Duration,
}

impl Fleet {
    pub(super) async fn start(plan: Plan) -> Self {
        let at_once = || Server::options().args(["--repl-diskless-sync-delay", "0"]);
        let (database, primary) = tokio::join!(Server::start(), at_once().start());
        let lag = Proxy::start(&primary).await;
        let replica = at_once().replica_of_port(lag.port()).start().await;
        let mut fleet = Self {
            plan,
            dice: Dice::new(plan.seed),
            truth: database.admin().await,
            database,
            primary,
            replica,
            lag,
            snapshot: None,
            tokens: BTreeMap::new(),
            members: Vec::new(),
            started: 0,
            began: Instant::now(),
        };
        for _ in 0..plan.processes {
            let proxy = Proxy::start(&fleet.primary).await;
            let child = fleet.spawn(&proxy).await;
            fleet.members.push((child, proxy));
        }
        for (child, _) in &mut fleet.members {
            child.expect("ready").await;
        }
        fleet.began = Instant::now();
        fleet
    }

    async fn spawn(&mut self, proxy: &Proxy) -> Child {
        self.started += 1;
        let seed = Dice::new(self.plan.seed).for_one(self.started).next();
        let text = |number: u64| number.to_string();
        let window = match self.plan.window.as_millis() {
            // Every third process is never behind.
            _ if self.plan.mixed && self.started.is_multiple_of(3) => 0,
            window => u64::try_from(window).expect("a short window"),
        };
        Child::spawn(
            "oracle",
            &[
                ("NAME", &format!("process {}", self.started)),
                ("SEED", &text(seed)),
                ("WORKERS", &text(self.plan.workers)),
                ("IDS", &text(self.plan.ids)),
                ("DEFECT", self.plan.defect),
                ("WINDOW", &text(window)),
                ("STORE", &proxy.url()),
                ("DATABASE", &self.database.url()),
            ],
        )
        .await
    }

    /// Lets everything go wrong until the time is over or something was found.
    pub(super) async fn run(mut self) -> Ran {
        let mut told = self.began;
        while self.began.elapsed() < self.plan.length && self.violations().await.is_empty() {
            if told.elapsed() > Duration::from_secs(5) {
                told = Instant::now();
                self.members
                    .iter_mut()
                    .for_each(|(child, _)| child.send("go on"));
            }
            let calm = self.dice.below(150);
            sleep(Duration::from_millis(calm)).await;
            if !self.plan.faults.is_empty() {
                let fault = self.dice.one_of(self.plan.faults);
                self.break_something(fault).await;
            }
        }
        let mut violations = self.violations().await;
        let took = self.began.elapsed();
        if violations.is_empty() {
            for (child, _) in &mut self.members {
                child.send("end");
            }
            for (mut child, _) in std::mem::take(&mut self.members) {
                child.expect("done").await;
                child.ends_well().await;
            }
            violations = self.violations().await;
        }
        let answer = redis::cmd("HGETALL")
            .arg("counts")
            .query_async(&mut self.truth)
            .await;
        Ran {
            violations,
            counts: answer.expect("the database answers"),
            took,
        }
    }

    async fn violations(&mut self) -> Vec<String> {
        let mut command = redis::cmd("LRANGE");
        command.arg("violations").arg(&[0, -1]);
        let answer = command.query_async(&mut self.truth).await;
        answer.expect("the database answers")
    }

    async fn break_something(&mut self, fault: Fault) {
        let at = self.began.elapsed().as_millis();
        let lasts = Duration::from_millis(20 + self.dice.below(400));
        let member = self.dice.index(self.members.len());
        println!("{at:>6} ms: {fault:?} {member} for {lasts:?}");
        let (child, proxy) = &mut self.members[member];
        match fault {
            Fault::Stop => {
                child.stop();
                sleep(lasts * 3).await;
                child.cont();
            }
            Fault::Kill => {
                child.kill();
                let (_, proxy) = self.members.remove(member);
                let child = self.spawn(&proxy).await;
                self.members.push((child, proxy));
                // Its first line is awaited with the others: nobody is stopped before it is there.
                let (child, _) = self.members.last_mut().expect("just pushed");
                child.expect("ready").await;
            }
            Fault::Cut => proxy.cut().await,
            Fault::Outage => {
                proxy.set(Mode::Refuse).await;
                proxy.cut().await;
                sleep(lasts).await;
                proxy.set(Mode::Pass).await;
            }
            Fault::Delay => {
                let delay = Duration::from_millis(self.dice.below(40));
                proxy.set(Mode::Delay(delay)).await;
                sleep(lasts).await;
                proxy.set(Mode::Pass).await;
            }
            Fault::BlackHole => {
                proxy.set(Mode::BlackHole).await;
                sleep(lasts * 3).await;
                if self.dice.percent(50) {
                    proxy.cut().await;
                }
                proxy.set(Mode::Pass).await;
            }
            Fault::PushesHang => {
                proxy.set(Mode::PushesHang).await;
                sleep(lasts * 3).await;
                if self.dice.percent(50) {
                    proxy.cut().await;
                }
                proxy.set(Mode::Pass).await;
            }
            Fault::LoseReplies => {
                proxy.set(Mode::LoseReplies).await;
                sleep(lasts).await;
                proxy.set(Mode::Pass).await;
            }
            Fault::Truncate => {
                let bytes = self.dice.index(3_000);
                proxy.set(Mode::Truncate(bytes)).await;
                sleep(lasts).await;
                proxy.set(Mode::Pass).await;
            }
            Fault::Resend => self.resend().await,
            on_server => self.break_the_server(on_server, lasts).await,
        }
    }

    async fn break_the_server(&mut self, fault: Fault, lasts: Duration) {
        let server = &self.primary;
        match fault {
            Fault::Flush => server.flush().await,
            Fault::EvictTokens => drop(server.evict("oracle:[tei]:*").await),
            Fault::EvictEntries => drop(server.evict("oracle:v:*").await),
            Fault::EvictLeases => drop(server.evict("oracle:l:*").await),
            Fault::KillClients => drop(server.client_kill().await),
            Fault::KillPushes => drop(server.kill_pushes().await),
            Fault::StopServer => {
                server.stop();
                sleep(lasts * 2).await;
                server.cont();
            }
            Fault::Restart => server.restart().await,
            Fault::Save => {
                // While a replica is given everything, nothing else is saved.
                server.replicated().await;
                self.snapshot = Some(server.save_snapshot().await);
            }
            Fault::Restore => {
                if let Some(snapshot) = &self.snapshot {
                    server.restore_snapshot(snapshot).await;
                }
            }
            Fault::FailOver => self.fail_over(lasts).await,
            on_the_way => unreachable!("{on_the_way:?}"),
        }
    }

    /// A replica takes over that has not got the last writes.
    async fn fail_over(&mut self, lasts: Duration) {
        self.lag.set(Mode::BlackHole).await;
        sleep(lasts).await;
        self.primary.kill();
        self.lag.cut().await;
        self.replica.promote().await;
        std::mem::swap(&mut self.primary, &mut self.replica);
        for (_, proxy) in &self.members {
            proxy.retarget(&self.primary);
            proxy.cut().await;
        }
        self.lag.retarget(&self.primary);
        self.lag.set(Mode::Pass).await;
        self.replica.restart().await;
        self.replica.replica_of_port(self.lag.port()).await;
    }

    /// What a client would do that sends a request again: an old token is written once more.
    async fn resend(&mut self) {
        let mut admin = self.primary.admin().await;
        let names = self.primary.keys("oracle:t:*").await;
        for name in names {
            let now: Option<Vec<u8>> = redis::cmd("GET")
                .arg(&name)
                .query_async(&mut admin)
                .await
                .expect("GET");
            let Some(now) = now else { continue };
            let seen = self.tokens.entry(name.clone()).or_default();
            match seen.iter().rev().find(|old| **old != now) {
                Some(old) if self.dice.percent(30) => {
                    let mut again = redis::cmd("SET");
                    again.arg(&name).arg(old).arg("KEEPTTL");
                    let () = again.query_async(&mut admin).await.expect("SET");
                    seen.clear();
                }
                _ if seen.last() != Some(&now) => seen.push(now),
                _ => {}
            }
        }
    }
}
