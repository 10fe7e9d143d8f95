//! Bytes that are never drawn twice.

use crate::remote::{Incarnation, LeaseId, Turn};

/// 0 is a token, 1 an intent.
pub(super) const TOKEN: u8 = 0;
pub(super) const INTENT: u8 = 1;
/// The second byte of an intent that waits for a source which lags.
pub(super) const LAG: u8 = 1;

#[derive(Debug)]
pub(super) struct Generator {
    random: fastrand::Rng,
    seed: u64,
    drawn: u64,
}

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            seed,
            drawn: 0,
        }
    }

    pub(super) fn lease(&mut self) -> LeaseId {
        LeaseId(self.unique().to_le_bytes())
    }

    pub(super) fn incarnation(&mut self) -> Incarnation {
        Incarnation(self.unique())
    }

    pub(super) fn token(&mut self, class: u8) -> [u8; 16] {
        let mut token = [0; 16];
        self.random.fill(&mut token[..8]);
        token[8..].copy_from_slice(&self.unique().to_le_bytes());
        token[0] = class;
        token
    }

    /// A write is under way.
    pub(super) fn intent(&mut self) -> [u8; 16] {
        let mut intent = self.token(INTENT);
        intent[1] = 0;
        intent
    }

    /// What a cell is given that is turned over.
    pub(super) fn fresh(&mut self, turn: Turn) -> [u8; 16] {
        if turn.lag.is_none() {
            return self.token(TOKEN);
        }
        let mut lag = self.token(INTENT);
        lag[1] = LAG;
        lag
    }

    /// Some time of some clock, in milliseconds.
    pub(super) fn origin(&mut self) -> u64 {
        self.random.u64(1 << 32..1 << 41)
    }

    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        self.random.shuffle(items);
    }

    /// The steps of `SplitMix64`, each of which is one to one: no number comes twice.
    fn unique(&mut self) -> u64 {
        self.drawn += 1;
        let mut mixed = self.seed.wrapping_add(self.drawn);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
