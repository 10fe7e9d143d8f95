//! What is pushed.

use super::*;
use crate::remote::double::Pushed;
use crate::remote::{Incarnation, Told, Watch};

fn follow(remote: &Double) -> Arc<Watch> {
    let watch = Arc::new(Watch::recording());
    remote.attach(Arc::default(), Arc::clone(&watch));
    watch
}

/// Two processes that follow, the second of them by hand.
fn two(server: &DoubleServer) -> (Double, Double, Arc<Watch>) {
    let (one, two) = (server.connect(), server.connect());
    two.push_by_hand(true);
    let watch = follow(&two);
    while two.deliver_push().is_some() {}
    (one, two, watch)
}

/// What was told since the last time.
fn news(watch: &Watch, seen: &mut usize) -> Vec<Told> {
    let told = watch.told();
    let news = told[*seen..].to_vec();
    *seen = told.len();
    news
}

fn began(incarnation: Incarnation) -> Told {
    Told::Began(incarnation)
}

fn changed(name: &str) -> Told {
    Told::Changed(tag(name))
}

#[tokio::test]
async fn what_a_server_pushes_is_told_before_the_answer() {
    let server = DoubleServer::new(1);
    let (one, other) = (server.connect(), server.connect());
    let (watch, mut seen) = (follow(&other), 0);
    let key = Cell::Key(entry("e"));
    assert_eq!(news(&watch, &mut seen), [began(server.incarnation())]);

    ensure(&one, "t").await;
    assert_eq!(news(&watch, &mut seen), [changed("t")]);
    ensure(&one, "t").await;
    assert_eq!(news(&watch, &mut seen), [], "it was there");
    rotate(&one, "t").await.unwrap();
    assert_eq!(news(&watch, &mut seen), [changed("t")]);
    let cells = vec![tag("locked"), tag("t")];
    one.lock(vec![], cells, MINUTE).await.unwrap();
    assert_eq!(news(&watch, &mut seen), [changed("locked")]);

    one.remove(vec![entry("e")], Turn::keeping(MINUTE))
        .await
        .unwrap();
    assert_eq!(news(&watch, &mut seen), [Told::Changed(key.clone())]);
    server.advance(SECOND);
    assert_eq!(news(&watch, &mut seen), [Told::Changed(key.clone())]);
    one.ensure(vec![key.clone()], vec![], MINUTE).await.unwrap();
    one.remove(vec![entry("e")], Turn::keeping(MINUTE))
        .await
        .unwrap();
    assert_eq!(
        news(&watch, &mut seen),
        [&key; 2].map(|key| Told::Changed(key.clone()))
    );

    let family = vec![Cell::Family("f:".into())];
    one.rotate(family.clone(), vec![], Turn::keeping(MINUTE))
        .await
        .unwrap();
    one.ensure(family, vec![], MINUTE).await.unwrap();
    let lease = granted(&one, "e", IF_NEW).await;
    fill(&one, "e", lease, "none").await.unwrap();
    assert_eq!(news(&watch, &mut seen), [], "families, leases and entries");
}

#[tokio::test]
async fn what_goes_away_or_stays_for_longer_is_pushed_too() {
    let server = DoubleServer::new(1);
    let (one, other) = (server.connect(), server.connect());
    let (watch, mut seen) = (follow(&other), 0);
    for name in ["a", "b", "c"] {
        ensure(&one, name).await;
    }
    news(&watch, &mut seen);
    one.fill(vec![], vec![tag("a")], MINUTE * 3).await.unwrap();
    assert_eq!(news(&watch, &mut seen), [changed("a")]);
    one.fill(vec![], vec![tag("a")], MINUTE * 6).await.unwrap();
    assert_eq!(news(&watch, &mut seen), [], "it lives for half of that");
    server.evict_cell(&tag("b"));
    server.evict_cell(&tag("b"));
    assert_eq!(news(&watch, &mut seen), [changed("b")]);
    server.advance(MINUTE);
    assert_eq!(news(&watch, &mut seen), [changed("c")]);
    server.evict_cells();
    assert_eq!(news(&watch, &mut seen), [changed("a")]);
    server.flush();
    assert_eq!(news(&watch, &mut seen), [Told::Everything]);
    let intent = tag("i");
    server.put_intent(intent, MINUTE);
    rotate(&one, "i").await.unwrap();
    assert_eq!(news(&watch, &mut seen), [changed("i")], "an intent stays");
}

#[tokio::test]
async fn each_operation_proves_that_nothing_is_missing() {
    let server = DoubleServer::new(1);
    let remote = server.connect();
    let (watch, mut seen) = (follow(&remote), 0);
    news(&watch, &mut seen);
    state(&remote, "t").await;
    let told = news(&watch, &mut seen);
    assert_eq!(told, [Told::Beat, Told::Heard { beat: 1 }]);
    rotate(&remote, "t").await.unwrap();
    let told = news(&watch, &mut seen);
    assert_eq!(told, [Told::Beat, changed("t"), Told::Heard { beat: 3 }]);
    state(&server.connect(), "t").await;
    assert_eq!(
        news(&watch, &mut seen),
        [],
        "that of somebody else does not"
    );
}

