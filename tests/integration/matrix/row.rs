//! One fault from its beginning to after its end.

use std::sync::atomic::Ordering::SeqCst;

use cache_aside::{CacheExt, Coherence, Outcome};

use super::acts::{Acts, lock_name};
use super::cells::{Cell, Time};
use super::fault::Fault;
use super::process::{item, missing};
use super::scene::{Id, Scene, process, store, world};
use crate::support::eventually;
use crate::support::proxy::Proxy;

#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) fault: Fault,
    pub(super) cells: Vec<Cell>,
}

/// What happens during a fault. What must not, whatever the table says, fails here: `control` is what happens
/// without one.
pub(super) async fn observe(fault: Fault, control: Option<&Row>) -> Row {
    let server = fault.server().await;
    let road = Proxy::start(&server).await;
    let world = world();
    let url = fault.url(&server, &road).await;
    let other = fault.other_url(&url, &server);
    let other = process(&other, Coherence::Strict, &world).await;
    store(&other, 0).await;
    let mut refusing = None;
    if fault.is_there_before() {
        refusing = fault.begin(&server, &road).await;
    }
    let here = process(&url, Coherence::default(), &world).await;
    let scene = Scene { fault, here, other };
    if !fault.is_there_before() {
        scene.fill(0).await;
    }

    let mut acts = Acts::begin(&scene, 0);
    let underway = if fault.interrupts() {
        Some(acts.set_out().await)
    } else {
        None
    };
    let pushes_lost = scene.here.world.cache.stats().pushes_lost;
    if !fault.is_there_before() {
        if matches!(fault, Fault::OtherTypes | Fault::ForeignBytes) {
            missing(&scene.other, Id::Missing.of(0)).await;
        }
        if fault == Fault::TooLarge {
            scene.here.padding.store(2_048, SeqCst);
        }
        refusing = fault.begin(&server, &road).await;
        scene.noticed(pushes_lost).await;
    }
    if let Some(underway) = underway {
        acts.bring_back(underway).await;
    }
    let cells = acts.play().await;
    let late: Vec<_> = cells
        .iter()
        .filter(|cell| cell.time != Time::AtOnce)
        .collect();
    assert!(
        late.len() <= 1 && late.iter().all(|cell| !matches!(cell.time, Time::Other(_))),
        "{fault:?}: one time-out once is the most that there is to wait: {late:?}"
    );

    scene.here.padding.store(0, SeqCst);
    fault.end(&server, &road, refusing).await;
    scene.heals().await;
    store(&scene.other, 1).await;
    scene.fill(1).await;
    let healed = Acts::begin(&scene, 1).play().await;
    let control = control.map_or(&cells, |control| &control.cells);
    assert_eq!(&healed, control, "{fault:?} does not heal");
    Row { fault, cells }
}

impl Scene {
    /// All is well again in the end, and what was invalidated is so for everybody before the first answer out of
    /// the store.
    async fn heals(&self) {
        let (here, other) = (&self.here, &self.other);
        let version = here.world.load().await;
        let gone = Id::Gone.of(0);
        eventually("the store is used", async || {
            assert_eq!(item(here, gone).await.0, version, "{:?}", self.fault);
            let witness = item(here, Id::Witness.of(0)).with_cache_report().await;
            witness.1.outcome == Outcome::Hit
        })
        .await;
        assert_eq!(item(other, gone).await.0, version, "{:?}", self.fault);
        eventually("the lock has ended", async || {
            matches!(other.world.cache.try_lock(&lock_name(0)).await, Ok(Some(_)))
        })
        .await;
        here.until_healthy().await;
        other.until_healthy().await;
        // It may take each a heartbeat to notice that a server which was promoted is another one.
        let mut next = Id::Spare.of(2);
        eventually("what others store is given here", async || {
            next += 1;
            item(other, next).await;
            let read = item(here, next).with_cache_report().await.1;
            read.outcome == Outcome::Hit
        })
        .await;
    }
}
