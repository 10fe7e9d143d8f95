//! What a store tells of the pushes of its server, and when it says that there are none.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Instant;

use cache_aside::remote::redis::{RedisRemote, RedisSettings};
use cache_aside::remote::{Cell, EntryName, Remote as _, Told, Turn, Watch};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::{MS, kill, push_clients};
use crate::support::proxy::{Mode, Proxy};
use crate::support::refusing::{No, Refusing};
use crate::support::server::Server;
use crate::support::{MINUTE, SECOND, until};

/// A follower that writes down what it is told.
async fn follower(url: String) -> (Arc<RedisRemote>, Arc<Watch>) {
    let remote = RedisRemote::start(RedisSettings::new(url, "push")).await;
    let (remote, watch) = (remote.unwrap(), Arc::new(Watch::recording()));
    remote.attach(Arc::default(), Arc::clone(&watch));
    (remote, watch)
}

fn heard(watch: &Watch) -> bool {
    let told = watch.told();
    told.iter().any(|told| matches!(told, Told::Heard { .. }))
}

#[tokio::test]
async fn a_road_that_begins_to_lose_pushes_is_noticed() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server).await;
    let (_remote, watch) = follower(proxy.url()).await;
    until("it is followed", || heard(&watch)).await;
    proxy.set(Mode::PushesLost).await;
    let start = Instant::now();
    while watch.is_followed() {
        assert!(start.elapsed() < SECOND * 20);
        tokio::time::sleep(MS * 20).await;
    }
    assert_eq!((watch.times_withheld(), watch.times_lost()), (1, 0));
    let told = watch.told();
    let Some(Told::Ended(why)) = told.last() else {
        panic!("{told:?}");
    };
    assert!(why.contains("does not deliver"), "{why}");
}

#[tokio::test]
async fn a_canary_that_is_refused_is_no_proof_and_later_no_disproof() {
    let server = Server::options().args(["--maxmemory-policy", "noeviction"]);
    let server = server.start().await;
    let limit = async |bytes: &str| {
        redis::cmd("CONFIG")
            .arg(&["SET", "maxmemory", bytes])
            .exec_async(&mut server.admin().await)
            .await
            .unwrap();
    };
    let (_remote, trusted) = follower(server.url()).await;
    until("it is followed", || heard(&trusted)).await;
    limit("1").await;
    let (_remote, doubted) = follower(server.url()).await;
    let ended = |watch: &Watch| matches!(watch.told().last(), Some(Told::Ended(_)));
    until("it is given up", || ended(&doubted)).await;
    assert!(!heard(&doubted) && !doubted.is_followed());
    assert!(doubted.times_lost() <= 1, "tried again and again");
    // Until after the next canary.
    tokio::time::sleep(SECOND * 11).await;
    assert!(trusted.is_followed(), "{:?}", trusted.told().last());
    assert!(!heard(&doubted) && !doubted.is_followed());
    assert!(doubted.times_lost() <= 1, "tried again and again");
}

/// A server that takes no writes when the connection is made, for a reason that passes.
async fn is_trusted_soon_after(no: No) {
    let server = Server::start().await;
    let refusing = Refusing::begin(&server, no).await;
    let (_remote, watch) = follower(server.url()).await;
    let ended = || matches!(watch.told().last(), Some(Told::Ended(_)));
    until("it is doubted", ended).await;
    refusing.heal().await;
    let start = Instant::now();
    until("it is followed", || heard(&watch)).await;
    let took = start.elapsed();
    assert!(took < watch.interval() * 8, "{no:?}: {took:?}");
    assert_eq!(push_clients(&server).await.len(), 1);
    // What changed while nothing was heard is in doubt: it was begun anew.
    let told = watch.told();
    let last_end = told.iter().rposition(|told| matches!(told, Told::Ended(_)));
    let last_begin = told.iter().rposition(|told| matches!(told, Told::Began(_)));
    assert!(last_begin > last_end, "{told:?}");
}

#[tokio::test]
async fn who_connects_to_a_full_server_trusts_its_pushes_soon_after_it_has_memory() {
    is_trusted_soon_after(No::Memory).await;
}

#[tokio::test]
async fn who_connects_when_a_snapshot_failed_trusts_pushes_soon_after_one_succeeds() {
    is_trusted_soon_after(No::Snapshot).await;
}

#[tokio::test]
async fn who_connects_without_replicas_trusts_pushes_soon_after_they_are_there() {
    is_trusted_soon_after(No::Replicas).await;
}

