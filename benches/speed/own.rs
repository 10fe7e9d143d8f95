//! The cached functions: the same but for their tags, the type of their value and their cache.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock};

use cache_aside::{Cache, cache_aside};

use crate::subject::{User, ready};

/// Six functions with ten thousand entries each, and batches of them; or entries for the measure of memory.
pub(crate) static SMALL: LazyLock<Cache> = LazyLock::new(|| in_process(210_000));

/// Two functions with a million entries each. None is evicted: shares of the capacity are not quite even.
pub(crate) static LARGE: LazyLock<Cache> = LazyLock::new(|| in_process(2_400_000));

/// One that shares its answers through a server and keeps copies, which are trusted for as long as a run takes. To be
/// made where nothing is awaited.
pub(crate) static TRUSTED: LazyLock<Cache> = LazyLock::new(|| crate::store::store().trusted());

/// Those of a server, by their coherence; set when there is one.
pub(crate) static BOUNDED: OnceLock<Cache> = OnceLock::new();
pub(crate) static STRICT: OnceLock<Cache> = OnceLock::new();

pub(crate) fn in_process(capacity: usize) -> Cache {
    ready(Cache::builder().local_capacity(capacity).build()).expect("good settings")
}

pub(crate) fn of_server(cache: &OnceLock<Cache>) -> &Cache {
    cache.get().expect("set at the start")
}

macro_rules! function {
    (untagged, ($($options:tt)*)) => {
        #[cache_aside(ttl = "1h", $($options)*)]
        pub(crate) async fn untagged(id: u64, name: &str) -> User {
            User::of(id, name)
        }
    };
    (one_tag, ($($options:tt)*)) => {
        #[cache_aside(ttl = "1h", tags = ["user:{id}"], $($options)*)]
        pub(crate) async fn one_tag(id: u64, name: &str) -> User {
            User::of(id, name)
        }
    };
    (tagged, ($($options:tt)*)) => {
        #[cache_aside(ttl = "1h", tags = ["user:{id}", "users"], $($options)*)]
        pub(crate) async fn tagged(id: u64, name: &str) -> User {
            User::of(id, name)
        }
    };
    (common_tags, ($($options:tt)*)) => {
        #[cache_aside(ttl = "1h", tags = ["all", "users"], $($options)*)]
        pub(crate) async fn common_tags(id: u64, name: &str) -> User {
            User::of(id, name)
        }
    };
    (tagged_8, ($($options:tt)*)) => {
        #[cache_aside(
            ttl = "1h",
            tags = ["user:{id}", "name:{name}", "users", "all", "a", "b", "c", "d"],
            $($options)*
        )]
        pub(crate) async fn tagged_8(id: u64, name: &str) -> User {
            User::of(id, name)
        }
    };
    (untagged_arc, ($($options:tt)*)) => {
        #[cache_aside(ttl = "1h", $($options)*)]
        pub(crate) async fn untagged_arc(id: u64, name: &str) -> Arc<User> {
            Arc::new(User::of(id, name))
        }
    };
    (tagged_arc, ($($options:tt)*)) => {
        #[cache_aside(ttl = "1h", tags = ["user:{id}", "users"], $($options)*)]
        pub(crate) async fn tagged_arc(id: u64, name: &str) -> Arc<User> {
            Arc::new(User::of(id, name))
        }
    };
    (tagged_8_arc, ($($options:tt)*)) => {
        #[cache_aside(
            ttl = "1h",
            tags = ["user:{id}", "name:{name}", "users", "all", "a", "b", "c", "d"],
            $($options)*
        )]
        pub(crate) async fn tagged_8_arc(id: u64, name: &str) -> Arc<User> {
            Arc::new(User::of(id, name))
        }
    };
    (batch, ($($options:tt)*)) => {
        #[cache_aside(ttl = "1h", each = ids, $($options)*)]
        pub(crate) async fn batch(ids: Vec<u64>) -> HashMap<u64, User> {
            ids.into_iter().map(|id| (id, User::of(id, &name_of(id)))).collect()
        }
    };
    (tagged_batch, ($($options:tt)*)) => {
        #[cache_aside(ttl = "1h", each = ids, tags = ["user:{ids}", "users"], $($options)*)]
        pub(crate) async fn tagged_batch(ids: Vec<u64>) -> HashMap<u64, User> {
            ids.into_iter().map(|id| (id, User::of(id, &name_of(id)))).collect()
        }
    };
}

/// A module of functions, with the options that they share.
macro_rules! functions {
    ($module:ident $options:tt: $($name:ident)*) => {
        pub(crate) mod $module {
            #[allow(unused_imports, reason = "not every module has a function of each kind")]
            use super::*;
            #[allow(unused_imports, reason = "not every module has a batch")]
            use crate::subject::name_of;
            $(function!($name, $options);)*
        }
    };
}

functions!(small(cache = *SMALL): untagged common_tags tagged tagged_8 untagged_arc tagged_arc tagged_8_arc batch);
functions!(large(cache = *LARGE): tagged tagged_arc);
functions!(trusted(cache = *TRUSTED): untagged tagged tagged_arc);
functions!(bounded(cache = of_server(&BOUNDED), local = false): untagged one_tag tagged batch tagged_batch);
functions!(strict(cache = of_server(&STRICT), local = false): untagged tagged);
