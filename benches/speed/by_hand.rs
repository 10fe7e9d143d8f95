//! What somebody would write instead: in process `quick_cache` with a typed key that is borrowed for the look-up, with a
//! server the bare client.

use std::collections::HashMap;
use std::hash::Hash;
use std::hint::black_box;
use std::sync::{Arc, LazyLock};

use equivalent::Equivalent;
use redis::aio::MultiplexedConnection;
use redis::{FromRedisValue, ToRedisArgs};
use rustix::time::{ClockId, clock_gettime};

use crate::subject::{Keys, User};

pub(crate) const QUICK_CACHE: &str = "quick_cache by hand";
pub(crate) const REDIS: &str = "redis-rs by hand";

/// The key that the map owns.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub(crate) struct Owned(pub(crate) u64, pub(crate) Box<str>);

/// What it is looked up by.
#[derive(Hash)]
pub(crate) struct Borrowed<'a>(pub(crate) u64, pub(crate) &'a str);

impl Equivalent<Owned> for Borrowed<'_> {
    fn equivalent(&self, owned: &Owned) -> bool {
        self.0 == owned.0 && *self.1 == *owned.1
    }
}

pub(crate) type ByHand<V> = quick_cache::sync::Cache<Owned, V>;

/// Looks, and on a miss loads and inserts.
pub(crate) async fn by_hand<V: Clone + From<User>>(cache: &ByHand<V>, id: u64, name: &str) -> V {
    if let Some(value) = cache.get(&Borrowed(id, name)) {
        return value;
    }
    let value = V::from(User::of(id, name));
    cache.insert(Owned(id, name.into()), value.clone());
    value
}

/// The same as functions with a cache of their own each, as somebody would write them.
macro_rules! functions {
    ($($name:ident -> $value:ty, $entries:expr;)*) => {$(
        pub(crate) async fn $name(id: u64, name: &str) -> $value {
            static CACHE: LazyLock<ByHand<$value>> = LazyLock::new(|| ByHand::new($entries));
            if let Some(value) = CACHE.get(&Borrowed(id, name)) {
                return value;
            }
            let value = <$value>::from(User::of(id, name));
            CACHE.insert(Owned(id, name.into()), value.clone());
            value
        }
    )*};
}

functions! {
    small -> User, 20_000;
    small_arc -> Arc<User>, 20_000;
    large -> User, 2_000_000;
    large_arc -> Arc<User>, 2_000_000;
}

/// A look-up by hand, and a look at the clock that goes on while the machine sleeps: who gives out a copy that is trusted for a
/// time has to look at one.
pub(crate) async fn clocked<R>(look_up: impl AsyncFn(u64, &str) -> R, id: u64, name: &str) -> R {
    black_box(clock_gettime(ClockId::Boottime));
    look_up(id, name).await
}

/// Values in a list, found by their number: nothing is hashed and no key is compared.
#[derive(Debug)]
pub(crate) struct Listed<V>(Vec<V>);

impl<V: Clone + From<User>> Listed<V> {
    pub(crate) fn new(keys: &Keys) -> Self {
        let users = keys.iter().map(|(id, name)| User::of(*id, name));
        Self(users.map(V::from).collect())
    }

    pub(crate) async fn get(&self, id: u64, _: &str) -> V {
        let at = usize::try_from(id).unwrap_or_default();
        self.0[at].clone()
    }
}

async fn ask<T: FromRedisValue>(
    to: &mut MultiplexedConnection,
    command: &str,
    arguments: impl ToRedisArgs,
) -> T {
    let mut command = redis::cmd(command);
    command.arg(arguments);
    command.query_async(to).await.expect("a reply")
}

pub(crate) fn key(id: u64, name: &str) -> String {
    format!("by-hand:{id}:{name}")
}

/// `GET`, and decode what is known to be there.
pub(crate) async fn get(from: &mut MultiplexedConnection, id: u64, name: &str) -> User {
    let bytes: Vec<u8> = ask(from, "GET", key(id, name)).await;
    rmp_serde::from_slice(&bytes).expect("a user")
}

pub(crate) async fn set(to: &mut MultiplexedConnection, id: u64, name: &str) -> User {
    let user = User::of(id, name);
    let bytes = rmp_serde::to_vec_named(&user).expect("bytes");
    let () = ask(to, "SET", (key(id, name), bytes, "PX", 3_600_000)).await;
    user
}

/// A miss without a lock: `GET`, `SET`.
pub(crate) async fn get_or_set(at: &mut MultiplexedConnection, id: u64, name: &str) -> User {
    let found: Option<Vec<u8>> = ask(at, "GET", key(id, name)).await;
    match found {
        Some(bytes) => rmp_serde::from_slice(&bytes).expect("a user"),
        None => set(at, id, name).await,
    }
}

/// One `MGET`, and decode what is known to be there.
pub(crate) async fn mget(
    from: &mut MultiplexedConnection,
    users: &[(u64, String)],
) -> HashMap<u64, User> {
    let keys: Vec<_> = users.iter().map(|(id, name)| key(*id, name)).collect();
    let found: Vec<Vec<u8>> = ask(from, "MGET", keys).await;
    let users = found
        .iter()
        .map(|bytes| rmp_serde::from_slice::<User>(bytes).expect("a user"));
    users.map(|user| (user.id, user)).collect()
}
