//! What happens on the way.

use super::*;

/// However many there are, without a pause of the runtime's.
#[tokio::test]
async fn an_operation_is_complete_when_it_is_polled_first() {
    let server = DoubleServer::new(1);
    let remote = server.connect();
    for _ in 0..1_000 {
        let mut rotated = remote.rotate(vec![tag("t")], vec![], Turn::keeping(MINUTE));
        assert!(poll(rotated.as_mut()).await.is_ready());
    }
}

#[tokio::test]
async fn a_lost_request_did_not_happen_and_a_lost_reply_did() {
    let server = DoubleServer::new(1);
    let (remote, other) = (server.connect(), server.connect());
    ensure(&remote, "t").await;
    let before = proof(&remote, "t").await;

    remote.begin(Trouble::LoseRequest, &[Op::Rotate]);
    let lost = rotate(&remote, "t").await;
    assert!(matches!(lost, Err(Fault::Lost(_))), "{lost:?}");
    assert_eq!(proof(&remote, "t").await, before);
    remote.end(Trouble::LoseRequest);

    remote.begin(Trouble::LoseReply, &[Op::Rotate]);
    let lost = rotate(&remote, "t").await;
    assert!(matches!(lost, Err(Fault::Lost(_))), "{lost:?}");
    let after = proof(&remote, "t").await;
    assert_ne!(after, before);
    rotate(&other, "t").await.unwrap();
    assert_ne!(proof(&remote, "t").await, after);
}

#[tokio::test]
async fn a_request_is_held_before_between_and_after_its_parts() {
    let server = DoubleServer::new(1);
    let (remote, other) = (server.connect(), server.connect());
    for name in ["a", "b"] {
        ensure(&remote, name).await;
    }
    let before = (proof(&other, "a").await, proof(&other, "b").await);
    for point in [Point::Sent, Point::Between, Point::Executed] {
        remote.begin(Trouble::Hold(point), &[Op::Rotate]);
    }
    let mut rotated = remote.rotate(vec![tag("a")], vec![tag("b")], Turn::keeping(MINUTE));
    for (at, moved) in [
        (Point::Sent, (false, false)),
        (Point::Between, (true, false)),
        (Point::Executed, (true, true)),
    ] {
        assert!(poll(rotated.as_mut()).await.is_pending(), "{at:?}");
        let held = server.held();
        assert_eq!(held.len(), 1);
        assert_eq!((held[0].at, held[0].op), (at, Op::Rotate));
        assert_eq!(held[0].client, remote.id());
        let after = (proof(&other, "a").await, proof(&other, "b").await);
        assert_eq!((after.0 != before.0, after.1 != before.1), moved, "{at:?}");
        assert!(server.release(held[0].id));
        assert!(!server.release(held[0].id), "it has gone on");
    }
    assert!(matches!(poll(rotated.as_mut()).await, Poll::Ready(Ok(()))));
    assert!(server.held().is_empty());
}

#[tokio::test]
async fn what_was_sent_arrives_although_nobody_waits_for_it() {
    let server = DoubleServer::new(1);
    let remote = server.connect();
    ensure(&remote, "t").await;
    server.begin(Trouble::Hold(Point::Sent), &[Op::Rotate]);
    let mut before = proof(&remote, "t").await;

    // Whoever asked was told that it is lost; or gave up; or has lost the connection.
    for way in 0..3 {
        let mut rotated = remote.rotate(vec![tag("t")], vec![], Turn::keeping(MINUTE));
        assert!(poll(rotated.as_mut()).await.is_pending());
        match way {
            0 => assert!(server.give_up(server.held()[0].id)),
            1 => {}
            _ => remote.cut(),
        }
        if way != 1 {
            let lost = poll(rotated.as_mut()).await;
            assert!(matches!(lost, Poll::Ready(Err(Fault::Lost(_)))), "{lost:?}");
        }
        drop(rotated);
        remote.mend();
        assert_eq!(proof(&remote, "t").await, before, "not yet");
        server.release_all();
        let after = proof(&remote, "t").await;
        assert_ne!(after, before, "way {way}");
        before = after;
    }
}

#[tokio::test]
async fn a_server_that_is_down_gets_nothing_and_loses_what_is_on_its_way() {
    let server = DoubleServer::new(1);
    let remote = server.connect();
    let wake = listen(&remote);
    ensure(&remote, "t").await;
    let before = proof(&remote, "t").await;
    remote.begin(Trouble::Hold(Point::Sent), &[Op::Rotate]);
    let mut rotated = remote.rotate(vec![tag("t")], vec![], Turn::keeping(MINUTE));
    assert!(poll(rotated.as_mut()).await.is_pending());
    let mut waiter = wake.register(&entry("e"));

    server.go_down();
    assert!(matches!(remote.status(), Status::Down(_)));
    let lost = poll(rotated.as_mut()).await;
    assert!(matches!(lost, Poll::Ready(Err(Fault::Lost(_)))), "{lost:?}");
    let sent = lock(&remote, "e", IF_NEW).await;
    assert!(matches!(sent, Err(Fault::Unavailable(_))), "{sent:?}");
    assert_eq!(told(&mut waiter).await, None);

    server.come_up();
    assert_eq!(remote.status(), Status::Up);
    assert_eq!(told(&mut waiter).await, Some(None), "it looks for itself");
    server.release_all();
    assert_eq!(proof(&remote, "t").await, before);
    granted(&remote, "e", IF_NEW).await;
}

