//! A web server that ends in order: when it is asked to, it takes no more requests, and answers those
//! that have begun.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// For so long requests are waited for that have begun. Whoever has sent half of one, and never sends the
/// rest, keeps nobody longer: what has to be done behind the requests would not be done at all.
const PATIENCE: Duration = Duration::from_secs(5);

/// A server that listens, and answers when it is told how.
pub(crate) struct Server {
    listener: TcpListener,
    terminate: Signal,
}

impl Server {
    /// Says where it listens. From here on a signal ends it in order.
    pub(crate) async fn bind(address: SocketAddr) -> Result<Self, Box<dyn Error>> {
        let terminate = signal(SignalKind::terminate())?;
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|error| format!("cannot listen on {address}: {error}"))?;
        println!("listening on {}", listener.local_addr()?);
        Ok(Self {
            listener,
            terminate,
        })
    }

    /// Answers until it is asked to end, by `kill` or by Ctrl-C.
    pub(crate) async fn run(self, routes: Router) -> io::Result<()> {
        let Self {
            listener,
            mut terminate,
        } = self;
        let (goes_on, has_ended) = oneshot::channel::<()>();
        let asked = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                // Without a handler for it there is nothing to wait for.
                Err(_) | Ok(()) = tokio::signal::ctrl_c() => {}
            }
            drop(goes_on);
        };
        let late = async move {
            // Nothing is ever sent: it ends with the other half.
            let _ = has_ended.await;
            tokio::time::sleep(PATIENCE).await;
        };
        let routes = routes.into_make_service_with_connect_info::<SocketAddr>();
        let serving = axum::serve(listener, routes).with_graceful_shutdown(asked);
        tokio::select! {
            served = serving.into_future() => served,
            () = late => {
                eprintln!("some requests did not end within {PATIENCE:?}");
                Ok(())
            }
        }
    }
}
