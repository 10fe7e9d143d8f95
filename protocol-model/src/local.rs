//! Model B: the tier in the process, which answers from what it was told and cannot be sure to have
//! been told everything.
//!
//! One server, one tag, one key. An instance has a view of the current tokens, kept up to date by a
//! push connection that can die silently; a heartbeat on it doubles as the lease of the view. Time
//! is a counter. Reads travel on another connection: their replies may be handled before or after
//! a push that the server produced later.

mod config;
mod link;
mod model;
mod reader;
mod rules;
mod state;
mod writer;

pub(crate) use config::{Config, Keys, Mode};
