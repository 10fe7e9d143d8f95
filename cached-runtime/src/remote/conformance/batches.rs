//! Many questions at once, and odd names.

use std::collections::HashSet;

use super::Conformance;
use super::process::{IF_NEW, LONG, done, entry, envelope, if_seen, tag, wish};
use crate::remote::{Cell, CellState, EntryName, Fill, LeaseId, Locked, Part, Read, Release, Turn};

pub(super) async fn a_reading_answers_in_the_order_of_the_questions(suite: &Conformance) {
    let one = suite.process().await;
    let [first, second, missing] = ["read:1", "read:2", "read:missing"].map(entry);
    let (a, b) = (tag("read:a"), tag("read:b"));
    let lease = one.store(&first, b"1").await;
    one.store(&second, b"2").await;
    let state = (one.ensure(&a, LONG).await, one.ensure(&b, LONG).await);
    let whole = [one.bytes(&first).await, one.bytes(&second).await];
    let entries = vec![
        (second, Part::Whole),
        (missing.clone(), Part::Identity),
        (first.clone(), Part::Identity),
        (missing, Part::Whole),
        (first, Part::Whole),
    ];
    let cells = vec![b.clone(), tag("read:none"), a, b];
    let reading = one.read(entries, cells).await;
    let found = reading.entries.iter().map(|found| found.bytes.as_deref());
    let identity = &envelope(lease, b"")[16..32];
    let whole = whole.each_ref().map(Option::as_deref);
    assert!(found.eq([whole[1], None, Some(identity), None, whole[0]]));
    assert_eq!(
        reading.cells[..],
        [state.1, CellState::Missing, state.0, state.1]
    );
}

pub(super) async fn locks_answer_in_the_order_of_the_questions(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let [free, busy, changed, pass, seen] =
        ["free", "busy", "changed", "pass", "seen"].map(|name| entry(&format!("order:{name}")));
    one.granted(&busy, IF_NEW, LONG).await;
    one.store(&changed, b"value").await;
    let stored = one.store(&seen, b"value").await;
    let lease = one.granted(&pass, IF_NEW, LONG).await;
    one.release(&pass, lease, Release::NotStored).await;
    let wishes = vec![
        wish(&changed, IF_NEW, LONG),
        wish(&free, IF_NEW, LONG),
        wish(&pass, IF_NEW, LONG),
        wish(&busy, IF_NEW, LONG),
        wish(&seen, if_seen(stored), LONG),
    ];
    let reply = done(two.remote.lock(wishes, vec![], LONG).await);
    let locks: Vec<_> = reply.locks.iter().map(|(locked, _)| *locked).collect();
    assert!(
        matches!(
            locks[..],
            [
                Locked::Changed,
                Locked::Granted(_),
                Locked::Pass,
                Locked::Busy(_),
                Locked::Granted(_)
            ]
        ),
        "{locks:?}"
    );
    for (entry, locked) in [(&free, locks[1]), (&seen, locks[4])] {
        let Locked::Granted(lease) = locked else {
            panic!("{locked:?} was granted above");
        };
        assert!(two.fill(entry, lease, b"value").await, "whose lease it is");
    }
}

pub(super) async fn fills_and_renewals_answer_in_the_order_of_the_questions(suite: &Conformance) {
    let one = suite.process().await;
    let names = ["fills:1", "fills:2", "fills:3"].map(entry);
    let mut leases = Vec::new();
    for name in &names {
        leases.push((name.clone(), one.granted(name, IF_NEW, LONG).await));
    }
    leases[1].1 = LeaseId([1; 8]);
    let renewed = done(one.remote.renew(leases.clone(), LONG).await);
    assert_eq!(renewed, [true, false, true]);
    let fill = |(entry, lease): &(EntryName, LeaseId)| Fill {
        entry: entry.clone(),
        lease: *lease,
        envelope: envelope(*lease, entry.as_str().as_bytes()),
        life: LONG,
    };
    let fills = leases.iter().map(fill).collect();
    let reply = done(one.remote.fill(fills, vec![], LONG).await);
    let stored: Vec<_> = reply.fills.iter().map(|filled| filled.stored).collect();
    assert_eq!(stored, [true, false, true]);
    assert_eq!(
        one.payload(&names[0]).await.as_deref(),
        Some(&b"fills:1"[..])
    );
    assert_eq!(one.bytes(&names[1]).await, None);
    assert_eq!(
        one.payload(&names[2]).await.as_deref(),
        Some(&b"fills:3"[..])
    );
}

