//! The cached functions: the same but for their tags, the type of their value and their cache.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock};

use cache_aside::{Cache, cache_aside};

use crate::subject::{User, ready};

/// One cache of several functions, as programs have it.
pub(crate) static COMMON: LazyLock<Cache> = LazyLock::new(|| in_process(150_000));

/// Those of a server, by their coherence; set when there is one.
pub(crate) static BOUNDED: OnceLock<Cache> = OnceLock::new();
pub(crate) static STRICT: OnceLock<Cache> = OnceLock::new();
/// Bounded, and hits in the server rest on what its pushes have told.
pub(crate) static VIEWED: OnceLock<Cache> = OnceLock::new();

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

/// A module of functions with a cache each, as those by hand have it: a row that says how many entries there are means just those.
macro_rules! apart {
    ($module:ident($cache:expr): $($names:tt)*) => {
        apart!($module($cache), (cache = *CACHE): $($names)*);
    };
    ($module:ident($cache:expr), $options:tt: $($name:ident)*) => {
        pub(crate) mod $module {
            use super::*;
            $(
                mod $name {
                    use super::*;
                    #[allow(unused_imports, reason = "not every function is a batch")]
                    use crate::subject::name_of;
                    pub(super) static CACHE: LazyLock<Cache> = LazyLock::new(|| $cache);
                    function!($name, $options);
                }
                pub(crate) use $name::$name;
            )*

            /// Of all functions; makes those that are not there yet.
            #[allow(dead_code, reason = "not every module is asked")]
            pub(crate) fn caches() -> Vec<&'static Cache> {
                vec![$(&*$name::CACHE),*]
            }
        }
    };
}

apart!(small(in_process(20_000)): untagged tagged tagged_8 untagged_arc tagged_arc tagged_8_arc batch);
apart!(large(in_process(2_000_000)): tagged tagged_arc);
// For the measure of memory.
apart!(filled(in_process(210_000)): untagged common_tags tagged untagged_arc tagged_arc);
// They share answers through a server and keep copies, which are there and trusted for as long as a run takes. To be made where nothing is awaited.
apart!(trusted(crate::store::store().trusted()), (cache = *CACHE, local = "1h"): untagged tagged tagged_arc);
functions!(common(cache = *COMMON): untagged tagged tagged_arc);
functions!(bounded(cache = of_server(&BOUNDED), local = false): untagged one_tag tagged batch tagged_batch);
functions!(strict(cache = of_server(&STRICT), local = false): untagged tagged);
functions!(viewed(cache = of_server(&VIEWED), local = false): untagged tagged);
