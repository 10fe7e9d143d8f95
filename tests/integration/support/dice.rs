//! Decisions that follow from a number.

/// The same seed makes the same decisions.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Decisions of its own for one of many.
    pub(crate) fn for_one(&self, number: u64) -> Self {
        let mut mixed = Self(self.0 ^ number.wrapping_mul(0xd134_2543_de82_ef95));
        Self(mixed.next())
    }

    /// `SplitMix64`.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("less than a length")
    }

    pub(crate) fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }

    /// Small numbers are drawn more often.
    pub(crate) fn skewed(&mut self, end: u64) -> u64 {
        self.below(end).min(self.below(end))
    }
}

/// The seed that was asked for, or a new one.
pub(crate) fn seed(variable: &str) -> u64 {
    use std::hash::{BuildHasher, RandomState};

    let asked = std::env::var(variable).ok();
    let asked = asked.map(|text| text.parse().expect("a seed is a number"));
    asked.unwrap_or_else(|| RandomState::new().hash_one(0) >> 16)
}