#[tokio::test]
async fn one_process_is_cut_off() {
    let server = DoubleServer::new(1);
    let (cut, other) = (server.connect(), server.connect());
    let wake = listen(&cut);
    let lease = granted(&other, "e", IF_NEW).await;
    let mut waiter = wake.register(&entry("e"));
    lock(&cut, "e", IF_NEW).await.unwrap();
    cut.cut();
    assert!(!cut.status().is_usable() && other.status().is_usable());
    let sent = rotate(&cut, "t").await;
    assert!(matches!(sent, Err(Fault::Unavailable(_))), "{sent:?}");
    rotate(&other, "t").await.unwrap();
    fill(&other, "e", lease, "t").await.unwrap();
    assert_eq!(told(&mut waiter).await, None, "the announcement is lost");
    cut.mend();
    assert_eq!(told(&mut waiter).await, Some(None));
    assert_eq!(state(&cut, "t").await, state(&other, "t").await);
}

#[tokio::test]
async fn announcements_are_lost_for_one_or_for_all() {
    let server = DoubleServer::new(1);
    let (holder, remote) = (server.connect(), server.connect());
    let wake = listen(&remote);
    let mut waiter = wake.register(&entry("e"));
    for (of_one, of_all, heard) in [
        (true, false, None),
        (false, true, None),
        (false, false, Some(Some(Ended::Failed))),
    ] {
        remote.silence(of_one);
        server.silence(of_all);
        let lease = granted(&holder, "e", IF_NEW).await;
        lock(&remote, "e", IF_NEW).await.unwrap();
        let released = holder.release(vec![(entry("e"), lease)], Release::Failed);
        released.await.unwrap();
        assert_eq!(told(&mut waiter).await, heard);
    }
}

/// The same rotation once more brings the old token back, and with it whatever depended on it.
#[tokio::test]
async fn a_repeated_rotation_is_noticed_by_a_proof_that_comes_back() {
    let server = DoubleServer::new(1);
    let (one, two) = (server.connect(), server.connect());
    one.begin(Trouble::Repeat, &[Op::Rotate]);
    rotate(&one, "t").await.unwrap();
    let first = proof(&two, "t").await;
    rotate(&two, "t").await.unwrap();
    assert_ne!(proof(&two, "t").await, first);
    let copy = server.held();
    assert_eq!((copy.len(), copy[0].at), (1, Point::Sent));
    server.release_all();
    assert_eq!(proof(&two, "t").await, first);
}

/// The same lock once more brings a lease back that an invalidation had ended.
#[tokio::test]
async fn a_repeated_lock_is_noticed_by_a_lease_that_comes_back() {
    let server = DoubleServer::new(1);
    let (one, two) = (server.connect(), server.connect());
    one.begin(Trouble::Repeat, &[Op::Lock]);
    let lease = granted(&one, "e", IF_NEW).await;
    two.remove(vec![entry("e")], Turn::keeping(MINUTE))
        .await
        .unwrap();
    assert!(!fill(&one, "e", lease, "t").await.unwrap());
    server.release_all();
    assert!(fill(&one, "e", lease, "t").await.unwrap());
}

#[tokio::test]
async fn the_parts_of_a_request_come_in_an_order_of_the_seed_where_none_is_promised() {
    // The name of each cell as it is rotated, in a request of two stages.
    async fn order(seed: u64, scattered: bool) -> Vec<usize> {
        let server = DoubleServer::new(seed);
        server.scatter(scattered);
        let (remote, other) = (server.connect(), server.connect());
        let names: Vec<String> = (0..8).map(|at| at.to_string()).collect();
        let cells: Vec<Cell> = names.iter().map(|name| tag(name)).collect();
        let (first, then) = cells.split_at(4);
        remote.begin(Trouble::Hold(Point::Between), &[Op::Rotate]);
        let mut rotated = remote.rotate(first.to_vec(), then.to_vec(), Turn::keeping(MINUTE));
        let mut order = Vec::new();
        while poll(rotated.as_mut()).await.is_pending() {
            for (at, name) in names.iter().enumerate() {
                if !order.contains(&at) && state(&other, name).await != CellState::Missing {
                    order.push(at);
                }
            }
            server.release_all();
        }
        order
    }
    assert_eq!(order(1, false).await, [0, 1, 2, 3, 4, 5, 6]);
    let scattered = order(1, true).await;
    assert_eq!(scattered, order(1, true).await);
    assert_ne!(scattered, order(1, false).await);
    let first: Vec<bool> = scattered.iter().map(|&at| at < 4).collect();
    assert_eq!(first, [true, true, true, true, false, false, false]);
}
