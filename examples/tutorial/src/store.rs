//! The source of truth: users in memory. It counts what it is asked, and can be slow or fail, as
//! databases do.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedRwLockWriteGuard, RwLock};

/// What is stored, and cached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// By which it is found.
    pub id: u64,
    /// Which changes now and then.
    pub name: String,
}

/// The store does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreachable;

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the store does not answer")
    }
}

impl std::error::Error for Unreachable {}

/// A handle; its clones are one store.
#[derive(Clone, Debug, Default)]
pub struct Store(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    users: Mutex<BTreeMap<u64, User>>,
    reads: AtomicU64,
    is_down: AtomicBool,
    /// Answers pass it on their way to whoever asked.
    way_back: Arc<RwLock<()>>,
}

/// No answer arrives while this is kept: each was read, and is on its way. See [`Store::hold`].
#[derive(Debug)]
#[must_use = "dropping it lets the answers go"]
pub struct Held {
    _closed: OwnedRwLockWriteGuard<()>,
}

impl Store {
    /// With these users, by id and name.
    pub fn with<N: Into<String>>(users: impl IntoIterator<Item = (u64, N)>) -> Self {
        let store = Self::default();
        let users = users.into_iter().map(|(id, name)| (id, name.into()));
        let users = users.map(|(id, name)| (id, User { id, name }));
        store.users().extend(users);
        store
    }

    /// `None` if there is no such user.
    ///
    /// # Errors
    /// If the store is down.
    pub async fn find(&self, id: u64) -> Result<Option<User>, Unreachable> {
        self.read(|users| users.get(&id).cloned()).await
    }

    /// All users, by id.
    ///
    /// # Errors
    /// If the store is down.
    pub async fn list(&self) -> Result<Vec<User>, Unreachable> {
        self.read(|users| users.values().cloned().collect()).await
    }

    /// Makes a user, or replaces it.
    ///
    /// # Errors
    /// If the store is down.
    pub async fn save(&self, user: User) -> Result<(), Unreachable> {
        self.check()?;
        self.users().insert(user.id, user);
        Ok(())
    }

    /// Whether there is such a user.
    ///
    /// # Errors
    /// If the store is down.
    pub async fn rename(&self, id: u64, name: &str) -> Result<bool, Unreachable> {
        self.check()?;
        let mut users = self.users();
        let Some(user) = users.get_mut(&id) else {
            return Ok(false);
        };
        name.clone_into(&mut user.name);
        Ok(true)
    }

    /// How often it was read.
    pub fn reads(&self) -> u64 {
        self.0.reads.load(Relaxed)
    }

    /// Whether it fails from now on.
    pub fn break_down(&self, is_down: bool) {
        self.0.is_down.store(is_down, Relaxed);
    }

    /// From now on answers are read and do not arrive, until what is returned is dropped.
    pub async fn hold(&self) -> Held {
        let way_back = Arc::clone(&self.0.way_back);
        Held {
            _closed: way_back.write_owned().await,
        }
    }

    async fn read<T>(
        &self,
        read: impl FnOnce(&BTreeMap<u64, User>) -> T,
    ) -> Result<T, Unreachable> {
        self.0.reads.fetch_add(1, Relaxed);
        self.check()?;
        let answer = read(&self.users());
        let _arrives = self.0.way_back.read().await;
        Ok(answer)
    }

    fn check(&self) -> Result<(), Unreachable> {
        if self.0.is_down.load(Relaxed) {
            Err(Unreachable)
        } else {
            Ok(())
        }
    }

    fn users(&self) -> MutexGuard<'_, BTreeMap<u64, User>> {
        // Whoever panicked here had changed nothing, or one whole user.
        self.0.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
