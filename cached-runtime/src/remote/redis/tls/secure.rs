//! From an address to a stream that is encrypted, to a server that is who it says.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use ::redis::io::tcp::TcpSettings;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;

use super::super::session::{connect, plain};
use super::trust::Trust;
use crate::error::Error;

/// Where a server is, and whom we accept there.
#[derive(Clone)]
pub(in super::super) struct Secure {
    connector: TlsConnector,
    host: Arc<str>,
    port: u16,
    name: ServerName<'static>,
    socket: TcpSettings,
}

impl Secure {
    /// Reads certificates, and connects to nobody.
    pub(in super::super) fn new(
        host: &str,
        port: u16,
        trust: Trust<'_>,
        socket: TcpSettings,
    ) -> Result<Self, Error> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            Error::config("the host in the Redis URL is no name that a certificate could have")
        })?;
        Ok(Self {
            connector: TlsConnector::from(Arc::new(trust.config()?)),
            host: host.into(),
            port,
            name,
            socket,
        })
    }

    /// What tells one server from another where the server itself does not.
    pub(in super::super) fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// To the address that proves first who it is. Whoever calls it keeps the time.
    pub(in super::super) async fn connect(&self) -> io::Result<Box<TlsStream<TcpStream>>> {
        let stream = connect(&self.host, self.port, |at| self.open(at)).await?;
        Ok(Box::new(stream))
    }

    async fn open(&self, address: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
        let stream = plain(address, &self.socket).await?;
        self.connector.connect(self.name.clone(), stream).await
    }
}

/// Neither where nor who.
impl fmt::Debug for Secure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secure").finish_non_exhaustive()
    }
}
