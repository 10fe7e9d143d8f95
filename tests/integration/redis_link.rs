//! What is particular to the tier in Redis: connections, lives of the server, deadlines, trips.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_aside::remote::redis::{RedisRemote, RedisSettings};
use cache_aside::remote::{
    Cell, CellState, Concluded, EntryName, Fault, Fill, How, Incarnation, Lock, Locked, Part, Read,
    Remote, ServerTime, Status, Turn,
};
use tokio::task::JoinSet;

use crate::support::proxy::{Mode, Proxy};
use crate::support::server::Server;

const MS: Duration = Duration::from_millis(1);
const KEEP: Duration = Duration::from_secs(60);

fn settings(url: impl Into<String>) -> RedisSettings {
    RedisSettings::new(url, "link")
}

async fn connect(url: impl Into<String>) -> Arc<RedisRemote> {
    RedisRemote::start(settings(url)).await.unwrap()
}

fn entry(name: &str) -> EntryName {
    EntryName::new(name)
}

fn tag(name: &str) -> Cell {
    Cell::Tag(name.into())
}

fn one(entry: &EntryName, cells: Vec<Cell>) -> Read {
    Read {
        entries: vec![(entry.clone(), Part::Whole)],
        cells,
    }
}

/// Waits until `holds`; at most ten seconds.
async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(MS * 5).await;
    }
    panic!("waited in vain: {what}");
}

async fn until_up(remote: &RedisRemote) {
    until("it is up", || remote.status() == Status::Up).await;
}

async fn until_down(remote: &RedisRemote, why: &str) {
    until(why, || match remote.status() {
        Status::Down(reason) => reason.contains(why),
        _ => false,
    })
    .await;
}

/// Stores `bytes` behind an envelope's head.
async fn store(remote: &RedisRemote, name: &EntryName, bytes: &[u8]) -> Result<(), Fault> {
    let lock = Lock {
        entry: name.clone(),
        how: How::Replace,
        ttl: KEEP,
    };
    let reply = remote.lock(vec![lock], vec![], KEEP).await?;
    let (Locked::Granted(lease), _) = reply.locks[0] else {
        panic!("{reply:?}");
    };
    let mut envelope = vec![0; 48];
    envelope[16..24].copy_from_slice(&lease.0);
    envelope.extend_from_slice(bytes);
    let fill = Fill {
        entry: name.clone(),
        lease,
        envelope,
        life: KEEP,
    };
    let reply = remote.fill(vec![fill], vec![], KEEP).await?;
    assert!(reply.fills[0].stored);
    Ok(())
}

async fn get(remote: &RedisRemote, name: &EntryName) -> Result<Option<Vec<u8>>, Fault> {
    let reading = remote.read(one(name, vec![])).await?;
    let bytes = reading.entries[0].bytes.as_ref();
    Ok(bytes.map(|bytes| bytes[48..].to_vec()))
}

async fn states(remote: &RedisRemote, cells: &[Cell]) -> Vec<CellState> {
    let what = Read {
        entries: vec![],
        cells: cells.to_vec(),
    };
    remote.read(what).await.unwrap().cells.to_vec()
}

async fn incarnation(remote: &RedisRemote) -> Incarnation {
    let reading = remote.read(one(&entry("?"), vec![])).await.unwrap();
    reading.entries[0].incarnation
}

#[tokio::test]
async fn a_hit_is_one_read_of_everything_and_a_look_at_the_role() {
    let server = Server::start().await;
    let remote = connect(server.url()).await;
    let name = entry("user:1");
    store(&remote, &name, b"ada").await.unwrap();
    let cells = vec![tag("user:1"), Cell::Family("user:".into())];
    remote.ensure(cells.clone(), vec![], KEEP).await.unwrap();

    server.reset_stats().await;
    let reading = remote.read(one(&name, cells)).await.unwrap();
    let stats = server.command_stats().await;
    assert_eq!(&reading.entries[0].bytes.as_ref().unwrap()[48..], b"ada");
    assert!(reading.cells.iter().all(|cell| cell.proof().is_some()));
    assert_eq!(stats.get("mget"), Some(&1), "{stats:?}");
    assert_eq!(stats.get("wait"), Some(&1), "{stats:?}");
    assert_eq!(stats.get("get"), None, "{stats:?}");
}

