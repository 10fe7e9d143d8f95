//! What is allowed.

use std::time::Duration;

use super::limiter::RateLimiter;
use crate::cache::Cache;
use crate::error::Error;
use crate::remote::{MOST_PARTS, Pace};

/// The settings of a [`RateLimiter`]; see [`RateLimiter::builder`].
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::{Cache, ErrorKind, RateLimiter};
/// use std::time::Duration;
///
/// let cache = Cache::in_process();
/// let limiter = RateLimiter::builder(&cache, "login").rate(5, Duration::from_secs(60)).build()?;
///
/// let never = RateLimiter::builder(&cache, "login").rate(0, Duration::from_secs(60)).build();
/// let error = never.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Config);
/// assert_eq!(error.to_string(), "`rate` must be at least 1 in at least a microsecond");
/// # Ok::<(), cache_aside::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct RateLimiterBuilder {
    cache: Cache,
    name: String,
    rate: Option<(u64, Duration)>,
    burst: Option<u64>,
}

impl RateLimiterBuilder {
    pub(super) fn new(cache: &Cache, name: String) -> Self {
        Self {
            cache: cache.clone(),
            name,
            rate: None,
            burst: None,
        }
    }

    /// How much comes back in which time, evenly: with 60 in a minute it is one each second. The time
    /// is counted in whole microseconds. There is no default.
    pub fn rate(mut self, count: u64, per: Duration) -> Self {
        self.rate = Some((count, per));
        self
    }

    /// How much may be taken at once after a pause; by default what comes back in the time of
    /// [`rate`](Self::rate).
    pub fn burst(mut self, burst: u64) -> Self {
        self.burst = Some(burst);
        self
    }

    /// Makes the limiter; asks nothing of the store.
    ///
    /// # Errors
    /// Of kind [`Config`](crate::ErrorKind::Config) if the name is empty, longer than 64 bytes or has
    /// control characters, if `rate` was not said, if a number is zero, or if they are too large to be
    /// counted exactly: the burst times the microseconds of the rate's time, both divided by what
    /// that and the rate's count have in common, is 2^53 at most.
    pub fn build(self) -> Result<RateLimiter, Error> {
        if self.name.is_empty() || self.name.len() > 64 || self.name.contains(char::is_control) {
            return Err(Error::config(
                "the name of a rate limiter has 1 to 64 bytes and no control characters",
            ));
        }
        let Some((count, per)) = self.rate else {
            return Err(Error::config("a rate limiter needs `rate`"));
        };
        let pace = pace(count, per, self.burst.unwrap_or(count))?;
        Ok(RateLimiter::new(self.cache, &self.name, pace))
    }
}

pub(super) fn pace(count: u64, per: Duration, burst: u64) -> Result<Pace, Error> {
    let micros = u64::try_from(per.as_micros()).unwrap_or(u64::MAX);
    if count == 0 || micros == 0 {
        return Err(Error::config(
            "`rate` must be at least 1 in at least a microsecond",
        ));
    }
    if burst == 0 {
        return Err(Error::config("`burst` must be at least 1"));
    }
    let common = common_divisor(count, micros);
    let (speed, token) = (count / common, micros / common);
    let capacity = burst.checked_mul(token);
    match capacity {
        Some(capacity) if capacity <= MOST_PARTS && speed <= MOST_PARTS => Ok(Pace {
            token,
            speed,
            capacity,
        }),
        _ => Err(Error::config(
            "`rate` and `burst` are too large: what a full bucket holds cannot be counted exactly",
        )),
    }
}

fn common_divisor(mut one: u64, mut other: u64) -> u64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}