#[tokio::test]
async fn whatever_changes_is_told_by_name() {
    let server = Server::start().await;
    let (remote, watch) = follower(server.url()).await;
    until("it is followed", || heard(&watch)).await;
    let tags = ["user:7", "a{b}c%", "%7B"].map(|tag| Cell::Tag(tag.into()));
    let turn = Turn::keeping(MINUTE);
    remote.rotate(vec![], tags.to_vec(), turn).await.unwrap();
    let entry = EntryName::new("item:9f");
    remote.remove(vec![entry.clone()], turn).await.unwrap();
    let wanted = tags.into_iter().chain([Cell::Key(entry)]);
    let wanted: Vec<_> = wanted.map(Told::Changed).collect();
    until("all are told", || {
        let told = watch.told();
        wanted.iter().all(|wanted| told.contains(wanted))
    })
    .await;
    assert!(!watch.told().contains(&Told::Everything));
    // What is under these names and not of our making may be anything.
    for key in ["push:t:{a}b}", "push:i:{a", "push:t:{%zz}"] {
        let before = watch.told().len();
        redis::cmd("SET")
            .arg(&[key, "1"])
            .exec_async(&mut server.admin().await)
            .await
            .unwrap();
        until(key, || watch.told()[before..].contains(&Told::Everything)).await;
    }
    let before = watch.told().len();
    server.flush().await;
    until("a flush", || {
        watch.told()[before..].contains(&Told::Everything)
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_is_gone_is_given_up_and_replaced() {
    let server = Server::start().await;
    let (_remote, watch) = follower(server.url()).await;
    until("it is followed", || heard(&watch)).await;
    for lost in 1..=3 {
        let before = watch.told().len();
        kill(&server, &push_clients(&server).await).await;
        until("it is given up and followed again", || {
            let told = watch.told().split_off(before);
            let at = told.iter().position(|told| matches!(told, Told::Ended(_)));
            at.is_some_and(|at| {
                told[at..]
                    .iter()
                    .any(|told| matches!(told, Told::Heard { .. }))
            })
        })
        .await;
        assert_eq!((watch.times_lost(), watch.times_withheld()), (lost, 0));
    }
}

#[tokio::test]
async fn the_connection_ends_with_the_store() {
    let server = Server::start().await;
    let (remote, watch) = follower(server.url()).await;
    until("it is followed", || heard(&watch)).await;
    remote.close();
    until("it is not followed", || !watch.is_followed()).await;
    for _ in 0..200 {
        if push_clients(&server).await.is_empty() {
            return;
        }
        tokio::time::sleep(MS * 10).await;
    }
    panic!("the connection is still there");
}

/// Counts what it is warned of.
struct Warnings(Arc<AtomicUsize>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == tracing::Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn event(&self, event: &Event<'_>) {
        struct Text(bool);
        impl Visit for Text {
            fn record_debug(&mut self, _: &Field, value: &dyn std::fmt::Debug) {
                self.0 |= format!("{value:?}").contains("changes are not pushed");
            }
        }
        let mut text = Text(false);
        event.record(&mut text);
        self.0.fetch_add(usize::from(text.0), SeqCst);
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn who_withholds_pushes_is_asked_rarely_and_complained_of_once() {
    let warnings = Arc::new(AtomicUsize::new(0));
    let _listening = tracing::subscriber::set_default(Warnings(Arc::clone(&warnings)));
    let server = Server::start().await;
    let proxy = Proxy::start(&server).await;
    proxy.set(Mode::PushesLost).await;
    let (_remote, watch) = follower(proxy.url()).await;
    until("it is noticed", || watch.times_withheld() == 1).await;
    let (start, connections) = (Instant::now(), proxy.connections());
    while watch.times_withheld() == 1 {
        assert!(start.elapsed() < SECOND * 20);
        tokio::time::sleep(MS * 20).await;
    }
    assert!(start.elapsed() > SECOND * 8);
    assert_eq!(proxy.connections(), connections + 1);
    assert_eq!(warnings.load(SeqCst), 1);
    assert!(!heard(&watch));
    // The next attempt finds that all is well.
    proxy.set(Mode::Pass).await;
    while !heard(&watch) {
        assert!(start.elapsed() < SECOND * 40);
        tokio::time::sleep(MS * 20).await;
    }
    assert_eq!(warnings.load(SeqCst), 1);
}
