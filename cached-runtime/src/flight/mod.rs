//! One load per key in this process.
//!
//! A caller that finds nothing boards: the first becomes the leader and loads, the others join and
//! wait for it to land. Nobody's future is another's: a leader that is dropped lands as `Gone`,
//! and whoever waits boards again, one of them as the next leader with its own body.
//!
//! `table.rs` has the loads whose answers can be proven, `lane.rs` those whose cannot. `arrivals.rs` is where
//! those wait who joined.
//!
//! Invariant: a caller never joins a load that began before an invalidation that returned before
//! the caller arrived. `current` is asked under the shard's lock, at every boarding.

mod arrivals;
mod lane;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use self::arrivals::Wait;
pub(crate) use self::lane::{Lanes, Running, Seat};
pub(crate) use self::table::{Boarding, Flight, Flights, Landing, Leader, Manifest, Ticket};
