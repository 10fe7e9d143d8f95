//! Whether copies are what they are trusted to be: looked at now and then while the cache works.
//!
//! Of the changes that this process makes or hears of, some are sampled. A window later, when
//! nobody may be given what is older, the copies that such a change concerns are held against the
//! store. One that differs is remembered, for the store may have changed just now; if it is *still*
//! given without a question a window after that, a promise is broken, and counted.
//!
//! What comes out of the store needs no audit: it is compared with its tokens each time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicU64, AtomicUsize,
    Ordering::{AcqRel, Relaxed},
};
use std::time::Duration;

use serde::Serialize;

use crate::background::{self, sleep};
use crate::cache::{Cache, WeakCache};
use crate::coherence::{Trust, settled_after};
use crate::key::RawKey;
use crate::local::AnyEntry;
use crate::remote::{Cell, CellState, EntryName, Part, Read};
use crate::shared::{Backing, namespace_cell};
use crate::tags::Number;

/// Checks under way at the same time; changes that come meanwhile are not sampled.
const MOST_CHECKS: usize = 8;
/// Copies that one check looks at.
const MOST_COPIES: usize = 16;
/// After so many windows it is looked whether a promise is broken, and still so.
const LOOKS: [u32; 3] = [1, 4, 16];

/// What the audit found; part of [`Stats`](crate::Stats). All zero unless
/// [`CacheBuilder::audit`](crate::CacheBuilder::audit) turns it on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AuditCounts {
    /// Changes that were sampled.
    pub samples: u64,
    /// Copies that were still given a window after such a change, and so were compared with the
    /// store. Most are replaced by then.
    pub checked: u64,
    /// Copies that were given although they were older than the window allows. Anything but zero
    /// is a broken promise: a defect of the cache, or someone who puts old data back in the store. A
    /// copy whose entry is gone and whose tags have their tokens is none: it may have been evicted.
    pub stale: u64,
    /// Of these, the ones that were still given after four windows.
    pub stale_after_4_windows: u64,
    /// Of these, the ones that were still given after sixteen.
    pub stale_after_16_windows: u64,
}

/// The audit of one cache.
pub(crate) struct Audit {
    /// Of all changes, so many are sampled.
    share: f64,
    running: AtomicUsize,
    samples: AtomicU64,
    checked: AtomicU64,
    stale: [AtomicU64; LOOKS.len()],
}

/// A copy as it was when its check began.
type Copy = (RawKey, Number);

/// The right to run a check.
struct Place(Arc<Audit>);

