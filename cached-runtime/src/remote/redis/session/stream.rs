//! The bytes to and from a server: over TCP, a socket in the file system, or TLS.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::redis::io::tcp::{TcpSettings, socket2::SockRef};
use ::redis::{ConnectionAddr, ConnectionInfo};
use futures_util::future::select_ok;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};

use super::super::settings::Way;

pub(super) enum Stream {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(tokio::net::UnixStream),
    #[cfg(feature = "tls-rustls")]
    Tls(Box<tokio_rustls::client::TlsStream<TcpStream>>),
    /// Does what a test says: with what is to be written, or reads.
    #[cfg(test)]
    Told(Told),
}

#[cfg(test)]
type Told = Box<dyn FnMut(Option<&[u8]>) -> Poll<io::Result<usize>> + Send>;

impl Stream {
    /// Whoever calls it keeps the time.
    pub(super) async fn open(way: &Way) -> io::Result<Self> {
        match way {
            Way::Plain(info) => Self::open_plainly(info).await,
            #[cfg(feature = "tls-rustls")]
            Way::Secure(secure) => Ok(Self::Tls(secure.connect().await?)),
        }
    }

    async fn open_plainly(info: &ConnectionInfo) -> io::Result<Self> {
        match info.addr() {
            ConnectionAddr::Tcp(host, port) => {
                let socket = info.tcp_settings();
                let stream = connect(host, *port, |at| plain(at, socket)).await?;
                if is_here(&stream) {
                    stream.set_nodelay(false)?;
                }
                Ok(Self::Tcp(stream))
            }
            #[cfg(unix)]
            ConnectionAddr::Unix(path) => {
                Ok(Self::Unix(tokio::net::UnixStream::connect(path).await?))
            }
            _ => Err(io::Error::other(
                "the address is of no kind that is known here",
            )),
        }
    }
}

/// Whether small packets are left to the kernel to gather: to a server on this host, which acknowledges
/// one as soon as it has read it, so that the next ones wait no longer than it is busy with others. Over a
/// network they would wait for a round trip. Other kernels hold back the end of what is large, too.
fn is_here(stream: &TcpStream) -> bool {
    let peer = stream.peer_addr();
    cfg!(target_os = "linux") && peer.is_ok_and(|peer| peer.ip().to_canonical().is_loopback())
}

/// To the address of a host that is the first to be `open`.
pub(in super::super) async fn connect<S, F>(
    host: &str,
    port: u16,
    open: impl Fn(SocketAddr) -> F,
) -> io::Result<S>
where
    F: Future<Output = io::Result<S>>,
{
    let addresses = lookup_host((host, port)).await?;
    let attempts: Vec<_> = addresses.map(|at| Box::pin(open(at))).collect();
    if attempts.is_empty() {
        return Err(io::Error::other("the lookup of the host found nothing"));
    }
    let (stream, _) = select_ok(attempts).await?;
    Ok(stream)
}

/// The same as the client does to its connections.
pub(in super::super) async fn plain(
    address: SocketAddr,
    settings: &TcpSettings,
) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(settings.nodelay())?;
    let socket = SockRef::from(&stream);
    if let Some(keepalive) = settings.keepalive() {
        socket.set_tcp_keepalive(keepalive)?;
    }
    #[cfg(any(target_os = "android", target_os = "linux"))]
    socket.set_tcp_user_timeout(settings.user_timeout())?;
    Ok(stream)
}

impl Stream {
    /// Whether what several ask for at about the same time goes in one packet.
    pub(super) fn gathers(&self) -> bool {
        matches!(self, Self::Tcp(stream) if is_here(stream))
    }
}

macro_rules! each {
    ($stream:expr, $inner:ident => $work:expr) => {
        match $stream {
            Stream::Tcp($inner) => $work,
            #[cfg(unix)]
            Stream::Unix($inner) => $work,
            #[cfg(feature = "tls-rustls")]
            Stream::Tls($inner) => $work,
            #[cfg(test)]
            Stream::Told(_) => Poll::Pending,
        }
    };
}

impl Stream {
    pub(super) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        room: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        #[cfg(test)]
        if let Self::Told(told) = self {
            return told(None);
        }
        let mut room = ReadBuf::new(room);
        let read = each!(self, stream => Pin::new(stream).poll_read(context, &mut room));
        read.map_ok(|()| room.filled().len())
    }

    pub(super) fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        #[cfg(test)]
        if let Self::Told(told) = self {
            return told(Some(bytes));
        }
        each!(self, stream => Pin::new(stream).poll_write(context, bytes))
    }

    pub(super) fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_flush(context))
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::remote::redis::RedisSettings;

    #[tokio::test]
    async fn small_packets_to_a_server_here_are_gathered_by_the_kernel() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let settings = RedisSettings::new(format!("redis://127.0.0.1:{port}"), "n");
        let stream = Stream::open(settings.check().unwrap().way()).await.unwrap();
        assert!(stream.gathers());
        let Stream::Tcp(socket) = stream else {
            panic!("it is not encrypted");
        };
        assert!(!socket.nodelay().unwrap());
    }
}
