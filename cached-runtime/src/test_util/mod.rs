//! For tests: calls that stop where the test wants, time that it moves, and a store that fails when
//! it says so. With the feature `test-util`.
//!
//! - [`hold`] stops the calls of a prefix at a [`Point`]: in the middle of a load, most of all. So a
//!   test invalidates at the one moment at which it matters, without a sleep.
//! - [`in_process`] is a cache with a clock that stands still, [`fleet`] is several of them with one
//!   server in memory: what the processes of a service are to each other.
//! - [`Faulty`] is the way to a store, on which a [`Mishap`] happens to the operations that the test
//!   names, and which counts them.
//!
//! # Two kinds of time
//!
//! [`Clock::manual`](crate::Clock::manual) moves the life of what is stored: `ttl`, stale windows,
//! how long copies are trusted. It never wakes anybody up. The server in memory has a clock of its own,
//! as another machine has; [`Fleet::advance`] moves both.
//!
//! Whatever waits (`load_timeout`, `soft_timeout`, `lease_wait`, a [`Mishap::Delay`]) is a timer of the
//! runtime. `tokio::time::pause` stops those, and then moves them by itself as soon as there is
//! nothing else to do: a test of a time limit takes no time. Neither kind of time moves the other.

mod caches;
mod faulty;
mod hold;

#[cfg(test)]
mod tests;

pub use self::caches::{Fleet, fleet, in_process};
pub use self::faulty::{Faulty, Mishap};
pub use self::hold::{Hold, hold};
pub use crate::pause::Point;
pub use crate::remote::double::Op;
