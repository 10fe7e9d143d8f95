//! Model A: the shared store, with tokens, leases, fenced fills, failover and joined loads.
//!
//! One cache key. One shard holds its value and its lock, another the tokens of the tags, so that
//! value and tokens are never read atomically (as in a Redis Cluster). Every action is one command,
//! or one script of a single slot, executed by one server. The source of truth is linearizable;
//! `version` counts its commits. A reader's `floor` is the version it must see at least: the
//! newest whose invalidation had returned when the reader started.

mod config;
mod faults;
mod load;
mod model;
mod properties;
mod reader;
mod state;
mod writer;

pub(crate) use config::{Config, Join, Operation, Resend, Scheme, StrayLock};
