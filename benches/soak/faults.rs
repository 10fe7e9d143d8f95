//! What goes wrong, one thing after the other: each once, in an order that follows from the seed.

use std::sync::Arc;
use std::time::Duration;

use redis::{FromRedisValue, RedisResult, cmd};
use tokio::time::{sleep, timeout};

use super::dice::Dice;
use super::judge::{LONGEST_FAULT, World};
use super::kinds::{Kind, Row};
use super::report::Class;
use super::source::{Running, Trouble};
use crate::support::process::{Child, LIMIT};
use crate::support::proxy::{Mode, Proxy};
use crate::support::server::Server;

/// Rows that another process loads until it is killed: those that are asked for most often.
pub(super) const HELD: [Row; 4] = [held(0), held(1), held(2), held(3)];

const fn held(id: u64) -> Row {
    let kind = Kind::Plain;
    Row { kind, id }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fault {
    /// The server hangs.
    Stop,
    /// It is killed and comes back with nothing.
    Restart,
    /// It is killed and comes back with what it had a while ago.
    Restore,
    ClientKill,
    Flush,
    /// It takes no writes.
    Full,
    /// It throws away what is there to make room.
    Evicts,
    Demote,
    /// A script that does not end.
    Busy,
    BlackHole,
    LoseReplies,
    SlowRoad,
    Cut,
    Refuse,
    PushesHang,
    /// Another process has leases, and is killed.
    HolderKilled,
    SourceFails,
    SourceSlow,
    SourceHangs,
    /// The source fails while the server is gone.
    Both,
}

impl Fault {
    const ALL: [Self; 20] = [
        Self::Stop,
        Self::Restart,
        Self::Restore,
        Self::ClientKill,
        Self::Flush,
        Self::Full,
        Self::Evicts,
        Self::Demote,
        Self::Busy,
        Self::BlackHole,
        Self::LoseReplies,
        Self::SlowRoad,
        Self::Cut,
        Self::Refuse,
        Self::PushesHang,
        Self::HolderKilled,
        Self::SourceFails,
        Self::SourceSlow,
        Self::SourceHangs,
        Self::Both,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Stop => "server stopped",
            Self::Restart => "server restarted",
            Self::Restore => "server restored",
            Self::ClientKill => "clients killed",
            Self::Flush => "flush",
            Self::Full => "memory full",
            Self::Evicts => "evictions",
            Self::Demote => "demotion",
            Self::Busy => "script busy",
            Self::BlackHole => "black hole",
            Self::LoseReplies => "replies lost",
            Self::SlowRoad => "slow road",
            Self::Cut => "connections cut",
            Self::Refuse => "connections refused",
            Self::PushesHang => "pushes hang",
            Self::HolderKilled => "holder killed",
            Self::SourceFails => "source fails",
            Self::SourceSlow => "source slow",
            Self::SourceHangs => "source hangs",
            Self::Both => "server gone, source fails",
        }
    }

    fn class(self) -> Class {
        match self {
            Self::SourceFails | Self::SourceSlow | Self::SourceHangs => Class::Source,
            _ => Class::Store,
        }
    }
}

pub(super) struct Faults {
    pub(super) server: Server,
    pub(super) roads: Vec<Proxy>,
    pub(super) world: Arc<World>,
    pub(super) evicted: u64,
}

impl Faults {
    /// Everything once, within this time.
    pub(super) async fn play(&mut self, mut dice: Dice, length: Duration) {
        let mut all = Fault::ALL;
        for end in (1..all.len()).rev() {
            all.swap(end, dice.index(end + 1));
        }
        let slot = length / u32::try_from(all.len() + 1).expect("a few");
        sleep(slot / 2).await;
        for fault in all {
            let lasts = slot.mul_f64(0.25 + 0.15 * f64::from(dice.percent(50)));
            let lasts = lasts.min(LONGEST_FAULT);
            let next = self.world.now() + slot;
            let road = dice.index(self.roads.len());
            self.world.begins(fault.name(), fault.class());
            self.happen(fault, road, lasts).await;
            self.world.ends();
            sleep(next.saturating_sub(self.world.now())).await;
        }
    }

