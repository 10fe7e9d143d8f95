//! The runs by name, each with the result it has to have.

mod dynamic;
mod local;
mod shared;

use crate::check::{Report, check};

/// What a search of all states has to end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Every property holds, in exactly so many states.
    Holds(usize),
    /// This property is violated. About so many states are visited before a shortest
    /// counterexample is known.
    Violated(&'static str, usize),
}

#[derive(Clone, Debug)]
enum Configuration {
    Shared(crate::shared::Config),
    Local(crate::local::Config),
    Dynamic(crate::dynamic::Config),
}

/// One configuration of one of the models.
#[derive(Clone, Debug)]
pub struct Run {
    /// What documents cite: `A1`, `N9b`.
    pub name: &'static str,
    /// What is special about it.
    pub about: &'static str,
    /// What it has to end with.
    pub expected: Expected,
    configuration: Configuration,
}

/// All runs, by model: first those that hold, then those that are violated.
pub fn all() -> Vec<Run> {
    [
        shared::holding(),
        shared::violated(),
        local::holding(),
        local::violated(),
        dynamic::holding(),
        dynamic::violated(),
    ]
    .concat()
}

impl Run {
    /// Small enough for the test of every change.
    pub fn is_short(&self) -> bool {
        match self.expected {
            Expected::Holds(states) => states < 600_000,
            Expected::Violated(_, states) => states < 120_000,
        }
    }

    /// Searches all states, or, where a violation is expected, up to a shortest one.
    pub fn check(&self, threads: usize) -> Report {
        let shortest = matches!(self.expected, Expected::Violated(..));
        match &self.configuration {
            Configuration::Shared(config) => check(config, shortest, threads),
            Configuration::Local(config) => check(config, shortest, threads),
            Configuration::Dynamic(config) => check(config, shortest, threads),
        }
    }
}
