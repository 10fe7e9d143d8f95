//! Many caches in one process over the double, where every request, every load and every push waits
//! until a schedule lets it go on. A seed is a schedule. It gives the same run each time, but for the
//! order in which tokio wakes several callers that wait for one load.
//!
//! - `cast.rs` - what is drawn before it begins: the processes, and what they are promised.
//! - `stage.rs` - what happens, step by step.
//! - `faults.rs` - what goes wrong.

mod cast;
mod faults;
mod stage;

use cache_aside::Defect;

use self::stage::Stage;
use super::child::defect;
use super::database::Line;
use super::dice::Dice;
use crate::support::process::Parent;

/// After so many schedules a process says that it goes on, to whoever waits for it.
const REPORTS: u64 = 500;

/// What came of a schedule.
pub(super) struct Played {
    pub(super) violations: Vec<String>,
    history: Vec<Line>,
}

impl Played {
    pub(super) fn history(self) -> Vec<String> {
        self.history.into_iter().map(|line| line()).collect()
    }
}

/// One schedule.
pub(super) fn play(seed: u64, resend: bool) -> Played {
    Defect::draw_from(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let played = async {
        let mut stage = Stage::new(seed, resend).await;
        stage.play().await;
        let (violations, history) = stage.memory().take();
        Played {
            violations,
            history,
        }
    };
    runtime.expect("a runtime").block_on(played)
}

/// The seeds of many schedules; the first is the one that was asked for.
fn seeds(first: u64, count: u64) -> impl Iterator<Item = u64> {
    let mut dice = Dice::new(first);
    let others = std::iter::from_fn(move || Some(dice.next() >> 16));
    std::iter::once(first)
        .chain(others)
        .take(usize::try_from(count).expect("memory for as many"))
}

/// Plays schedules in a process of their own: a mistake concerns all of it.
pub(crate) async fn schedules(parent: Parent) {
    // Others have something to do in time.
    let _ = rustix::process::nice(10);
    let asked = parent.env("DEFECT");
    if let Some(defect) = defect(&asked) {
        defect.switch_on();
    }
    let number = |name| parent.env(name).parse::<u64>().expect("a number");
    let (first, count) = (number("SEED"), number("COUNT"));
    let search = move || {
        for (number, seed) in (0..).zip(seeds(first, count)) {
            let played = play(seed, asked == "Resend");
            if let Some(violation) = played.violations.first() {
                let violation = violation.clone();
                for line in played.history() {
                    println!("{line}");
                }
                parent.send(&format!(
                    "noticed by schedule {number}, SIM_SEED={seed}: {violation}"
                ));
                return;
            }
            if number % REPORTS == 0 {
                parent.send("goes on");
            }
        }
        parent.send("not noticed");
    };
    // A schedule has a runtime of its own.
    std::thread::spawn(search).join().expect("no panic");
}