impl Audit {
    pub(crate) fn new(share: f64) -> Self {
        Self {
            share,
            running: AtomicUsize::new(0),
            samples: AtomicU64::new(0),
            checked: AtomicU64::new(0),
            stale: Default::default(),
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.share > 0.0
    }

    pub(crate) fn counts(&self) -> AuditCounts {
        let [stale, after_4, after_16] = &self.stale;
        AuditCounts {
            samples: self.samples.load(Relaxed),
            checked: self.checked.load(Relaxed),
            stale: stale.load(Relaxed),
            stale_after_4_windows: after_4.load(Relaxed),
            stale_after_16_windows: after_16.load(Relaxed),
        }
    }

    fn draw(self: &Arc<Self>) -> Option<Place> {
        if fastrand::f64() >= self.share {
            return None;
        }
        let place = Place(Arc::clone(self));
        (self.running.fetch_add(1, AcqRel) < MOST_CHECKS).then_some(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, AcqRel);
    }
}

/// Samples a change. Whoever tells of one pays for a random number.
pub(crate) fn changed(audit: &Arc<Audit>, cache: &WeakCache, cell: &Cell) {
    if let Some(place) = audit.draw() {
        // Without a runtime nothing is checked.
        background::spawn_detached(check(place, cache.clone(), cell.clone()));
    }
}

async fn check(place: Place, cache: WeakCache, changed: Cell) {
    let Some((copies, window)) = cache.upgrade().map(|cache| cache.concerned(&changed)) else {
        return;
    };
    let audit = &place.0;
    audit.samples.fetch_add(1, Relaxed);
    sleep(window).await;
    let (mut suspects, compared) = differing(&cache, copies).await;
    audit.checked.fetch_add(compared as u64, Relaxed);
    let mut waited = 0;
    for (windows, stale) in LOOKS.into_iter().zip(&audit.stale) {
        if suspects.is_empty() {
            return;
        }
        sleep(window.saturating_mul(windows - waited)).await;
        waited = windows;
        (suspects, _) = differing(&cache, suspects).await;
        stale.fetch_add(suspects.len() as u64, Relaxed);
        for (key, _) in &suspects {
            tracing::error!(
                prefix = key.prefix(),
                windows,
                "a copy is given that the store does not confirm"
            );
        }
    }
}

/// Those of the copies that are given without a question although the store has something else;
/// and how many were compared.
async fn differing(cache: &WeakCache, copies: Vec<Copy>) -> (Vec<Copy>, usize) {
    let nothing = (Vec::new(), 0);
    let Some(cache) = cache.upgrade() else {
        return nothing;
    };
    let given = copies
        .into_iter()
        .filter_map(|copy| Some((cache.given(&copy)?.backing()?, copy)));
    let given: Vec<_> = given.collect();
    let Some(shared) = cache.shared().filter(|_| !given.is_empty()) else {
        return nothing;
    };
    let mut read = Read::default();
    for (backing, (key, _)) in &given {
        if backing.entry.is_some() {
            read.entries.push((EntryName::of(key), Part::Identity));
        }
        let cells = backing.proofs.iter().map(|(cell, _)| cell.clone());
        read.cells.extend(cells);
    }
    let Ok(reading) = shared.remote().read(read).await else {
        return nothing;
    };
    let compared = given.len();
    let (mut found, mut states) = (reading.entries.into_iter(), reading.cells.into_iter());
    let mut differs = |backing: &Backing| {
        let same_entry = backing.entry.is_none_or(|(id, server)| {
            let stored = found.next().and_then(|found| found.bytes);
            // One that is gone may have been evicted, which makes no copy of it older.
            stored.is_none_or(|bytes| *bytes == [id.0, server.0.to_le_bytes()].concat())
        });
        // All of them, so that the next copy finds its own.
        let states = states.by_ref().take(backing.proofs.len());
        let now: Vec<_> = states.map(CellState::proof).collect();
        let then = backing.proofs.iter().map(|(_, proof)| Some(*proof));
        !same_entry || !then.eq(now)
    };
    let suspects: Vec<Copy> = given
        .into_iter()
        .filter_map(|(backing, copy)| differs(&backing).then_some(copy))
        .collect();
    // What was put in doubt meanwhile is not given any more.
    let given = |copy: &Copy| cache.given(copy).is_some();
    (suspects.into_iter().filter(given).collect(), compared)
}

impl Cache {
    /// Copies that a change concerns, and how long it may take to reach them.
    fn concerned(&self, changed: &Cell) -> (Vec<Copy>, Duration) {
        let everything = *changed == namespace_cell();
        let concerns = |key: &RawKey, entry: &AnyEntry| match changed {
            Cell::Tag(name) => everything || entry.tags().any(|tag| tag.is_named(name)),
            Cell::Key(name) => EntryName::of(key) == *name,
            _ => false,
        };
        let copies = self.store().some(MOST_COPIES, |key, entry| {
            entry.behind().is_some() && concerns(key, entry)
        });
        (copies, settled_after(self.watch().coherence().window()))
    }

    /// The entry of a copy, if it is what a caller would be given without a question.
    fn given(&self, (key, start): &Copy) -> Option<Arc<AnyEntry>> {
        let now = self.clock().now();
        let entry = self.store().find(key)?;
        let given = entry.start == *start
            && now < entry.carefree_until
            && self.stands_for(&entry, Trust::FOREVER);
        given.then_some(entry)
    }
}

impl fmt::Debug for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Audit")
            .field("share", &self.share)
            .finish_non_exhaustive()
    }
}
