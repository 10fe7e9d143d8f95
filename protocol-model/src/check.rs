//! Searches one configuration and compares what was found with what has to be found.

use crate::runs::Expected;
use stateright::{Checker, Model};
use std::fmt::Debug;
use std::hash::Hash;

/// Properties with this prefix are situations that may occur.
const REACH: &str = "reach";
/// ... and these have to, where a run holds: it must not hold by doing nothing.
const MUST_REACH: &str = "reach!";

/// A violation has been found long before; otherwise there is none.
const DEEPEST: usize = 60;

/// What a search found.
#[derive(Clone, Debug)]
pub struct Report {
    /// Different states visited.
    pub states: usize,
    /// Steps of the longest path looked at.
    pub depth: usize,
    /// The violated properties, each with the steps of a counterexample.
    pub violations: Vec<(&'static str, Vec<String>)>,
    /// Situations that occur.
    pub reached: Vec<&'static str>,
    /// Situations that have to occur and do not.
    pub missed: Vec<&'static str>,
}

impl Report {
    /// The difference to what was expected, if there is one.
    pub fn difference(&self, expected: Expected) -> Option<String> {
        let violated: Vec<_> = self
            .violations
            .iter()
            .map(|(property, _)| *property)
            .collect();
        match expected {
            Expected::Holds(_) if !violated.is_empty() => Some(format!("violated: {violated:?}")),
            Expected::Holds(_) if !self.missed.is_empty() => {
                Some(format!("not reached: {:?}", self.missed))
            }
            Expected::Holds(states) if states != self.states => {
                Some(format!("{} states instead of {states}", self.states))
            }
            Expected::Violated(property, _) if violated != [property] => {
                Some(format!("violated: {violated:?} instead of {property:?}"))
            }
            _ => None,
        }
    }
}

/// With `shortest`, searches deeper and deeper and stops at the first depth with a violation.
pub(crate) fn check<M>(model: &M, shortest: bool, threads: usize) -> Report
where
    M: Model + Clone + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    if !shortest {
        return report(
            model,
            &model.clone().checker().threads(threads).spawn_bfs().join(),
        );
    }
    let mut depth = 6;
    loop {
        // One thread, so that the states are visited in the same order every time.
        let search = model.clone().checker().threads(1).target_max_depth(depth);
        let report = report(model, &search.spawn_bfs().join());
        if !report.violations.is_empty() || depth > DEEPEST {
            return report;
        }
        depth += 1;
    }
}

fn report<M>(model: &M, found: &impl Checker<M>) -> Report
where
    M: Model,
    M::State: Clone + Debug + Hash + PartialEq,
    M::Action: Clone + Debug + PartialEq,
{
    let (mut reached, mut violations) = (Vec::new(), Vec::new());
    for (property, path) in found.discoveries() {
        if property.starts_with(REACH) {
            reached.push(property);
        } else {
            let steps = path.into_actions();
            violations.push((
                property,
                steps.iter().map(|step| format!("{step:?}")).collect(),
            ));
        }
    }
    reached.sort_unstable();
    violations.sort_unstable();
    let properties = model.properties().into_iter().map(|property| property.name);
    let missed = properties
        .filter(|name| name.starts_with(MUST_REACH) && !reached.contains(name))
        .collect();
    Report {
        states: found.unique_state_count(),
        depth: found.max_depth(),
        violations,
        reached,
        missed,
    }
}
