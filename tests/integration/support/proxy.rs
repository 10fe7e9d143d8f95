//! A network between a client and a server, to be broken.

// Said, because the tests of the applications name this file by its path.
#[path = "proxy/direction.rs"]
mod direction;

use std::future::pending;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::place::free_port;
use super::process::LIMIT;
use super::server::Server;
use direction::{Direction, is_operation, read, write};

pub(crate) use direction::frame;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Mode {
    Pass,
    /// In each direction.
    Delay(Duration),
    /// Connections are accepted and stay open, and nothing arrives. What was sent arrives when this ends, as in
    /// a network that comes back.
    BlackHole,
    /// Nobody listens. Connections that exist go on; `cut` ends them.
    Refuse,
    /// Requests arrive, replies do not. Connections that lost one are cut when this ends: no TCP connection goes
    /// on with a gap.
    LoseReplies,
    /// So many bytes more reach the client on each connection, then it is cut.
    Truncate(usize),
    /// Replies arrive, and say nothing that anybody could read.
    Garble,
    /// A black hole for connections that asked for pushes, and nothing for others.
    PushesHang,
    /// Whatever is pushed does not arrive, and everything else does.
    PushesLost,
    /// A connection is a black hole from its next operation on. Who connects and sends heartbeats is answered.
    OperationsHang,
    /// Operations take so long to the server, and what is sent behind them on the same connection.
    OperationsSlow(Duration),
}

/// Lives on a thread and a runtime of its own: it does not depend on the runtime under test.
pub(crate) struct Proxy {
    port: u16,
    url: String,
    commands: mpsc::UnboundedSender<(Command, oneshot::Sender<()>)>,
    shared: Arc<Shared>,
}

enum Command {
    Set(Mode),
    End(Ending),
}

#[derive(Clone, Copy, PartialEq)]
enum Ending {
    Reset,
    Finish,
}

/// What the connections know.
struct Shared {
    target: AtomicU16,
    mode: watch::Sender<(Mode, u64)>,
    /// Changes when all connections of the moment have to end.
    ending: watch::Sender<Ending>,
    accepted: AtomicUsize,
    open: AtomicUsize,
    to_server: AtomicU64,
    to_client: AtomicU64,
    round_trips: AtomicU64,
    operations: AtomicU64,
}

impl Proxy {
    pub(crate) async fn start(server: &Server) -> Self {
        let mut proxy = Self::to_port(server.port()).await;
        proxy.url = server.url_at(proxy.port);
        proxy
    }

    pub(crate) async fn to_port(target: u16) -> Self {
        let shared = Arc::new(Shared {
            target: AtomicU16::new(target),
            mode: watch::Sender::new((Mode::Pass, 0)),
            ending: watch::Sender::new(Ending::Finish),
            accepted: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            to_server: AtomicU64::new(0),
            to_client: AtomicU64::new(0),
            round_trips: AtomicU64::new(0),
            operations: AtomicU64::new(0),
        });
        let (commands, received) = mpsc::unbounded_channel();
        let (listens, port) = oneshot::channel();
        let seen = shared.clone();
        std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime")
                .block_on(run(seen, received, listens));
        });
        let port = timeout(LIMIT, port).await.expect("in time");
        let port = port.expect("a proxy that listens");
        Self {
            port,
            url: format!("redis://127.0.0.1:{port}/0"),
            commands,
            shared,
        }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// In force on return.
    pub(crate) async fn set(&self, mode: Mode) {
        self.command(Command::Set(mode)).await;
    }

    /// Resets the connections there are.
    pub(crate) async fn cut(&self) {
        self.command(Command::End(Ending::Reset)).await;
    }

    /// Ends the connections there are in an orderly way.
    pub(crate) async fn close(&self) {
        self.command(Command::End(Ending::Finish)).await;
    }

    async fn command(&self, command: Command) {
        let (reply, done) = oneshot::channel();
        let sent = self.commands.send((command, reply));
        assert!(sent.is_ok(), "the proxy runs");
        let done = timeout(LIMIT, done).await.expect("in time");
        done.expect("the proxy runs");
    }

    /// Where new connections go.
    pub(crate) fn retarget(&self, server: &Server) {
        self.shared.target.store(server.port(), SeqCst);
    }

    /// Accepted so far.
    pub(crate) fn connections(&self) -> usize {
        self.shared.accepted.load(SeqCst)
    }

    pub(crate) fn open(&self) -> usize {
        self.shared.open.load(SeqCst)
    }

    pub(crate) fn bytes_to_server(&self) -> u64 {
        self.shared.to_server.load(SeqCst)
    }

    pub(crate) fn bytes_to_client(&self) -> u64 {
        self.shared.to_client.load(SeqCst)
    }

    /// How often somebody sent something after an answer: exact for one caller at a time.
    pub(crate) fn round_trips(&self) -> u64 {
        self.shared.round_trips.load(SeqCst)
    }

    /// How many operations of a cache were sent, whatever became of them: exact for one caller at a time.
    pub(crate) fn operations(&self) -> u64 {
        self.shared.operations.load(SeqCst)
    }

    pub(crate) fn reset_counts(&self) {
        self.shared.operations.store(0, SeqCst);
        self.shared.to_server.store(0, SeqCst);
        self.shared.to_client.store(0, SeqCst);
        self.shared.round_trips.store(0, SeqCst);
    }
}

