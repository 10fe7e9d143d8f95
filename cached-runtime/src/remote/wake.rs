//! Those who wait for another process's load, and the message that wakes them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::EntryName;

/// How a load ended that somebody waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// There is an entry.
    Filled,
    /// The load failed.
    Failed,
    /// Its answer is not stored.
    NotStored,
    /// The key was invalidated.
    Invalidated,
}

/// Where announcements arrive: a [`Remote`](super::Remote) calls it, waiters listen.
///
/// A waiter registers before it asks for the lease, so no announcement can fall between.
#[derive(Debug, Default)]
pub struct Wake {
    waiting: Mutex<Waiting>,
}

type Waiting = HashMap<EntryName, Slot, foldhash::fast::RandomState>;

#[derive(Debug, Default)]
struct Slot {
    /// In the order in which they came.
    waiters: Vec<u64>,
    came: u64,
    /// How often there were news, and the last of them.
    news: u64,
    last: Option<Ended>,
    /// Once somebody has nothing else to do than to wait: mostly nobody has.
    bell: Option<Arc<Notify>>,
}

/// Listens for the end of one key's load. Registered as long as it lives.
#[derive(Debug)]
pub(crate) struct Waiter {
    wake: Arc<Wake>,
    entry: EntryName,
    number: u64,
    /// How many news it has heard of.
    heard: u64,
}

impl Wake {
    /// Tells those who wait for an entry how its load ended.
    pub fn announce(&self, entry: &EntryName, ended: Ended) {
        if let Some(slot) = self.waiting().get_mut(entry) {
            slot.tell(Some(ended));
        }
    }

    /// Announcements may have been lost: everybody who waits looks for itself.
    pub fn everybody(&self) {
        for slot in self.waiting().values_mut() {
            slot.tell(None);
        }
    }

    /// Something happened in this process: who waits for an entry looks for itself.
    pub(crate) fn look(&self, entry: &EntryName) {
        if let Some(slot) = self.waiting().get_mut(entry) {
            slot.tell(None);
        }
    }

    pub(crate) fn register(self: &Arc<Self>, entry: &EntryName) -> Waiter {
        let mut waiting = self.waiting();
        let slot = waiting.entry(entry.clone()).or_default();
        slot.came += 1;
        slot.waiters.push(slot.came);
        Waiter {
            number: slot.came,
            wake: Arc::clone(self),
            entry: entry.clone(),
            heard: slot.news,
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn tell(&mut self, news: Option<Ended>) {
        self.news += 1;
        self.last = news;
        if let Some(bell) = &self.bell {
            bell.notify_waiters();
        }
    }
}

impl Waiter {
    /// The next news since it was last heard or [`forget`](Self::forget) was called; `None`: look.
    pub(crate) async fn news(&mut self) -> Option<Ended> {
        let bell = self.slot(|slot| Arc::clone(slot.bell.get_or_insert_default()));
        loop {
            // What comes from here on is heard.
            let rung = bell.notified();
            if let (true, news) = self.heard() {
                return news;
            }
            rung.await;
        }
    }

    /// Whether there is something that was not heard yet, and what came last.
    fn heard(&mut self) -> (bool, Option<Ended>) {
        let (news, last) = self.slot(|slot| (slot.news, slot.last));
        (std::mem::replace(&mut self.heard, news) != news, last)
    }

    fn slot<R>(&self, with: impl FnOnce(&mut Slot) -> R) -> R {
        // It is there as long as a waiter is registered.
        with(self.wake.waiting().entry(self.entry.clone()).or_default())
    }

    /// Whether this is the one who asks when no news come: the first of those who wait here.
    pub(crate) fn asks(&self) -> bool {
        let waiting = self.wake.waiting();
        let slot = waiting.get(&self.entry);
        slot.is_none_or(|slot| slot.waiters.first() == Some(&self.number))
    }

    /// What was announced until now does not count.
    pub(crate) fn forget(&mut self) {
        self.heard = self.slot(|slot| slot.news);
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiting = self.wake.waiting();
        if let Some(slot) = waiting.get_mut(&self.entry) {
            if let Ok(place) = slot.waiters.binary_search(&self.number) {
                slot.waiters.remove(place);
            }
            if slot.waiters.is_empty() {
                waiting.remove(&self.entry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn news_between_registration_and_waiting_is_not_lost() {
        let wake = Arc::new(Wake::default());
        let (name, other) = (EntryName::new("a"), EntryName::new("b"));
        let mut waiter = wake.register(&name);
        wake.announce(&other, Ended::Failed);
        wake.announce(&name, Ended::Filled);
        assert_eq!(waiter.news().await, Some(Ended::Filled));
        wake.everybody();
        assert_eq!(waiter.news().await, None);
    }

    #[test]
    fn who_has_gone_is_not_kept() {
        let wake = Arc::new(Wake::default());
        let name = EntryName::new("a");
        let (one, two) = (wake.register(&name), wake.register(&name));
        drop(one);
        assert_eq!(wake.waiting().len(), 1);
        drop(two);
        assert_eq!(wake.waiting().len(), 0);
    }
}
