//! The leases of names that have no entry, and what holds for all operations.

use super::Conformance;
use super::process::{A_LITTLE_MORE, IF_NEW, LONG, SHORT, done, entry, envelope, tag, wish};
use crate::remote::{Cell, CellState, Fault, Fill, LeaseId, Part, Read, Release, Turn};

pub(super) async fn a_name_is_locked_by_one(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let lease = done(one.remote.lock_name("job", LONG).await);
    let Some(lease) = lease else {
        panic!("a free name was not locked");
    };
    assert_eq!(done(two.remote.lock_name("job", LONG).await), None);
    assert_eq!(done(one.remote.lock_name("job", LONG).await), None);
    assert!(done(two.remote.lock_name("job:other", LONG).await).is_some());
    done(one.remote.release_name("job", lease).await);
    let next = done(two.remote.lock_name("job", LONG).await);
    assert!(next.is_some_and(|next| next != lease), "{next:?}");
}

pub(super) async fn the_lease_of_a_name_ends_by_itself_unless_renewed(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let mut leases = Vec::new();
    for name in ["name:ends", "name:renewed"] {
        let lease = done(one.remote.lock_name(name, SHORT).await);
        leases.push(lease.unwrap_or(LeaseId([0; 8])));
    }
    assert!(done(
        one.remote.renew_name("name:renewed", leases[1], LONG).await
    ));
    suite.wait(A_LITTLE_MORE).await;
    assert_eq!(done(two.remote.lock_name("name:renewed", LONG).await), None);
    assert!(!done(
        one.remote.renew_name("name:ends", leases[0], LONG).await
    ));
    assert!(done(two.remote.lock_name("name:ends", LONG).await).is_some());
}

pub(super) async fn a_lost_lease_of_a_name_has_no_effect(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let lost = LeaseId([3; 8]);
    assert!(!done(one.remote.renew_name("name:free", lost, LONG).await));
    done(one.remote.release_name("name:free", lost).await);
    assert!(done(two.remote.lock_name("name:free", SHORT).await).is_some());
    assert!(!done(one.remote.renew_name("name:free", lost, LONG).await));
    done(one.remote.release_name("name:free", lost).await);
    assert_eq!(done(one.remote.lock_name("name:free", LONG).await), None);
    suite.wait(A_LITTLE_MORE).await;
    assert!(done(one.remote.lock_name("name:free", LONG).await).is_some());
}

pub(super) async fn a_name_is_no_entry(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let (name, entry) = ("name:entry", entry("name:entry"));
    let lease = done(one.remote.lock_name(name, LONG).await);
    assert_eq!(one.bytes(&entry).await, None);
    for cell in [
        tag(name),
        Cell::Family(name.into()),
        Cell::Key(entry.clone()),
    ] {
        assert_eq!(one.cell(&cell).await, CellState::Missing, "{cell:?}");
    }
    let of_entry = two.granted(&entry, IF_NEW, LONG).await;
    two.release(&entry, lease.unwrap_or(of_entry), Release::Failed)
        .await;
    done(one.remote.release_name(name, of_entry).await);
    two.busy(&entry).await;
    two.remove(&entry).await;
    assert_eq!(done(two.remote.lock_name(name, LONG).await), None);
}

pub(super) async fn all_answers_name_one_server(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let server = one.incarnation().await;
    assert_eq!(two.incarnation().await, server);
    let entry = entry("server");
    let lease = one.granted(&entry, IF_NEW, LONG).await;
    for process in [&one, &two] {
        let wishes = vec![wish(&entry, IF_NEW, LONG)];
        let reply = done(process.remote.lock(wishes, vec![], LONG).await);
        assert_eq!(reply.locks[0].1, server);
    }
    for stored in [true, false] {
        let fill = Fill {
            entry: entry.clone(),
            lease,
            envelope: envelope(lease, b""),
            life: LONG,
        };
        let filled = done(one.remote.fill(vec![fill], vec![], LONG).await).fills[0];
        assert_eq!((filled.stored, filled.incarnation), (stored, server));
    }
    suite.wait(A_LITTLE_MORE).await;
    assert_eq!(suite.process().await.incarnation().await, server);
}

pub(super) async fn who_has_closed_is_unavailable_and_nobody_else(suite: &Conformance) {
    let (one, two) = suite.two().await;
    let cell = tag("closed");
    let before = two.ensure(&cell, LONG).await;
    one.remote.close();
    assert!(!one.remote.status().is_usable(), "{}", one.remote.status());
    let read = Read {
        entries: vec![(entry("closed"), Part::Whole)],
        cells: vec![cell.clone()],
    };
    let read = one.remote.read(read).await.map(drop);
    let rotated = one
        .remote
        .rotate(vec![], vec![cell.clone()], Turn::keeping(LONG))
        .await;
    let locked = one.remote.lock_name("closed", LONG).await.map(drop);
    for answer in [read, rotated, locked] {
        assert!(matches!(answer, Err(Fault::Unavailable(_))), "{answer:?}");
    }
    one.remote.close();
    assert!(two.remote.status().is_usable());
    assert_eq!(two.cell(&cell).await, before, "nothing was sent");
    assert!(done(two.remote.lock_name("closed", LONG).await).is_some());
}
