//! R8: what is invalidated in one process is gone in all of them, also what is only being loaded.

use super::depot::WAYS;
use super::member::Member;
use super::{Fleet, all, eventually};

#[tokio::test]
async fn r8_what_one_process_invalidates_none_serves() {
    let mut fleet = Fleet::of(3).await;
    let mut version = 1;
    for (who, how) in WAYS.into_iter().cycle().take(8).enumerate() {
        for member in &mut fleet.members {
            // Twice: the second answer is that of the process's own copy.
            for _ in 0..2 {
                assert_eq!(member.tell("call item 1").await, version.to_string());
            }
        }
        assert_eq!(fleet.depot.loads(), version);
        version = fleet.depot.write();
        let command = format!("invalidate {how} item 1");
        assert_eq!(fleet.members[who % 3].tell(&command).await, "done");
        for member in &mut fleet.members {
            assert_eq!(
                member.tell("call item 1").await,
                version.to_string(),
                "{how}"
            );
        }
    }
}

/// How often a process has found nothing, and something.
async fn looks(member: &mut Member) -> [String; 2] {
    [member.tell("misses").await, member.tell("hits").await]
}

#[tokio::test]
async fn r8_a_load_that_is_overtaken_is_for_its_caller_alone() {
    let mut fleet = Fleet::of(3).await;
    for (id, how) in WAYS.into_iter().enumerate() {
        let old = fleet.depot.write();
        let [one, two, three] = all(&mut fleet.members);
        let call = format!("call item {id}");
        one.hold().await;
        let overtaken = one.ask(&call);
        one.loading().await;
        let new = fleet.depot.write();
        assert_eq!(
            three.tell(&format!("invalidate {how} item {id}")).await,
            "done"
        );
        // In the same process and in another one, both after the invalidation.
        let looks = looks(one).await;
        let joined = one.ask(&call);
        let waiting = two.ask(&call);
        // It has joined; or the other process was first, and it has that answer.
        eventually("it has looked", async || self::looks(one).await != looks).await;
        one.let_go().await;
        assert_eq!(one.answer(overtaken).await, old.to_string(), "{how}");
        assert_eq!(one.answer(joined).await, new.to_string(), "{how}");
        assert_eq!(two.answer(waiting).await, new.to_string(), "{how}");
        for member in [one, two, three] {
            assert_eq!(member.tell(&call).await, new.to_string(), "{how}");
        }
    }
}

#[tokio::test]
async fn r8_a_refresh_that_is_overtaken_is_not_stored() {
    let mut fleet = Fleet::of(3).await;
    for (id, how) in WAYS.into_iter().enumerate() {
        let old = fleet.depot.write();
        let [one, two, three] = all(&mut fleet.members);
        let (call, report) = (format!("call stale {id}"), format!("report stale {id}"));
        assert_eq!(one.tell(&call).await, old.to_string());
        one.hold().await;
        let stale = format!("{old} Stale");
        eventually("it is stale", async || one.tell(&report).await == stale).await;
        one.loading().await;
        let new = fleet.depot.write();
        assert_eq!(
            three.tell(&format!("invalidate {how} stale {id}")).await,
            "done"
        );
        let waiting = two.ask(&call);
        one.let_go().await;
        assert_eq!(two.answer(waiting).await, new.to_string(), "{how}");
        for member in [one, two, three] {
            assert_eq!(member.tell(&call).await, new.to_string(), "{how}");
        }
    }
}

#[tokio::test]
async fn r8_a_batch_that_is_overtaken_is_not_stored() {
    let mut fleet = Fleet::of(3).await;
    for (at, how) in WAYS.into_iter().enumerate() {
        let id = 10 * at;
        let old = fleet.depot.write();
        let [one, two, three] = all(&mut fleet.members);
        let (call, element) = (format!("call items {id}"), format!("call item {id}"));
        one.hold().await;
        let overtaken = one.ask(&call);
        one.loading().await;
        let new = fleet.depot.write();
        assert_eq!(
            three.tell(&format!("invalidate {how} item {id}")).await,
            "done"
        );
        let waiting = two.ask(&element);
        one.let_go().await;
        assert_eq!(one.answer(overtaken).await, format!("{old} {old}"), "{how}");
        assert_eq!(two.answer(waiting).await, new.to_string(), "{how}");
        for member in [one, two, three] {
            assert_eq!(member.tell(&element).await, new.to_string(), "{how}");
            let both = member.tell(&call).await;
            assert_eq!(
                both.split(' ').next(),
                Some(new.to_string().as_str()),
                "{how}"
            );
        }
    }
}