/// Until the `Proxy` is dropped.
async fn run(
    shared: Arc<Shared>,
    mut commands: mpsc::UnboundedReceiver<(Command, oneshot::Sender<()>)>,
    listens: oneshot::Sender<u16>,
) {
    let (first, port) = loop {
        let port = free_port();
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            break (listener, port);
        }
    };
    let mut listener = Some(first);
    let mut connections = JoinSet::new();
    if listens.send(port).is_err() {
        return;
    }
    loop {
        tokio::select! {
            command = commands.recv() => {
                let Some((command, done)) = command else { return };
                match command {
                    Command::Set(Mode::Refuse) => {
                        listener = None;
                        refused(port).await;
                    }
                    Command::Set(_) if listener.is_none() => {
                        let again = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
                        listener = Some(again.expect("the port is still free"));
                    }
                    Command::Set(_) => {}
                    Command::End(ending) => {
                        shared.ending.send_replace(ending);
                        while connections.join_next().await.is_some() {}
                    }
                }
                if let Command::Set(mode) = command {
                    shared.mode.send_modify(|(old, changes)| {
                        *old = mode;
                        *changes += 1;
                    });
                }
                // The one who asked may be gone.
                let _ = done.send(());
            }
            Some(client) = accept(listener.as_ref()) => {
                shared.accepted.fetch_add(1, SeqCst);
                shared.open.fetch_add(1, SeqCst);
                let shared = shared.clone();
                let mut ending = shared.ending.subscribe();
                connections.spawn(async move {
                    connect(client, &shared, &mut ending).await;
                    shared.open.fetch_sub(1, SeqCst);
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// A process that another test starts may have the listener too, until it runs its own program.
async fn refused(port: u16) {
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .await
        .is_ok()
    {
        sleep(Duration::from_millis(1)).await;
    }
}

async fn accept(listener: Option<&TcpListener>) -> Option<TcpStream> {
    match listener {
        Some(listener) => Some(listener.accept().await.ok()?.0),
        None => pending().await,
    }
}

async fn connect(mut client: TcpStream, shared: &Shared, ending: &mut watch::Receiver<Ending>) {
    let ending = tokio::select! {
        ending = serve(&mut client, shared) => ending,
        _ = ending.changed() => *ending.borrow(),
    };
    if ending == Ending::Reset {
        // A connection that is gone already needs no reset.
        let _ = client.set_zero_linger();
    }
}

/// Both directions, until both have ended or one has failed.
async fn serve(client: &mut TcpStream, shared: &Shared) -> Ending {
    let target = (Ipv4Addr::LOCALHOST, shared.target.load(SeqCst));
    let Ok(mut server) = TcpStream::connect(target).await else {
        return Ending::Reset;
    };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let asked = AtomicBool::new(false);
    let pushed = AtomicBool::new(false);
    let request = |chunk: &[u8]| {
        if chunk.windows(8).any(|part| part == b"TRACKING") {
            pushed.store(true, SeqCst);
        }
        if is_operation(chunk) {
            shared.operations.fetch_add(1, SeqCst);
        }
        if !asked.swap(true, SeqCst) {
            shared.round_trips.fetch_add(1, SeqCst);
        }
    };
    let reply = |_: &[u8]| asked.store(false, SeqCst);
    let (up, sent) = mpsc::channel(64);
    let (down, answered) = mpsc::channel(64);
    let ended = tokio::try_join!(
        read(from_client, up, request),
        read(from_server, down, reply),
        write(to_server, sent, Direction::new(shared, &pushed, false)),
        write(to_client, answered, Direction::new(shared, &pushed, true)),
    );
    ended.err().unwrap_or(Ending::Finish)
}
