//! Opens the connections on which something is pushed: in plain text or over TLS, as the settings say, and
//! never the one for the other.

use ::redis::aio::{MultiplexedConnection, PubSub};
use ::redis::{AsyncConnectionConfig, Client, ProtocolVersion, RedisError};

use super::settings::{Checked, Way};
use crate::background::Task;
#[cfg(feature = "tls-rustls")]
use crate::background::beside;

/// A connection, and what drives it for as long as this is kept.
pub(super) struct Wire {
    connection: MultiplexedConnection,
    /// Nothing where the client has a task for it.
    _driver: Option<Task>,
}

impl Wire {
    /// One more handle. It is of use as long as the wire is there.
    pub(super) fn handle(&self) -> MultiplexedConnection {
        self.connection.clone()
    }
}

/// Opens a connection that tells of changes. Whoever calls it keeps the time.
pub(super) async fn dial(
    checked: &Checked,
    config: AsyncConnectionConfig,
) -> Result<Wire, RedisError> {
    // The deadlines are ours: one for each operation, and one for the whole of connecting.
    let config = config
        .set_connection_timeout(None)
        .set_response_timeout(None);
    let login = checked.login(ProtocolVersion::RESP3);
    match checked.way() {
        Way::Plain(info) => {
            let client = Client::open(info.clone().set_redis_settings(login))?;
            let connecting = client.get_multiplexed_async_connection_with_config(&config);
            Ok(Wire {
                connection: connecting.await?,
                _driver: None,
            })
        }
        #[cfg(feature = "tls-rustls")]
        Way::Secure(secure) => {
            let stream = secure.connect().await?;
            let (connection, driver) =
                MultiplexedConnection::new_with_config(&login, stream, config).await?;
            Ok(Wire {
                connection,
                _driver: beside(driver),
            })
        }
    }
}

/// Opens a connection on which messages arrive. Whoever calls it keeps the time.
pub(super) async fn dial_messages(checked: &Checked) -> Result<PubSub, RedisError> {
    // Subscriptions are the same in both protocols, and every server speaks this one.
    let login = checked.login(ProtocolVersion::RESP2);
    match checked.way() {
        Way::Plain(info) => {
            let client = Client::open(info.clone().set_redis_settings(login))?;
            client.get_async_pubsub().await
        }
        #[cfg(feature = "tls-rustls")]
        Way::Secure(secure) => PubSub::new(&login, secure.connect().await?).await,
    }
}
