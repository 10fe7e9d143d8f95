//! The runtime of the `cache-aside` crate. Depend on that one: it has the attributes, and
//! re-exports what is here.
//!
//! The life of one cached call, and the modules in that order:
//!
//! 1. `site` - what is known at compile time; `key` - the arguments become a key, hashed in place.
//! 2. `local` - is there a fresh value in this process? Then the call ends here.
//! 3. `call` - the algorithm: what was found, who loads, what is stored. `policy` says what the
//!    function asks for, `freshness` when an answer is fresh or may be stale, `mode` what this
//!    caller asks for.
//! 4. `flight` - one load per key: lead or join. `background` - loads that outlive their caller.
//!    `back_off`, `limiter` - loads that are put off. `seats` - places of those who wait.
//! 5. `outcome` - which part of the return value is stored; `value` - what can be.
//! 6. `tags` - what makes an answer invalid; `invalidation`, `write`, `bracket` - who says so.
//!    `template` - tags written as text.
//! 7. `batch` - the same for many keys at once.
//! 8. `remote` - a store that processes share, as a trait, and over Redis; `shared` - one cache in
//!    many processes over it; `coherence` - how far copies are trusted without a question;
//!    `codec`, `envelope` - how values become bytes there.
//!    `breaker` - whether a store that fails is used.
//! 9. `cache`, `by_hand`, `reserve`, `lock`, `config`, `install` - the handle; `observe`, `inspect`,
//!    `health`, `audit` - what it tells. `defect` - mistakes to be switched on in tests; `pause` -
//!    where tests stop calls, with `test_util`.
//! 10. `rate_limit` - how often something may be done; beside the cache, over the same `remote`.
//! 11. `response` - whole HTTP responses, as a layer for the services of `tower`.
//!
//! Only `clock` reads the time, only `background` spawns tasks, only `value` and `codec` bound
//! values by serde, only `remote::redis` names the client's types, and `private` is all that
//! generated code names.

mod audit;
mod back_off;
mod background;
mod batch;
mod bracket;
mod breaker;
mod by_hand;
mod cache;
mod call;
mod clock;
pub mod codec;
mod coherence;
mod config;
mod defect;
mod envelope;
mod error;
mod flight;
mod freshness;
mod health;
mod inspect;
mod install;
mod invalidation;
mod key;
mod limiter;
mod local;
mod lock;
mod mode;
mod nesting;
mod observe;
mod outcome;
mod pause;
mod policy;
#[doc(hidden)]
pub mod private;
#[cfg(feature = "rate-limit")]
mod rate_limit;
pub mod remote;
mod report;
mod reserve;
#[cfg(feature = "tower")]
mod response;
mod seats;
mod shared;
mod site;
mod tags;
mod template;
#[cfg(any(test, feature = "test-util"))]
pub mod test_util;
mod value;
mod write;

pub use crate::audit::AuditCounts;
pub use crate::bracket::WriteBracket;
pub use crate::breaker::BreakerState;
pub use crate::cache::Cache;
pub use crate::clock::Clock;
pub use crate::codec::{Codec, CodecError};
pub use crate::coherence::Coherence;
pub use crate::config::CacheBuilder;
#[doc(hidden)]
pub use crate::defect::Defect;
pub use crate::error::{Error, ErrorKind, LoadTimeout};
pub use crate::freshness::Jitter;
pub use crate::health::{Health, HealthStatus};
pub use crate::inspect::EntryInfo;
pub use crate::invalidation::Invalidation;
pub use crate::key::{Key, KeyPart};
pub use crate::lock::Lease;
pub use crate::mode::{
    BypassCache, CacheExt, Outcome, RefreshCache, RefreshIfDue, Report, Tier, WithCacheReport,
};
pub use crate::observe::{Counts, Stats};
pub use crate::policy::{Locally, Policy, PolicyFor, SingleFlight, Untyped};
#[cfg(feature = "rate-limit")]
pub use crate::rate_limit::{Decision, RateLimiter, RateLimiterBuilder, RateLimiterStats};
pub use crate::reserve::Reservation;
#[cfg(feature = "tower")]
pub use crate::response::{ResponseBody, ResponseCache, ResponseCacheService};
pub use crate::tags::Tag;
pub use crate::value::Cacheable;
