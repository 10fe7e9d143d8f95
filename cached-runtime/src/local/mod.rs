//! The local tier: typed values of this process, bounded, read without locks.
//!
//! `entry.rs` is what is kept for one key, `more.rs` what few entries have besides, `behind.rs` what
//! stands behind one that processes share, `digits.rs` keeps numbers short, `home.rs` what is kept
//! once for all keys of a function, `store.rs` reads and writes, `change.rs` is one change,
//! `sought.rs` finds, `ledger.rs` decides who leaves when the store is full, by its queues
//! (`queue.rs`), `key_cell.rs` knows what happened to keys while they are loaded.
//!
//! Invariant: a hit takes no lock and writes no memory that other hits write, except a mark that
//! is set at most three times per entry, and a number that is set at most once by each thread when
//! something was invalidated.

mod behind;
mod change;
mod digits;
mod entry;
mod home;
mod key_cell;
mod ledger;
mod more;
mod queue;
mod sought;
mod store;
#[cfg(test)]
mod tests;

pub(crate) use self::entry::{AnyEntry, Backed, EntryHead, NotFound};
pub(crate) use self::home::Home;
pub(crate) use self::key_cell::KeyCell;
pub(crate) use self::ledger::Limits;
pub(crate) use self::store::{Opened, Refused, Store};
