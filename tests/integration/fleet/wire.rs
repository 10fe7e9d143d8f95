//! What a call sends to the server, and how often it waits for an answer.

use std::collections::BTreeMap;

use cache_aside::{Outcome, Tier};

use super::depot::{Depot, Instance};
use crate::support::proxy::Proxy;
use crate::support::server::Server;

const CALLS: u64 = 20;

struct Scene {
    server: Server,
    road: Proxy,
    depot: Depot,
    on: Instance,
}

impl Scene {
    async fn new() -> Self {
        let server = Server::start().await;
        let road = Proxy::start(&server).await;
        let depot = Depot::new();
        let on = Instance::new(&road.url(), &depot).await;
        // The namespace and the prefix have tokens from here on.
        on.settles_on("item", 0, 1).await;
        Self {
            server,
            road,
            depot,
            on,
        }
    }

    /// Calls one key after the other. How many commands of each name arrived, and how many trips they took.
    async fn calls(&self, expected: (Outcome, Option<Tier>)) -> (BTreeMap<String, u64>, u64) {
        self.server.reset_stats().await;
        self.road.reset_counts();
        for id in 1..=CALLS {
            let (value, report) = self.on.report("item", id).await;
            assert_eq!(
                (value.as_str(), report.outcome, report.tier),
                ("1", expected.0, expected.1)
            );
        }
        let trips = self.road.round_trips();
        let mut stats = self.server.command_stats().await;
        stats.retain(|name, _| {
            // Checks of connections, and this test itself.
            !matches!(
                name.as_str(),
                "info" | "time" | "ping" | "exists" | "hello" | "select"
            ) && !name.contains('|')
        });
        (stats, trips)
    }
}

/// Checks of connections are among the trips: four a second, and one where announcements arrive.
fn assert_trips(trips: u64, each: u64) {
    assert!(
        trips >= CALLS && trips <= each * CALLS + CALLS / 2,
        "{trips} trips"
    );
}

#[tokio::test]
async fn a_remote_hit_is_one_read_and_a_look_at_the_role() {
    let scene = Scene::new().await;
    let other = Instance::new(&scene.server.url(), &scene.depot).await;
    for id in 1..=CALLS {
        other.call("item", id).await;
    }
    let (sent, trips) = scene.calls((Outcome::Hit, Some(Tier::Remote))).await;
    let expected = [("mget", CALLS), ("wait", CALLS)].map(|(name, count)| (name.to_owned(), count));
    assert_eq!(sent, BTreeMap::from(expected));
    assert_trips(trips, 1);
}

#[tokio::test]
async fn a_local_hit_is_verified_in_one_trip() {
    let scene = Scene::new().await;
    for id in 1..=CALLS {
        scene.on.call("item", id).await;
    }
    let (sent, trips) = scene.calls((Outcome::Hit, Some(Tier::Local))).await;
    let expected = [("getrange", CALLS), ("mget", CALLS), ("wait", CALLS)];
    let expected = expected.map(|(name, count)| (name.to_owned(), count));
    assert_eq!(sent, BTreeMap::from(expected));
    assert_trips(trips, 1);
}

#[tokio::test]
async fn a_cold_miss_with_a_new_tag_is_two_commands_in_two_trips() {
    a_cold_miss_is_short(&Scene::new().await).await;
}

#[tokio::test]
async fn a_cold_miss_with_a_known_tag_is_two_commands_in_two_trips() {
    let scene = Scene::new().await;
    let other = Instance::new(&scene.server.url(), &scene.depot).await;
    for id in 1..=CALLS {
        other.call("item", id).await;
    }
    // The tokens of the tags stay.
    scene.server.evict("fleet:v:*").await;
    a_cold_miss_is_short(&scene).await;
}

#[tokio::test]
async fn a_copy_whose_entry_has_gone_is_loaded_in_three_trips() {
    let scene = Scene::new().await;
    for id in 1..=CALLS {
        scene.on.call("item", id).await;
    }
    scene.server.evict("fleet:v:*").await;
    let (sent, trips) = scene.calls((Outcome::Loaded, None)).await;
    let count = |name: &str| sent.get(name).copied().unwrap_or_default();
    // The copy is compared with its entry, and so is what the lease is asked for.
    let expected = [CALLS, 2 * CALLS, 2 * CALLS];
    assert_eq!(
        ["mget", "getrange", "evalsha"].map(count),
        expected,
        "{sent:?}"
    );
    assert_trips(trips, 3);
}

/// And tells nobody where nobody waits.
async fn a_cold_miss_is_short(scene: &Scene) {
    let before = scene.depot.loads();
    let (sent, trips) = scene.calls((Outcome::Loaded, None)).await;
    assert_eq!(scene.depot.loads() - before, CALLS);
    // Commands of other names are called by scripts.
    let count = |name: &str| sent.get(name).copied().unwrap_or_default();
    assert_eq!(count("evalsha"), 2 * CALLS, "{sent:?}");
    assert_eq!(count("eval") + count("publish"), 0, "{sent:?}");
    // The first of them was not expected.
    assert_eq!(count("mget"), count("wait"), "{sent:?}");
    assert!(count("mget") <= 2, "{sent:?}");
    assert_trips(trips, 2);
}

#[tokio::test]
async fn a_miss_that_was_not_expected_is_three_commands_in_three_trips() {
    let scene = Scene::new().await;
    let other = Instance::new(&scene.server.url(), &scene.depot).await;
    for id in 1..=CALLS {
        other.call("item", id).await;
    }
    // What was found last is expected next.
    scene.calls((Outcome::Hit, Some(Tier::Remote))).await;
    scene.server.reset_stats().await;
    scene.road.reset_counts();
    scene.on.call("item", CALLS + 1).await;
    let sent = scene.server.command_stats().await;
    let count = |name: &str| sent.get(name).copied().unwrap_or_default();
    assert_eq!(["mget", "evalsha"].map(count), [1, 2], "{sent:?}");
}
