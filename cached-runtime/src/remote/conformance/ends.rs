//! Leases that end without a fill.

use std::time::Duration;

use super::Conformance;
use super::process::{A_LITTLE_MORE, IF_NEW, LONG, entry, if_seen};
use crate::remote::{How, LeaseId, Locked, Release};

pub(super) async fn a_failed_load_lets_the_next_one_in(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let entry = entry("failed");
    let lease = one.granted(&entry, IF_NEW, LONG).await;
    two.busy(&entry).await;
    one.release(&entry, lease, Release::Failed).await;
    two.granted(&entry, IF_NEW, LONG).await;
    assert!(!one.fill(&entry, lease, b"late").await);
    assert_eq!(two.bytes(&entry).await, None);
}

pub(super) async fn only_its_own_lease_is_released(suite: &Conformance) {
    let (one, two) = suite.two().await;
    for (name, why) in [
        ("own:failed", Release::Failed),
        ("own:not stored", Release::NotStored),
        ("own:rests", Release::Rests(LONG)),
    ] {
        let entry = entry(name);
        let lease = one.granted(&entry, IF_NEW, LONG).await;
        let mut other = lease.0;
        other[0] ^= 1;
        two.release(&entry, LeaseId(other), why).await;
        two.busy(&entry).await;
        assert!(one.fill(&entry, lease, b"value").await, "{why:?}");
        // It is not in force any more: nothing is left to be released.
        one.release(&entry, lease, why).await;
        two.granted(&entry, if_seen(lease), LONG).await;
    }
}

pub(super) async fn an_answer_that_is_not_stored_lets_all_pass_for_a_second(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let entry = entry("passed");
    let lease = one.granted(&entry, IF_NEW, LONG).await;
    one.release(&entry, lease, Release::NotStored).await;
    assert_eq!(one.lock(&entry, IF_NEW, LONG).await, Locked::Pass);
    assert!(!one.renew(&entry, lease, LONG).await);
    assert!(!one.fill(&entry, lease, b"late").await);
    suite.wait(Duration::from_millis(500)).await;
    assert_eq!(two.lock(&entry, IF_NEW, LONG).await, Locked::Pass);
    suite.wait(Duration::from_millis(750)).await;
    two.granted(&entry, IF_NEW, LONG).await;
}

pub(super) async fn an_unseen_entry_is_found_in_spite_of_a_pass(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let entry = entry("passed:stored");
    let stored = one.store(&entry, b"value").await;
    let lease = one.granted(&entry, if_seen(stored), LONG).await;
    one.release(&entry, lease, Release::NotStored).await;
    assert_eq!(two.lock(&entry, IF_NEW, LONG).await, Locked::Changed);
    assert_eq!(two.lock(&entry, if_seen(stored), LONG).await, Locked::Pass);
}

pub(super) async fn a_pass_does_not_hinder_those_who_take_over(suite: &Conformance) {
    let (one, two) = suite.two().await;
    for (name, how) in [
        ("passed:taken", How::TakeOver),
        ("passed:replaced", How::Replace),
    ] {
        let entry = entry(name);
        let lease = one.granted(&entry, IF_NEW, LONG).await;
        one.release(&entry, lease, Release::NotStored).await;
        let lease = two.granted(&entry, how, LONG).await;
        one.busy(&entry).await;
        // The second that was left is not the lease's.
        suite.wait(A_LITTLE_MORE).await;
        assert!(two.fill(&entry, lease, b"value").await, "{how:?}");
    }
}

pub(super) async fn a_load_that_failed_is_not_tried_again_by_those_who_can_wait(
    suite: &Conformance,
) {
    let (one, two) = suite.two().await;
    let entry = entry("rests");
    let stored = one.store(&entry, b"value").await;
    let (rested, seen) = (How::IfRested { seen: Some(stored) }, if_seen(stored));
    let lease = one.granted(&entry, rested, LONG).await;
    assert!(matches!(
        two.lock(&entry, rested, LONG).await,
        Locked::Busy(_)
    ));
    let time = Duration::from_millis(800);
    one.release(&entry, lease, Release::Rests(time)).await;
    for process in [&one, &two] {
        let resting = process.lock(&entry, rested, LONG).await;
        assert!(
            matches!(resting, Locked::Resting(left) if !left.is_zero() && left <= time),
            "{resting:?}"
        );
    }
    assert!(!one.renew(&entry, lease, LONG).await);
    assert!(!one.fill(&entry, lease, b"late").await);
    assert_eq!(one.payload(&entry).await.as_deref(), Some(&b"value"[..]));
    assert_eq!(
        two.lock(&entry, How::IfRested { seen: None }, LONG).await,
        Locked::Changed
    );
    // Whoever has nothing else to give tries all the same.
    let lease = two.granted(&entry, seen, LONG).await;
    two.release(&entry, lease, Release::Rests(time)).await;
    suite.wait(A_LITTLE_MORE).await;
    one.granted(&entry, rested, LONG).await;
}

pub(super) async fn a_rest_ends_with_the_key_and_with_those_who_take_over(suite: &Conformance) {
    let (one, two) = suite.two().await;
    for (name, how) in [
        ("rests:taken", How::TakeOver),
        ("rests:replaced", How::Replace),
    ] {
        let entry = entry(name);
        let lease = one.granted(&entry, IF_NEW, LONG).await;
        one.release(&entry, lease, Release::Rests(LONG)).await;
        let lease = two.granted(&entry, how, LONG).await;
        assert!(two.fill(&entry, lease, b"value").await, "{how:?}");
    }
    let entry = entry("rests:removed");
    let lease = one.granted(&entry, IF_NEW, LONG).await;
    one.release(&entry, lease, Release::Rests(LONG)).await;
    two.remove(&entry).await;
    one.granted(&entry, How::IfRested { seen: None }, LONG)
        .await;
}

pub(super) async fn remove_removes_the_entry_and_voids_the_lease(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let (removed, other) = (entry("removed"), entry("removed:not"));
    let stored = one.store(&removed, b"value").await;
    one.store(&other, b"other").await;
    let lease = one.granted(&removed, if_seen(stored), LONG).await;
    two.remove(&removed).await;
    assert_eq!(one.bytes(&removed).await, None);
    assert!(!one.fill(&removed, lease, b"late").await);
    assert_eq!(one.bytes(&removed).await, None);
    assert_eq!(two.payload(&other).await.as_deref(), Some(&b"other"[..]));
    let next = two.granted(&removed, IF_NEW, LONG).await;
    assert!(!one.fill(&removed, lease, b"late").await);
    assert!(two.fill(&removed, next, b"next").await);
    assert_eq!(one.payload(&removed).await.as_deref(), Some(&b"next"[..]));
}

pub(super) async fn remove_ends_a_pass(suite: &Conformance) {
    let one = suite.process().await;
    let entry = entry("passed:removed");
    let lease = one.granted(&entry, IF_NEW, LONG).await;
    one.release(&entry, lease, Release::NotStored).await;
    one.remove(&entry).await;
    one.granted(&entry, IF_NEW, LONG).await;
}
