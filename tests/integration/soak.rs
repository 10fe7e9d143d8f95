//! A few seconds of `benches/soak`: mixed traffic over a real server, while one thing after the other goes wrong.
//!
//! What is done, and what goes wrong when, follows from a fixed seed; how the two meet does not.

#[path = "../../benches/soak/faults.rs"]
mod faults;
#[path = "../../benches/soak/judge.rs"]
mod judge;
#[path = "../../benches/soak/kinds.rs"]
mod kinds;
#[path = "../../benches/soak/oracle.rs"]
mod oracle;
#[path = "../../benches/soak/report.rs"]
mod report;
#[path = "../../benches/soak/run.rs"]
mod run;
#[path = "../../benches/soak/source.rs"]
mod source;
#[path = "../../benches/soak/traffic.rs"]
mod traffic;
#[path = "../../benches/soak/writes.rs"]
mod writes;

use std::time::Duration;

use crate::support::dice;

pub(crate) use self::run::holder;
use self::run::{Plan, run};

const INSTANCES: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_old_is_given_and_nobody_waits_for_long_whatever_goes_wrong() {
    let plan = Plan {
        seed: 20_261_121,
        length: Duration::from_secs(10),
        callers: 6,
    };
    let ran = run(plan).await;
    println!("{}", ran.table);
    assert!(
        ran.failures.is_empty(),
        "{:#?}\n{}",
        ran.failures,
        ran.table
    );
}
