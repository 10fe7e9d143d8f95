//! One load in all processes, whatever happens to the one that runs it: R2 to R7.

use std::time::{Duration, Instant};

use super::depot::TEDIOUS;
use super::member::Member;
use super::{Fleet, all, eventually, lease, until_waiting};

/// Of `brief`.
const LEASE: Duration = Duration::from_secs(1);
const PROCESSES: usize = 8;
const CALLS: usize = 100;

#[tokio::test]
async fn r2_one_body_for_all_processes() {
    let mut fleet = Fleet::of(PROCESSES).await;
    for id in 1..=5 {
        let ask = |member: &mut Member| member.ask(&format!("calls {CALLS} item {id}"));
        let asked: Vec<_> = fleet.members.iter_mut().map(ask).collect();
        for (member, asked) in fleet.members.iter_mut().zip(asked) {
            assert_eq!(member.answer(asked).await, "1");
        }
        assert_eq!(fleet.depot.loads(), id);
    }
}

#[tokio::test]
async fn r2_one_body_longer_than_its_lease_and_quiet_waiters() {
    let mut fleet = Fleet::of(PROCESSES).await;
    fleet.hold().await;
    let ask = |member: &mut Member| member.ask(&format!("calls {CALLS} brief 1"));
    let asked: Vec<_> = fleet.members.iter_mut().map(ask).collect();
    let waiters = PROCESSES - 1;
    until_waiting(&fleet.server, waiters).await;
    assert_eq!(subscriptions(&fleet).await, [1; PROCESSES]);

    fleet.server.reset_stats().await;
    let start = Instant::now();
    tokio::time::sleep(LEASE * 5 / 2).await;
    let sent = fleet.server.command_stats().await;
    let seconds = usize::try_from(start.elapsed().as_secs()).unwrap() + 1;
    let count = |name: &str| {
        sent.get(name)
            .map_or(0, |count| usize::try_from(*count).unwrap())
    };
    let renewals = 3 * seconds + 1;
    let asking = count("evalsha") + count("eval") + count("mget");
    assert!(
        asking <= 2 * waiters * seconds + renewals,
        "{seconds} s: {sent:?}"
    );
    assert!(
        count("evalsha") >= renewals / 2,
        "the lease is renewed: {sent:?}"
    );
    assert_eq!(subscriptions(&fleet).await, [1; PROCESSES]);
    assert_eq!(count("subscribe"), 0, "{sent:?}");
    assert_eq!(fleet.depot.loads(), 1);

    fleet.let_go().await;
    for (member, asked) in fleet.members.iter_mut().zip(asked) {
        assert_eq!(member.answer(asked).await, "1");
    }
    assert_eq!(fleet.depot.loads(), 1);
}

#[tokio::test]
async fn r2_waiters_are_told_when_the_load_ends() {
    let mut fleet = Fleet::of(4).await;
    let [one, others @ ..]: &mut [Member; 4] = all(&mut fleet.members);
    let mut fastest = Duration::MAX;
    for id in 1..=3 {
        let call = format!("call item {id}");
        one.hold().await;
        let running = one.ask(&call);
        one.loading().await;
        let mut waiting = Vec::new();
        for other in others.iter_mut() {
            waiting.push(other.ask(&call));
        }
        until_waiting(&fleet.server, others.len()).await;
        let start = Instant::now();
        one.let_go().await;
        assert_eq!(one.answer(running).await, "1");
        for (other, waiting) in others.iter_mut().zip(waiting) {
            assert_eq!(other.answer(waiting).await, "1");
        }
        fastest = fastest.min(start.elapsed());
        assert_eq!(fleet.depot.loads(), id);
    }
    assert!(
        fastest < Duration::from_millis(600),
        "they look for themselves only after a second: {fastest:?}"
    );
}

#[tokio::test]
async fn r3_another_loads_when_the_holder_is_killed() {
    let mut fleet = Fleet::of(3).await;
    let [one, two, three] = all(&mut fleet.members);
    one.hold().await;
    let _lost = one.ask("call brief 1");
    one.loading().await;
    let waiting = [two.ask("call brief 1"), three.ask("call brief 1")];
    until_waiting(&fleet.server, 2).await;
    let version = fleet.depot.write();

    let start = Instant::now();
    one.child().kill();
    for (member, waiting) in [two, three].into_iter().zip(waiting) {
        assert_eq!(member.answer(waiting).await, version.to_string());
    }
    let took = start.elapsed();
    assert!(took <= LEASE + Duration::from_secs(1), "{took:?}");
    assert_eq!(fleet.depot.loads(), 2);
}

#[tokio::test]
async fn r4_who_wakes_up_late_stores_nothing() {
    for invalidated in [false, true] {
        let mut fleet = Fleet::of(3).await;
        let [one, two, three] = all(&mut fleet.members);
        let late = stopped_in_mid_load(one, &fleet.server).await;
        let version = fleet.depot.write();
        if invalidated {
            assert_eq!(two.tell("invalidate tag brief 1").await, "done");
        }
        assert_eq!(two.tell("call brief 1").await, version.to_string());

        one.child().cont();
        one.let_go().await;
        assert_eq!(one.answer(late).await, "1", "it is the caller's own load");
        for member in [three, two, one] {
            assert_eq!(member.tell("call brief 1").await, version.to_string());
        }
        assert_eq!(fleet.depot.loads(), 2);
    }
}