#[tokio::test]
async fn a_thousand_reads_at_once_share_their_trips() {
    let server = Server::start().await;
    let remote = connect(server.url()).await;
    for number in 0..10 {
        let name = entry(&format!("n:{number}"));
        store(&remote, &name, &[number]).await.unwrap();
    }
    server.reset_stats().await;
    let mut readers = JoinSet::new();
    for number in 0..1_000_u32 {
        let remote = Arc::clone(&remote);
        readers.spawn(async move {
            let number = u8::try_from(number % 10).unwrap();
            let found = get(&remote, &entry(&format!("n:{number}"))).await.unwrap();
            assert_eq!(found, Some(vec![number]));
        });
    }
    while let Some(done) = readers.join_next().await {
        done.unwrap();
    }
    let stats = server.command_stats().await;
    assert!(stats["mget"] < 40, "{stats:?}");
    assert_eq!(stats["mget"], stats["wait"], "{stats:?}");
}

#[tokio::test]
async fn a_reader_that_goes_away_takes_nobody_with_it() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server).await;
    let remote = connect(proxy.url()).await;
    let name = entry("n");
    store(&remote, &name, b"here").await.unwrap();
    proxy.set(Mode::Delay(MS * 20)).await;
    // The first ones go alone, the next ones would send the batches; all of them go away.
    let mut gone = JoinSet::new();
    for _ in 0..8 {
        let (remote, name) = (Arc::clone(&remote), name.clone());
        gone.spawn(async move { get(&remote, &name).await });
    }
    tokio::time::sleep(MS * 5).await;
    gone.abort_all();
    let mut readers = JoinSet::new();
    for _ in 0..20 {
        let (remote, name) = (Arc::clone(&remote), name.clone());
        readers.spawn(async move { get(&remote, &name).await });
    }
    while let Some(done) = readers.join_next().await {
        assert_eq!(done.unwrap().unwrap().as_deref(), Some(&b"here"[..]));
    }
}

#[tokio::test]
async fn f3_a_demoted_master_answers_no_read_on_the_open_connection() {
    let primary = Server::start().await;
    let other = Server::start().await;
    let mut settings = settings(primary.url());
    settings.connect_timeout = MS * 500;
    let remote = RedisRemote::start(settings).await.unwrap();
    let name = entry("n");
    store(&remote, &name, b"old").await.unwrap();
    let mut admin = primary.admin().await;
    redis::cmd("REPLICAOF")
        .arg("127.0.0.1")
        .arg(other.port())
        .exec_async(&mut admin)
        .await
        .unwrap();
    // At once, before any heartbeat had to notice.
    let read = get(&remote, &name).await;
    assert!(read.is_err(), "{read:?}");
    until_down(&remote, "not a master").await;
}

#[tokio::test]
async fn f3_the_heartbeat_closes_the_connection_to_a_demoted_master() {
    let primary = Server::start().await;
    let other = Server::start().await;
    let mut settings = settings(primary.url());
    settings.verify_role = false;
    let remote = RedisRemote::start(settings).await.unwrap();
    primary.replica_of(&other).await;
    until_down(&remote, "not a master").await;
    assert!(matches!(
        get(&remote, &entry("n")).await,
        Err(Fault::Unavailable(_))
    ));
    primary.promote().await;
    until_up(&remote).await;
}

#[tokio::test]
async fn f2_a_server_that_was_promoted_again_is_another_life() {
    let primary = Server::start().await;
    let other = Server::start().await;
    let remote = connect(primary.url()).await;
    let before = incarnation(&remote).await;
    primary.replica_of(&other).await;
    until_down(&remote, "not a master").await;
    primary.promote().await;
    until_up(&remote).await;
    assert_ne!(before, incarnation(&remote).await);
}

