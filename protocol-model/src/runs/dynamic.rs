//! Runs of model C: `E1..`, `E5` and `E5b` hold, the others are violated.

use super::Expected::{Holds, Violated};
use super::{Configuration, Expected, Run};
use crate::dynamic::{Config, Operation, Order, Rule};

const STALE: &str = "no stale read";

fn base() -> Config {
    Config {
        rule: Rule::EpochAfterTag,
        order: Order::EpochFirst,
        processes: vec![0, 1],
        reads: 2,
        operations: vec![Operation::Inv],
        evictions: [0, 0],
        expiries: 0,
        crashes: 0,
        writer_crashes: 0,
        failovers: 0,
        load_bound: false,
    }
}

fn run(name: &'static str, about: &'static str, expected: Expected, config: Config) -> Run {
    Run {
        name,
        about,
        expected,
        configuration: Configuration::Dynamic(config),
    }
}

/// The protocol.
pub(super) fn holding() -> Vec<Run> {
    vec![
        // Epoch before the load, tag after it, epoch again after the tag's reply
        run(
            "E1",
            "epoch rule, both evicted, expiry, invalidator may die",
            Holds(10_101_149),
            Config {
                evictions: [1, 1],
                expiries: 1,
                writer_crashes: 1,
                ..base()
            },
        ),
        run(
            "E1b",
            "epoch rule, 2 invalidators, one may die, evictions",
            Holds(8_991_535),
            Config {
                reads: 1,
                operations: vec![Operation::Inv, Operation::Inv],
                evictions: [1, 1],
                writer_crashes: 1,
                ..base()
            },
        ),
        run(
            "E1c",
            "epoch rule, failover of any shard, both evicted",
            Holds(12_223_353),
            Config {
                failovers: 1,
                evictions: [1, 1],
                reads: 1,
                ..base()
            },
        ),
        run(
            "E1d",
            "epoch rule, two failovers",
            Holds(8_218_335),
            Config {
                failovers: 2,
                reads: 1,
                ..base()
            },
        ),
        run(
            "E1e",
            "epoch rule, joining, crash, tag eviction",
            Holds(2_474_222),
            Config {
                processes: vec![0, 0, 1],
                reads: 1,
                evictions: [0, 1],
                crashes: 1,
                ..base()
            },
        ),
        run(
            "E5",
            "epoch rule + bracket, writer may die, bounded loads",
            Holds(641_580),
            Config {
                operations: vec![Operation::Bracket],
                writer_crashes: 1,
                load_bound: true,
                ..base()
            },
        ),
        run(
            "E5b",
            "the same + a plain invalidation",
            Holds(3_591_469),
            Config {
                operations: vec![Operation::Bracket, Operation::Inv],
                writer_crashes: 1,
                load_bound: true,
                reads: 1,
                ..base()
            },
        ),
    ]
}

/// One rule wrong or missing each.
pub(super) fn violated() -> Vec<Run> {
    vec![
        run(
            "E2",
            "invalidator rotates the tag, then the epoch",
            Violated(STALE, 11_264),
            Config {
                order: Order::TagFirst,
                reads: 1,
                ..base()
            },
        ),
        run(
            "E2b",
            "invalidator rotates both at once",
            Violated(STALE, 21_337),
            Config {
                order: Order::Together,
                reads: 1,
                ..base()
            },
        ),
        run(
            "E3",
            "epoch re-read sent together with the tag read",
            Violated(STALE, 14_829),
            Config {
                rule: Rule::EpochWithTag,
                reads: 1,
                ..base()
            },
        ),
        run(
            "E4",
            "tag read after the load, no epochs",
            Violated(STALE, 1_607),
            Config {
                rule: Rule::NoEpoch,
                reads: 1,
                ..base()
            },
        ),
        run(
            "E5n",
            "bracket, writer dies, load outlives the intent",
            Violated(STALE, 37_452),
            Config {
                operations: vec![Operation::Bracket],
                writer_crashes: 1,
                reads: 1,
                ..base()
            },
        ),
    ]
}
