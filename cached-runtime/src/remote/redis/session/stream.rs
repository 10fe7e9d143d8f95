//! The bytes to and from a server: over TCP, a socket in the file system, or TLS.

use std::io;
use std::net::{IpAddr, SocketAddr};
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

/// Whether that is an address of this host, and the kernel one that may pack: Linux holds a small packet back
/// behind a small one only. With others the end of what is large waits for its own beginning.
fn is_on_loopback(address: IpAddr) -> bool {
    cfg!(target_os = "linux") && address.to_canonical().is_loopback()
}

impl Stream {
    /// Whether it ends on this host, without TLS: there may be a server.
    pub(super) fn ends_here(&self) -> bool {
        let here = |stream: &TcpStream| {
            let peer = stream.peer_addr();
            peer.is_ok_and(|peer| is_on_loopback(peer.ip()))
        };
        matches!(self, Self::Tcp(stream) if here(stream))
    }

    /// Leaves it to the kernel to put small packets into one. Whether it does.
    pub(super) fn pack(&self) -> bool {
        matches!(self, Self::Tcp(stream) if stream.set_nodelay(false).is_ok())
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
    use super::*;

    #[test]
    fn a_network_is_not_this_host() {
        let ends_here = |address: &str| is_on_loopback(address.parse().unwrap());
        for here in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(ends_here(here), "{here}");
        }
        for there in [
            "10.0.0.1",
            "172.17.0.2",
            "::ffff:10.0.0.1",
            "fe80::1",
            "0.0.0.0",
        ] {
            assert!(!ends_here(there), "{there}");
        }
    }
}
