//! Cache-aside as it is written in an afternoon: texts by name, and check, load, store.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use serde::{Serialize, de::DeserializeOwned};
use tutorial::store::{Store, Unreachable, User};

/// In seconds.
pub(crate) const TTL: u64 = 300;

/// What stands for a server such as Redis: texts that expire, on a clock that tests move.
#[derive(Debug, Default)]
pub(crate) struct NaiveCache {
    entries: Mutex<HashMap<String, Entry>>,
    seconds: AtomicU64,
    is_down: AtomicBool,
}

#[derive(Debug)]
struct Entry {
    text: String,
    ends: u64,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Failure {
    Cache,
    Store,
}

impl From<Unreachable> for Failure {
    fn from(_: Unreachable) -> Self {
        Self::Store
    }
}

impl NaiveCache {
    /// The pattern, for users.
    pub(crate) async fn find_user(&self, store: &Store, id: u64) -> Result<Option<User>, Failure> {
        self.get_or_load(&format!("user:{id}"), TTL, store.find(id))
            .await
    }

    /// The pattern: check, load, store.
    pub(crate) async fn get_or_load<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        ttl: u64,
        load: impl Future<Output = Result<Option<T>, Unreachable>>,
    ) -> Result<Option<T>, Failure> {
        if let Some(text) = self.get(name)? {
            return Ok(serde_json::from_str(&text).expect("what was stored"));
        }
        let loaded = load.await?;
        if let Some(value) = &loaded {
            let text = serde_json::to_string(value).expect("plain data");
            self.set(name, text, ttl)?;
        }
        Ok(loaded)
    }

    pub(crate) fn get(&self, name: &str) -> Result<Option<String>, Failure> {
        self.check()?;
        let entries = self.entries.lock().expect("no panic inside");
        let entry = entries.get(name);
        let fresh = entry.filter(|entry| self.seconds.load(Relaxed) < entry.ends);
        Ok(fresh.map(|entry| entry.text.clone()))
    }

    pub(crate) fn set(&self, name: &str, text: String, ttl: u64) -> Result<(), Failure> {
        self.check()?;
        let ends = self.seconds.load(Relaxed) + ttl;
        let mut entries = self.entries.lock().expect("no panic inside");
        entries.insert(name.to_owned(), Entry { text, ends });
        Ok(())
    }

    pub(crate) fn delete(&self, name: &str) -> Result<(), Failure> {
        self.check()?;
        self.entries.lock().expect("no panic inside").remove(name);
        Ok(())
    }

    pub(crate) fn entries(&self) -> usize {
        self.entries.lock().expect("no panic inside").len()
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.seconds.fetch_add(seconds, Relaxed);
    }

    /// Whether it fails from now on.
    pub(crate) fn break_down(&self, is_down: bool) {
        self.is_down.store(is_down, Relaxed);
    }

    fn check(&self) -> Result<(), Failure> {
        if self.is_down.load(Relaxed) {
            Err(Failure::Cache)
        } else {
            Ok(())
        }
    }
}
