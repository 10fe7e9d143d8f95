//! What happens when: every fault against everything that can be asked of a cache.
//!
//! The table in `docs/design.md` is what was observed here. After a change of what happens:
//! `UPDATE_EXPECT=1 cargo test --test integration matrix`, and review.

mod acts;
mod cells;
mod fault;
mod process;
mod row;
mod scene;
mod table;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::{JoinSet, LocalSet};

use fault::Fault;
use row::Row;

/// Far apart, and far from what a busy machine takes for a few trips on loopback.
const READ: Duration = Duration::from_millis(800);
const WRITE: Duration = Duration::from_secs(2);
/// For what has to happen in the end; no measure of anything.
const PATIENCE: Duration = Duration::from_secs(30);
const MS: Duration = Duration::from_millis(1);

/// Most of a row is waiting.
const ROWS_AT_ONCE: usize = 6;

#[tokio::test]
async fn the_table_of_faults_is_what_happens() {
    let rows = LocalSet::new().run_until(rows()).await;
    table::compare(&rows);
}

/// All of them, in the order of the table.
async fn rows() -> Vec<Row> {
    let control = Arc::new(row::observe(Fault::None, None).await);
    let room = Arc::new(Semaphore::new(ROWS_AT_ONCE));
    let mut running = JoinSet::new();
    // Those that wait for a server to push again take longest.
    let (slow, rest): (Vec<_>, Vec<_>) = fault::ALL
        .into_iter()
        .filter(|fault| *fault != Fault::None)
        .partition(|fault| fault.heals_slowly());
    for fault in slow.into_iter().chain(rest) {
        let (control, room) = (Arc::clone(&control), Arc::clone(&room));
        running.spawn_local(async move {
            let _turn = room.acquire_owned().await.expect("never closed");
            row::observe(fault, Some(&control)).await
        });
    }
    let mut rows: Vec<Row> = vec![Row::clone(&control)];
    let mut failed = 0;
    while let Some(row) = running.join_next().await {
        // Each has said why.
        match row {
            Ok(row) => rows.push(row),
            Err(_) => failed += 1,
        }
    }
    assert_eq!(
        failed,
        0,
        "rows failed; the others:\n{}",
        table::render(&rows)
    );
    rows.sort_by_key(|row| fault::ALL.iter().position(|fault| *fault == row.fault));
    rows
}
