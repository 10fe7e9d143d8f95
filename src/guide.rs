//! The guide: one page per subject, with examples that are run as tests.
//!
//! | page | answers |
//! |---|---|
//! | [`keys`] | When do two calls share an answer? |
//! | [`tags`] | How does an answer go away when the data behind it changes? |
//! | [`freshness`] | How long is an answer given, and what happens at the end? |
//! | [`outages`] | What does a call get when the source or the store is slow, failing or gone? |
//! | [`one_load`] | What happens when many callers need the same answer at once? |
//! | [`batch`] | How are many keys looked up with one body? |
//! | [`by_hand`] | How is the cache used without the attribute? |
//! | [`writing`] | How is data written that is cached? |
//! | [`gotchas`] | What goes wrong with caches written by hand, and what cures it? |
//! | [`limits`] | What does it not do? |
//! | [`troubleshooting`] | What to look at when it surprises? |
//! | [`security`] | What is a cache to those who guard data? |
//! | [`coherence`] | How current are the copies in each process? |
//! | [`redis`] | How is a cache shared by processes? |
//! | [`rate_limit`] | How often may something be done, by all processes together? |
//! | [`responses`] | How are whole responses of a web service cached? |
//! | [`testing`] | How are cached functions tested? |

macro_rules! pages {
    ($($page:ident)*) => {$(
        #[doc = include_str!(concat!("../docs/guide/", stringify!($page), ".md"))]
        pub mod $page {}
    )*};
}

pages! {
    keys tags freshness outages one_load batch by_hand writing gotchas limits troubleshooting testing
}

#[cfg(feature = "redis")]
pages! { coherence redis security }

/// How current are the copies in each process? With the feature `redis`, which this build does not
/// have.
#[cfg(not(feature = "redis"))]
pub mod coherence {}

/// How is a cache shared by processes? With the feature `redis`, which this build does not have.
#[cfg(not(feature = "redis"))]
pub mod redis {}

/// What is a cache to those who guard data? With the feature `redis`, which this build does not
/// have: its examples refuse connections that are not safe.
#[cfg(not(feature = "redis"))]
pub mod security {}

#[cfg(feature = "rate-limit")]
pages! { rate_limit }

/// How often may something be done, by all processes together? With the feature `rate-limit`, which
/// this build does not have.
#[cfg(not(feature = "rate-limit"))]
pub mod rate_limit {}

#[cfg(feature = "tower")]
pages! { responses }

/// How are whole responses of a web service cached? With the feature `tower`, which this build does not
/// have.
#[cfg(not(feature = "tower"))]
pub mod responses {}
