//! One rule wrong or missing.

use super::super::Expected::Violated;
use super::super::Run;
use super::{base, run};
use crate::shared::{Config, Join, Operation, Resend, Scheme, StrayLock};

const STALE: &str = "no stale read";
const OVERWRITTEN: &str = "no newer value overwritten";

/// One rule wrong or missing each.
pub(in crate::runs) fn violated() -> Vec<Run> {
    vec![
        run(
            "N1",
            "tag -> set of keys",
            Violated(STALE, 551),
            Config {
                scheme: Scheme::KeySet,
                join: Join::Off,
                reads: 1,
                ..base()
            },
        ),
        run(
            "N1b",
            "tag -> set of keys, value + SADD atomic, fenced",
            Violated(STALE, 423),
            Config {
                scheme: Scheme::KeySet,
                join: Join::Off,
                reads: 1,
                atomic_listing: true,
                ..base()
            },
        ),
        run(
            "N2",
            "tokens snapshot at fill, not before the load",
            Violated(STALE, 1_915),
            Config {
                scheme: Scheme::TokenAfter,
                join: Join::Off,
                reads: 1,
                ..base()
            },
        ),
        run(
            "N3",
            "counters, missing = 0, eviction",
            Violated(STALE, 6_188),
            Config {
                scheme: Scheme::CounterBefore,
                join: Join::Off,
                evictions: 1,
                ..base()
            },
        ),
        run(
            "N4",
            "key DEL without fencing the fill",
            Violated(STALE, 1_290),
            Config {
                fenced: false,
                join: Join::Off,
                operations: vec![Operation::Key],
                reads: 1,
                ..base()
            },
        ),
        run(
            "N5",
            "failover, no incarnation binding",
            Violated(STALE, 108_534),
            Config {
                incarnation: false,
                failovers: 1,
                join: Join::Off,
                ..base()
            },
        ),
        run(
            "N6",
            "blind joining of a running load",
            Violated(STALE, 1_149),
            Config {
                join: Join::Blind,
                processes: vec![0, 0],
                reads: 1,
                ..base()
            },
        ),
        run(
            "N7",
            "no fencing: late holder overwrites newer value",
            Violated(OVERWRITTEN, 2_750),
            Config {
                fenced: false,
                join: Join::Off,
                operations: vec![Operation::Tag(0)],
                expiries: 1,
                reads: 1,
                ..base()
            },
        ),
        run(
            "N8",
            "plain invalidation replaces a running write intent",
            Violated(STALE, 27_088),
            Config {
                clobber_intent: true,
                join: Join::Off,
                operations: vec![Operation::Bracket(0), Operation::Tag(0)],
                reads: 1,
                ..base()
            },
        ),
        run(
            "N8b",
            "the drain of pending replaces a running intent",
            Violated(STALE, 79_235),
            Config {
                lost: 1,
                drain_clobbers_intent: true,
                join: Join::Off,
                operations: vec![Operation::Bracket(0), Operation::Tag(0)],
                reads: 1,
                ..base()
            },
        ),
        run(
            "N9",
            "lost reply, the same bytes sent again",
            Violated(STALE, 113_834),
            Config {
                lost: 1,
                resend: Resend::SameBytes,
                join: Join::Off,
                operations: vec![Operation::Tag(0), Operation::Tag(0)],
                reads: 1,
                ..base()
            },
        ),
        run(
            "N9b",
            "a LOCK sent twice with the same lease",
            Violated(STALE, 2_439),
            Config {
                stray_lock: StrayLock::SameLease,
                join: Join::Off,
                operations: vec![Operation::Key],
                reads: 1,
                ..base()
            },
        ),
    ]
}
