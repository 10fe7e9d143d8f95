//! R11: what one process invalidates reaches the copies of another within the time that was chosen,
//! whatever happens to the pushes. R12: so long copies are given when the server is gone.
//!
//! Both processes read one clock, which goes on while a process is stopped. The reader calls without
//! a pause and notes when the last call began that was given something older; the writer notes when its
//! invalidation had returned.

use std::time::Duration;

use cache_aside::{Cache, Coherence};
use rustix::time::{ClockId, clock_gettime};

use super::depot::{Depot, Instance};
use super::member::Member;
use super::{MS, PATIENCE, eventually};
use crate::support::proxy::{Mode, Proxy};
use crate::support::server::Server;

const WINDOW: Duration = Duration::from_millis(400);

/// In nanoseconds.
pub(super) fn now() -> u64 {
    let time = clock_gettime(ClockId::Boottime);
    let time = Duration::new(time.tv_sec.unsigned_abs(), 0)
        + Duration::from_nanos(time.tv_nsec.unsigned_abs());
    u64::try_from(time.as_nanos()).expect("some centuries")
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    Nothing,
    /// The reader's connections are ended, and it cannot connect.
    Finished,
    /// Nothing arrives any more, and nobody is told.
    Silent,
    /// The same for the pushes alone.
    PushesHang,
    /// The reader is stopped, for less than the time it may be behind.
    Paused,
    /// And for longer.
    Suspended,
    /// The server ends the connections for pushes.
    Killed,
    Restarted,
}

/// A reader on a road that can be broken, and a writer.
struct Scene {
    server: Server,
    road: Proxy,
    depot: Depot,
    reader: Member,
    writer: Member,
    rounds: u64,
}

/// What came of one invalidation.
#[derive(Debug)]
struct Measured {
    /// For how long after it older answers were given.
    stale: Duration,
    /// How many were given before and after.
    older: u64,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start().await;
        let road = Proxy::start(&server).await;
        let depot = Depot::new();
        let window = WINDOW.as_millis().to_string();
        let env = [("WINDOW", window.as_str())];
        Self {
            reader: Member::join(&road.url(), &depot.path(), &env).await,
            writer: Member::join(&server.url(), &depot.path(), &env).await,
            server,
            road,
            depot,
            rounds: 0,
        }
    }

    async fn begin(&mut self, trouble: Trouble) {
        match trouble {
            Trouble::Nothing => {}
            Trouble::Finished => {
                self.road.set(Mode::Refuse).await;
                self.road.close().await;
            }
            Trouble::Silent => self.road.set(Mode::BlackHole).await,
            Trouble::PushesHang => self.road.set(Mode::PushesHang).await,
            Trouble::Paused | Trouble::Suspended => self.reader.child().stop(),
            Trouble::Killed => {
                // On a busy machine a link may be on its way back from the last time.
                let ended = async || self.server.kill_pushes().await > 0;
                eventually("a link is there to be ended", ended).await;
            }
            Trouble::Restarted => self.server.restart().await,
        }
    }

    /// What ends only after the invalidation has returned.
    async fn go_on(&mut self, trouble: Trouble) {
        let stopped = match trouble {
            Trouble::Paused => WINDOW / 4,
            Trouble::Suspended => WINDOW * 2,
            _ => return,
        };
        tokio::time::sleep(stopped).await;
        self.reader.child().cont();
    }

    async fn hits(&mut self) -> u64 {
        let hits = self.reader.tell("hits").await;
        hits.parse().expect("a number")
    }

    async fn measure(
        &mut self,
        trouble: Trouble,
        (how, function): (&str, &str),
        settled: &str,
    ) -> Measured {
        self.rounds += 1;
        let id = self.rounds;
        let old = self.depot.write();
        let vouched = self.reader.tell(&format!("vouched {function} {id}")).await;
        assert_eq!(vouched, old.to_string());
        let new = self.depot.write();
        let before = self.hits().await;
        let watching = self.reader.ask(&format!("watch {function} {id} {new}"));
        eventually("the reader reads", async || self.hits().await > before).await;
        self.begin(trouble).await;
        let end = format!("end {how} {function} {id} {settled}");
        let ended = loop {
            // A server that just came back may not be known yet.
            let ended = self.writer.tell(&end).await;
            if let Ok(ended) = ended.parse::<u64>() {
                break ended;
            }
        };
        self.go_on(trouble).await;
        let said = self.reader.answer(watching).await;
        self.road.set(Mode::Pass).await;
        let (last, older) = said.split_once(' ').expect("two numbers");
        let last: u64 = last.parse().expect("a number");
        Measured {
            stale: Duration::from_nanos(last.saturating_sub(ended)),
            older: older.parse().expect("a number"),
        }
    }
}