#[tokio::test]
async fn f4_a_restart_is_another_life_and_its_tokens_prove_nothing() {
    let server = Server::start().await;
    let remote = connect(server.url()).await;
    let cells = vec![tag("t")];
    let before = remote.ensure(cells.clone(), vec![], KEEP).await.unwrap();
    let life = incarnation(&remote).await;
    let snapshot = server.save_snapshot().await;
    server.restore_snapshot(&snapshot).await;
    until("the old life ended", || remote.status() != Status::Up).await;
    until_up(&remote).await;
    assert_ne!(life, incarnation(&remote).await);
    // The very same bytes are there again.
    let after = remote.ensure(cells, vec![], KEEP).await.unwrap();
    assert!(matches!(after[0], CellState::Current(_)));
    assert_ne!(before, after);
}

#[tokio::test]
async fn one_reader_waits_for_a_server_that_hangs_and_then_nobody_does() {
    let server = Server::start().await;
    let remote = connect(server.url()).await;
    let name = entry("n");
    store(&remote, &name, b"here").await.unwrap();
    server.stop();
    let start = Instant::now();
    assert!(matches!(get(&remote, &name).await, Err(Fault::Lost(_))));
    let first = start.elapsed();
    assert!(first >= MS * 240 && first < MS * 1_000, "{first:?}");
    for _ in 0..20 {
        let start = Instant::now();
        let read = get(&remote, &name).await;
        assert!(matches!(read, Err(Fault::Unavailable(_))), "{read:?}");
        assert!(start.elapsed() < MS * 50, "{:?}", start.elapsed());
    }
    server.cont();
    until_up(&remote).await;
    assert_eq!(get(&remote, &name).await.unwrap().unwrap(), b"here");
}

#[tokio::test]
async fn a_connection_that_is_slow_once_is_not_replaced() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server).await;
    let mut settings = settings(proxy.url());
    settings.read_timeout = MS * 400;
    settings.write_timeout = MS * 30;
    let remote = RedisRemote::start(settings).await.unwrap();
    let opened = proxy.connections();
    proxy.set(Mode::Delay(MS * 50)).await;
    let removed = remote.remove(vec![entry("n")], Turn::keeping(KEEP)).await;
    assert!(matches!(removed, Err(Fault::Lost(_))), "{removed:?}");
    assert!(!remote.status().is_usable());
    until_up(&remote).await;
    assert_eq!(proxy.connections(), opened);
}

#[tokio::test]
async fn a_server_that_is_not_there_yet_is_no_error() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server).await;
    proxy.set(Mode::Refuse).await;
    let start = Instant::now();
    let remote = connect(proxy.url()).await;
    assert!(start.elapsed() < Duration::from_secs(3));
    assert!(!remote.status().is_usable(), "{:?}", remote.status());
    let read = get(&remote, &entry("n")).await;
    assert!(matches!(read, Err(Fault::Unavailable(_))), "{read:?}");
    proxy.set(Mode::Pass).await;
    until_up(&remote).await;
    assert_eq!(get(&remote, &entry("n")).await.unwrap(), None);
}

#[tokio::test]
async fn a_wrong_password_is_told_in_words_and_a_right_one_later_is_taken() {
    let server = Server::options().password("right").start().await;
    let wrong = server.url().replace("right", "wr0ng");
    let remote = connect(wrong).await;
    until_down(&remote, "wrong password").await;
    let shown = format!("{remote:?} {}", remote.status());
    assert!(!shown.contains("wr0ng"), "{shown}");
    let mut admin = server.admin().await;
    redis::cmd("CONFIG")
        .arg(&["SET", "requirepass", "wr0ng"])
        .exec_async(&mut admin)
        .await
        .unwrap();
    until_up(&remote).await;
}

#[tokio::test]
async fn no_password_where_one_is_required_is_told_in_words() {
    let server = Server::options().password("right").start().await;
    let bare = format!("redis://127.0.0.1:{}", server.port());
    let remote = connect(bare).await;
    until_down(&remote, "password").await;
}

