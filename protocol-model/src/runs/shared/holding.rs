//! The protocol, and one control.

use super::super::Expected::Holds;
use super::super::Run;
use super::{base, run};
use crate::shared::{Config, Join, Operation, Scheme, StrayLock};

/// The protocol.
pub(in crate::runs) fn holding() -> Vec<Run> {
    vec![
        run(
            "A1",
            "2 processes, 1 tag, eviction, expiry, crash",
            Holds(505_656),
            Config {
                evictions: 1,
                expiries: 1,
                crashes: 1,
                ..base()
            },
        ),
        run(
            "A2",
            "2 processes, 2 tags, 2 writers, eviction",
            Holds(6_783_640),
            Config {
                tags: 2,
                reads: 1,
                processes: vec![0, 1],
                operations: vec![Operation::Tag(0), Operation::Tag(1)],
                evictions: 1,
                expiries: 1,
                ..base()
            },
        ),
        run(
            "A3",
            "key + tag invalidation, expiry",
            Holds(822_332),
            Config {
                operations: vec![Operation::Key, Operation::Tag(0)],
                expiries: 1,
                ..base()
            },
        ),
        run(
            "A4",
            "failover of either shard, lost writes",
            Holds(11_250_067),
            Config {
                operations: vec![Operation::Tag(0)],
                failovers: 1,
                evictions: 1,
                ..base()
            },
        ),
        run(
            "A5",
            "two failovers, key + tag invalidation",
            Holds(13_879_545),
            Config {
                reads: 1,
                operations: vec![Operation::Key, Operation::Tag(0)],
                failovers: 2,
                ..base()
            },
        ),
        run(
            "A6",
            "joining: 2 readers in one process + 1",
            Holds(1_612_127),
            Config {
                processes: vec![0, 0, 1],
                reads: 1,
                operations: vec![Operation::Tag(0)],
                evictions: 1,
                expiries: 1,
                crashes: 1,
                ..base()
            },
        ),
        run(
            "A7",
            "joining, key invalidation, failover",
            Holds(14_309_616),
            Config {
                processes: vec![0, 0, 1],
                reads: 1,
                operations: vec![Operation::Key],
                expiries: 1,
                failovers: 1,
                ..base()
            },
        ),
        run(
            "A8",
            "one load per key: crash only",
            Holds(5_883),
            Config {
                processes: vec![0, 1, 2],
                reads: 1,
                operations: vec![],
                crashes: 1,
                ..base()
            },
        ),
        run(
            "A9",
            "one load per key: tag invalidations, evictions, crash",
            Holds(181_945),
            Config {
                processes: vec![0, 1],
                reads: 2,
                operations: vec![Operation::Tag(0)],
                evictions: 1,
                crashes: 1,
                ..base()
            },
        ),
        run(
            "A10",
            "no lock at all (tokens alone)",
            Holds(2_389_747),
            Config {
                locking: false,
                fenced: false,
                join: Join::Off,
                operations: vec![Operation::Tag(0), Operation::Tag(0)],
                evictions: 1,
                stale_only: true,
                ..base()
            },
        ),
        run(
            "A11",
            "write bracket, writer may die, readers may die",
            Holds(1_200_380),
            Config {
                operations: vec![Operation::Bracket(0)],
                evictions: 1,
                expiries: 1,
                crashes: 1,
                writer_crashes: 1,
                ..base()
            },
        ),
        run(
            "A12",
            "two overlapping brackets, one may die",
            Holds(4_758_469),
            Config {
                operations: vec![Operation::Bracket(0), Operation::Bracket(0)],
                writer_crashes: 1,
                expiries: 1,
                ..base()
            },
        ),
        run(
            "A13",
            "bracket + plain invalidation, writer may die",
            Holds(1_456_803),
            Config {
                processes: vec![0, 1],
                reads: 2,
                operations: vec![Operation::Bracket(0), Operation::Tag(0)],
                writer_crashes: 1,
                ..base()
            },
        ),
        run(
            "A15",
            "bracket + plain invalidation + joining",
            Holds(3_708_055),
            Config {
                processes: vec![0, 0, 1],
                reads: 1,
                operations: vec![Operation::Bracket(0), Operation::Tag(0)],
                ..base()
            },
        ),
        run(
            "A14",
            "2 tags, eviction, expiry, failover",
            Holds(26_202_744),
            Config {
                tags: 2,
                processes: vec![0, 1],
                reads: 1,
                operations: vec![Operation::Tag(1)],
                evictions: 1,
                expiries: 1,
                failovers: 1,
                ..base()
            },
        ),
        // A reply is lost; the next attempt carries a token never sent before
        run(
            "A16",
            "lost reply, next attempt with fresh bytes",
            Holds(2_995_547),
            Config {
                reads: 1,
                processes: vec![0, 1, 2],
                operations: vec![Operation::Tag(0), Operation::Tag(0)],
                lost: 1,
                join: Join::Off,
                ..base()
            },
        ),
        run(
            "A16b",
            "a LOCK without reply is abandoned, arrives later",
            Holds(31_024),
            Config {
                operations: vec![Operation::Key],
                stray_lock: StrayLock::Abandoned,
                expiries: 1,
                join: Join::Off,
                ..base()
            },
        ),
        // FILL and the token re-read in one round trip, executed in either order
        run(
            "A17",
            "FILL in parallel with the re-read, joining, tag",
            Holds(905_324),
            Config {
                processes: vec![0, 0, 1],
                reads: 1,
                operations: vec![Operation::Tag(0)],
                parallel_reread: true,
                evictions: 1,
                crashes: 1,
                ..base()
            },
        ),
        run(
            "A17b",
            "the same, key invalidation, lease expiry",
            Holds(537_962),
            Config {
                processes: vec![0, 0, 1],
                reads: 1,
                operations: vec![Operation::Key],
                parallel_reread: true,
                expiries: 1,
                crashes: 1,
                ..base()
            },
        ),
        run(
            "A17c",
            "the same, failover",
            Holds(14_269_909),
            Config {
                processes: vec![0, 0, 1],
                reads: 1,
                operations: vec![Operation::Tag(0)],
                parallel_reread: true,
                failovers: 1,
                ..base()
            },
        ),
        // Every rotation, the drain of `pending` included, is SET unless intent
        run(
            "A18",
            "bracket + invalidation drained later, SET unless intent",
            Holds(465_729),
            Config {
                reads: 1,
                operations: vec![Operation::Bracket(0), Operation::Tag(0)],
                lost: 1,
                writer_crashes: 1,
                evictions: 1,
                join: Join::Off,
                ..base()
            },
        ),
        run(
            "N3b",
            "counters without eviction (control)",
            Holds(6_664),
            Config {
                scheme: Scheme::CounterBefore,
                join: Join::Off,
                ..base()
            },
        ),
    ]
}
