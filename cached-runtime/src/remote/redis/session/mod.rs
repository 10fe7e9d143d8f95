//! A conversation with a server over one stream: who asks first is answered first.
//!
//! Nobody stands between those who ask and the stream. Who asks writes, and whoever is answered next
//! reads for all; a caller by itself so waits for the server and for no other task.
//!
//! - `stream` - the bytes, plain or encrypted. `login` - who we are there. `packed` - from commands to
//!   bytes, `reply` - from bytes to replies. `queue` - who waits for which replies. `exchange` - asking,
//!   and taking the stream further. `deadlines` - how long is waited.
//!
//! Invariant: whatever can be read or written is done by somebody soon. The reactor wakes who is
//! answered next; if that one is not polled, the attendant goes on in its place within [`TICK`]s.

mod deadlines;
mod exchange;
mod login;
mod packed;
mod queue;
mod reply;
mod stream;
#[cfg(test)]
mod tests;

pub(super) use self::exchange::Session;
pub(super) use self::packed::{Command, Packed};
pub(super) use self::reply::{Part, Replies};
#[cfg(feature = "tls-rustls")]
pub(super) use self::stream::{connect, plain};

#[cfg(doc)]
use self::exchange::TICK;
