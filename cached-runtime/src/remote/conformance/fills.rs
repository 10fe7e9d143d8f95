//! Entries: stored under a lease, stamped, replaced and gone.

use std::time::Duration;

use super::Conformance;
use super::process::{
    A_LITTLE_MORE, IF_NEW, LONG, Process, SHORT, entry, envelope, if_seen, only, without_stamps,
};
use crate::remote::{EntryName, How, LeaseId, Part, ServerTime};

pub(super) async fn a_fill_stores_all_bytes_and_ends_the_lease(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let entry = entry("filled");
    let every_byte: Vec<u8> = (0..=255).collect();
    let lease = one.granted(&entry, IF_NEW, LONG).await;
    // Those who wait are not in the way.
    two.busy(&entry).await;
    assert!(one.fill(&entry, lease, &every_byte).await);
    let bytes = two.bytes(&entry).await.unwrap_or_default();
    let sent = envelope(lease, &every_byte);
    assert_eq!(bytes.len(), sent.len());
    assert_eq!(without_stamps(&bytes), without_stamps(&sent));
    two.granted(&entry, if_seen(lease), LONG).await;
}

pub(super) async fn stamps_show_the_servers_time_twice(suite: &Conformance) {
    const TOLERANCE: u64 = 2_000;
    let (one, two) = suite.two().await;
    let entry = entry("stamped");
    let ServerTime(before) = time(&one).await;
    let lease = one.store(&entry, b"first").await;
    let first = stamp(&two, &entry).await;
    suite.wait(Duration::from_millis(100)).await;
    let lease = one.granted(&entry, if_seen(lease), LONG).await;
    assert!(one.fill(&entry, lease, b"second").await);
    let second = stamp(&two, &entry).await;
    assert!(first + TOLERANCE >= before, "{before}, then {first}");
    assert!(second >= first + 90, "{first}, 100 ms later {second}");
    for process in [&one, &two] {
        let ServerTime(after) = time(process).await;
        assert!(after >= second, "{second} is later than now, {after}");
        assert!(after <= second + TOLERANCE, "{second}, then {after}");
    }
    suite.wait(SHORT).await;
    let ServerTime(later) = time(&two).await;
    assert!(later >= second + 900, "a second after {second} is {later}");
}

/// The two halves of an entry's stamps, which are equal.
async fn stamp(process: &Process<'_>, entry: &EntryName) -> u64 {
    let bytes = process.bytes(entry).await.unwrap_or_default();
    let half = |from: usize| {
        let mut half = [0; 8];
        half.copy_from_slice(&bytes[from..from + 8]);
        half
    };
    let (little, big) = (u64::from_le_bytes(half(32)), u64::from_be_bytes(half(40)));
    assert_eq!(little, big, "little-endian, then big-endian");
    little
}

async fn time(process: &Process<'_>) -> ServerTime {
    let nothing = vec![(entry("anything"), Part::Whole)];
    only(process.read(nothing, vec![]).await.entries).now
}

pub(super) async fn the_identity_is_a_part_of_the_entry(suite: &Conformance) {
    let one = suite.process().await;
    let (stored, missing) = (entry("identity"), entry("identity:none"));
    let lease = one.store(&stored, b"value").await;
    let parts = vec![(missing, Part::Identity), (stored, Part::Identity)];
    let found = one.read(parts, vec![]).await.entries;
    assert_eq!(found[0].bytes, None);
    let identity = found[1].bytes.as_deref().unwrap_or_default();
    assert_eq!(*identity, envelope(lease, b"value")[16..32]);
    assert_eq!(identity[..8], lease.0);
}

pub(super) async fn no_more_of_an_entry_is_read_than_was_asked_for(suite: &Conformance) {
    let one = suite.process().await;
    let [short, long, missing] = ["part:short", "part:long", "part:none"].map(entry);
    one.store(&short, b"").await;
    one.store(&long, &[b'x'; 5_000]).await;
    let whole = [one.bytes(&short).await, one.bytes(&long).await];
    let [short_bytes, long_bytes] = whole.map(Option::unwrap_or_default);
    let length = short_bytes.len();
    let parts = vec![
        (long.clone(), Part::AtMost(1_000)),
        (short.clone(), Part::AtMost(length)),
        (missing.clone(), Part::AtMost(1)),
        (short.clone(), Part::AtMost(length + 1)),
        (long.clone(), Part::Identity),
        (long.clone(), Part::AtMost(1)),
        (short, Part::AtMost(0)),
        (missing, Part::AtMost(0)),
        (long.clone(), Part::AtMost(usize::MAX)),
        (long, Part::Whole),
    ];
    let reading = one.read(parts, vec![]).await;
    let found: Vec<_> = reading
        .entries
        .into_iter()
        .map(|found| found.bytes.map(|bytes| bytes.to_vec()))
        .collect();
    let expected = [
        Some(long_bytes[..1_000].to_vec()),
        Some(short_bytes.clone()),
        None,
        Some(short_bytes),
        Some(long_bytes[16..32].to_vec()),
        Some(long_bytes[..1].to_vec()),
        None,
        None,
        Some(long_bytes.clone()),
        Some(long_bytes),
    ];
    assert_eq!(found, expected);
}