#[tokio::test]
async fn scripts_that_the_server_forgot_are_sent_again() {
    let server = Server::start().await;
    let remote = connect(server.url()).await;
    let mut admin = server.admin().await;
    for _ in 0..2 {
        redis::cmd("SCRIPT")
            .arg("FLUSH")
            .exec_async(&mut admin)
            .await
            .unwrap();
        store(&remote, &entry("n"), b"here").await.unwrap();
    }
    redis::cmd("SCRIPT")
        .arg("FLUSH")
        .exec_async(&mut admin)
        .await
        .unwrap();
    let states = remote
        .ensure(vec![tag("a")], vec![tag("a"), tag("b")], KEEP)
        .await
        .unwrap();
    assert_eq!(states[0], states[1]);
    assert!(states[1].proof().is_some());
    assert_eq!(states[2], CellState::Missing);
    assert_eq!(remote.status(), Status::Up);
}

#[tokio::test]
async fn a_full_server_refuses_writes_and_is_read_all_the_same() {
    let server = Server::options()
        .args(["--maxmemory-policy", "noeviction"])
        .start()
        .await;
    let remote = connect(server.url()).await;
    let name = entry("n");
    store(&remote, &name, b"here").await.unwrap();
    let cells = ["there", "first", "nowhere", "other"].map(tag);
    let made = [cells[0].clone(), cells[3].clone()];
    remote.ensure(made.to_vec(), vec![], KEEP).await.unwrap();
    let mut admin = server.admin().await;
    let limit = async |admin: &mut redis::aio::MultiplexedConnection, bytes: &str| {
        redis::cmd("CONFIG")
            .arg(&["SET", "maxmemory", bytes])
            .exec_async(admin)
            .await
            .unwrap();
    };
    let before = states(&remote, &cells).await;
    let intended = remote.intend(vec![tag("own"), tag("gone")], KEEP).await;
    server.evict("link:t:{gone}").await;
    let keys = server.keys("*").await.len();
    limit(&mut admin, "1").await;
    let turn = Turn::keeping(KEEP);
    let lagging = Turn {
        lag: Some(KEEP),
        ..turn
    };
    for refused in [
        remote.rotate(vec![], vec![tag("t")], lagging).await,
        remote.intend(vec![tag("there")], KEEP).await.map(drop),
        remote.ensure(vec![tag("t")], vec![], KEEP).await.map(drop),
    ] {
        assert!(matches!(refused, Err(Fault::Refused(_))), "{refused:?}");
    }
    assert_eq!(states(&remote, &cells).await, before);
    // In one script, whichever comes first.
    for order in [[0, 1, 2, 3], [1, 0, 3, 2]] {
        let before = states(&remote, &cells).await;
        let turned = order.map(|at: usize| cells[at].clone());
        remote.rotate(vec![], turned.to_vec(), turn).await.unwrap();
        let after = states(&remote, &cells).await;
        for at in [0, 3] {
            assert!(after[at].proof().is_some() && after[at] != before[at]);
        }
        for at in [1, 2] {
            assert_eq!(after[at], CellState::Missing);
        }
    }
    let own = [tag("own"), tag("gone")];
    let intents = own.clone().into_iter().zip(intended.unwrap()).collect();
    let ended = remote.conclude(vec![tag("t")], intents, turn).await;
    assert_eq!(ended.unwrap(), [Concluded::Ended, Concluded::Weakened]);
    let after = states(&remote, &own).await;
    assert!(after[0].proof().is_some() && after[1] == CellState::Missing);
    // What lives for a millisecond may have been counted.
    assert!(server.keys("*").await.len() <= keys, "more memory");
    remote
        .rotate(vec![], vec![tag("there")], lagging)
        .await
        .unwrap();
    assert_eq!(states(&remote, &cells[..1]).await, [CellState::Intent]);
    let Status::Degraded(why) = remote.status() else {
        panic!("{:?}", remote.status());
    };
    assert!(why.contains("memory"), "{why}");
    assert_eq!(get(&remote, &name).await.unwrap().unwrap(), b"here");
    assert!(matches!(remote.status(), Status::Degraded(_)));
    limit(&mut admin, "0").await;
    remote
        .rotate(vec![], vec![tag("t")], Turn::keeping(KEEP))
        .await
        .unwrap();
    assert_eq!(remote.status(), Status::Up);
}

