//! Numbers in few bits: the first digits, and how many come after them.
//!
//! What is round in decimals comes back as it was; of anything else the last digits are lost.

use std::time::Duration;

/// Of the number of digits that come after.
const AFTER: u32 = 4;
const MOST: u64 = (1 << AFTER) - 1;

/// So many nanoseconds, at most one part in a hundred thousand less than it was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nanos([u8; 3]);

/// So many microseconds, at most one part in four hundred less than it was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Micros(u16);

/// The longest that is told of a load.
const AN_HOUR: Duration = Duration::from_secs(3_600);

impl Nanos {
    pub(super) fn of(duration: Duration) -> Self {
        let number = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let [low, middle, high, ..] = short(number, 24).to_le_bytes();
        Self([low, middle, high])
    }

    pub(super) fn duration(self) -> Duration {
        let [low, middle, high] = self.0;
        Duration::from_nanos(long(u32::from_le_bytes([low, middle, high, 0]).into()))
    }
}

impl Micros {
    /// What takes longer than an hour takes an hour.
    pub(super) fn of(duration: Duration) -> Self {
        let number = duration.min(AN_HOUR).as_micros();
        let number = u64::try_from(number).unwrap_or(u64::MAX);
        Self(u16::try_from(short(number, u16::BITS)).unwrap_or(u16::MAX))
    }

    pub(super) fn duration(self) -> Duration {
        Duration::from_micros(long(self.0.into()))
    }
}

fn short(mut number: u64, bits: u32) -> u64 {
    let mut after = 0;
    while number >= 1 << (bits - AFTER) {
        number /= 10;
        after += 1;
    }
    number << AFTER | after
}

fn long(short: u64) -> u64 {
    let after = (short & MOST) as u32;
    (short >> AFTER).saturating_mul(10_u64.saturating_pow(after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_round_comes_back_as_it_was() {
        for number in [
            0,
            1,
            4_095,
            250_000,
            1_000_000,
            1_230_000_000,
            3_600_000_000,
        ] {
            let duration = Duration::from_micros(number);
            assert_eq!(Micros::of(duration).duration(), duration);
        }
        for number in [0, 1, 250_000_000, 59_980_000_000, 86_400_000_000_000] {
            let duration = Duration::from_nanos(number);
            assert_eq!(Nanos::of(duration).duration(), duration);
        }
        assert_eq!(Micros::of(Duration::MAX).duration(), AN_HOUR);
        assert!(Nanos::of(Duration::MAX).duration() > Duration::from_nanos(u64::MAX / 2));
    }

    proptest! {
        #[test]
        fn nothing_becomes_longer_and_little_is_lost(nanos: u64, cut in 0_u32..64) {
            let given = Duration::from_nanos(nanos >> cut);
            let kept = Nanos::of(given).duration();
            prop_assert!(kept <= given && given <= kept + given / 100_000);
            let given = Duration::from_micros(nanos >> cut).min(AN_HOUR);
            let kept = Micros::of(given).duration();
            prop_assert!(kept <= given && given <= kept + given / 400);
        }
    }
}