pub(super) async fn a_lease_fills_once(suite: &Conformance) {
    let one = suite.process().await;
    let entry = entry("once");
    let lease = one.store(&entry, b"first").await;
    assert!(!one.fill(&entry, lease, b"second").await);
    assert_eq!(one.payload(&entry).await.as_deref(), Some(&b"first"[..]));
}

pub(super) async fn a_fill_under_no_lease_is_refused(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let [free, held, other] = ["refused:free", "refused:held", "refused:other"].map(entry);
    assert!(!one.fill(&free, LeaseId([5; 8]), b"value").await);
    assert_eq!(one.bytes(&free).await, None);
    two.granted(&free, IF_NEW, LONG).await;

    let lease = one.granted(&held, IF_NEW, LONG).await;
    let mut wrong = lease.0;
    wrong[7] ^= 1;
    assert!(!two.fill(&held, LeaseId(wrong), b"value").await);
    assert!(!two.fill(&other, lease, b"value").await, "of another entry");
    assert_eq!(
        (one.bytes(&held).await, one.bytes(&other).await),
        (None, None)
    );
    assert!(one.fill(&held, lease, b"value").await);
}

pub(super) async fn a_fill_after_its_lease_ran_out_leaves_the_next_one_alone(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let entry = entry("late");
    let late = one.granted(&entry, IF_NEW, SHORT).await;
    suite.wait(A_LITTLE_MORE).await;
    assert!(!one.fill(&entry, late, b"late").await);
    assert_eq!(two.bytes(&entry).await, None);
    let next = two.granted(&entry, IF_NEW, LONG).await;
    assert!(!one.fill(&entry, late, b"late").await);
    assert_eq!(two.bytes(&entry).await, None);
    one.busy(&entry).await;
    assert!(two.fill(&entry, next, b"next").await);
    assert!(!one.fill(&entry, late, b"late").await);
    assert_eq!(one.payload(&entry).await.as_deref(), Some(&b"next"[..]));
}

pub(super) async fn a_fill_replaces_the_entry_and_its_life(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let (longer, shorter) = (entry("life:longer"), entry("life:shorter"));
    for (entry, first, second) in [(&longer, SHORT, LONG), (&shorter, LONG, SHORT)] {
        let lease = one.granted(entry, IF_NEW, LONG).await;
        assert!(
            one.fill_for(entry, lease, b"a long first value", first)
                .await
        );
        let lease = two.granted(entry, How::TakeOver, LONG).await;
        assert!(two.fill_for(entry, lease, b"second", second).await);
        assert_eq!(one.payload(entry).await.as_deref(), Some(&b"second"[..]));
    }
    suite.wait(A_LITTLE_MORE).await;
    assert_eq!(one.payload(&longer).await.as_deref(), Some(&b"second"[..]));
    assert_eq!(one.bytes(&shorter).await, None);
}

pub(super) async fn an_entry_ends_with_its_life(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let entry = entry("life");
    let lease = one.granted(&entry, IF_NEW, LONG).await;
    assert!(one.fill_for(&entry, lease, b"value", SHORT).await);
    assert!(two.bytes(&entry).await.is_some());
    suite.wait(A_LITTLE_MORE).await;
    assert_eq!(two.bytes(&entry).await, None);
    two.granted(&entry, IF_NEW, LONG).await;
}

pub(super) async fn a_mebibyte_is_stored(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let entry = entry("large");
    let pattern: Vec<u8> = (0..=250).cycle().take(1 << 20).collect();
    one.store(&entry, &pattern).await;
    let payload = two.payload(&entry).await;
    assert!(payload == Some(pattern), "it is not what was stored");
}
