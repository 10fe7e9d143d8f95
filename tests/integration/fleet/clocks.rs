//! R10: processes whose wall clocks are an hour apart.
#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use tokio::sync::OnceCell;

use super::depot::Depot;
use super::member::Member;
use super::{MS, eventually};
use crate::support::server::Server;

#[tokio::test]
async fn r10_a_process_an_hour_ahead_is_one_of_the_fleet() {
    two_hours_and_one_cache("3600").await;
}

#[tokio::test]
async fn r10_a_process_an_hour_behind_is_one_of_the_fleet() {
    two_hours_and_one_cache("-3600").await;
}

async fn two_hours_and_one_cache(shift: &str) {
    let library = library().await;
    let env = [("LD_PRELOAD", library), ("WALL_CLOCK_SHIFT", shift)];
    let (server, depot) = (Server::start().await, Depot::new());
    let mut here = Member::join(&server.url(), &depot.path(), &[]).await;
    let mut there = Member::join(&server.url(), &depot.path(), &env).await;
    let wall: i64 = here.tell("wall").await.parse().unwrap();
    let other: i64 = there.tell("wall").await.parse().unwrap();
    let apart = other - wall - shift.parse::<i64>().unwrap();
    assert!(apart.abs() < 60, "the clock is not moved: {wall}, {other}");

    let (mut one, mut two) = (&mut here, &mut there);
    for id in 1..=2 {
        fresh_and_invalidated(one, two, &depot, id).await;
        expires(one, two, &depot, id).await;
        becomes_stale(one, two, id).await;
        std::mem::swap(&mut one, &mut two);
    }
}

/// What one loads the other has, and what one invalidates the other loads again.
async fn fresh_and_invalidated(one: &mut Member, two: &mut Member, depot: &Depot, id: u64) {
    let (report, invalidate) = (
        format!("report item {id}"),
        format!("invalidate tag item {id}"),
    );
    let old = depot.write();
    assert_eq!(one.tell(&report).await, format!("{old} Loaded"));
    assert_eq!(two.tell(&report).await, format!("{old} Hit"));
    let new = depot.write();
    assert_eq!(two.tell(&invalidate).await, "done");
    assert_eq!(one.tell(&report).await, format!("{new} Loaded"));
    let newest = depot.write();
    assert_eq!(one.tell(&invalidate).await, "done");
    assert_eq!(two.tell(&report).await, format!("{newest} Loaded"));
    assert_eq!(one.tell(&report).await, format!("{newest} Hit"));
}

/// For both an answer lives as long as its ttl, which is a second.
async fn expires(one: &mut Member, two: &mut Member, depot: &Depot, id: u64) {
    let report = format!("report passing {id}");
    let old = depot.write();
    let (start, hit) = (Instant::now(), format!("{old} Hit"));
    assert_eq!(one.tell(&report).await, format!("{old} Loaded"));
    assert_eq!(two.tell(&report).await, hit);
    let new = depot.write();
    let mut next = hit.clone();
    eventually("it is expired", async || {
        next = two.tell(&report).await;
        next != hit
    })
    .await;
    let lived = start.elapsed();
    assert!((500 * MS..4_000 * MS).contains(&lived), "{lived:?}");
    assert_eq!(next, format!("{new} Loaded"));
    assert_eq!(one.tell(&report).await, format!("{new} Hit"));
}

/// For the other it becomes stale, and is given out as long as it may be.
async fn becomes_stale(one: &mut Member, two: &mut Member, id: u64) {
    let report = format!("report stale {id}");
    assert!(one.tell(&report).await.ends_with("Loaded"));
    two.hold().await;
    eventually("it is stale", async || {
        let told = two.tell(&report).await;
        assert!(told.ends_with("Hit") || told.ends_with("Stale"), "{told}");
        told.ends_with("Stale")
    })
    .await;
    two.let_go().await;
}

/// The library that moves the clock of a process, made by the linker that Rust needs as well.
async fn library() -> &'static str {
    static MADE: OnceCell<PathBuf> = OnceCell::const_new();
    let made = MADE.get_or_init(|| async {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (library, mine) = (
            folder.join("wall_clock.so"),
            folder.join(format!("wall_clock-{}.so", std::process::id())),
        );
        let source = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/integration/fleet/wall_clock.c"
        );
        let mut compiler = Command::new("cc");
        compiler
            .args(["-shared", "-fPIC", "-O1", source, "-o"])
            .arg(&mine);
        assert!(compiler.status().expect("a C compiler").success());
        // At once: another test binary may make it, or use it, at the same time.
        std::fs::rename(mine, &library).expect("the same folder");
        library
    });
    made.await.to_str().expect("a path in UTF-8")
}
