//! A map whose entries run out.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::time::Duration;

/// In the order of the names, so that nothing depends on a hash. Times are milliseconds since the
/// server began.
#[derive(Clone, Debug)]
pub(super) struct Shelf<K, T>(BTreeMap<K, Kept<T>>);

#[derive(Clone, Debug)]
struct Kept<T> {
    item: T,
    until: u64,
}

impl<K, T> Default for Shelf<K, T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord, T> Shelf<K, T> {
    pub(super) fn get<Q: Ord + ?Sized>(&self, now: u64, name: &Q) -> Option<&T>
    where
        K: Borrow<Q>,
    {
        let kept = self.0.get(name)?;
        (now < kept.until).then_some(&kept.item)
    }

    pub(super) fn get_mut<Q: Ord + ?Sized>(&mut self, now: u64, name: &Q) -> Option<&mut T>
    where
        K: Borrow<Q>,
    {
        let kept = self.0.get_mut(name)?;
        (now < kept.until).then_some(&mut kept.item)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.values().map(|kept| &kept.item)
    }

    /// How long it is still there; zero if it is not.
    pub(super) fn left<Q: Ord + ?Sized>(&self, now: u64, name: &Q) -> Duration
    where
        K: Borrow<Q>,
    {
        let until = self.0.get(name).map_or(0, |kept| kept.until);
        Duration::from_millis(until.saturating_sub(now))
    }

    pub(super) fn put(&mut self, now: u64, name: K, item: T, life: Duration) {
        let until = end(now, life);
        self.0.insert(name, Kept { item, until });
    }

    /// From now on for `life`; nothing if it is not there.
    pub(super) fn expire<Q: Ord + ?Sized>(&mut self, now: u64, name: &Q, life: Duration)
    where
        K: Borrow<Q>,
    {
        if let Some(kept) = self.0.get_mut(name).filter(|kept| now < kept.until) {
            kept.until = end(now, life);
        }
    }

    pub(super) fn take<Q: Ord + ?Sized>(&mut self, now: u64, name: &Q) -> Option<T>
    where
        K: Borrow<Q>,
    {
        let kept = self.0.remove(name)?;
        (now < kept.until).then_some(kept.item)
    }

    /// Takes out what has run out by `now`.
    pub(super) fn take_ended(&mut self, now: u64) -> Vec<K> {
        let (ended, left) = std::mem::take(&mut self.0)
            .into_iter()
            .partition::<BTreeMap<_, _>, _>(|(_, kept)| kept.until <= now);
        self.0 = left;
        ended.into_keys().collect()
    }
}

/// A life shorter than a millisecond is one.
fn end(now: u64, life: Duration) -> u64 {
    let life = u64::try_from(life.as_millis()).unwrap_or(u64::MAX).max(1);
    now.saturating_add(life)
}
