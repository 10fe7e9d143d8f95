//! What time it is at the server.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Moment;
use crate::remote::ServerTime;

/// Older comparisons say less about clocks that do not run alike.
const KEPT: usize = 4;

/// Two clocks differ by less than one part in this many over the life of a comparison.
const DRIFT: u64 = 1_000;

/// Comparisons of the server's clock with ours.
#[derive(Debug, Default)]
pub(super) struct ServerClock(VecDeque<Sample>);

/// The server said `server` (microseconds) at some moment between `asked` and `heard`.
#[derive(Clone, Copy, Debug)]
struct Sample {
    server: u64,
    asked: Moment,
    heard: Moment,
}

impl Sample {
    /// The server's time at `now` is not later than this.
    ///
    /// Let the server have read its clock at our moment x, `asked <= x`. Then its clock shows
    /// `server + (now - x) <= server + (now - asked)`, and what it runs faster than ours is added.
    /// As `x <= heard`, the excess is at most the round trip and that addition.
    fn latest(self, now: Moment) -> u64 {
        let since = micros(now.since(self.asked));
        self.server + since + since / DRIFT + 1
    }

    /// The server's time at `now` is not earlier than this.
    fn earliest(self, now: Moment) -> u64 {
        let since = micros(now.since(self.heard));
        (self.server + since).saturating_sub(since / DRIFT + 1)
    }
}

impl ServerClock {
    pub(super) fn compare(&mut self, server: u64, asked: Moment, heard: Moment) {
        let sample = Sample {
            server,
            asked,
            heard,
        };
        // One of the clocks was set: what was measured before is not true any more.
        if self.latest(heard) < Some(sample.earliest(heard)) {
            self.0.clear();
        }
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(sample);
    }

    /// Not earlier than the server's clock is. Without a comparison that is the end of time, when
    /// nothing is fresh.
    pub(super) fn at(&self, now: Moment) -> ServerTime {
        ServerTime(
            self.latest(now)
                .map_or(u64::MAX, |micros| micros.div_ceil(1_000)),
        )
    }

    /// Each comparison gives an upper bound: the lowest holds.
    fn latest(&self, now: Moment) -> Option<u64> {
        self.0.iter().map(|sample| sample.latest(now)).min()
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn f7_the_servers_time_is_never_guessed_too_early_nor_later_than_the_round_trip() {
        let start = Clock::system().now();
        // A server that is at 5 s when ours is at `start`, and runs 0.05 % fast or slow.
        for drift in [-500_i64, 0, 500] {
            let truth = |at: Duration| {
                let at = i64::try_from(at.as_micros()).unwrap();
                u64::try_from(5_000_000 + at + at * drift / 1_000_000).unwrap()
            };
            let mut clock = ServerClock::default();
            let mut asked = Duration::ZERO;
            for step in 0..200_u32 {
                let trip = MS * (1 + fastrand::u32(0..20));
                let read = asked + trip * fastrand::u32(0..=10) / 10;
                clock.compare(truth(read), start.after(asked), start.after(asked + trip));
                let now = asked + trip + MS * fastrand::u32(0..250);
                let guess = clock.at(start.after(now)).0;
                let actual = truth(now);
                assert!(
                    guess * 1_000 >= actual,
                    "step {step}: {guess} < {actual} us"
                );
                assert!(
                    guess * 1_000 <= actual + 25_000,
                    "step {step}: {guess} > {actual} us"
                );
                asked = now;
            }
        }
    }

    #[test]
    fn f7_a_clock_that_was_set_is_believed_at_once() {
        let start = Clock::system().now();
        let mut clock = ServerClock::default();
        clock.compare(1_000_000, start, start.after(MS));
        clock.compare(9_000_000, start.after(MS), start.after(MS * 2));
        assert!(clock.at(start.after(MS * 2)).0 >= 9_000);
        clock.compare(2_000_000, start.after(MS * 3), start.after(MS * 4));
        assert!(clock.at(start.after(MS * 4)).0 <= 2_010);
    }

    #[test]
    fn without_a_comparison_nothing_is_fresh() {
        assert_eq!(ServerClock::default().at(Clock::system().now()).0, u64::MAX);
    }
}
