//! What each setting may be. Asked when the cache is built, and of each variable of the environment
//! when it is read: so the error of a variable can name it.

use super::Settings;
use crate::coherence::Coherence;
use crate::error::Error;

pub(super) fn namespace(namespace: &str) -> Result<(), Error> {
    let good = !namespace.is_empty() && !namespace.contains(['{', '}']);
    ensure(good, "`namespace` must have a name without `{` and `}`")
}

pub(super) fn entries(entries: usize) -> Result<(), Error> {
    ensure(entries > 0, "`local_capacity` must be at least 1 entry")
}

pub(super) fn bytes(bytes: usize) -> Result<(), Error> {
    ensure(bytes > 0, "`local_capacity_bytes` must be at least 1 byte")
}

pub(super) fn unshared_loads(loads: u32) -> Result<(), Error> {
    ensure(
        loads > 0,
        "`unshared_loads` must be at least 1: without the store answers have to be loaded",
    )
}

pub(super) fn coherence(coherence: Coherence) -> Result<(), Error> {
    let good = match coherence {
        Coherence::Strict => true,
        Coherence::Bounded(window) => window >= Coherence::SHORTEST,
    };
    ensure(
        good,
        "`coherence` cannot be kept within less than 100 ms; `Strict` asks the store each time",
    )
}

pub(super) fn audit(share: f64) -> Result<(), Error> {
    let good = (0.0..=1.0).contains(&share);
    ensure(good, "`audit` is a share, from 0 to 1")
}

impl Settings {
    pub(super) fn check(&self) -> Result<(), Error> {
        entries(self.limits.entries)?;
        self.limits.bytes.map_or(Ok(()), bytes)?;
        coherence(self.coherence)?;
        unshared_loads(self.unshared_loads)?;
        audit(self.audit)?;
        namespace(&self.namespace)
    }
}

fn ensure(good: bool, otherwise: &str) -> Result<(), Error> {
    if good {
        Ok(())
    } else {
        Err(Error::config(otherwise))
    }
}
