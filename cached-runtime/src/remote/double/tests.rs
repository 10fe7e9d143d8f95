use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::task::unconstrained;

use super::{Double, DoubleServer, Op, Point, Trouble};
use crate::remote::conformance::Conformance;
use crate::remote::{
    Cell, CellState, Concluded, Ended, EntryName, Fault, Fill, How, LeaseId, Lock, Locked, Part,
    Proof, Read, Reading, Release, Remote, ServerTime, Status, Turn, Wake,
};

mod contents;
mod push;
mod wire;

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn it_does_what_every_store_must_do() {
    for (seed, scattered) in [(0, false), (1, true), (u64::MAX, true)] {
        let server = DoubleServer::new(seed);
        server.scatter(scattered);
        let (processes, time) = (server.clone(), server);
        let suite = Conformance::new(
            move || std::future::ready(Arc::new(processes.connect()) as Arc<dyn Remote>),
            move |passes| {
                time.advance(passes);
                std::future::ready(())
            },
        );
        let suite = suite.that_pushes();
        #[cfg(feature = "rate-limit")]
        let suite = suite.that_limits();
        suite.all().await;
    }
}

#[tokio::test]
async fn the_same_seed_draws_the_same_bytes_and_another_one_does_not() {
    let mut drawn = Vec::new();
    for seed in [1, 1, 2] {
        let server = DoubleServer::new(seed);
        let remote = server.connect();
        ensure(&remote, "t").await;
        let proof = proof(&remote, "t").await;
        let lease = granted(&remote, "e", IF_NEW).await;
        drawn.push((proof, lease, server.incarnation(), server.now()));
    }
    assert_eq!(drawn[0], drawn[1]);
    let (one, other) = (drawn[1], drawn[2]);
    assert!(one.0 != other.0 && one.1 != other.1 && one.2 != other.2 && one.3 != other.3);
}

#[tokio::test]
async fn trips_are_counted_for_each_process() {
    let server = DoubleServer::new(1);
    let (one, two) = (server.connect(), server.connect());
    ensure(&one, "t").await;
    state(&two, "t").await;
    state(&two, "t").await;
    assert_eq!((one.count(Op::Ensure), one.count(Op::Read)), (1, 0));
    assert_eq!((two.count(Op::Ensure), two.count(Op::Read)), (0, 2));
    assert_eq!((server.count(Op::Read), server.trips()), (2, 3));
    two.close();
    let gone = two.read(Read::default()).await;
    assert!(matches!(gone, Err(Fault::Unavailable(_))));
    assert_eq!(two.trips(), 2, "nothing was sent");
}

const IF_NEW: How = How::IfFree { seen: None };

fn entry(name: &str) -> EntryName {
    EntryName::new(name)
}

fn tag(name: &str) -> Cell {
    Cell::Tag(name.into())
}

async fn ensure(remote: &Double, name: &str) {
    remote
        .ensure(vec![tag(name)], vec![], MINUTE)
        .await
        .unwrap();
}

async fn rotate(remote: &Double, name: &str) -> Result<(), Fault> {
    remote
        .rotate(vec![tag(name)], vec![], Turn::keeping(MINUTE))
        .await
}

async fn state(remote: &Double, name: &str) -> CellState {
    let cells = vec![tag(name)];
    let what = Read {
        cells,
        ..Read::default()
    };
    remote.read(what).await.unwrap().cells[0]
}

async fn proof(remote: &Double, name: &str) -> Proof {
    state(remote, name).await.proof().unwrap()
}

async fn bytes(remote: &Double, name: &str, part: Part) -> Option<Vec<u8>> {
    let entries = vec![(entry(name), part)];
    let what = Read {
        entries,
        ..Read::default()
    };
    let Reading { entries, .. } = remote.read(what).await.unwrap();
    let bytes = entries.into_iter().next()?.bytes;
    bytes.map(|bytes| bytes.to_vec())
}

async fn now(remote: &Double) -> ServerTime {
    let entries = vec![(entry("anything"), Part::Whole)];
    let what = Read {
        entries,
        ..Read::default()
    };
    remote.read(what).await.unwrap().entries[0].now
}

async fn lock(remote: &Double, name: &str, how: How) -> Result<Locked, Fault> {
    let (entry, ttl) = (entry(name), MINUTE);
    let reply = remote.lock(vec![Lock { entry, how, ttl }], vec![], MINUTE);
    Ok(reply.await?.locks[0].0)
}

async fn granted(remote: &Double, name: &str, how: How) -> LeaseId {
    match lock(remote, name, how).await {
        Ok(Locked::Granted(lease)) => lease,
        other => panic!("{other:?}"),
    }
}

async fn fill(remote: &Double, name: &str, lease: LeaseId, cell: &str) -> Result<bool, Fault> {
    let mut envelope = vec![0; 60];
    envelope[16..24].copy_from_slice(&lease.0);
    let fill = Fill {
        entry: entry(name),
        lease,
        envelope,
        life: MINUTE,
    };
    let reply = remote.fill(vec![fill], vec![tag(cell)], MINUTE).await?;
    Ok(reply.fills[0].stored)
}

/// Polls once.
async fn poll<F: Future + ?Sized>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

fn listen(remote: &Double) -> Arc<Wake> {
    let wake = Arc::new(Wake::default());
    remote.attach(Arc::clone(&wake), Arc::default());
    wake
}

/// What somebody who waits was told, if anything.
async fn told(waiter: &mut crate::remote::Waiter) -> Option<Option<Ended>> {
    // The runtime would make a test pause that hears much.
    match poll(pin!(unconstrained(waiter.news()))).await {
        Poll::Ready(news) => Some(news),
        Poll::Pending => None,
    }
}