#[tokio::test]
async fn what_is_refused_for_anything_but_memory_is_not_done() {
    let server = Server::start().await;
    let mut admin = server.admin().await;
    redis::cmd("ACL")
        .arg(&["SETUSER", "app", "on", ">pw", "~link:*", "&*", "+@all"])
        .exec_async(&mut admin)
        .await
        .unwrap();
    let url = format!("redis://app:pw@127.0.0.1:{}", server.port());
    let remote = connect(url).await;
    remote
        .ensure(vec![tag("-OOM there")], vec![], KEEP)
        .await
        .unwrap();
    for rules in [&["-set"][..], &["+set", "resetkeys", "%R~*"][..]] {
        redis::cmd("ACL")
            .arg(&["SETUSER", "app"])
            .arg(rules)
            .exec_async(&mut admin)
            .await
            .unwrap();
        for name in ["-OOM nowhere", "-OOM there"] {
            let turned = remote
                .rotate(vec![], vec![tag(name)], Turn::keeping(KEEP))
                .await;
            let Err(Fault::Refused(why)) = turned else {
                panic!("{rules:?} {name}: {turned:?}");
            };
            assert!(why.contains("no permission"), "{why}");
        }
    }
}

/// The URL of a server for somebody from whom it hides `INFO`.
async fn without_info(server: &Server) -> String {
    redis::cmd("ACL")
        .arg(&[
            "SETUSER", "blind", "on", ">pw", "~*", "&*", "+@all", "-info",
        ])
        .exec_async(&mut server.admin().await)
        .await
        .unwrap();
    format!("redis://blind:pw@127.0.0.1:{}", server.port())
}

#[tokio::test]
async fn f3_who_may_not_ask_for_info_notices_a_demoted_master_all_the_same() {
    let primary = Server::start().await;
    let other = Server::start().await;
    let url = without_info(&primary).await;
    let start = || {
        let mut settings = settings(url.clone());
        settings.verify_role = false;
        RedisRemote::start(settings)
    };
    let remote = start().await.unwrap();
    store(&remote, &entry("n"), b"here").await.unwrap();
    primary.replica_of(&other).await;
    // By the heartbeat, and by whoever connects.
    until_down(&remote, "not a master").await;
    let later = start().await.unwrap();
    let status = later.status();
    let Status::Down(why) = &status else {
        panic!("{status:?}");
    };
    assert!(why.contains("not a master"), "{why}");
    primary.promote().await;
    until("it is used again", || remote.status().is_usable()).await;
}

#[tokio::test]
async fn f19_a_server_that_hides_info_is_used_and_what_that_means_is_told() {
    let server = Server::start().await;
    let mut admin = server.admin().await;
    redis::cmd("ACL")
        .arg(&["SETUSER", "app", "on", ">pw", "~*", "+@all", "-info"])
        .arg("resetchannels")
        .exec_async(&mut admin)
        .await
        .unwrap();
    let url = format!("redis://app:pw@127.0.0.1:{}", server.port());
    let (one, two) = (connect(url.clone()).await, connect(url).await);
    let Status::Degraded(why) = one.status() else {
        panic!("{:?}", one.status());
    };
    assert!(why.contains("acknowledged"), "{why}");
    store(&one, &entry("n"), b"here").await.unwrap();
    assert_eq!(get(&two, &entry("n")).await.unwrap().unwrap(), b"here");
    assert_eq!(incarnation(&one).await, incarnation(&two).await);
    // And without channels nobody is put on the list of those who are told.
    let lock = |how| Lock {
        entry: entry("busy"),
        how,
        ttl: KEEP,
    };
    let free = How::IfFree { seen: None };
    one.lock(vec![lock(free)], vec![], KEEP).await.unwrap();
    let reply = two.lock(vec![lock(free)], vec![], KEEP).await.unwrap();
    assert!(matches!(reply.locks[0].0, Locked::Busy(_)), "{reply:?}");
    let held: Vec<u8> = redis::cmd("GET")
        .arg("link:l:{busy}")
        .query_async(&mut admin)
        .await
        .unwrap();
    assert_eq!(held.len(), 8);
}

