//! Stale answers in many processes: one refreshes, one tries a source that fails, all give the old
//! answer meanwhile.

use super::{Fleet, eventually};

#[tokio::test]
async fn r18_one_process_of_the_fleet_refreshes_behind_its_answer() {
    let mut fleet = Fleet::of(3).await;
    let old = fleet.depot.write();
    for member in &mut fleet.members {
        assert_eq!(member.tell("call stale 1").await, old.to_string());
    }
    fleet.hold().await;
    for member in &mut fleet.members {
        let stale = format!("{old} Stale");
        eventually("it is stale", async || {
            member.tell("report stale 1").await == stale
        })
        .await;
    }
    let new = fleet.depot.write();
    eventually("one loads", async || fleet.depot.loads() == 2).await;
    for _ in 0..10 {
        for member in &mut fleet.members {
            assert_eq!(member.tell("call stale 1").await, old.to_string());
        }
    }
    assert_eq!(fleet.depot.loads(), 2, "one refresh for three processes");
    fleet.let_go().await;
    // The refresh read before the write, so another one may follow it; each is one for all.
    for member in &mut fleet.members {
        eventually("the new one is there", async || {
            member.tell("call stale 1").await == new.to_string()
        })
        .await;
    }
}

#[tokio::test]
async fn one_process_of_the_fleet_tries_a_source_that_fails() {
    let mut fleet = Fleet::of(3).await;
    let old = fleet.depot.write();
    for member in &mut fleet.members {
        assert_eq!(member.tell("call ailing 1").await, format!("Ok({old})"));
    }
    fleet.depot.break_down(true);
    let first = &mut fleet.members[0];
    eventually("a try has failed", async || {
        let answer = first.tell("call ailing 1").await;
        assert_eq!(answer, format!("Ok({old})"), "the old answer");
        fleet.depot.loads() == 2
    })
    .await;
    // The others hear of it from the store, as soon as the lease is given back with its mark.
    eventually("the failure is known", async || {
        super::lease(&fleet.server).await.as_deref() == Some(b"R")
    })
    .await;
    for _ in 0..20 {
        for member in &mut fleet.members {
            assert_eq!(member.tell("call ailing 1").await, format!("Ok({old})"));
        }
    }
    assert_eq!(fleet.depot.loads(), 2, "one try for three processes");

    fleet.depot.break_down(false);
    let new = fleet.depot.write();
    let done = fleet.members[1].tell("invalidate tag ailing 1").await;
    assert_eq!(done, "done");
    for member in &mut fleet.members {
        let answer = member.tell("call ailing 1").await;
        assert_eq!(answer, format!("Ok({new})"), "an invalidation is at once");
    }
}
