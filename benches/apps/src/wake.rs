//! How long a waiter in another process waits after the load that it waits for has ended.
//!
//! Two processes over one server: the filler's body is held until the waiter waits, then the filler reads the clock of
//! the machine and returns; the waiter reads the same clock when it has the value. Beside it, by the same two processes,
//! in turns: the bare way, `SET` and `PUBLISH` by the one, a subscription and `GET` by the other; and a bare `PING`.

mod told;

use std::fmt::Display;
use std::io::{Error, Result};
use std::thread::sleep;
use std::time::Duration;

pub(crate) use self::told::{FILLER, WAITER, filler, waiter};
use crate::process::Process;
use crate::record::{Goal, Record};
use crate::server::Server;

const ROUNDS: usize = 400;
/// The best is that of one of so many equal parts.
const PARTS: usize = 8;
/// Rounds before those that count.
const WARM_UP: usize = 30;
/// How long the waiter has to come to its wait. Rounds in which it did not are told.
const UNTIL_IT_WAITS: Duration = Duration::from_millis(5);

/// Microseconds of each round.
#[derive(Default)]
struct Times {
    /// Since the filler's body returned.
    since_loaded: Vec<f64>,
    /// Since the filler itself had its answer; below zero where the waiter had it first.
    since_filled: Vec<f64>,
    bare: Vec<f64>,
    ping: Vec<f64>,
    waited_in_vain: usize,
}

struct Pair {
    filler: Process,
    waiter: Process,
}

pub(crate) fn measure(server: &Server) -> Result<Vec<Record>> {
    let url = server.url();
    let mut pair = Pair {
        filler: Process::start(&[FILLER, &url])?,
        waiter: Process::start(&[WAITER, &url])?,
    };
    pair.filler.hear()?;
    pair.waiter.hear()?;
    for round in 0..WARM_UP {
        pair.round(round, &mut Times::default())?;
    }
    let mut times = Times::default();
    for round in WARM_UP..WARM_UP + ROUNDS {
        pair.round(round, &mut times)?;
    }
    eprintln!(
        "{} rounds in which the waiter waited, {} in which it did not",
        times.since_loaded.len(),
        times.waited_in_vain
    );
    let mut records = Vec::new();
    let rows = [
        (
            "cache-aside, 1 tag",
            "body's return to value in hand",
            &times.since_loaded,
            Goal::AtMost(1.0),
        ),
        (
            "cache-aside, 1 tag",
            "filler's answer to value in hand",
            &times.since_filled,
            Goal::None,
        ),
        (
            "by hand: SET, PUBLISH; GET",
            "SET to value in hand",
            &times.bare,
            Goal::None,
        ),
        ("PING", "one round trip", &times.ping, Goal::None),
    ];
    for (variant, what, all, goal) in rows {
        for (name, share, goal) in [("p50", 0.5, Goal::None), ("p95", 0.95, goal)] {
            let id = if goal == Goal::None { "" } else { "P14" };
            let measured = format!("{what}: {name}, ms");
            let path = "waiter in another process";
            let row = [path, variant, "", &measured];
            records.push(Record::new(id, goal, row, quantile(all, share)));
        }
    }
    Ok(records)
}

impl Pair {
    fn round(&mut self, round: usize, times: &mut Times) -> Result<()> {
        self.filler.tell(&format!("load {round}"))?;
        self.filler.hear()?;
        self.waiter.tell(&format!("load {round}"))?;
        self.waiter.hear()?;
        sleep(UNTIL_IT_WAITS);
        self.filler.tell("go")?;
        let [loaded, filled] = numbers(&self.filler.hear()?)?;
        let [had, joined] = numbers(&self.waiter.hear()?)?;
        if joined > 0.0 {
            times.since_loaded.push(had - loaded);
            times.since_filled.push(had - filled);
        } else {
            times.waited_in_vain += 1;
        }
        self.waiter.tell(&format!("bare {round}"))?;
        self.waiter.hear()?;
        sleep(UNTIL_IT_WAITS);
        self.filler.tell(&format!("bare {round}"))?;
        let [sent] = numbers(&self.filler.hear()?)?;
        let [had] = numbers(&self.waiter.hear()?)?;
        times.bare.push(had - sent);
        self.waiter.tell("ping")?;
        let [took] = numbers(&self.waiter.hear()?)?;
        times.ping.push(took);
        Ok(())
    }
}

/// Milliseconds: of all rounds, and of the part with the least.
fn quantile(all: &[f64], share: f64) -> (f64, f64) {
    let of = |part: &[f64]| {
        let mut sorted = part.to_vec();
        sorted.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place in a short list"
        )]
        let at = (sorted.len() as f64 * share) as usize;
        sorted.get(at).copied().unwrap_or(f64::NAN) / 1e3
    };
    let parts = all.chunks((all.len() / PARTS).max(1));
    (of(all), parts.map(of).fold(f64::NAN, f64::min))
}

fn numbers<const N: usize>(words: &[String]) -> Result<[f64; N]> {
    let wrong = |why: &dyn Display| Error::other(format!("{words:?}: {why}"));
    let numbers: std::result::Result<Vec<f64>, _> = words.iter().map(|word| word.parse()).collect();
    let numbers = numbers.map_err(|why| wrong(&why))?;
    numbers
        .try_into()
        .map_err(|_| wrong(&"too many or too few"))
}
