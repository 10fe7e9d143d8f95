//! What servers do that the proof of a beat rests on: a push of a change that was confirmed comes before the
//! answer to a second question.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::obtain::Flavor;
use crate::support::proxy::frame;
use crate::support::server::Server;

const ROUNDS: usize = 2_000;
const PONG: &[u8] = b"+PONG\r\n";

/// A connection with nothing between the test and the bytes.
struct Raw {
    stream: TcpStream,
    arrived: Vec<u8>,
}

impl Raw {
    async fn to(server: &Server) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", server.port()));
        let stream = stream.await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            arrived: Vec::new(),
        }
    }

    /// Follows the tags of the namespace `n`.
    async fn following(server: &Server) -> Self {
        let mut raw = Self::to(server).await;
        raw.send(&["HELLO 3", "CLIENT TRACKING ON BCAST PREFIX n:t:{"])
            .await;
        assert_eq!(raw.frame().await[0], b'%');
        assert_eq!(raw.frame().await, b"+OK\r\n");
        raw
    }

    /// In one packet.
    async fn send(&mut self, commands: &[&str]) {
        let packet = commands.join("\r\n") + "\r\n";
        self.stream.write_all(packet.as_bytes()).await.unwrap();
    }

    async fn frame(&mut self) -> Vec<u8> {
        loop {
            if let Some(length) = frame(&self.arrived) {
                return self.arrived.drain(..length).collect();
            }
            let read = self.stream.read_buf(&mut self.arrived);
            let read = timeout(Duration::from_secs(20), read).await;
            assert_ne!(read.expect("in time").unwrap(), 0, "the server hung up");
        }
    }

    async fn ask(&mut self, command: &str) -> Vec<u8> {
        self.send(&[command]).await;
        self.frame().await
    }

    /// What is pushed before the answers to two questions, one asked after the answer to the other.
    async fn beat(&mut self) -> Vec<Vec<u8>> {
        let mut pushed = Vec::new();
        for _ in 0..2 {
            self.send(&["PING"]).await;
            self.pushes_before(PONG, &mut pushed).await;
        }
        pushed
    }

    async fn pushes_before(&mut self, answer: &[u8], pushed: &mut Vec<Vec<u8>>) {
        loop {
            let frame = self.frame().await;
            if frame == answer {
                return;
            }
            assert_eq!(frame[0], b'>', "{}", String::from_utf8_lossy(&frame));
            pushed.push(frame);
        }
    }
}

fn names(pushed: &[Vec<u8>], key: &str) -> bool {
    let key = format!("\r\n{key}\r\n");
    let names = |push: &Vec<u8>| push.windows(key.len()).any(|part| part == key.as_bytes());
    pushed.iter().any(names)
}

/// Both servers, and both as they are with threads of their own for the network.
async fn servers() -> Vec<Server> {
    let mut servers = Vec::new();
    for flavor in [Flavor::Redis, Flavor::Valkey] {
        servers.push(Server::options().flavor(flavor).start().await);
        let threads = Server::options().flavor(flavor).args(["--io-threads", "4"]);
        servers.push(threads.start().await);
    }
    servers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_comes_before_the_answer_to_a_second_question() {
    for server in servers().await {
        let what = format!("{:?} {}", server.flavor(), server.version());
        let (mut writer, mut follower) = (Raw::to(&server).await, Raw::following(&server).await);
        for round in 0..ROUNDS {
            let key = format!("n:t:{{{round}}}");
            assert_eq!(writer.ask(&format!("SET {key} 1")).await, b"+OK\r\n");
            let pushed = follower.beat().await;
            assert!(names(&pushed, &key), "{what}, round {round}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_of_a_change_of_ones_own_comes_before_the_answer_to_a_second_question() {
    for server in servers().await {
        let what = format!("{:?} {}", server.flavor(), server.version());
        let mut follower = Raw::following(&server).await;
        for round in 0..ROUNDS {
            let key = format!("n:t:{{{round}}}");
            let mut pushed = Vec::new();
            follower.send(&[&format!("SET {key} 1"), "PING"]).await;
            follower.pushes_before(b"+OK\r\n", &mut pushed).await;
            follower.pushes_before(PONG, &mut pushed).await;
            follower.send(&["PING"]).await;
            follower.pushes_before(PONG, &mut pushed).await;
            assert!(names(&pushed, &key), "{what}, round {round}");
        }
    }
}

#[tokio::test]
async fn every_change_of_a_key_is_pushed_and_what_changes_nothing_is_not() {
    let key = "n:t:{tag}";
    for server in servers().await {
        let what = format!("{:?} {}", server.flavor(), server.version());
        let (mut writer, mut follower) = (Raw::to(&server).await, Raw::following(&server).await);
        let cases = [
            ("SET n:t:{tag} 1 NX", true),
            ("SET n:t:{tag} 2 NX", false),
            ("GET n:t:{tag}", false),
            ("SET n:t:{tag} 2", true),
            ("DEL n:t:{tag}", true),
            ("DEL n:t:{tag}", false),
            ("SET n:v:{tag} 1", false),
            ("SET n:t:{tag} 1 PX 30", true),
        ];
        for (command, pushes) in cases {
            writer.ask(command).await;
            let pushed = follower.beat().await;
            assert_eq!(names(&pushed, key), pushes, "{what}: {command}");
        }
        // It expires, and nobody asks for it.
        assert!(names(&[follower.frame().await], key), "{what}");
        for flush in ["FLUSHALL", "FLUSHDB"] {
            assert_eq!(writer.ask("SET n:t:{tag} 1").await, b"+OK\r\n");
            assert!(names(&follower.beat().await, key));
            assert_eq!(writer.ask(flush).await, b"+OK\r\n");
            let nothing_named = b">2\r\n$10\r\ninvalidate\r\n_\r\n";
            let pushed = follower.beat().await;
            assert!(
                pushed.iter().any(|push| push == nothing_named),
                "{what}: {flush}"
            );
        }
    }
}
