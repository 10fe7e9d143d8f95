//! Shortens lives at random, so that what was stored together does not expire together.

use std::time::Duration;

use super::scale;

/// How much of a ttl chance may take away: a fraction of it or a fixed time. It never lengthens.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::Jitter;
/// use std::time::Duration;
///
/// assert_eq!(Jitter::default(), Jitter::from(0.1));
/// let fixed = Jitter::from(Duration::from_secs(5));
/// assert_ne!(fixed, Jitter::OFF);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jitter(Amount);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Amount {
    Fraction(f64),
    Time(Duration),
}

impl Jitter {
    /// Every answer lives its whole ttl.
    pub const OFF: Self = Self(Amount::Fraction(0.0));

    /// `chance` lies in `0.0..1.0`.
    pub(crate) fn shorten(self, ttl: Duration, chance: f64) -> Duration {
        let most = match self.0 {
            Amount::Fraction(fraction) => scale(ttl, fraction),
            Amount::Time(time) => time.min(ttl),
        };
        ttl.saturating_sub(scale(most, chance))
    }
}

impl Default for Jitter {
    /// A tenth of the ttl.
    fn default() -> Self {
        Self(Amount::Fraction(0.1))
    }
}

impl From<f64> for Jitter {
    /// A fraction of the ttl. Anything outside `0.0..=1.0` is moved to its nearer end.
    fn from(fraction: f64) -> Self {
        let fraction = if fraction.is_nan() {
            0.0
        } else {
            fraction.clamp(0.0, 1.0)
        };
        Self(Amount::Fraction(fraction))
    }
}

impl From<Duration> for Jitter {
    fn from(time: Duration) -> Self {
        Self(Amount::Time(time))
    }
}