async fn is_kept(trouble: Trouble) {
    let mut scene = Scene::new().await;
    let mut worst = Duration::ZERO;
    let mut older = 0;
    for what in [
        ("key", "item"),
        ("key", "here"),
        ("tag", "item"),
        ("tag", "here"),
        ("prefix", "item"),
        ("namespace", "here"),
    ] {
        let measured = scene.measure(trouble, what, "plain").await;
        assert!(
            measured.stale < WINDOW,
            "{trouble:?} {what:?}: {measured:?}"
        );
        worst = worst.max(measured.stale);
        older += measured.older;
    }
    println!("{trouble:?}: older for {worst:?} at most; {older} answers in all");
    assert!(older > 0, "the reader had copies");
    for what in [("key", "item"), ("tag", "here"), ("namespace", "item")] {
        let measured = scene.measure(trouble, what, "settled").await;
        assert_eq!(measured.stale, Duration::ZERO, "{trouble:?} {what:?}");
    }
}

#[tokio::test]
async fn r11_invalidations_arrive_in_time() {
    is_kept(Trouble::Nothing).await;
}

#[tokio::test]
async fn r11_invalidations_arrive_in_time_though_connections_end() {
    is_kept(Trouble::Finished).await;
}

#[tokio::test]
async fn r11_invalidations_arrive_in_time_though_the_road_is_a_black_hole() {
    is_kept(Trouble::Silent).await;
}

#[tokio::test]
async fn r11_invalidations_arrive_in_time_though_pushes_hang() {
    is_kept(Trouble::PushesHang).await;
}

#[tokio::test]
async fn r11_invalidations_arrive_in_time_though_the_reader_is_stopped() {
    is_kept(Trouble::Paused).await;
    is_kept(Trouble::Suspended).await;
}

#[tokio::test]
async fn r11_invalidations_arrive_in_time_though_the_server_ends_the_connection() {
    is_kept(Trouble::Killed).await;
}

#[tokio::test]
async fn r11_invalidations_arrive_in_time_though_the_server_restarts() {
    is_kept(Trouble::Restarted).await;
}

/// For how long copies are given after the server is gone.
async fn given_without_a_server(kept: Duration) -> Duration {
    let server = Server::start().await;
    let depot = Depot::new();
    let settings = Cache::builder().namespace("fleet").redis(server.url());
    let settings = settings
        .coherence(Coherence::default())
        .local_on_down(kept)
        .read_timeout(PATIENCE / 4);
    let on = Instance::with(settings, &depot).await;
    on.vouched("item", 1).await;
    server.kill();
    let (gone, loads) = (now(), depot.loads());
    let mut last = gone;
    loop {
        let began = now();
        assert_eq!(on.call("item", 1).await, "1");
        if depot.loads() > loads {
            return Duration::from_nanos(last - gone);
        }
        last = began;
        tokio::time::sleep(MS).await;
    }
}

#[tokio::test]
async fn r12_copies_are_given_without_a_server_until_trust_in_them_ends() {
    let Coherence::Bounded(window) = Coherence::default() else {
        panic!("copies are trusted by default");
    };
    let given = given_without_a_server(Duration::ZERO).await;
    assert!(given > Duration::ZERO && given < window, "{given:?}");
    println!("given for {given:?}");

    let kept = window * 3;
    let given = given_without_a_server(kept).await;
    assert!(given > window && given < kept, "{given:?}");
    println!("given for {given:?} where that is asked for");
}
