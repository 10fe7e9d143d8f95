//! What the server holds and forgets.

use super::*;

#[tokio::test]
async fn full_memory_refuses_what_needs_more() {
    let server = DoubleServer::new(1);
    let (remote, other) = (server.connect(), server.connect());
    ensure(&remote, "there").await;
    let lease = granted(&remote, "e", IF_NEW).await;
    let before = proof(&remote, "there").await;
    server.fill_memory(true);
    let lagging = Turn {
        lag: Some(SECOND),
        ..Turn::keeping(MINUTE)
    };
    let refused = [
        remote.rotate(vec![tag("nowhere")], vec![], lagging).await,
        remote.intend(vec![tag("there")], SECOND).await.map(drop),
        remote
            .ensure(vec![tag("new")], vec![], MINUTE)
            .await
            .map(drop),
        lock(&remote, "free", IF_NEW).await.map(drop),
        lock(&other, "e", IF_NEW).await.map(drop),
        fill(&remote, "e", lease, "there").await.map(drop),
        remote.lock_name("n", MINUTE).await.map(drop),
    ];
    for answer in refused {
        assert!(matches!(answer, Err(Fault::Refused(_))), "{answer:?}");
    }
    assert_eq!(proof(&remote, "there").await, before);
    ensure(&remote, "there").await;
    // A new token takes the place of the old one, and where there is none there is none afterwards.
    rotate(&remote, "there").await.unwrap();
    assert_ne!(proof(&remote, "there").await, before);
    rotate(&remote, "nowhere").await.unwrap();
    assert_eq!(state(&remote, "nowhere").await, CellState::Missing);
    remote
        .rotate(vec![tag("there")], vec![], lagging)
        .await
        .unwrap();
    assert_eq!(state(&remote, "there").await, CellState::Intent);
    let renewed = remote.renew(vec![(entry("e"), lease)], MINUTE).await;
    assert_eq!(renewed.unwrap(), [true]);
    remote
        .remove(vec![entry("e")], Turn::keeping(MINUTE))
        .await
        .unwrap();
    server.fill_memory(false);
    let lease = granted(&other, "e", IF_NEW).await;
    server.fill_memory(true);
    // A mark takes the place of the lease.
    other
        .release(vec![(entry("e"), lease)], Release::NotStored)
        .await
        .unwrap();
    server.fill_memory(false);
    let passed = lock(&remote, "e", IF_NEW).await;
    assert_eq!(passed.unwrap(), Locked::Pass);
    granted(&remote, "free", IF_NEW).await;
}

#[tokio::test]
async fn a_write_that_began_before_memory_was_full_ends() {
    let server = DoubleServer::new(1);
    let remote = server.connect();
    let cells = ["own", "gone"].map(tag);
    let intents = remote.intend(cells.to_vec(), MINUTE).await.unwrap();
    server.evict_cell(&cells[1]);
    server.fill_memory(true);
    let intents = cells.into_iter().zip(intents).collect();
    let ended = remote.conclude(vec![tag("nowhere")], intents, Turn::keeping(MINUTE));
    assert_eq!(
        ended.await.unwrap(),
        [Concluded::Ended, Concluded::Weakened]
    );
    proof(&remote, "own").await;
    for name in ["gone", "nowhere"] {
        assert_eq!(state(&remote, name).await, CellState::Missing);
    }
}

#[tokio::test]
async fn an_eviction_takes_what_it_names_and_nothing_else() {
    let server = DoubleServer::new(1);
    let remote = server.connect();
    for name in ["1", "2"] {
        ensure(&remote, name).await;
        let lease = granted(&remote, name, IF_NEW).await;
        fill(&remote, name, lease, name).await.unwrap();
        granted(&remote, name, How::TakeOver).await;
        remote.lock_name(name, MINUTE).await.unwrap();
    }
    server.evict_entry(&entry("1"));
    server.evict_lease(&entry("1"));
    server.evict_cell(&tag("1"));
    server.evict_name("1");
    assert_eq!(bytes(&remote, "1", Part::Whole).await, None);
    assert_eq!(state(&remote, "1").await, CellState::Missing);
    granted(&remote, "1", IF_NEW).await;
    assert!(remote.lock_name("1", MINUTE).await.unwrap().is_some());

    assert!(bytes(&remote, "2", Part::Whole).await.is_some());
    assert!(proof(&remote, "2").await != Proof(0));
    assert_eq!(remote.lock_name("2", MINUTE).await.unwrap(), None);
    server.evict_cells();
    assert_eq!(state(&remote, "2").await, CellState::Missing);
    assert!(bytes(&remote, "2", Part::Whole).await.is_some());
    let life = server.incarnation();
    server.flush();
    assert_eq!(bytes(&remote, "2", Part::Whole).await, None);
    granted(&remote, "2", IF_NEW).await;
    assert!(remote.lock_name("2", MINUTE).await.unwrap().is_some());
    assert_eq!(server.incarnation(), life);
}

