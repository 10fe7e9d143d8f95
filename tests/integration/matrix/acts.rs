//! What is asked of a cache, in the order of the columns, and what came of it.

use std::time::Instant;

use cache_aside::{Error, ErrorKind, Lease};
use tokio::task::JoinHandle;

use super::cells::{Came, Cell, Column, Time};
use super::process::{Counters, Process, Value, failing, item, items, missing, since, stale};
use super::scene::{Id, Scene};
use crate::support::{Broken, eventually};

/// Which versions of the source there were and are.
#[derive(Clone, Copy, Debug)]
struct Versions {
    /// When everything was prepared.
    old: u64,
    /// What a load reads.
    new: u64,
}

/// Loads that have read their value and are not back yet, and a lock.
pub(super) struct Underway {
    missing: Call<Value>,
    stale: Call<Value>,
    failing: Call<Result<Value, Broken>>,
    batch: Call<(Value, Value)>,
    lock: Lease,
}

/// One call on a task, and what had been counted before it.
struct Call<T> {
    task: JoinHandle<T>,
    before: Counters,
}

pub(super) struct Acts<'a> {
    scene: &'a Scene,
    round: u64,
    versions: Versions,
    cells: Vec<Cell>,
}

impl<'a> Acts<'a> {
    /// The source changes, and some loads fail from now on.
    pub(super) fn begin(scene: &'a Scene, round: u64) -> Self {
        let world = &scene.here.world;
        let new = world.write();
        world.break_down(true);
        let versions = Versions { old: new - 1, new };
        Self {
            scene,
            round,
            versions,
            cells: Vec::new(),
        }
    }

    fn here(&self) -> &'a Process {
        &self.scene.here
    }

    /// Begins what is interrupted. Its loads have read their value on return, and wait.
    pub(super) async fn set_out(&self) -> Underway {
        let (here, round) = (self.here(), self.round);
        here.world.hold();
        here.world.forget_reached();
        let lock = here.world.cache.lock(&lock_name(round)).await;
        let underway = Underway {
            missing: Call::begin(here, "missing", async move |here| {
                missing(&here, Id::Missing.of(round)).await
            }),
            stale: Call::begin_after(here, 1, "stale", async move |here| {
                stale(&here, Id::Copy.of(round)).await
            })
            .await,
            failing: Call::begin_after(here, 1, "failing", async move |here| {
                failing(&here, Id::Copy.of(round)).await
            })
            .await,
            batch: Call::begin_after(here, 1, "items", async move |here| both(&here, round).await)
                .await,
            lock: lock.expect("the store is there"),
        };
        here.world.reached(1).await;
        underway
    }

    /// One after the other they come back.
    pub(super) async fn bring_back(&mut self, underway: Underway) {
        let here = self.here();
        assert!(
            underway.stale.task.is_finished(),
            "nobody waits for a load behind"
        );
        here.world.release(1);
        let (value, counted, time) = underway.missing.end(here, "missing").await;
        self.read(Column::Miss, value.0, (counted, time));
        here.world.release(1);
        let value = underway.stale.task.await.expect("no call panics");
        let counted = refreshed(here, &underway.stale.before).await;
        self.read(Column::Stale, value.0, (counted, Time::AtOnce));
        here.world.release(1);
        let (value, counted, time) = underway.failing.end(here, "failing").await;
        self.failed(value, (counted, time));
        here.world.release(1);
        let (values, counted, time) = underway.batch.end(here, "items").await;
        self.both(&values, (counted, time));
        here.world.let_go();
        let start = Instant::now();
        let released = underway.lock.release().await;
        let said = match unavailable(released) {
            Ok(()) => "released",
            Err(said) => said,
        };
        self.said(Column::Lock, said, start);
    }

    /// Everything in the order of the columns, but for what was done before.
    pub(super) async fn play(mut self) -> Vec<Cell> {
        for column in Column::ALL {
            if self.cells.iter().all(|cell| cell.column != column) {
                self.act(column).await;
            }
        }
        self.here().world.break_down(false);
        let place = |cell: &Cell| Column::ALL.iter().position(|column| *column == cell.column);
        self.cells.sort_by_key(place);
        self.cells
    }

    async fn act(&mut self, column: Column) {
        let (here, round) = (self.here(), self.round);
        let start = Instant::now();
        match column {
            Column::LocalHit => self.item(column, Id::Copy).await,
            Column::RemoteHit => self.item(column, Id::Stored).await,
            Column::Miss => {
                let before = here.counters("missing");
                let value = missing(here, Id::Missing.of(round)).await;
                self.read(column, value.0, counted(here, "missing", &before, start));
            }
            Column::Stale => {
                let before = here.counters("stale");
                let value = stale(here, Id::Copy.of(round)).await;
                let time = Time::of(start.elapsed());
                let counted = refreshed(here, &before).await;
                self.read(column, value.0, (counted, time));
            }
            Column::Failing => {
                let before = here.counters("failing");
                let value = failing(here, Id::Copy.of(round)).await;
                self.failed(value, counted(here, "failing", &before, start));
            }
            Column::Batch => {
                let before = here.counters("items");
                let values = both(here, round).await;
                self.both(&values, counted(here, "items", &before, start));
            }
            Column::Lock => {
                let said = match unavailable(here.world.cache.try_lock(&lock_name(round)).await) {
                    Ok(Some(_)) => "taken",
                    Ok(None) => "held by somebody",
                    Err(said) => said,
                };
                self.said(column, said, start);
            }
            Column::Later => {
                self.scene.trust_is_over(round).await;
                self.item(column, Id::Later).await;
            }
            Column::Invalidate => {
                self.versions.new = here.world.write();
                let start = Instant::now();
                let tag = format!("row:{}", Id::Gone.of(round));
                let said = match here.world.cache.invalidate_tag(tag).await {
                    Ok(()) => "done",
                    Err(error) if error.kind() == ErrorKind::Pending => "owed",
                    Err(error) => panic!("{error}"),
                };
                self.said(column, said, start);
            }
            Column::After => {
                self.item(column, Id::Gone).await;
                let gone = Id::Gone.of(round);
                let value = stale(here, gone).await;
                assert_eq!(value.0, self.versions.new, "stale after its invalidation");
                let value = failing(here, gone).await;
                assert_eq!(value, Err(Broken), "stale after its invalidation");
            }
        }
    }

    async fn item(&mut self, column: Column, id: Id) {
        let here = self.here();
        let before = here.counters("item");
        let start = Instant::now();
        let value = item(here, id.of(self.round)).await;
        self.read(column, value.0, counted(here, "item", &before, start));
    }

    /// What is given from the cache is what was prepared, and what is loaded is what the source has.
    fn read(&mut self, column: Column, version: u64, (counted, time): (Counters, Time)) {
        let cached = ["hits", "stale"]
            .iter()
            .any(|name| counted.contains_key(*name));
        let expected = if cached && column != Column::After {
            self.versions.old
        } else {
            self.versions.new
        };
        let fault = self.scene.fault;
        assert_eq!(version, expected, "{fault:?} {column:?}: {counted:?}");
        self.counted(column, counted, time);
    }

    /// The error is the function's own.
    fn failed(&mut self, value: Result<Value, Broken>, (counted, time): (Counters, Time)) {
        if let Ok(value) = value {
            return self.read(Column::Failing, value.0, (counted, time));
        }
        assert!(!counted.contains_key("stale"), "{counted:?}");
        self.counted(Column::Failing, counted, time);
    }

    fn both(&mut self, (stored, new): &(Value, Value), (counted, time): (Counters, Time)) {
        assert_eq!(new.0, self.versions.new);
        self.read(Column::Batch, stored.0, (counted, time));
    }

    fn counted(&mut self, column: Column, counted: Counters, time: Time) {
        let came = Came::Counted(counted);
        self.cells.push(Cell { column, came, time });
    }

    fn said(&mut self, column: Column, said: &'static str, start: Instant) {
        let (came, time) = (Came::Said(said), Time::of(start.elapsed()));
        self.cells.push(Cell { column, came, time });
    }
}

