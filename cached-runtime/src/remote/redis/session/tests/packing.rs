//! Small packets go as one where the server is on this host, and nowhere else.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::beside;
use crate::background::sleep;
use crate::remote::redis::session::exchange::Session;
use crate::remote::redis::session::stream::Stream;

/// Whether packets are packed to somebody at a loopback address who answers after this time, and whether
/// `TCP_NODELAY` is on.
async fn packs(after: Duration) -> (bool, bool) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let near = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut far, _) = listener.accept().await.unwrap();
    near.set_nodelay(true).unwrap();
    near.set_nonblocking(true).unwrap();
    let socket = near.try_clone().unwrap();
    let session = Session::over(Stream::Tcp(TcpStream::from_std(near).unwrap()));
    let answers = beside(async move {
        let mut asked = [0; 64];
        while far.read(&mut asked).await.unwrap() > 0 {
            if !after.is_zero() {
                sleep(after).await;
            }
            far.write_all(b"+PONG\r\n").await.unwrap();
        }
    });
    session.pack_if_near().await.unwrap();
    let packs = session.packs();
    drop(session);
    answers.abort();
    (packs, socket.nodelay().unwrap())
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn small_packets_to_a_server_here_are_packed() {
    // One that is busy may be taken for one that is far.
    for _ in 0..50 {
        match packs(Duration::ZERO).await {
            (true, nodelay) => return assert!(!nodelay),
            (false, nodelay) => assert!(nodelay),
        }
    }
    panic!("none was near");
}

#[tokio::test]
async fn a_tunnel_that_ends_here_is_no_server_here() {
    let (packs, nodelay) = packs(Duration::from_millis(2)).await;
    assert!(!packs && nodelay);
}
