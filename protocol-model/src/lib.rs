//! A model of the protocol between processes and the shared store, small enough to visit every
//! state it can get into, and looked at for answers older than an invalidation that had returned.
//!
//! `shared` is the store with tokens, leases and fills, `local` the tier in the process, `dynamic`
//! the tags that are known only after a load. [`runs`] has the configurations; `README.md` says
//! how they map to the protocol and what they found.

#![expect(
    clippy::cast_possible_truncation,
    reason = "participants and tags are few, and kept as bytes so that states are small"
)]
#![expect(
    clippy::option_option,
    reason = "a read that has not been answered, and one that found nothing, are two things"
)]
#![expect(
    clippy::too_many_lines,
    reason = "tables of runs, and one match over all phases, are read as a whole"
)]
#![expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "entries and tokens are larger in larger models"
)]

pub mod check;
mod dynamic;
mod local;
pub mod runs;
mod shared;
