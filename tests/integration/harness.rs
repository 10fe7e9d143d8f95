//! The servers, networks and processes that the other tests break.

use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, AsyncConnectionConfig, RedisResult};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::obtain::Flavor;
use crate::support::process::Child;
use crate::support::proxy::{Mode, Proxy};
use crate::support::server::Server;

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(10);

/// With little patience.
async fn client(url: &str) -> RedisResult<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(SHORT))
        .set_response_timeout(Some(SHORT));
    redis::Client::open(url)?
        .get_multiplexed_async_connection_with_config(&config)
        .await
}

async fn ping(url: &str) -> RedisResult<String> {
    client(url).await?.ping().await
}

async fn set(server: &Server, key: &str, value: &str) {
    let mut admin = server.admin().await;
    admin.set::<_, _, ()>(key, value).await.unwrap();
}

async fn get(server: &Server, key: &str) -> Option<String> {
    server.admin().await.get(key).await.unwrap()
}

#[tokio::test]
async fn servers_are_private_and_answer() {
    let (first, second) = tokio::join!(Server::start(), Server::start());
    assert_ne!(first.port(), second.port());
    assert_eq!(ping(&first.url()).await.unwrap(), "PONG");
    set(&first, "k", "1").await;
    assert_eq!(get(&second, "k").await, None);
    let major: u32 = first.version().split('.').next().unwrap().parse().unwrap();
    assert!(major >= 7, "{}", first.version());
    assert_ne!(first.flavor(), Flavor::Any);
    if let Ok(asked) = std::env::var("CACHE_ASIDE_TEST_SERVER")
        && std::env::var_os("CACHE_ASIDE_REDIS_BIN").is_none()
    {
        assert_eq!(format!("{:?}", first.flavor()).to_lowercase(), asked);
    }
}

#[tokio::test]
async fn both_flavors_can_be_had() {
    for flavor in [Flavor::Redis, Flavor::Valkey] {
        let server = Server::options().flavor(flavor).start().await;
        assert_eq!(server.flavor(), flavor);
        assert_eq!(ping(&server.url()).await.unwrap(), "PONG");
    }
}

#[tokio::test]
async fn a_server_ends_with_its_handle() {
    let server = Server::start().await;
    server.stop();
    let (url, pid) = (server.url(), server.pid());
    drop(server);
    assert!(!is_running(pid));
    assert!(ping(&url).await.is_err());
}

#[tokio::test]
async fn passwords_and_arguments_reach_the_server() {
    let options = Server::options().password("sesame");
    let server = options.args(["--maxmemory", "2mb"]).start().await;
    let open = format!("redis://127.0.0.1:{}/0", server.port());
    assert!(ping(&open).await.is_err());
    assert_eq!(ping(&server.url()).await.unwrap(), "PONG");
    let proxy = Proxy::start(&server).await;
    assert_eq!(ping(&proxy.url()).await.unwrap(), "PONG");

    let mut admin = server.admin().await;
    let set = redis::cmd("CONFIG").arg(&["GET", "maxmemory"]).clone();
    let answer: Vec<String> = set.query_async(&mut admin).await.unwrap();
    assert_eq!(answer, ["maxmemory", "2097152"]);
}

#[tokio::test]
async fn a_stopped_server_hangs_and_goes_on() {
    let server = Server::start().await;
    let mut before = client(&server.url()).await.unwrap();
    server.stop();
    let error = before.ping::<String>().await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    server.cont();
    assert_eq!(before.ping::<String>().await.unwrap(), "PONG");
}

#[tokio::test]
async fn a_killed_server_comes_back_empty_on_its_port() {
    let server = Server::start().await;
    set(&server, "k", "1").await;
    let (url, pid) = (server.url(), server.pid());
    server.kill();
    assert!(ping(&url).await.unwrap_err().is_io_error());
    server.restart().await;
    assert_eq!(server.url(), url);
    assert_ne!(server.pid(), pid);
    assert_eq!(get(&server, "k").await, None);
}

#[tokio::test]
async fn a_server_comes_back_with_what_it_had_once() {
    let server = Server::start().await;
    set(&server, "k", "old").await;
    let snapshot = server.save_snapshot().await;
    set(&server, "k", "new").await;
    server.restore_snapshot(&snapshot).await;
    assert_eq!(get(&server, "k").await.as_deref(), Some("old"));
    server.restart().await;
    assert_eq!(get(&server, "k").await, None, "without one it is empty");
}