#[tokio::test]
async fn a_restart_brings_old_tokens_back_but_no_old_proof() {
    let server = DoubleServer::new(1);
    let remote = server.connect();
    let wake = listen(&remote);
    let mut waiter = wake.register(&entry("e"));
    ensure(&remote, "t").await;
    let lease = granted(&remote, "e", IF_NEW).await;
    fill(&remote, "e", lease, "t").await.unwrap();
    let (old, life) = (proof(&remote, "t").await, server.incarnation());
    let dump = server.snapshot();
    rotate(&remote, "t").await.unwrap();
    let rotated = proof(&remote, "t").await;
    remote
        .remove(vec![entry("e")], Turn::keeping(MINUTE))
        .await
        .unwrap();
    let time = server.now();

    server.restart(Some(&dump));
    assert_eq!(told(&mut waiter).await, Some(None));
    assert_ne!(server.incarnation(), life);
    assert_eq!(server.now(), time);
    assert!(bytes(&remote, "e", Part::Whole).await.is_some());
    let again = proof(&remote, "t").await;
    assert!(again != old && again != rotated);
    // It is the old token all the same.
    assert_eq!(again.0 ^ server.incarnation().0, old.0 ^ life.0);

    server.fail_over(&dump);
    assert_ne!(proof(&remote, "t").await, again);
    assert_ne!(server.now(), time, "another host has another clock");

    server.restart(None);
    assert_eq!(state(&remote, "t").await, CellState::Missing);
    assert_eq!(bytes(&remote, "e", Part::Whole).await, None);
}

#[tokio::test]
async fn what_is_on_its_way_does_not_reach_the_next_life_of_the_server() {
    let server = DoubleServer::new(1);
    let remote = server.connect();
    ensure(&remote, "t").await;
    for point in [Point::Sent, Point::Executed] {
        server.begin(Trouble::Hold(point), &[Op::Rotate]);
        let mut rotated = remote.rotate(vec![tag("t")], vec![], Turn::keeping(MINUTE));
        assert!(poll(rotated.as_mut()).await.is_pending());
        server.end(Trouble::Hold(point));
        server.restart(Some(&server.snapshot()));
        let lost = poll(rotated.as_mut()).await;
        assert!(matches!(lost, Poll::Ready(Err(Fault::Lost(_)))), "{lost:?}");
        assert!(server.held().is_empty());
    }
}

#[tokio::test]
async fn an_intent_is_left_alone_until_it_ends() {
    let server = DoubleServer::new(1);
    let remote = server.connect();
    server.put_intent(tag("t"), SECOND);
    rotate(&remote, "t").await.unwrap();
    ensure(&remote, "t").await;
    let lease = granted(&remote, "e", IF_NEW).await;
    fill(&remote, "e", lease, "t").await.unwrap();
    assert_eq!(state(&remote, "t").await, CellState::Intent);
    server.advance(SECOND);
    assert_eq!(state(&remote, "t").await, CellState::Missing);
    rotate(&remote, "t").await.unwrap();
    proof(&remote, "t").await;
}

#[tokio::test]
async fn what_is_no_token_is_missing() {
    let server = DoubleServer::new(1);
    let remote = server.connect();
    for bytes in [vec![], vec![0; 15], vec![0; 17], vec![2; 16]] {
        server.put_cell(tag("t"), bytes.clone(), MINUTE);
        assert_eq!(state(&remote, "t").await, CellState::Missing);
        ensure(&remote, "t").await;
        proof(&remote, "t").await;
        server.put_cell(tag("t"), bytes, MINUTE);
        rotate(&remote, "t").await.unwrap();
        proof(&remote, "t").await;
    }
}

#[tokio::test]
async fn a_damaged_entry_has_no_identity_and_can_be_locked() {
    let server = DoubleServer::new(1);
    let remote = server.connect();
    for (length, identity) in [(0, None), (16, None), (20, Some(4)), (23, Some(7))] {
        let name = length.to_string();
        server.put_entry(entry(&name), vec![7; length], MINUTE);
        let part = bytes(&remote, &name, Part::Identity).await;
        assert_eq!(part.map(|part| part.len()), identity);
        let whole = bytes(&remote, &name, Part::Whole).await;
        assert_eq!(whole, Some(vec![7; length]));
        // As a server, which cannot tell an empty one from none where it is asked for a part.
        let all = bytes(&remote, &name, Part::AtMost(100)).await;
        assert_eq!(all, whole.filter(|whole| !whole.is_empty()));
        granted(&remote, &name, IF_NEW).await;
    }
}

#[tokio::test]
async fn no_more_than_64_processes_wait_for_one_load() {
    let server = DoubleServer::new(1);
    let holder = server.connect();
    let lease = granted(&holder, "e", IF_NEW).await;
    let mut told_so = 0;
    let mut waiters = Vec::new();
    for _ in 0..65 {
        let remote = server.connect();
        waiters.push(listen(&remote).register(&entry("e")));
        lock(&remote, "e", IF_NEW).await.unwrap();
    }
    fill(&holder, "e", lease, "t").await.unwrap();
    for waiter in &mut waiters {
        told_so += u32::from(told(waiter).await == Some(Some(Ended::Filled)));
    }
    assert_eq!(told_so, 64);
    assert_eq!(told(&mut waiters[64]).await, None);
}

#[tokio::test]
async fn the_clock_is_the_servers_and_each_process_reads_it_as_well_as_it_can() {
    let server = DoubleServer::new(1);
    let (exact, ahead) = (server.connect(), server.connect());
    ahead.run_ahead(Duration::from_millis(7));
    let start = server.now();
    server.advance(SECOND);
    assert_eq!(now(&exact).await, ServerTime(start.0 + 1_000));
    assert_eq!(now(&ahead).await, ServerTime(start.0 + 1_007));
    ensure(&exact, "t").await;
    server.set_now(ServerTime(5_000_000_000));
    assert_eq!(now(&exact).await, ServerTime(5_000_000_000));
    proof(&exact, "t").await;
    server.advance(MINUTE);
    assert_eq!(state(&exact, "t").await, CellState::Missing);
}
