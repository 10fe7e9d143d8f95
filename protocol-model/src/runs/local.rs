//! Runs of model B: `B..` hold, `M..` and `B8n` are violated.

use super::Expected::{Holds, Violated};
use super::{Configuration, Expected, Run};
use crate::local::{Config, Keys, Mode};

const STALE: &str = "no stale read beyond the window";

fn base() -> Config {
    Config {
        mode: Mode::Bounded,
        reads: vec![2, 1],
        writes: 1,
        window: 2,
        last_tick: 5,
        cuts: 1,
        lease: true,
        seq_check: true,
        flush_on_reconnect: true,
        end_of_cycle_push: false,
        reply_before_push: false,
        double_barrier: false,
        acks: false,
        keys: Keys::NoKeyInvalidation,
    }
}

fn run(name: &'static str, about: &'static str, expected: Expected, config: Config) -> Run {
    Run {
        name,
        about,
        expected,
        configuration: Configuration::Local(config),
    }
}

/// The protocol.
pub(super) fn holding() -> Vec<Run> {
    vec![
        run(
            "B1",
            "strict: every L1 hit verified",
            Holds(4_202_688),
            Config {
                mode: Mode::Strict,
                last_tick: 2,
                ..base()
            },
        ),
        run(
            "B2",
            "bounded W, silent connection death, 2 instances",
            Holds(13_795_315),
            Config {
                window: 1,
                last_tick: 3,
                ..base()
            },
        ),
        run(
            "B2b",
            "bounded W = 2, silent connection death",
            Holds(824_603),
            Config {
                reads: vec![3],
                last_tick: 4,
                ..base()
            },
        ),
        run(
            "B3",
            "bounded W, 2 writes, 1 cut",
            Holds(4_050_649),
            Config {
                reads: vec![3],
                writes: 2,
                cuts: 1,
                window: 1,
                last_tick: 3,
                ..base()
            },
        ),
        run(
            "B4",
            "bounded W, pushes queued at end of cycle",
            Holds(2_240_370),
            Config {
                end_of_cycle_push: true,
                reads: vec![3],
                ..base()
            },
        ),
        run(
            "B5",
            "settled: wait out W, window 0",
            Holds(10_798_183),
            Config {
                mode: Mode::Settled,
                window: 1,
                last_tick: 3,
                ..base()
            },
        ),
        run(
            "B6",
            "settled with acks, window 0",
            Holds(11_370_145),
            Config {
                mode: Mode::Settled,
                acks: true,
                window: 1,
                last_tick: 3,
                ..base()
            },
        ),
        run(
            "B7",
            "as M4 with the two-ping barrier",
            Holds(9_579_493),
            Config {
                end_of_cycle_push: true,
                reply_before_push: true,
                double_barrier: true,
                reads: vec![3],
                ..base()
            },
        ),
        // The key is a dep like a tag: its view is the id of the stored entry
        run(
            "B8",
            "key invalidation, entry id is a dep, cut + reconnect",
            Holds(9_128_972),
            Config {
                keys: Keys::EntryIdIsDep,
                window: 1,
                last_tick: 2,
                ..base()
            },
        ),
        run(
            "B8b",
            "key, then tag invalidation, one instance",
            Holds(7_587_341),
            Config {
                keys: Keys::EntryIdIsDep,
                reads: vec![3],
                writes: 2,
                window: 1,
                last_tick: 3,
                ..base()
            },
        ),
        run(
            "B8c",
            "key invalidation, W = 2, one instance",
            Holds(515_874),
            Config {
                keys: Keys::EntryIdIsDep,
                reads: vec![3],
                last_tick: 3,
                ..base()
            },
        ),
    ]
}

/// One rule wrong or missing each.
pub(super) fn violated() -> Vec<Run> {
    vec![
        run(
            "M1",
            "no lease: push late or connection dead",
            Violated(STALE, 532_102),
            Config {
                lease: false,
                ..base()
            },
        ),
        run(
            "M2",
            "token reply installed over a push",
            Violated(STALE, 400_241),
            Config {
                seq_check: false,
                reads: vec![3],
                ..base()
            },
        ),
        run(
            "M3",
            "reconnect keeps old views",
            Violated(STALE, 540_210),
            Config {
                flush_on_reconnect: false,
                reads: vec![3],
                ..base()
            },
        ),
        run(
            "M4",
            "server replies to the writer before queuing the push",
            Violated(STALE, 356_059),
            Config {
                end_of_cycle_push: true,
                reply_before_push: true,
                reads: vec![3],
                ..base()
            },
        ),
        run(
            "B8n",
            "values stay, re-verified by tokens only",
            Violated(STALE, 79_788),
            Config {
                keys: Keys::TokensOnly,
                reads: vec![3],
                window: 1,
                last_tick: 3,
                ..base()
            },
        ),
        run(
            "M5",
            "settled, but L1 keeps no lease",
            Violated(STALE, 426_201),
            Config {
                mode: Mode::Settled,
                acks: true,
                lease: false,
                ..base()
            },
        ),
    ]
}
