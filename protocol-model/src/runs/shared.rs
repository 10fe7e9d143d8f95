//! Runs of model A: `A..` hold, `N..` are violated.

use super::{Configuration, Expected, Run};
mod holding;
mod violated;

pub(super) use holding::holding;
pub(super) use violated::violated;

use crate::shared::{Config, Join, Operation, Resend, Scheme, StrayLock};

fn base() -> Config {
    Config {
        scheme: Scheme::TokenBefore,
        tags: 1,
        fenced: true,
        incarnation: true,
        join: Join::Verified,
        processes: vec![0, 1],
        reads: 2,
        operations: vec![Operation::Tag(0)],
        evictions: 0,
        expiries: 0,
        crashes: 0,
        failovers: 0,
        locking: true,
        atomic_listing: false,
        writer_crashes: 0,
        clobber_intent: false,
        stale_only: false,
        lost: 0,
        resend: Resend::FreshBytes,
        drain_clobbers_intent: false,
        stray_lock: StrayLock::Off,
        parallel_reread: false,
    }
}

fn run(name: &'static str, about: &'static str, expected: Expected, config: Config) -> Run {
    Run {
        name,
        about,
        expected,
        configuration: Configuration::Shared(config),
    }
}
