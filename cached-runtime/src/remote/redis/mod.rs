//! The shared tier in Redis or Valkey, from version 6.2 on: one server, or the master of several.
//!
//! An operation goes this way: `store` - `reads` or `commands` - `node` gives a connection and a
//! deadline - `pair` sends. Aside from that, `keeper` connects and checks, `wake` listens for loads
//! that ended, and `push` for what changed.
//!
//! - `settings` - where the server is; `names` - what things are called there.
//! - `session` - a conversation over one stream, which carries operations. `dial` - opens the
//!   connections on which something is pushed; `tls` - with the feature `tls-rustls`.
//! - `pair` - one connection, `life` - which life of the server is behind it, `server_clock` - what
//!   time it is there. `link` - the place of a connection, `keeper` - who looks after it. `node` -
//!   all of that for one server; it asks `crate::breaker` before it sends.
//! - `plan` - which commands answer some look-ups, `reads` - who shares a trip.
//! - `scripts` - what runs in the server, `script` - how it is called, `tokens` - bytes that were never sent before, `exchange` -
//!   scripts that the server forgot are sent again with others. `commands` - everything that changes
//!   something; `opening` - a look-up that asks for the lease where it finds nothing.
//! - `buckets` - how often something may be done, with the feature `rate-limit`.
//! - `error` - what a failure means for its caller and for those who come after.
//!
//! Nothing here connects again below an operation, and nothing is sent twice: a reply belongs to
//! the life of the server with which its connection began, or it does not count.

#[cfg(feature = "rate-limit")]
mod buckets;
mod commands;
mod dial;
mod error;
mod exchange;
mod keeper;
mod life;
mod link;
mod names;
mod node;
mod opening;
mod pair;
mod plan;
mod push;
mod reads;
mod refusal;
mod script;
mod scripts;
mod server_clock;
mod session;
mod settings;
mod store;
#[cfg(feature = "tls-rustls")]
mod tls;
mod tokens;
mod turns;
mod wake;

pub use self::settings::RedisSettings;
pub(crate) use self::settings::values;
pub use self::store::RedisRemote;
#[cfg(feature = "tls-rustls")]
pub use self::tls::Pem;
