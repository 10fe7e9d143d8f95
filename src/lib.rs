//! Caches the result of an async function: one attribute, one load per key, and nothing that was
//! invalidated is served.
//!
//! ```
//! use cache_aside::{cache_aside, cache_invalidate};
//!
//! #[cache_aside(ttl = "5m", tags = ["user:{id}"])]
//! async fn user_name(id: u64) -> std::io::Result<String> {
//!     Ok(format!("user number {id}")) // runs once; then 5 minutes of answers from memory
//! }
//!
//! #[cache_invalidate(tags = ["user:{id}"])]
//! async fn rename(id: u64, name: &str) -> std::io::Result<()> {
//!     Ok(()) // when it returns `Ok`, what is stored about the user is not given any more
//! }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! # assert_eq!(user_name(42).await?, user_name(42).await?);
//! # rename(42, "Ada").await
//! # }
//! ```
//!
//! Both functions keep their signature, and are called as before. Where no other cache is named,
//! answers are kept in one that belongs to the process, with room for 10,000 of them. With a Redis
//! or Valkey server, answers, loads and invalidations are those of all processes that share it.
//!
//! # How a call flows
//!
//! ```text
//! user_name(42)
//!   look    hash the arguments in place; a fresh answer here?  -> give it      Hit, Negative
//!   open    past its ttl, but the function allows that?        -> give it      Stale
//!   board   does another caller load this key right now?       -> wait for it  Joined
//!   load    run the body
//!   land    was anything the answer depends on invalidated since the body began?
//!             no:  store it, give it, give it to those who wait                Loaded
//!             yes: give it to this caller alone; those who wait start over     Loaded
//! ```
//!
//! An `Err` is never stored. A `None` is stored as "not found", for a shorter time. With Redis,
//! `look` asks the server as well, `load` waits for the key's lease, and `land` stores for all.
//!
//! # Where to go on
//!
#![cfg_attr(
    feature = "macros",
    doc = "- [`cache_aside`](macro@cache_aside) and [`cache_invalidate`](macro@cache_invalidate): \
           all options of the attributes."
)]
//! - [`Cache`], [`Key`], [`Policy`]: the same by hand. [`CacheExt`]: what one call asks for.
#![cfg_attr(
    feature = "macros",
    doc = "- The [`guide`]: [keys](guide::keys), [tags and invalidation](guide::tags), \
           [freshness](guide::freshness), [outages](guide::outages), [one load](guide::one_load), [batches](guide::batch), \
           [by hand](guide::by_hand), [writing](guide::writing), [Redis](guide::redis), [coherence](guide::coherence), \
           [rate limits](guide::rate_limit), [responses](guide::responses), [gotchas](guide::gotchas), [limits](guide::limits), \
           [troubleshooting](guide::troubleshooting), [security](guide::security), [testing](guide::testing)."
)]
//! - [`codec`]: how values become bytes. [`remote`]: the store that processes share, as a trait,
//!   over Redis, and in memory for tests.
//!
//! # Features
//!
//! | feature | default | gives |
//! |---|---|---|
//! | `macros` | yes | the attributes; without it the cache is called by hand |
//! | `redis` | yes | the tier that processes share: Redis 6.2 or newer, and Valkey |
//! | `messagepack` | yes | the codec `MessagePack`, the default for what is stored in Redis |
//! | `json`, `postcard` | no | the codecs `Json` and `Postcard` |
//! | `lz4`, `zstd` | no | what `compress_above` compresses with |
//! | `rate-limit` | no | `RateLimiter`: how often something may be done, counted by all processes together |
//! | `tower` | no | `ResponseCache`: a layer that caches whole HTTP responses, for axum and every other service of `tower` |
//! | `tls-rustls` | no | `rediss://` URLs: connections to the server that are encrypted, and verified |
//! | `test-util` | no | for tests: `test_util`, a store in memory, and what every store must do |
//!
//! Without `redis` the crate graph has fewer than 40 crates, and none that opens a socket
//! (test `in_process_crates_are_few_and_none_opens_a_socket`):
//! `default-features = false, features = ["macros"]`.

#[doc(inline)]
pub use cached_runtime::{
    AuditCounts, BreakerState, BypassCache, Cache, CacheBuilder, CacheExt, Cacheable, Clock, Codec,
    CodecError, Coherence, Counts, EntryInfo, Error, ErrorKind, Health, HealthStatus, Invalidation,
    Jitter, Key, KeyPart, Lease, LoadTimeout, Locally, Outcome, Policy, PolicyFor, RefreshCache,
    RefreshIfDue, Report, Reservation, SingleFlight, Stats, Tag, Tier, Untyped, WithCacheReport,
    WriteBracket, codec, remote,
};

#[cfg(feature = "macros")]
#[doc(inline)]
pub use cached_macro::{cache_aside, cache_invalidate};

#[cfg(feature = "test-util")]
#[doc(inline)]
pub use cached_runtime::test_util;

#[cfg(feature = "rate-limit")]
#[doc(inline)]
pub use cached_runtime::{Decision, RateLimiter, RateLimiterBuilder, RateLimiterStats};

#[cfg(feature = "tower")]
#[doc(inline)]
pub use cached_runtime::{ResponseBody, ResponseCache, ResponseCacheService};

#[doc(hidden)]
pub use cached_runtime::{Defect, private as __private};

#[cfg(all(feature = "macros", any(doc, doctest)))]
pub mod guide;

/// The examples of the README are tests, too.
#[cfg(all(feature = "macros", feature = "redis", doctest))]
#[doc = include_str!("../README.md")]
mod readme {}