#[tokio::test]
async fn r4_who_wakes_up_late_does_not_free_the_next_lease() {
    for given_up in [false, true] {
        let mut fleet = Fleet::of(3).await;
        let [one, two, three] = all(&mut fleet.members);
        let late = stopped_in_mid_load(one, &fleet.server).await;
        let version = fleet.depot.write().to_string();
        assert_eq!(three.tell("invalidate key brief 1").await, "done");
        two.hold().await;
        let running = two.ask("call brief 1");
        two.loading().await;
        let before = lease(&fleet.server).await.expect("the second has one");

        one.child().cont();
        if given_up {
            one.tell(&late.abort()).await;
        } else {
            one.let_go().await;
            assert_eq!(one.answer(late).await, "1");
        }
        let again = one.ask("call brief 1");
        until_waiting(&fleet.server, 1).await;
        let after = lease(&fleet.server).await.expect("the second has one");
        assert_eq!(after[..8], before[..8], "it is the same one");
        assert_eq!(fleet.depot.loads(), 2);

        two.let_go().await;
        assert_eq!(two.answer(running).await, version);
        assert_eq!(one.answer(again).await, version);
        assert_eq!(three.tell("call brief 1").await, version);
        assert_eq!(fleet.depot.loads(), 2);
    }
}

#[tokio::test]
async fn r5_a_long_load_keeps_its_lease() {
    let mut fleet = Fleet::of(3).await;
    fleet.hold().await;
    let [one, two, three] = all(&mut fleet.members);
    let long = one.ask("call brief 1");
    one.loading().await;
    let mine = lease(&fleet.server).await.expect("a lease");
    let waiting = [two.ask("call brief 1"), three.ask("call brief 1")];
    tokio::time::sleep(LEASE * 3).await;
    until_waiting(&fleet.server, 2).await;
    assert_eq!(lease(&fleet.server).await.expect("a lease")[..8], mine[..8]);
    assert_eq!(fleet.depot.loads(), 1);
    one.let_go().await;
    assert_eq!(one.answer(long).await, "1");
    for (member, waiting) in [two, three].into_iter().zip(waiting) {
        assert_eq!(member.answer(waiting).await, "1");
    }
    assert_eq!(fleet.depot.loads(), 1);
}

#[tokio::test]
async fn r6_a_caller_that_goes_away_lets_another_process_load() {
    let mut fleet = Fleet::of(2).await;
    let [one, two] = all(&mut fleet.members);
    one.hold().await;
    let leading = one.ask("call item 1");
    one.loading().await;
    let waiting = two.ask("calls 10 item 1");
    until_waiting(&fleet.server, 1).await;
    let version = fleet.depot.write();
    let start = Instant::now();
    one.tell(&leading.abort()).await;
    assert_eq!(two.answer(waiting).await, version.to_string());
    let took = start.elapsed();
    assert!(
        took < Duration::from_secs(2),
        "not after its lease of 3 s: {took:?}"
    );
    assert_eq!(fleet.depot.loads(), 2);
}

#[tokio::test]
async fn r7_nobody_queues_up_behind_loads_that_fail() {
    nobody_queues_up("failing", "Err(Broken)").await;
}

#[tokio::test]
async fn r7_nobody_queues_up_behind_loads_that_fail_alike() {
    nobody_queues_up("failing_alike", "Err(\"broken\")").await;
}

#[tokio::test]
async fn r7_nobody_queues_up_behind_loads_that_are_not_stored() {
    nobody_queues_up("refused", "1").await;
}

/// The waiters of a load that ends without an answer for them return within two load times.
async fn nobody_queues_up(function: &str, answer: &str) {
    let mut fleet = Fleet::of(4).await;
    let [first, others @ ..]: &mut [Member; 4] = all(&mut fleet.members);
    first.hold().await;
    let own = first.ask(&format!("call {function} 1"));
    first.loading().await;
    let mut asked = Vec::new();
    for other in others.iter_mut() {
        asked.push(other.ask(&format!("calls 10 {function} 1")));
    }
    until_waiting(&fleet.server, others.len()).await;
    let start = Instant::now();
    first.let_go().await;
    assert_eq!(first.answer(own).await, answer);
    for (other, asked) in others.iter_mut().zip(asked) {
        assert_eq!(other.answer(asked).await, answer);
    }
    let took = start.elapsed();
    // The load they waited for and one more, and less besides than a third one takes.
    assert!(took < TEDIOUS * 2 + TEDIOUS * 3 / 4, "{took:?}");
}

/// The first process has begun a load, stands still, and has no lease any more.
async fn stopped_in_mid_load(
    member: &mut Member,
    server: &crate::support::server::Server,
) -> super::member::Asked {
    member.hold().await;
    let running = member.ask("call brief 1");
    member.loading().await;
    member.child().stop();
    eventually("the lease runs out", async || lease(server).await.is_none()).await;
    running
}

/// Of each channel there is; each process has one of its own.
async fn subscriptions(fleet: &Fleet) -> Vec<u64> {
    let mut admin = fleet.server.admin().await;
    let mut channels = redis::cmd("PUBSUB");
    channels.arg("CHANNELS");
    let channels: Vec<String> = channels.query_async(&mut admin).await.unwrap();
    let mut counts = redis::cmd("PUBSUB");
    counts.arg("NUMSUB").arg(channels);
    let counts: Vec<(String, u64)> = counts.query_async(&mut admin).await.unwrap();
    counts.into_iter().map(|(_, count)| count).collect()
}