#[tokio::test]
async fn keys_are_listed_evicted_and_flushed() {
    let server = Server::start().await;
    for key in ["b:1", "a:2", "a:1"] {
        set(&server, key, "v").await;
    }
    assert_eq!(server.keys("*").await, ["a:1", "a:2", "b:1"]);
    assert_eq!(server.evict("a:*").await, 2);
    assert_eq!(server.evict("a:*").await, 0);
    assert_eq!(server.keys("*").await, ["b:1"]);
    server.flush().await;
    assert!(server.keys("*").await.is_empty());
}

#[tokio::test]
async fn commands_are_counted() {
    let server = Server::start().await;
    get(&server, "k").await;
    server.reset_stats().await;
    get(&server, "k").await;
    get(&server, "k").await;
    assert_eq!(server.command_stats().await.get("get"), Some(&2));
}

#[tokio::test]
async fn clients_can_be_cut_off_by_the_server() {
    let server = Server::start().await;
    let mut victim = client(&server.url()).await.unwrap();
    assert_eq!(victim.ping::<String>().await.unwrap(), "PONG");
    assert!(server.client_kill().await >= 1);
    assert!(victim.ping::<String>().await.is_err());
}

#[tokio::test]
async fn a_replica_without_the_last_writes_is_promoted() {
    let primary = Server::start().await;
    let link = Proxy::start(&primary).await;
    let replica = Server::options().replica_of_port(link.port()).start().await;
    let front = Proxy::start(&primary).await;
    let mut writer = client(&front.url()).await.unwrap();

    writer.set::<_, _, ()>("k", "first").await.unwrap();
    primary.replicated().await;
    link.set(Mode::BlackHole).await;
    writer.set::<_, _, ()>("k", "second").await.unwrap();
    primary.kill();
    replica.promote().await;
    front.retarget(&replica);
    front.cut().await;

    let mut reader = client(&front.url()).await.unwrap();
    let found: String = reader.get("k").await.unwrap();
    assert_eq!(found, "first");
    reader.set::<_, _, ()>("k", "third").await.unwrap();

    primary.restart().await;
    primary.replica_of(&replica).await;
    assert_eq!(get(&primary, "k").await.as_deref(), Some("third"));
}

#[tokio::test]
async fn a_replica_may_start_with_the_data() {
    let primary = Server::start().await;
    set(&primary, "k", "1").await;
    let replica = Server::options().replica_of(&primary).start().await;
    assert_eq!(get(&replica, "k").await.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_proxy_passes_and_counts() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server).await;
    let mut stream = raw(&proxy).await;
    proxy.reset_counts();
    for _ in 0..2 {
        assert_eq!(ask(&mut stream, 7).await.unwrap(), "+PONG\r\n");
    }
    stream.write_all(b"PI").await.unwrap();
    tokio::time::sleep(SHORT / 4).await;
    stream.write_all(b"NG\r\n").await.unwrap();
    read(&mut stream, 7).await.unwrap();
    assert_eq!((proxy.connections(), proxy.open()), (1, 1));
    assert_eq!(proxy.round_trips(), 3);
    assert_eq!((proxy.bytes_to_server(), proxy.bytes_to_client()), (18, 21));
}

#[tokio::test]
async fn a_proxy_delays_each_direction() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server).await;
    let mut stream = raw(&proxy).await;
    proxy.set(Mode::Delay(Duration::from_millis(50))).await;
    let start = Instant::now();
    ask(&mut stream, 7).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn a_proxy_cuts_and_closes() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server).await;
    let mut stream = raw(&proxy).await;
    ask(&mut stream, 7).await.unwrap();
    proxy.cut().await;
    let error = stream.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);

    let mut stream = raw(&proxy).await;
    ask(&mut stream, 7).await.unwrap();
    proxy.close().await;
    let error = stream.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
    assert_eq!(proxy.open(), 0);
    assert_eq!(ping(&proxy.url()).await.unwrap(), "PONG");
}

#[tokio::test]
async fn a_proxy_truncates() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server).await;
    let mut stream = raw(&proxy).await;
    ask(&mut stream, 7).await.unwrap();
    proxy.set(Mode::Truncate(10)).await;
    assert_eq!(ask(&mut stream, 7).await.unwrap(), "+PONG\r\n");
    assert_eq!(ask(&mut stream, 3).await.unwrap(), "+PO");
    let error = stream.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
    let mut next = raw(&proxy).await;
    assert_eq!(ask(&mut next, 7).await.unwrap(), "+PONG\r\n");
}

