//! What came of a trial, as it travels from the process of the trial to the one that reports.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::faults::Fault;
use crate::systems::System;

/// What the caller of one call got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Got {
    Value,
    WrongValue,
    Error(String),
    Panic(String),
    /// Nothing, within the limit.
    Hung,
}

/// Calls of one kind, one after another or all at once.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Phase {
    pub(crate) got: Vec<Got>,
    /// What each call took beyond the body, in milliseconds.
    pub(crate) added: Vec<f64>,
    /// How often the body ran.
    pub(crate) runs: u64,
}

/// How the system came back.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Recovery {
    /// The time from the fault's end to the call that was a hit, in milliseconds.
    pub(crate) hit: Option<f64>,
    /// The same for a value that another process was given without a load.
    pub(crate) shared: Option<f64>,
    /// Whether the first key that was tried was both.
    pub(crate) at_first: bool,
    /// Calls after the fault's end that got no value.
    pub(crate) failed: usize,
    /// How long it was tried, in milliseconds.
    pub(crate) tried: f64,
}

/// One system under one fault.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Trial {
    pub(crate) system: System,
    pub(crate) fault: Fault,
    /// What the set-up said, and how long it took in milliseconds.
    pub(crate) set_up: Result<f64, String>,
    /// Before the fault.
    pub(crate) healthy: Phase,
    /// The call whose body ran when the server was killed.
    pub(crate) under_way: Phase,
    /// Keys that nobody asked for before, one after another.
    pub(crate) cold: Phase,
    /// A key that is stored since before the fault, over and over.
    pub(crate) warm: Phase,
    /// One cold key, at once.
    pub(crate) crowd: Phase,
    pub(crate) recovery: Recovery,
}

impl Phase {
    /// Who got nothing for it waited all of the time in vain, whether or not the body ran.
    pub(crate) fn push(&mut self, got: Got, took: Duration, work: Duration) {
        let added = match got {
            Got::Value => took.saturating_sub(work),
            _ => took,
        };
        self.got.push(got);
        self.added.push(millis(added));
    }
}

impl Trial {
    /// Those during the fault.
    pub(crate) fn phases(&self) -> [&Phase; 4] {
        [&self.under_way, &self.cold, &self.warm, &self.crowd]
    }
}

pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
