//! A minute of mixed traffic over a real server, while one thing after the other goes wrong.
//!
//! ```text
//! cargo bench --bench soak                                          # also -- --seconds 60 --seed N --callers 16
//! cargo bench --bench soak -- --seed 7 --defect TokensAfterLoad     # a wrong design, which it must notice
//! ```
//!
//! Three instances of a program, each with a cache and a road of its own to one server of this program's own, call
//! functions with every option that decides how old an answer may be; some of them write and invalidate. Each fault
//! is played once, in an order that follows from the seed: the server hangs, restarts empty or with old data, is
//! flushed, full, demoted, busy; roads are cut, slow or lose what is sent; another process dies with leases; the
//! source fails, is slow, hangs.
//!
//! The program fails (exit code 1) if
//!
//! - a read gives a version older than what was invalidated before it began (`oracle.rs`), an answer past its ttl and
//!   its window, or one of another row (`judge.rs`);
//! - a caller has an error that the source did not cause, or anything panics;
//! - the cache adds more to a call than one time-out of the store, and, where they are documented, the wait for the
//!   lease of a holder that is gone and for a place among `unshared_loads`. What it adds is the time of the call
//!   less that in which a load of its rows ran; hits have none of that. How late the machine is with a timer is
//!   measured beside and taken off;
//! - an instance is not healthy 15 s after the last fault, its audit finds something, or it cannot be closed.
//!
//! Everything else is for reading. The server is looked for where the tests look: `CACHE_ASIDE_REDIS_BIN`, the `PATH`,
//! what they unpacked below `target/tmp/servers` (`tests/integration/support/obtain.rs`).
//!
//! - `kinds.rs` - the rows and what each kind of them promises. `source.rs` - the truth, and how it is loaded.
//! - `traffic.rs`, `writes.rs` - who reads and who writes. `faults.rs` - what goes wrong.
//! - `oracle.rs`, `judge.rs` - what may be. `report.rs`, `run.rs` - the table, and one run.
//!
//! On 2026-11-21, on two cores that compiled other things at the same time, in milliseconds that the cache added:
//!
//! ```text
//!                                      loads, calls     calm p99, worst   store in trouble p99, worst   timers late
//! Redis 7.0.15, seed 31                138815, 194716   8.6, 83           8.0, 989                      35
//! Redis 7.0.15, seed 33                135793, 214972   6.4, 19           6.8, 718                      24
//! Valkey 9.1.2, seed 32                132649, 190845   8.2, 41           9.0, 972                      31
//! ```
//!
//! Nothing was wrong in any of them; `--defect` with `TokensAfterLoad`, `UnfencedFill`, `BlindJoin`, `UnverifiedCopy`,
//! `UsedWhileOwing`, `NoHorizon` and `SettledAtOnce` was noticed.

#![allow(missing_docs, reason = "a program")]

mod faults;
mod judge;
mod kinds;
mod oracle;
mod report;
mod run;
mod source;
#[allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::unchecked_time_subtraction,
    reason = "the harness of the tests, of which this program needs a part"
)]
#[path = "../../tests/integration/support/mod.rs"]
mod support;
mod traffic;
mod writes;

use std::process::ExitCode;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use support::dice;

use cache_aside::Defect;

use self::run::{Plan, run};
use self::support::process::Parent;

/// Caches, each with a road of its own to the server.
const INSTANCES: usize = 3;

/// Counts panics from now on, also those of tasks that nobody looks at.
fn count_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        run::PANICS.fetch_add(1, SeqCst);
        before(panic);
    }));
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    if let Some(parent) = Parent::of_this_process() {
        runtime.block_on(run::holder(parent));
        return ExitCode::SUCCESS;
    }
    let mut plan = Plan {
        seed: dice::seed("SOAK_SEED"),
        length: Duration::from_secs(60),
        callers: 16,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_default();
        let known = match &*argument {
            "--seconds" => value()
                .parse()
                .map(|seconds| plan.length = Duration::from_secs(seconds))
                .is_ok(),
            "--seed" => value().parse().map(|seed| plan.seed = seed).is_ok(),
            "--callers" => value()
                .parse()
                .map(|callers| plan.callers = callers)
                .is_ok(),
            "--defect" => switch_on(&value()),
            // Cargo says this to every bench.
            "--bench" => true,
            _ => false,
        };
        if !known {
            eprintln!(
                "`{argument}` is none of `--seconds N`, `--seed N`, `--callers N`, `--defect NAME`, or lacks its value"
            );
            return ExitCode::from(2);
        }
    }
    println!("seed {}", plan.seed);
    count_panics();
    let verdict = runtime.block_on(run(plan));
    print!("{}", verdict.table);
    for failure in &verdict.failures {
        println!("FAILED               {failure}");
    }
    if verdict.failures.is_empty() {
        println!("all is well");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A wrong design, to see that this program notices it.
fn switch_on(name: &str) -> bool {
    let all = [
        Defect::TokensAfterLoad,
        Defect::UnfencedFill,
        Defect::BlindJoin,
        Defect::UnverifiedCopy,
        Defect::UsedWhileOwing,
        Defect::NoHorizon,
        Defect::SettledAtOnce,
    ];
    let found = all.into_iter().find(|defect| format!("{defect:?}") == name);
    found.inspect(|defect| defect.switch_on()).is_some()
}