    async fn happen(&mut self, fault: Fault, road: usize, lasts: Duration) {
        let source = &self.world.source;
        match fault {
            Fault::Stop => {
                self.server.stop();
                sleep(lasts).await;
                self.server.cont();
            }
            Fault::Restart => {
                self.server.kill();
                sleep(lasts).await;
                self.server.restart().await;
            }
            Fault::Restore => {
                let snapshot = self.server.save_snapshot().await;
                sleep(lasts / 2).await;
                self.server.kill();
                sleep(lasts / 2).await;
                self.server.restore_snapshot(&snapshot).await;
            }
            Fault::ClientKill => drop(self.server.client_kill().await),
            Fault::Flush => self.server.flush().await,
            Fault::Full => {
                self.ask::<()>(&["CONFIG", "SET", "maxmemory-policy", "noeviction"])
                    .await;
                self.ask::<()>(&["CONFIG", "SET", "maxmemory", "1mb"]).await;
                sleep(lasts).await;
                self.ask::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await;
            }
            Fault::Evicts => self.evict(lasts).await,
            Fault::Demote => {
                // The primary it is told of is not there.
                self.ask::<()>(&["REPLICAOF", "127.0.0.1", "1"]).await;
                sleep(lasts).await;
                self.ask::<()>(&["REPLICAOF", "NO", "ONE"]).await;
            }
            Fault::Busy => self.busy(lasts).await,
            Fault::BlackHole => self.on_road(road, Mode::BlackHole, lasts).await,
            Fault::LoseReplies => self.on_road(road, Mode::LoseReplies, lasts).await,
            Fault::SlowRoad => {
                let slow = Mode::Delay(Duration::from_millis(40));
                self.on_road(road, slow, lasts).await;
            }
            Fault::PushesHang => self.on_road(road, Mode::PushesHang, lasts).await,
            Fault::Refuse => {
                let road = &self.roads[road];
                road.set(Mode::Refuse).await;
                road.cut().await;
                sleep(lasts).await;
                road.set(Mode::Pass).await;
            }
            Fault::Cut => self.roads[road].cut().await,
            Fault::HolderKilled => self.hold(lasts).await,
            Fault::SourceFails => {
                source.trouble(Trouble::Fails);
                sleep(lasts).await;
                source.trouble(Trouble::None);
            }
            Fault::SourceSlow => {
                source.trouble(Trouble::Slow(Duration::from_millis(150)));
                sleep(lasts).await;
                source.trouble(Trouble::None);
            }
            Fault::SourceHangs => {
                source.trouble(Trouble::Hangs);
                sleep(lasts).await;
                source.trouble(Trouble::None);
            }
            Fault::Both => {
                self.server.kill();
                source.trouble(Trouble::Fails);
                sleep(lasts).await;
                source.trouble(Trouble::None);
                self.server.restart().await;
            }
        }
    }

    async fn on_road(&self, road: usize, mode: Mode, lasts: Duration) {
        self.roads[road].set(mode).await;
        sleep(lasts).await;
        self.roads[road].set(Mode::Pass).await;
    }

    /// More is written than there is room for, and what was not used for longest leaves.
    async fn evict(&mut self, lasts: Duration) {
        let used: String = self.ask(&["INFO", "memory"]).await;
        let used = number_in(&used, "used_memory:");
        let most = (used + (1 << 20)).to_string();
        self.ask::<()>(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"])
            .await;
        self.ask::<()>(&["CONFIG", "SET", "maxmemory", &most]).await;
        let until = self.world.now() + lasts;
        let (junk, mut number) = ("x".repeat(16 * 1024), 0);
        while self.world.now() < until {
            number += 1;
            let name = format!("junk:{}", number % 500);
            self.ask::<()>(&["SET", &name, &junk, "EX", "3"]).await;
            sleep(Duration::from_millis(1)).await;
        }
        let stats: String = self.ask(&["INFO", "stats"]).await;
        self.evicted += number_in(&stats, "evicted_keys:");
        self.server.evict("junk:*").await;
        self.ask::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    }

    async fn busy(&self, lasts: Duration) {
        let mut runs = self.server.admin().await;
        let script = tokio::spawn(async move {
            let mut endless = cmd("EVAL");
            endless.arg(&["while true do end", "0"]);
            // It is killed.
            drop(endless.query_async::<()>(&mut runs).await);
        });
        sleep(lasts).await;
        let mut kills = self.server.admin().await;
        let killed = async {
            while !script.is_finished() {
                let kill: RedisResult<()> = cmd("SCRIPT").arg("KILL").query_async(&mut kills).await;
                drop(kill);
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(LIMIT, killed).await.expect("the script ends");
    }

    /// Another process takes the leases of what is asked for most often, does not end, and is killed.
    async fn hold(&self, lasts: Duration) {
        let running: Vec<Running<'_>> = HELD
            .iter()
            .map(|row| self.world.source.begin(*row))
            .collect();
        let url = self.server.url();
        let mut holder = Child::spawn("holder", &[("STORE", &url)]).await;
        holder.expect("holds").await;
        sleep(lasts / 2).await;
        holder.kill();
        drop(running);
    }

    async fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        let mut admin = self.server.admin().await;
        let answer = cmd(command[0])
            .arg(&command[1..])
            .query_async(&mut admin)
            .await;
        answer.unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }
}

fn number_in(told: &str, name: &str) -> u64 {
    let line = told.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.trim().parse().ok())
        .unwrap_or_default()
}
