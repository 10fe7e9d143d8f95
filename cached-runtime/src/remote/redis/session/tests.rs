//! A session against a peer that does what the test says.

mod packing;
mod replies;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use ::redis::{Pipeline, Value};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::exchange::Session;
use super::stream::Stream;
use crate::background::spawn_detached;
use crate::remote::redis::error::{Effect, Trouble};

/// A session, and the other end of its stream.
async fn pair() -> (Session, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap());
    let (near, far) = tokio::join!(near, listener.accept());
    (Session::over(Stream::Tcp(near.unwrap())), far.unwrap().0)
}

fn pings(count: usize) -> Pipeline {
    let mut commands = Pipeline::new();
    for _ in 0..count {
        commands.cmd("PING");
    }
    commands
}

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

/// Reads so many pings.
async fn hear(far: &mut TcpStream, count: usize) {
    let mut heard = vec![0; PING.len() * count];
    far.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, PING.repeat(count));
}

async fn poll_once<F: Future>(future: &mut Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

/// A task of its own.
fn beside<F>(work: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    spawn_detached(work).expect("there is a runtime")
}

fn numbers(answer: Result<Vec<Value>, Trouble>) -> Vec<i64> {
    let number = |value| match value {
        Value::Int(number) => number,
        other => panic!("{other:?}"),
    };
    answer.unwrap().into_iter().map(number).collect()
}

#[tokio::test]
async fn who_asks_first_is_answered_first() {
    let (session, mut far) = pair().await;
    let (one, two) = (pings(2), pings(1));
    let asked = async { tokio::join!(session.exchange(&one), session.exchange(&two)) };
    let answering = async {
        hear(&mut far, 3).await;
        far.write_all(b":1\r\n:2\r\n:3\r\n").await.unwrap();
    };
    let ((one, two), ()) = tokio::join!(asked, answering);
    assert_eq!((numbers(one), numbers(two)), (vec![1, 2], vec![3]));
}

#[tokio::test]
async fn a_reply_may_come_in_any_pieces() {
    let (session, mut far) = pair().await;
    let long = vec![b'x'; 300_000];
    let mut reply = format!("*2\r\n${}\r\n", long.len()).into_bytes();
    reply.extend_from_slice(&long);
    reply.extend_from_slice(b"\r\n$-1\r\n+PONG\r\n");
    let answering = async {
        hear(&mut far, 2).await;
        for piece in reply.chunks(7_001) {
            far.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
    };
    let commands = pings(2);
    let (answer, ()) = tokio::join!(session.exchange(&commands), answering);
    let expected = Value::Array(vec![Value::BulkString(long), Value::Nil]);
    assert_eq!(
        answer.unwrap(),
        [expected, Value::SimpleString("PONG".into())]
    );
}

#[tokio::test]
async fn a_question_longer_than_the_stream_takes_at_once_is_sent_whole() {
    let (session, mut far) = pair().await;
    let mut long = Pipeline::new();
    long.cmd("ECHO").arg(vec![b'x'; 8 << 20]);
    let length = long.get_packed_pipeline().len();
    let answering = async {
        let mut heard = vec![0; length];
        far.read_exact(&mut heard).await.unwrap();
        hear(&mut far, 1).await;
        far.write_all(b":1\r\n:2\r\n").await.unwrap();
    };
    let later = pings(1);
    let asking = async { tokio::join!(session.exchange(&long), session.exchange(&later)) };
    let ((one, two), ()) = tokio::join!(asking, answering);
    assert_eq!((numbers(one), numbers(two)), (vec![1], vec![2]));
}

#[tokio::test]
async fn who_goes_away_takes_no_answer_from_others() {
    let (session, mut far) = pair().await;
    let (gone, stays) = (pings(2), pings(1));
    let mut stays = pin!(session.exchange(&stays));
    {
        let mut gone = pin!(session.exchange(&gone));
        assert!(poll_once(&mut gone).await.is_pending());
        assert!(poll_once(&mut stays).await.is_pending());
    }
    hear(&mut far, 3).await;
    far.write_all(b":1\r\n:2\r\n:3\r\n").await.unwrap();
    assert_eq!(numbers(stays.await), [3]);
}

#[tokio::test]
async fn who_was_to_read_and_goes_away_hands_it_on() {
    let (session, mut far) = pair().await;
    let (first, second) = (pings(1), pings(1));
    let (first_woken, second_woken) = (Arc::new(Flag::default()), Arc::new(Flag::default()));
    let mut second = pin!(session.exchange(&second));
    {
        let mut first = pin!(session.exchange(&first));
        assert!(first_woken.poll(first.as_mut()).is_pending());
        assert!(second_woken.poll(second.as_mut()).is_pending());
        hear(&mut far, 2).await;
        far.write_all(b":1\r\n:2\r\n").await.unwrap();
        // The reactor wakes the first of them.
        while !first_woken.is_set() {
            tokio::task::yield_now().await;
        }
        assert!(!second_woken.is_set());
    }
    assert!(second_woken.is_set());
    assert_eq!(numbers(second.await), [2]);
}

#[tokio::test]
async fn who_reads_its_own_answer_is_not_woken_for_it() {
    let (session, mut far) = pair().await;
    let (first, second) = (pings(1), pings(1));
    let (readable, first_woken) = (Arc::new(Flag::default()), Arc::new(Flag::default()));
    let second_woken = Arc::new(Flag::default());
    let (mut first, mut second) = (
        pin!(session.exchange(&first)),
        pin!(session.exchange(&second)),
    );
    assert!(readable.poll(first.as_mut()).is_pending());
    assert!(second_woken.poll(second.as_mut()).is_pending());
    hear(&mut far, 2).await;
    far.write_all(b":1\r\n:2\r\n").await.unwrap();
    while !readable.is_set() {
        tokio::task::yield_now().await;
    }
    assert!(first_woken.poll(first.as_mut()).is_ready());
    assert!(!first_woken.is_set());
    assert!(second_woken.is_set(), "others are");
    assert_eq!(numbers(second.await), [2]);
}

/// A session whose stream takes everything and gives nothing; `during` is called in the middle of
/// each turn, and is what a caller on another thread does then.
fn one_sided(mut during: impl FnMut() + Send + 'static) -> (Session, Arc<Mutex<Vec<u8>>>) {
    let written = Arc::new(Mutex::new(Vec::new()));
    let told = {
        let written = Arc::clone(&written);
        move |bytes: Option<&[u8]>| {
            let Some(bytes) = bytes else {
                during();
                return Poll::Pending;
            };
            written.lock().unwrap().extend_from_slice(bytes);
            Poll::Ready(Ok(bytes.len()))
        }
    };
    (Session::over(Stream::Told(Box::new(told))), written)
}

/// Where the other caller's question is put once there is a session to ask.
type Other = Arc<Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>>;

/// Asks on `session` whenever the other one is polled.
fn ask_besides(session: &Arc<Session>, other: &Other) {
    let session = Arc::clone(session);
    *other.lock().unwrap() = Some(Box::pin(async move {
        drop(session.exchange(&pings(1)).await);
    }));
}

#[test]
fn who_finds_the_stream_in_use_is_noticed_by_who_has_it() {
    let other = Other::default();
    let asks = Arc::clone(&other);
    let (session, written) = one_sided(move || {
        // Once; what is forgotten goes on waiting.
        if let Some(mut question) = asks.lock().unwrap().take() {
            let mut context = Context::from_waker(Waker::noop());
            assert!(question.as_mut().poll(&mut context).is_pending());
            std::mem::forget(question);
        }
    });
    let session = Arc::new(session);
    ask_besides(&session, &other);
    let first = pings(1);
    let mut first = pin!(session.exchange(&first));
    let mut context = Context::from_waker(Waker::noop());
    assert!(first.as_mut().poll(&mut context).is_pending());
    assert_eq!(*written.lock().unwrap(), PING.repeat(2));
}

#[test]
fn nobody_goes_on_for_others_without_end() {
    let (other, woken) = (Other::default(), Arc::new(Flag::default()));
    let asks = Arc::clone(&other);
    let (session, _written) = one_sided(move || {
        if let Some(question) = &mut *asks.lock().unwrap() {
            let mut context = Context::from_waker(Waker::noop());
            assert!(question.as_mut().poll(&mut context).is_pending());
        }
    });
    let session = Arc::new(session);
    ask_besides(&session, &other);
    let first = pings(1);
    let mut first = Box::pin({
        let session = Arc::clone(&session);
        async move { session.exchange(&first).await.map(drop) }
    });
    assert!(woken.poll(first.as_mut()).is_pending());
    assert!(woken.is_set(), "somebody goes on");
    // Each of them keeps the session, which keeps them.
    drop(other.lock().unwrap().take());
}

#[tokio::test]
async fn who_is_to_read_and_is_not_polled_holds_nobody_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let settings = crate::remote::redis::RedisSettings::new(url, "n").check();
    let server = beside(async move {
        let mut far = listener.accept().await.unwrap().0;
        let mut heard = vec![0; 1024];
        let length = far.read(&mut heard).await.unwrap();
        assert!(heard[..length].starts_with(b"*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO"));
        far.write_all(b"+OK\r\n+OK\r\n").await.unwrap();
        hear(&mut far, 2).await;
        far.write_all(b":1\r\n:2\r\n").await.unwrap();
        far
    });
    let session = Session::open(&settings.unwrap()).await.unwrap();
    let (first, second) = (pings(1), pings(1));
    let mut first = pin!(session.exchange(&first));
    // Polled once, and not again before the other has its answer.
    assert!(poll_once(&mut first).await.is_pending());
    let second = beside({
        let session = Arc::clone(&session);
        async move { session.exchange(&second).await }
    });
    assert_eq!(numbers(second.await.unwrap()), [2]);
    assert_eq!(numbers(first.await), [1]);
    drop(server.await.unwrap());
}

#[tokio::test]
async fn all_who_wait_learn_that_the_stream_has_ended_and_nobody_asks_again() {
    let (session, mut far) = pair().await;
    let (one, two) = (pings(1), pings(2));
    let asked = async { tokio::join!(session.exchange(&one), session.exchange(&two)) };
    let answering = async {
        hear(&mut far, 3).await;
        far.write_all(b":1\r\n:2\r\n").await.unwrap();
        far.shutdown().await.unwrap();
    };
    let ((one, two), ()) = tokio::join!(asked, answering);
    assert_eq!(numbers(one), [1]);
    let why = two.unwrap_err();
    assert_eq!(
        (why.why().as_str(), why.effect),
        ("the connection was lost", Effect::Suspect)
    );
    let later = session.exchange(&pings(1)).await.unwrap_err();
    assert_eq!(later.why(), "the connection was lost");
}

#[tokio::test]
async fn what_a_server_says_before_it_goes_away_is_the_reason() {
    let (session, mut far) = pair().await;
    far.write_all(b"-ERR max number of clients reached\r\n")
        .await
        .unwrap();
    far.shutdown().await.unwrap();
    let why = session.exchange(&pings(3)).await.unwrap_err();
    assert_eq!(why.why(), "no room for another client");
}

#[tokio::test]
async fn what_is_no_reply_ends_the_session() {
    let (session, mut far) = pair().await;
    far.write_all(b"HTTP/1.1 400 Bad Request\r\n")
        .await
        .unwrap();
    let why = session.exchange(&pings(1)).await.unwrap_err();
    assert_eq!(why.effect, Effect::Close);
    assert!(session.exchange(&pings(1)).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_ask_at_once_each_get_their_own() {
    const TASKS: i64 = 32;
    const QUESTIONS: i64 = 200;
    let (session, far) = pair().await;
    let session = Arc::new(session);
    let (mut reading, mut writing) = far.into_split();
    // Says again what it hears, which is a number each.
    let echo = beside(async move {
        let mut heard = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let count = reading.read(&mut buffer).await.unwrap();
            if count == 0 {
                return;
            }
            heard.extend_from_slice(&buffer[..count]);
            let whole = heard.len() / 16 * 16;
            let numbers = heard.drain(..whole).collect::<Vec<_>>();
            let reply = numbers.chunks(16).map(|command| {
                let number = std::str::from_utf8(&command[8..14]).unwrap();
                format!(":{number}\r\n")
            });
            let reply: String = reply.collect();
            writing.write_all(reply.as_bytes()).await.unwrap();
        }
    });
    let ask = |task: i64| {
        let session = Arc::clone(&session);
        beside(async move {
            for question in 0..QUESTIONS {
                let number = 100_000 + task * QUESTIONS + question;
                let mut commands = Pipeline::new();
                commands.cmd(&number.to_string());
                assert_eq!(numbers(session.exchange(&commands).await), [number]);
            }
        })
    };
    for asked in (0..TASKS).map(ask).collect::<Vec<_>>() {
        asked.await.unwrap();
    }
    drop(session);
    echo.await.unwrap();
}

#[derive(Default)]
struct Flag(std::sync::atomic::AtomicBool);

impl Flag {
    fn poll<F: Future>(self: &Arc<Self>, future: Pin<&mut F>) -> Poll<F::Output> {
        let waker = Waker::from(Arc::clone(self));
        future.poll(&mut Context::from_waker(&waker))
    }

    fn is_set(&self) -> bool {
        self.0.load(std::sync::atomic::Ordering::SeqCst)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, std::sync::atomic::Ordering::SeqCst);
    }
}
