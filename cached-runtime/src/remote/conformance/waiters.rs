//! Who is told how a load ended.

use super::Conformance;
use super::process::{IF_NEW, LONG, Process, entry};
use crate::remote::{Ended, EntryName, How, LeaseId, Release};

pub(super) async fn who_waits_is_told_that_there_is_an_entry(suite: &Conformance) {
    all_are_told(suite, Ended::Filled).await;
}

pub(super) async fn who_waits_is_told_that_the_load_failed(suite: &Conformance) {
    all_are_told(suite, Ended::Failed).await;
}

pub(super) async fn who_waits_is_told_that_nothing_is_stored(suite: &Conformance) {
    all_are_told(suite, Ended::NotStored).await;
}

pub(super) async fn who_waits_is_told_that_the_key_was_invalidated(suite: &Conformance) {
    all_are_told(suite, Ended::Invalidated).await;
}

async fn all_are_told(suite: &Conformance, how: Ended) {
    let holder = suite.process().await;
    let (one, two) = suite.two().await;
    let entry = EntryName::new(format!("told:{how:?}"));
    let lease = holder.granted(&entry, IF_NEW, LONG).await;
    let mut waiters = Vec::new();
    for process in [&one, &two] {
        waiters.push(process.waits_for(&entry));
        process.busy(&entry).await;
        // A process that asks again waits once.
        process.busy(&entry).await;
    }
    for waiter in &mut waiters {
        waiter.heard_nothing().await;
    }
    end(&holder, &entry, lease, how).await;
    for waiter in &mut waiters {
        assert_eq!(waiter.heard().await, how);
        waiter.heard_nothing().await;
    }
}

async fn end(holder: &Process<'_>, entry: &EntryName, lease: LeaseId, how: Ended) {
    match how {
        Ended::Filled => assert!(holder.fill(entry, lease, b"value").await),
        Ended::Failed => holder.release(entry, lease, Release::Failed).await,
        Ended::NotStored => holder.release(entry, lease, Release::NotStored).await,
        Ended::Invalidated => holder.remove(entry).await,
    }
}

pub(super) async fn nobody_else_is_told(suite: &Conformance) {
    let holder = suite.process().await;
    let (waits, looks_on) = suite.two().await;
    let (loaded, other) = (entry("told:loaded"), entry("told:other"));
    let lease = holder.granted(&loaded, IF_NEW, LONG).await;
    holder.granted(&other, IF_NEW, LONG).await;
    let mut waiter = waits.waits_for(&loaded);
    let mut others = [
        waits.waits_for(&other),
        looks_on.waits_for(&loaded),
        holder.waits_for(&loaded),
    ];
    waits.busy(&loaded).await;
    waits.busy(&other).await;
    assert!(holder.fill(&loaded, lease, b"value").await);
    assert_eq!(waiter.heard().await, Ended::Filled);
    for other in &mut others {
        other.heard_nothing().await;
    }
}

pub(super) async fn who_was_told_is_not_told_of_the_next_load(suite: &Conformance) {
    let (holder, waits) = suite.two().await;
    let entry = entry("told:once");
    let lease = holder.granted(&entry, IF_NEW, LONG).await;
    let mut waiter = waits.waits_for(&entry);
    waits.busy(&entry).await;
    holder.release(&entry, lease, Release::Failed).await;
    assert_eq!(waiter.heard().await, Ended::Failed);
    holder.store(&entry, b"value").await;
    waiter.heard_nothing().await;
}

pub(super) async fn those_who_wait_stay_when_the_lease_is_taken_over(suite: &Conformance) {
    let holder = suite.process().await;
    let (waits, takes_over) = suite.two().await;
    for (name, how) in [
        ("stay:taken", How::TakeOver),
        ("stay:replaced", How::Replace),
    ] {
        let entry = entry(name);
        holder.granted(&entry, IF_NEW, LONG).await;
        let mut waiter = waits.waits_for(&entry);
        waits.busy(&entry).await;
        let lease = takes_over.granted(&entry, how, LONG).await;
        waiter.heard_nothing().await;
        assert!(takes_over.fill(&entry, lease, b"value").await);
        assert_eq!(waiter.heard().await, Ended::Filled, "{how:?}");
    }
}

pub(super) async fn a_lease_that_is_not_in_force_ends_without_a_word(suite: &Conformance) {
    let (holder, waits) = suite.two().await;
    let entry = entry("told:lost");
    let lost = holder.granted(&entry, IF_NEW, LONG).await;
    let lease = holder.granted(&entry, How::TakeOver, LONG).await;
    let mut waiter = waits.waits_for(&entry);
    waits.busy(&entry).await;
    assert!(!holder.fill(&entry, lost, b"late").await);
    holder.release(&entry, lost, Release::Failed).await;
    holder.release(&entry, lost, Release::NotStored).await;
    waiter.heard_nothing().await;
    holder.release(&entry, lease, Release::Failed).await;
    assert_eq!(waiter.heard().await, Ended::Failed);
}