#[tokio::test]
async fn who_is_cut_off_is_told_so_and_follows_again() {
    let server = DoubleServer::new(1);
    let (one, other) = (server.connect(), server.connect());
    let (watch, mut seen) = (follow(&other), 0);
    let first = began(server.incarnation());
    assert_eq!(news(&watch, &mut seen), std::slice::from_ref(&first));
    other.cut();
    rotate(&one, "t").await.unwrap();
    other.mend();
    other.mend();
    let ended = |why: &str| Told::Ended(why.to_owned());
    let told = [ended("the connection is cut"), first.clone()];
    assert_eq!(news(&watch, &mut seen), told);

    server.go_down();
    other.mend();
    assert_eq!(news(&watch, &mut seen), [ended("the server is down")]);
    assert!(!watch.is_followed() && !other.is_followed());
    server.come_up();
    assert_eq!(news(&watch, &mut seen), [first]);

    server.fail_over(&server.snapshot());
    let told = [ended("the server crashed"), began(server.incarnation())];
    assert_eq!(news(&watch, &mut seen), told);
    other.close();
    assert_eq!(news(&watch, &mut seen), [ended("it was closed")]);
    server.come_up();
    assert_eq!(news(&watch, &mut seen), []);
}

#[tokio::test]
async fn by_hand_everything_comes_when_it_is_let_through_and_in_order() {
    let server = DoubleServer::new(1);
    let (one, other, watch) = two(&server);
    let mut seen = watch.told().len();
    rotate(&one, "a").await.unwrap();
    other.beat();
    rotate(&one, "b").await.unwrap();
    let way = [
        Pushed::Changed(tag("a")),
        Pushed::Answer(1),
        Pushed::Changed(tag("b")),
    ];
    assert_eq!(other.pushes(), way);
    assert_eq!(news(&watch, &mut seen), [Told::Beat]);
    for pushed in way {
        assert_eq!(other.deliver_push(), Some(pushed));
    }
    assert_eq!(news(&watch, &mut seen), [changed("a"), changed("b")]);
    assert_eq!(other.deliver_push(), Some(Pushed::Answer(0)));
    assert_eq!(news(&watch, &mut seen), [Told::Heard { beat: 1 }]);
    assert_eq!(other.deliver_push(), None);

    state(&other, "a").await;
    assert_eq!(other.pushes(), [], "operations prove nothing by hand");
    rotate(&one, "c").await.unwrap();
    other.push_by_hand(false);
    assert_eq!(news(&watch, &mut seen), [changed("c")]);
}

/// The server may answer whoever changes something before it pushes that: what a single question
/// proves is too little then.
#[tokio::test]
async fn a_second_answer_comes_after_what_was_answered_before_the_first_question() {
    let server = DoubleServer::new(1);
    let (one, other, watch) = two(&server);
    server.answer_early(true);
    let mut seen = watch.told().len();
    rotate(&one, "t").await.unwrap();
    assert!(server.has_unpushed());
    other.beat();
    assert_eq!(other.pushes(), [Pushed::Answer(1)], "ahead of the push");
    while other.deliver_push().is_some() {}
    let told = news(&watch, &mut seen);
    assert_eq!(told, [Told::Beat, changed("t"), Told::Heard { beat: 1 }]);

    rotate(&one, "t").await.unwrap();
    assert_eq!(other.pushes(), []);
    server.end_of_cycle();
    assert_eq!(other.pushes(), [Pushed::Changed(tag("t"))]);
    rotate(&one, "u").await.unwrap();
    server.answer_early(false);
    assert_eq!(other.pushes().len(), 2, "the switch ends the cycle");
}

#[tokio::test]
async fn by_hand_a_line_ends_with_or_without_a_word() {
    let server = DoubleServer::new(1);
    let (one, other, watch) = two(&server);
    let mut seen = watch.told().len();
    for how in 0..4 {
        rotate(&one, "t").await.unwrap();
        other.beat();
        news(&watch, &mut seen);
        match how {
            0 => other.cut_pushes_silently(),
            1 => other.break_pushes(),
            2 => {
                other.cut();
                other.mend();
            }
            _ => server.restart(None),
        }
        let told = match how {
            1 => vec![Told::Ended("the connection broke".to_owned())],
            _ => vec![],
        };
        assert_eq!(news(&watch, &mut seen), told, "{how}");
        rotate(&one, "t").await.unwrap();
        other.beat();
        assert_eq!(other.pushes(), [], "{how}");
        assert!(!other.is_followed() && other.follow_again());
        rotate(&one, "u").await.unwrap();
        let way = [Pushed::Following, Pushed::Changed(tag("u"))];
        assert_eq!(other.pushes(), way, "{how}");
        while other.deliver_push().is_some() {}
        let told = [Told::Beat, began(server.incarnation()), changed("u")];
        assert_eq!(news(&watch, &mut seen), told, "{how}");
    }
    server.go_down();
    assert!(!other.follow_again());
}