#[tokio::test]
async fn a_proxy_is_a_black_hole_until_it_is_none() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server).await;
    let mut old = raw(&proxy).await;
    ask(&mut old, 7).await.unwrap();
    proxy.set(Mode::BlackHole).await;
    let mut new = raw(&proxy).await;
    for stream in [&mut old, &mut new] {
        stream.write_all(b"PING\r\n").await.unwrap();
        assert!(timeout(SHORT, stream.read_u8()).await.is_err(), "silence");
    }
    proxy.set(Mode::Pass).await;
    for stream in [&mut old, &mut new] {
        assert_eq!(read(stream, 7).await.unwrap(), "+PONG\r\n");
    }
}

#[tokio::test]
async fn a_proxy_refuses_whom_it_does_not_know() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server).await;
    let mut old = raw(&proxy).await;
    ask(&mut old, 7).await.unwrap();
    proxy.set(Mode::Refuse).await;
    let refused = TcpStream::connect(("127.0.0.1", proxy.port())).await;
    let error = refused.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!(ask(&mut old, 7).await.unwrap(), "+PONG\r\n");
    proxy.set(Mode::Pass).await;
    assert_eq!(ping(&proxy.url()).await.unwrap(), "PONG");
}

#[tokio::test]
async fn a_proxy_loses_replies_of_requests_that_were_done() {
    let server = Server::start().await;
    let proxy = Proxy::start(&server).await;
    let mut stream = raw(&proxy).await;
    ask(&mut stream, 7).await.unwrap();
    let mut idle = raw(&proxy).await;
    ask(&mut idle, 7).await.unwrap();
    proxy.set(Mode::LoseReplies).await;
    stream.write_all(b"SET k 1\r\n").await.unwrap();
    assert!(timeout(SHORT, stream.read_u8()).await.is_err(), "no reply");
    assert_eq!(get(&server, "k").await.as_deref(), Some("1"));
    proxy.set(Mode::Pass).await;
    assert!(read(&mut stream, 1).await.is_err(), "cut");
    assert_eq!(ask(&mut idle, 7).await.unwrap(), "+PONG\r\n", "not cut");
}

#[tokio::test]
async fn a_child_talks_whatever_else_it_prints() {
    let mut children = [
        Child::spawn("echo", &[("GREETING", "hello")]).await,
        Child::spawn("echo", &[("GREETING", "goodbye")]).await,
    ];
    for child in &mut children {
        child.expect("ready").await;
        child.send("world");
    }
    let [mut hello, mut goodbye] = children;
    hello.expect("hello world").await;
    assert_eq!(goodbye.value("goodbye").await, "world");
    assert_ne!(hello.pid(), goodbye.pid());
    hello.send("end");
    hello.ends_well().await;
    goodbye.send("fail");
    assert_eq!(goodbye.wait().await.code(), Some(101));
}

#[tokio::test]
async fn a_child_can_be_stopped_and_killed() {
    let mut child = Child::spawn("echo", &[("GREETING", "hi")]).await;
    child.expect("ready").await;
    child.stop();
    child.send("there");
    assert!(timeout(SHORT, child.receive()).await.is_err(), "it stands");
    child.cont();
    child.expect("hi there").await;
    child.kill();
    assert!(!child.wait().await.success());
    assert!(!is_running(child.pid()));
}

#[tokio::test]
async fn nothing_outlives_a_killed_test_binary() {
    let mut child = Child::spawn("owner", &[]).await;
    let server: u32 = child.value("server").await.parse().unwrap();
    let grandchild: u32 = child.value("child").await.parse().unwrap();
    assert!(is_running(server) && is_running(grandchild));
    child.kill();
    let start = Instant::now();
    while is_running(server) || is_running(grandchild) {
        assert!(start.elapsed() < LONG, "they still run");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A zombie, which nobody may reap in a container, does not run.
fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

async fn raw(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", proxy.port())).await;
    stream.expect("a proxy that listens")
}

/// Sends `PING` and reads so many bytes.
async fn ask(stream: &mut TcpStream, bytes: usize) -> std::io::Result<String> {
    stream.write_all(b"PING\r\n").await?;
    read(stream, bytes).await
}

async fn read(stream: &mut TcpStream, bytes: usize) -> std::io::Result<String> {
    let mut reply = vec![0; bytes];
    let read = timeout(LONG, stream.read_exact(&mut reply)).await;
    read.expect("in time")?;
    Ok(String::from_utf8(reply).expect("text"))
}
