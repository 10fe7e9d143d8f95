//! Model C: tags that are known only after the load, by the rule of the invalidation epoch.
//!
//! One cache key, one such tag, one epoch of the tag's family (the epoch of all families would be a
//! second cell of the same kind, always rotated together with it). Three shards: value and lock,
//! epoch, tag. Each fails over by itself, and no two of their reads or writes are atomic with each
//! other. A token of the tag seen by the look-up serves for a hit, never as a snapshot: the load
//! may produce a tag that no look-up could know.

mod config;
mod faults;
mod model;
mod reader;
mod rules;
mod state;
mod writer;

pub(crate) use config::{Config, Operation, Order, Rule};
