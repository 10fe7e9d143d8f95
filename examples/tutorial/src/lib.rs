//! What the tutorial is about: a data store in memory, and a cache in front of it.
//!
//! [`store`] is the source of truth, and knows no cache; [`functional`] puts one in front of it with
//! free functions, [`object`] with the methods of a repository. The program runs both through six
//! scenarios (`src/scenarios.rs`); what goes wrong with caches that are written by hand is in
//! `tests/gotchas`.

pub mod functional;
pub mod object;
pub mod store;
