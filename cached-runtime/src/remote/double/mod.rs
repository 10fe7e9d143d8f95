//! A store in memory, and the wire to it, for tests: nothing happens by chance, and everything can
//! be made to go wrong.
//!
//! A [`DoubleServer`] is the server; each [`Double`] is the [`Remote`](super::Remote) of one
//! process. An operation is complete when it is polled first, unless it is held. The server's clock
//! stands still until it is moved.
//!
//! ```
//! # use cached_runtime as cache_aside;
//! use cache_aside::remote::double::{DoubleServer, Op, Trouble};
//! use cache_aside::remote::{Cell, Fault, Read, Remote, Turn};
//! use std::time::Duration;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let server = DoubleServer::new(1);
//! let (writer, reader) = (server.connect(), server.connect());
//! let keep = Duration::from_secs(60);
//! let (cell, seen) = (Cell::Tag("user:1".into()), || Read {
//!     cells: vec![Cell::Tag("user:1".into())],
//!     ..Read::default()
//! });
//!
//! reader.ensure(vec![cell.clone()], Vec::new(), keep).await?;
//! let before = reader.read(seen()).await?.cells;
//!
//! writer.begin(Trouble::LoseReply, &[Op::Rotate]);
//! let rotated = writer.rotate(Vec::new(), vec![cell], Turn::keeping(keep)).await;
//! assert!(matches!(rotated, Err(Fault::Lost(_))));
//! assert_ne!(reader.read(seen()).await?.cells, before, "it happened");
//! # Ok::<(), Fault>(()) }).unwrap();
//! ```
//!
//! Inside: `data` is what the server does in one go (`turns`: when something is invalidated), `plan`
//! makes a request of such steps, `wire` carries requests and replies, `push` what is pushed,
//! `trouble` says what can happen to them; `server` and `client` are the two ends.

mod client;
mod control;
mod data;
mod generator;
mod plan;
mod push;
mod server;
mod shelf;
mod trouble;
mod turns;
mod wire;

#[cfg(test)]
mod tests;

pub use self::client::Double;
pub use self::push::Pushed;
pub use self::server::{DoubleServer, Snapshot};
pub use self::trouble::{Op, Point, Trouble};
pub use self::wire::Held;