pub(super) async fn three_hundred_entries_and_cells_go_at_once(suite: &Conformance) {
    let one = suite.process().await;
    let names: Vec<_> = (0..300).map(|at| entry(&format!("many:{at}"))).collect();
    let cells: Vec<_> = (0..300).map(|at| tag(&format!("many:{at}"))).collect();
    let wishes = names.iter().map(|name| wish(name, IF_NEW, LONG)).collect();
    let locked = done(one.remote.lock(wishes, cells.clone(), LONG).await);
    assert_eq!((locked.locks.len(), locked.cells.len()), (300, 300));
    let proofs: HashSet<_> = locked
        .cells
        .iter()
        .filter_map(|state| state.proof())
        .collect();
    assert_eq!(proofs.len(), 300, "each cell has a token of its own");
    let lease = |locked: &(Locked, _)| match locked.0 {
        Locked::Granted(lease) => lease,
        other => panic!("a lease that should be granted is {other:?}"),
    };
    let leases: Vec<_> = locked.locks.iter().map(lease).collect();
    assert_eq!(leases.iter().collect::<HashSet<_>>().len(), 300);
    let leases: Vec<_> = names.iter().cloned().zip(leases).collect();
    assert_eq!(
        done(one.remote.renew(leases.clone(), LONG).await),
        [true; 300]
    );
    let fill = |(entry, lease): &(EntryName, LeaseId)| Fill {
        entry: entry.clone(),
        lease: *lease,
        envelope: envelope(*lease, entry.as_str().as_bytes()),
        life: LONG,
    };
    let fills = leases.iter().map(fill).collect();
    let filled = done(one.remote.fill(fills, cells.clone(), LONG).await);
    assert!(filled.fills.iter().all(|filled| filled.stored));
    assert_eq!((filled.fills.len(), filled.cells), (300, locked.cells));

    let whole = || {
        names
            .iter()
            .map(|name| (name.clone(), Part::Whole))
            .collect()
    };
    let before = one.read(whole(), cells.clone()).await;
    for (name, found) in names.iter().zip(&before.entries) {
        let payload = found.bytes.as_ref().map(|bytes| &bytes[56..]);
        assert_eq!(payload, Some(name.as_str().as_bytes()));
    }
    let (first, then) = cells.split_at(150);
    done(
        one.remote
            .rotate(first.to_vec(), then.to_vec(), Turn::keeping(LONG))
            .await,
    );
    done(one.remote.remove(names.clone(), Turn::keeping(LONG)).await);
    let after = one.read(whole(), cells).await;
    assert!(after.entries.iter().all(|found| found.bytes.is_none()));
    for (before, after) in before.cells.iter().zip(&after.cells) {
        assert_ne!(before, after);
        assert!(after.proof().is_some());
    }
}

pub(super) async fn nothing_asked_is_nothing_answered(suite: &Conformance) {
    let one = suite.process().await;
    let remote = &one.remote;
    let reading = done(remote.read(Read::default()).await);
    assert_eq!((reading.entries.len(), reading.cells.len()), (0, 0));
    let locked = done(remote.lock(vec![], vec![], LONG).await);
    assert_eq!((locked.locks.len(), locked.cells.len()), (0, 0));
    assert_eq!(done(remote.ensure(vec![], vec![], LONG).await), []);
    let filled = done(remote.fill(vec![], vec![], LONG).await);
    assert_eq!((filled.fills.len(), filled.cells.len()), (0, 0));
    assert_eq!(done(remote.renew(vec![], LONG).await), [] as [bool; 0]);
    done(remote.release(vec![], Release::NotStored).await);
    done(remote.rotate(vec![], vec![], Turn::keeping(LONG)).await);
    done(remote.remove(vec![], Turn::keeping(LONG)).await);
}

/// Names that could be the same once they are written into the name of something else. The names
/// of entries come escaped; all others may hold anything.
pub(super) const ODD: [&str; 18] = [
    "odd",
    "odd:",
    ":odd",
    "{odd}",
    "odd}",
    "{odd",
    "%7Bodd%7D",
    "%257Bodd%257D",
    "odd}:{odd",
    "%",
    "*",
    "@ns.1",
    " odd",
    "ödd",
    "o\u{308}dd",
    "\u{1f600}",
    "odd\0",
    "odd\r\n",
];

pub(super) async fn odd_names_do_not_meet(suite: &Conformance) {
    let one = suite.process().await;
    let cells: Vec<_> = ODD
        .iter()
        .flat_map(|&name| [tag(name), Cell::Family(name.into())])
        .collect();
    done(one.remote.ensure(cells.clone(), vec![], LONG).await);
    let before = one.cells(&cells).await;
    let proofs: HashSet<_> = before.iter().filter_map(|state| state.proof()).collect();
    assert_eq!(proofs.len(), cells.len(), "two names are one cell");
    for (at, cell) in cells.iter().enumerate().step_by(2) {
        let before = one.cells(&cells).await;
        one.rotate(cell, LONG).await;
        let after = one.cells(&cells).await;
        let changed: Vec<_> = (0..cells.len())
            .filter(|&at| before[at] != after[at])
            .collect();
        assert_eq!(changed, [at], "of {:?}", ODD[at / 2]);
    }
    let mut leases = HashSet::new();
    for name in ODD {
        let lease = done(one.remote.lock_name(name, LONG).await);
        assert!(lease.is_some(), "{name:?} is the lease of another name");
        leases.extend(lease);
    }
    assert_eq!(leases.len(), ODD.len());
    let entries = ODD.iter().filter(|name| !name.contains(['{', '}']));
    let entries: Vec<_> = entries.map(|name| (entry(name), name.as_bytes())).collect();
    for (entry, payload) in &entries {
        one.store(entry, payload).await;
    }
    for (entry, payload) in &entries {
        assert_eq!(one.payload(entry).await.as_deref(), Some(*payload));
    }
}