#[test]
fn what_its_runtime_left_behind_works_on_the_next_one() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let (server, remote) = runtime().block_on(async {
        let server = Server::start().await;
        let remote = connect(server.url()).await;
        store(&remote, &entry("n"), b"here").await.unwrap();
        (server, remote)
    });
    runtime().block_on(async {
        assert!(remote.status().is_usable());
        assert_eq!(get(&remote, &entry("n")).await.unwrap().unwrap(), b"here");
    });
    // Without a runtime there is nobody who could connect; that is an answer, too.
    let status = remote.status();
    assert!(!status.is_usable(), "{status}");
    drop(server);
}

#[tokio::test]
async fn connections_end_with_the_last_handle_and_with_close() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server).await;
    let remote = connect(proxy.url()).await;
    assert_eq!(proxy.open(), 2);
    drop(remote);
    until("the connections end", || proxy.open() == 0).await;

    let remote = connect(proxy.url()).await;
    remote.close();
    assert_eq!(remote.status(), Status::Down("closed".to_owned()));
    let read = get(&remote, &entry("n")).await;
    assert!(matches!(read, Err(Fault::Unavailable(_))), "{read:?}");
    until("the connections end", || proxy.open() == 0).await;
}

#[tokio::test]
async fn a_lost_connection_is_replaced_and_no_command_is_sent_twice() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server).await;
    let remote = connect(proxy.url()).await;
    remote.attach(Arc::default(), Arc::default());
    server.reset_stats().await;
    proxy.set(Mode::LoseReplies).await;
    let removing = {
        let remote = Arc::clone(&remote);
        tokio::spawn(async move { remote.remove(vec![entry("n")], Turn::keeping(KEEP)).await })
    };
    tokio::time::sleep(MS * 50).await;
    // This cuts the connections whose replies were swallowed.
    proxy.set(Mode::Pass).await;
    let removed = removing.await.unwrap();
    assert!(matches!(removed, Err(Fault::Lost(_))), "{removed:?}");
    until_up(&remote).await;
    let stats = server.command_stats().await;
    assert_eq!(stats.get("evalsha"), Some(&1), "{stats:?}");
    assert_eq!(stats.get("eval"), None, "{stats:?}");
}

#[tokio::test]
async fn f7_the_servers_time_is_not_guessed_too_early() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server).await;
    let remote = connect(proxy.url()).await;
    let mut admin = server.admin().await;
    for delay in [0, 30, 5] {
        proxy.set(Mode::Delay(MS * delay)).await;
        for _ in 0..20 {
            let (seconds, micros): (u64, u64) =
                redis::cmd("TIME").query_async(&mut admin).await.unwrap();
            let reading = remote.read(one(&entry("n"), vec![])).await.unwrap();
            let ServerTime(guess) = reading.entries[0].now;
            let real = seconds * 1_000 + micros / 1_000;
            assert!(guess >= real, "{guess} {real}");
            // The trip of the read, and the error of the guess.
            assert!(guess <= real + 200, "{guess} {real}");
        }
    }
}

#[tokio::test]
async fn several_connections_are_one_store() {
    let server = Server::start().await;
    let mut settings = settings(server.url());
    settings.connections = 3;
    let remote = RedisRemote::start(settings).await.unwrap();
    let life = incarnation(&remote).await;
    for number in 0..9 {
        let name = entry(&format!("n:{number}"));
        store(&remote, &name, &[number]).await.unwrap();
        assert_eq!(get(&remote, &name).await.unwrap().unwrap(), [number]);
        assert_eq!(incarnation(&remote).await, life);
    }
    // One of them notices that the server hangs, and the others do not wait either.
    server.stop();
    assert!(get(&remote, &entry("n")).await.is_err());
    let start = Instant::now();
    for _ in 0..6 {
        assert!(get(&remote, &entry("n")).await.is_err());
    }
    assert!(start.elapsed() < MS * 200, "{:?}", start.elapsed());
    server.cont();
    until_up(&remote).await;
}

