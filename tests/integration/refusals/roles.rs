//! Servers that are not what they were, or do not take writes: whatever it is, it is one line in the log, and over when
//! it is over.

use cache_aside::ErrorKind;
use redis::cmd;
use tracing::Level;

use super::{
    No, Refusing, Server, item, item_key, said, until_cached, until_healthy, until_said, world,
};
use crate::support::log::Log;

/// What health says.
fn words(no: No) -> &'static str {
    match no {
        No::Memory => "out of memory",
        No::Replica => "not a master",
        No::Snapshot => "writes are off",
        No::Loading => "loading its data",
        // Whether the reason arrives before the end of the connection is a matter of luck.
        No::Clients => "cannot be used",
        No::Script => "busy with a script",
        No::Replicas => "too few replicas",
    }
}

async fn costs_loads_and_heals(no: No) {
    let server = Server::start().await;
    let world = world(&server.url()).await;
    until_cached(&world, 1, 1).await;
    until_healthy(&world).await;
    let (log, guard) = Log::keep(Level::INFO);
    let refusing = Refusing::begin(&server, no).await;
    if no == No::Clients {
        // Those who are connected go on, so they must not be.
        let mut admin = refusing.admin();
        let least = cmd("CONFIG").arg(&["SET", "maxclients", "1"]).clone();
        least.exec_async(&mut admin).await.unwrap();
        for kind in ["normal", "pubsub"] {
            let kill = cmd("CLIENT").arg(&["KILL", "TYPE", kind]).clone();
            kill.exec_async(&mut admin).await.unwrap();
        }
    }
    for round in 0..5 {
        let version = world.write();
        let done = world.cache.invalidate_tag("item:1").await;
        if no == No::Memory {
            done.expect("it needs none");
        } else {
            assert_eq!(done.unwrap_err().kind(), ErrorKind::Pending, "{no:?}");
        }
        assert_eq!(item(&world, 1).await, version, "{no:?}");
        assert_eq!(item(&world, 2 + round).await, version, "{no:?}");
        drop(world.cache.invalidate(&item_key(7)).await);
    }
    until_said(&world, words(no)).await;
    let version = world.write();
    refusing.heal().await;
    if no == No::Memory {
        // Nothing is owed that would be tried again.
        until_cached(&world, 7, version).await;
    }
    until_healthy(&world).await;
    for id in 1..4 {
        // Each of them was invalidated before, or not there.
        drop(world.cache.invalidate(&item_key(id)).await);
        until_cached(&world, id, version).await;
    }
    drop(guard);
    assert_eq!(said(&world).await, "");
    let told = match no {
        No::Clients => log.count("redis: no connection"),
        _ => log.count(words(no)),
    };
    // One for what carries operations, one for who is told of loads, one for who is told of changes.
    assert!((1..=3).contains(&told), "{no:?}: {:#?}", log.lines());
    assert!(log.lines().len() <= 10, "{no:?}: {:#?}", log.lines());
}

#[tokio::test]
async fn a_server_without_memory_costs_loads_and_heals() {
    costs_loads_and_heals(No::Memory).await;
}

#[tokio::test]
async fn a_server_that_becomes_a_replica_costs_loads_and_heals() {
    costs_loads_and_heals(No::Replica).await;
}

#[tokio::test]
async fn a_server_whose_snapshot_failed_costs_loads_and_heals() {
    costs_loads_and_heals(No::Snapshot).await;
}

#[tokio::test]
async fn a_server_that_loads_its_data_costs_loads_and_heals() {
    costs_loads_and_heals(No::Loading).await;
}

#[tokio::test]
async fn a_server_with_too_many_clients_costs_loads_and_heals() {
    costs_loads_and_heals(No::Clients).await;
}

#[tokio::test]
async fn a_server_that_is_busy_with_a_script_costs_loads_and_heals() {
    costs_loads_and_heals(No::Script).await;
}

#[tokio::test]
async fn a_server_without_replicas_costs_loads_and_heals() {
    costs_loads_and_heals(No::Replicas).await;
}

#[tokio::test]
async fn a_full_server_that_becomes_a_replica_has_taken_no_invalidation() {
    let primary = Server::start().await;
    let server = Server::start().await;
    let world = world(&server.url()).await;
    until_cached(&world, 1, 1).await;
    server.replica_of(&primary).await;
    let _full = Refusing::begin(&server, No::Memory).await;
    // Whichever comes first is sent, and the next may find that the server is not used any more.
    for tag in ["nobody", "item:1"] {
        let pending = world.cache.invalidate_tag(tag).await.unwrap_err();
        assert_eq!(pending.kind(), ErrorKind::Pending, "{tag}");
    }
}

#[tokio::test]
async fn a_replica_is_not_used_until_it_is_promoted() {
    let primary = Server::start().await;
    let replica = Server::options().replica_of(&primary).start().await;
    let world = world(&replica.url()).await;
    for _ in 0..3 {
        let version = world.write();
        assert_eq!(item(&world, 1).await, version);
    }
    until_said(&world, "not a master").await;
    replica.promote().await;
    until_healthy(&world).await;
    until_cached(&world, 1, world.write()).await;
}

#[tokio::test]
async fn a_full_store_that_takes_keys_away_and_nothing_else_is_told_of_once() {
    let server = Server::start().await;
    let world = world(&server.url()).await;
    until_cached(&world, 1, 1).await;
    let (log, _guard) = Log::keep(Level::INFO);
    let refusing = Refusing::begin(&server, No::Memory).await;
    for id in 0..30 {
        // The one needs memory, and the other does not.
        assert_eq!(item(&world, 10 + id).await, 1);
        world.cache.invalidate(&item_key(1)).await.unwrap();
        assert!(said(&world).await.contains("out of memory"));
    }
    assert_eq!(log.lines().len(), 1, "{:#?}", log.lines());
    refusing.heal().await;
    until_cached(&world, 1, 1).await;
    assert_eq!(said(&world).await, "");
}

#[tokio::test]
async fn a_server_that_has_too_few_replicas_works_when_one_comes() {
    let args = ["--min-replicas-to-write", "1"];
    let server = Server::options().args(args).start().await;
    let world = world(&server.url()).await;
    assert_eq!(item(&world, 1).await, 1);
    until_said(&world, "too few replicas").await;
    let _replica = Server::options().replica_of(&server).start().await;
    until_cached(&world, 1, 1).await;
    until_healthy(&world).await;
}