impl<T: Send + 'static> Call<T> {
    fn begin<F>(here: &Process, prefix: &str, call: impl FnOnce(Process) -> F) -> Self
    where
        F: Future<Output = T> + Send + 'static,
    {
        let before = here.counters(prefix);
        let task = tokio::spawn(call(here.clone()));
        Self { task, before }
    }

    /// When as many loads as were begun before have read: loads that are held go on in the order in which they came.
    async fn begin_after<F>(
        here: &Process,
        loads: u32,
        prefix: &str,
        call: impl FnOnce(Process) -> F,
    ) -> Self
    where
        F: Future<Output = T> + Send + 'static,
    {
        here.world.reached(loads).await;
        Self::begin(here, prefix, call)
    }

    /// The time is counted from now.
    async fn end(self, here: &Process, prefix: &str) -> (T, Counters, Time) {
        let start = Instant::now();
        let value = self.task.await.expect("no call panics");
        let (counted, time) = counted(here, prefix, &self.before, start);
        (value, counted, time)
    }
}

/// One that is not released ends by itself, and not at once.
pub(super) fn lock_name(round: u64) -> String {
    format!("round {round}")
}

async fn both(here: &Process, round: u64) -> (Value, Value) {
    let ids = [Id::Stored, Id::Missing].map(|id| id.of(round));
    let mut values = items(here, ids.to_vec()).await;
    let mut value = |id| values.remove(&id).expect("every element has a value");
    (value(ids[0]), value(ids[1]))
}

fn counted(here: &Process, prefix: &str, before: &Counters, start: Instant) -> (Counters, Time) {
    let time = Time::of(start.elapsed());
    (since(before, &here.counters(prefix)), time)
}

/// What was counted when the refresh behind a stale answer is over, if there is one.
async fn refreshed(here: &Process, before: &Counters) -> Counters {
    let counted = || since(before, &here.counters("stale"));
    let ends = ["stored", "not_stored", "overtaken", "load_errors"];
    eventually("the refresh is over", async || {
        let counted = counted();
        let over = ends.iter().any(|end| counted.contains_key(*end));
        !counted.contains_key("refreshes") || over
    })
    .await;
    counted()
}

fn unavailable<T>(outcome: Result<T, Error>) -> Result<T, &'static str> {
    outcome.map_err(|error| {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        "unavailable"
    })
}