#[tokio::test]
async fn what_others_put_under_our_names_is_nothing() {
    let server = Server::start().await;
    let remote = connect(server.url()).await;
    let mut admin = server.admin().await;
    for key in ["v:{n}", "l:{n}", "i:{n}", "t:{t}", "e:{f}"] {
        redis::cmd("RPUSH")
            .arg(format!("link:{key}"))
            .arg("x")
            .exec_async(&mut admin)
            .await
            .unwrap();
    }
    let name = entry("n");
    let cells = vec![tag("t"), Cell::Family("f".into()), Cell::Key(name.clone())];
    let mut read = one(&name, cells.clone());
    read.entries.push((name.clone(), Part::Identity));
    let reading = remote.read(read).await.unwrap();
    assert!(reading.entries.iter().all(|found| found.bytes.is_none()));
    assert!(reading.cells.iter().all(|cell| *cell == CellState::Missing));
    let made = remote.ensure(cells.clone(), vec![], KEEP).await.unwrap();
    assert!(made.iter().all(|cell| cell.proof().is_some()), "{made:?}");
    store(&remote, &name, b"here").await.unwrap();
    assert_eq!(get(&remote, &name).await.unwrap().unwrap(), b"here");
    remote
        .rotate(cells, vec![], Turn::keeping(KEEP))
        .await
        .unwrap();
}

#[tokio::test]
async fn nothing_in_a_status_or_an_error_tells_where_or_with_what() {
    let mut seen = String::new();
    for url in [
        "redis://somebody:hunter2@127.0.0.1:1/3",
        "redis://somebody:hunter2@host.invalid/3",
        "unix:///hunter2/somebody?pass=hunter2",
    ] {
        let remote = connect(url).await;
        let fault = get(&remote, &entry("secret")).await.unwrap_err();
        let _ = write!(seen, "{remote:?} {} {fault} {fault:?} ", remote.status());
    }
    for secret in ["hunter2", "somebody", "127.0.0.1", "host.invalid", "secret"] {
        assert!(!seen.contains(secret), "{secret}: {seen}");
    }
}

#[tokio::test]
async fn connections_that_are_good_stay() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server).await;
    let remote = connect(proxy.url()).await;
    assert_eq!(proxy.connections(), 2);
    // Several heartbeats of the one, and more than one ping of the other.
    tokio::time::sleep(MS * 2_500).await;
    assert_eq!((proxy.connections(), proxy.open()), (2, 2));
    assert_eq!(remote.status(), Status::Up);
}

#[test]
fn a_runtime_without_sockets_is_told_in_words() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        let remote = connect("redis://127.0.0.1:1").await;
        let status = remote.status();
        assert!(status.to_string().contains("no I/O"), "{status}");
    });
}

/// How many bytes the lease of a busy entry has once `remote` has asked for it.
async fn held(server: &Server, remote: &RedisRemote, name: &str) -> usize {
    let lock = || Lock {
        entry: entry(name),
        how: How::IfFree { seen: None },
        ttl: KEEP,
    };
    remote.lock(vec![lock()], vec![], KEEP).await.unwrap();
    let reply = remote.lock(vec![lock()], vec![], KEEP).await.unwrap();
    assert!(matches!(reply.locks[0].0, Locked::Busy(_)), "{reply:?}");
    remote.lock(vec![lock()], vec![], KEEP).await.unwrap();
    redis::cmd("STRLEN")
        .arg(format!("link:l:{{{name}}}"))
        .query_async(&mut server.admin().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn f11_who_cannot_hear_is_not_listed_and_who_hears_again_is() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server).await;
    let remote = connect(proxy.url()).await;
    // The lease and this process, once.
    assert_eq!(held(&server, &remote, "a").await, 16);
    let mut admin = server.admin().await;
    let killed: i64 = redis::cmd("CLIENT")
        .arg(&["KILL", "TYPE", "pubsub"])
        .query_async(&mut admin)
        .await
        .unwrap();
    assert_eq!(killed, 1);
    tokio::time::sleep(MS * 50).await;
    assert_eq!(held(&server, &remote, "b").await, 8);
    let mut tries = 0;
    while held(&server, &remote, &format!("c{tries}")).await != 16 {
        tries += 1;
        assert!(tries < 200);
        tokio::time::sleep(MS * 10).await;
    }
}
