//! Leases: granted, busy, renewed, lost and taken over.

use std::collections::HashSet;

use super::Conformance;
use super::process::{A_LITTLE_MORE, IF_NEW, LONG, SHORT, entry, if_seen};
use crate::remote::{How, LeaseId, Locked, Release};

pub(super) async fn a_free_entry_is_granted_to_one(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let entry = entry("free");
    one.granted(&entry, IF_NEW, LONG).await;
    two.busy(&entry).await;
    one.busy(&entry).await;
    two.busy(&entry).await;
    assert_eq!(one.bytes(&entry).await, None, "a lease is no entry");
}

pub(super) async fn busy_says_for_how_long(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let entry = entry("busy");
    one.granted(&entry, IF_NEW, LONG).await;
    let first = two.busy(&entry).await;
    assert!(first <= LONG && first > LONG / 2, "{first:?} of {LONG:?}");
    suite.wait(SHORT).await;
    let later = two.busy(&entry).await;
    // To be told does not prolong it.
    assert!(later + SHORT / 2 < first, "{later:?} after {first:?}");
}

pub(super) async fn an_entry_that_was_not_seen_is_changed(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let entry = entry("unseen");
    let stored = one.store(&entry, b"value").await;
    let mut other = stored.0;
    other[7] ^= 1;
    for how in [IF_NEW, if_seen(LeaseId(other))] {
        assert_eq!(two.lock(&entry, how, LONG).await, Locked::Changed);
    }
    // Also while it is loaded once more: whoever has not seen it can have it now.
    one.granted(&entry, if_seen(stored), LONG).await;
    assert_eq!(two.lock(&entry, IF_NEW, LONG).await, Locked::Changed);
}

pub(super) async fn an_entry_that_was_seen_can_be_locked(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let entry = entry("seen");
    let stored = one.store(&entry, b"value").await;
    two.granted(&entry, if_seen(stored), LONG).await;
    let busy = one.lock(&entry, if_seen(stored), LONG).await;
    assert!(matches!(busy, Locked::Busy(_)), "{busy:?}");
    assert_eq!(one.payload(&entry).await.as_deref(), Some(&b"value"[..]));
}

pub(super) async fn an_entry_that_has_gone_is_changed(suite: &Conformance) {
    let one = suite.process().await;
    let entry = entry("gone");
    let stored = one.store(&entry, b"value").await;
    one.remove(&entry).await;
    assert_eq!(
        one.lock(&entry, if_seen(stored), LONG).await,
        Locked::Changed
    );
    one.granted(&entry, IF_NEW, LONG).await;
}

pub(super) async fn no_lease_comes_back(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let entry = entry("leases");
    let mut seen = HashSet::new();
    for process in [&one, &two].repeat(25) {
        let lease = process.granted(&entry, IF_NEW, LONG).await;
        assert!(seen.insert(lease), "a lease came back");
        process.release(&entry, lease, Release::Failed).await;
    }
}

pub(super) async fn a_lease_ends_by_itself(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let entry = entry("lease:ends");
    one.granted(&entry, IF_NEW, SHORT).await;
    two.busy(&entry).await;
    suite.wait(A_LITTLE_MORE).await;
    two.granted(&entry, IF_NEW, LONG).await;
}

pub(super) async fn renew_keeps_a_lease_past_its_ttl(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let entry = entry("renewed");
    let lease = one.granted(&entry, IF_NEW, SHORT).await;
    // Those who wait do not make it another lease.
    two.busy(&entry).await;
    assert!(one.renew(&entry, lease, LONG).await);
    suite.wait(A_LITTLE_MORE).await;
    two.busy(&entry).await;
    assert!(one.fill(&entry, lease, b"value").await);
}

pub(super) async fn a_lost_lease_is_not_renewed(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let [free, ended, removed, taken] =
        ["renew:free", "renew:ended", "renew:removed", "renew:taken"].map(entry);
    assert!(!one.renew(&free, LeaseId([9; 8]), LONG).await);

    let lost = one.granted(&ended, IF_NEW, SHORT).await;
    let removed_lease = one.granted(&removed, IF_NEW, LONG).await;
    let taken_lease = one.granted(&taken, IF_NEW, LONG).await;
    two.remove(&removed).await;
    two.granted(&taken, How::TakeOver, SHORT).await;
    assert!(!one.renew(&removed, removed_lease, LONG).await);
    assert!(!one.renew(&taken, taken_lease, LONG).await);
    suite.wait(A_LITTLE_MORE).await;
    assert!(!one.renew(&ended, lost, LONG).await);
    // Nothing came back to life, and the lease of somebody else did not live longer.
    for entry in [free, ended, removed, taken] {
        two.granted(&entry, IF_NEW, LONG).await;
    }
}

pub(super) async fn take_over_voids_the_other_lease_and_leaves_the_entry(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let entry = entry("taken");
    let stored = one.store(&entry, b"before").await;
    let lost = one.granted(&entry, if_seen(stored), LONG).await;
    let lease = two.granted(&entry, How::TakeOver, LONG).await;
    assert_eq!(one.payload(&entry).await.as_deref(), Some(&b"before"[..]));
    assert!(!one.renew(&entry, lost, LONG).await);
    assert!(!one.fill(&entry, lost, b"lost").await);
    one.release(&entry, lost, Release::Failed).await;
    assert_eq!(two.payload(&entry).await.as_deref(), Some(&b"before"[..]));
    let busy = one.lock(&entry, if_seen(stored), LONG).await;
    assert!(matches!(busy, Locked::Busy(_)), "{busy:?}");
    assert!(two.fill(&entry, lease, b"after").await);
    assert_eq!(one.payload(&entry).await.as_deref(), Some(&b"after"[..]));
}

pub(super) async fn replace_removes_the_entry_at_once(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let entry = entry("replaced");
    let stored = one.store(&entry, b"before").await;
    let lost = one.granted(&entry, if_seen(stored), LONG).await;
    let lease = two.granted(&entry, How::Replace, LONG).await;
    assert_eq!(one.bytes(&entry).await, None);
    assert!(!one.fill(&entry, lost, b"lost").await);
    assert_eq!(one.bytes(&entry).await, None);
    one.busy(&entry).await;
    assert!(two.fill(&entry, lease, b"after").await);
    assert_eq!(one.payload(&entry).await.as_deref(), Some(&b"after"[..]));
}
