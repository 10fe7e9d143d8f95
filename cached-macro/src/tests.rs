//! Expansions as they are committed under `tests/snapshots`, and the docs against the grammar.
//!
//! After a change of the expansion: `UPDATE_EXPECT=1 cargo test -p cached-macro`, and review.

use expect_test::{ExpectFile, expect_file};
use proc_macro2::TokenStream;
use quote::quote;

use super::args::{CACHE_ASIDE, CACHE_INVALIDATE, Opt};
use super::{cached, invalidating};

/// The emitted code, formatted. The macro's own tokens look like the user's here: what keeps them
/// apart are spans, which have no text.
fn check(expansion: TokenStream, expected: &ExpectFile) {
    let file = syn::parse2(expansion).expect("the expansion is items");
    expected.assert_eq(&prettyplease::unparse(&file));
}

/// A method is no file by itself.
fn check_method(expansion: &TokenStream, expected: &ExpectFile) {
    check(quote! { impl Service { #expansion } }, expected);
}

#[test]
fn free_function() {
    let args = quote! { ttl = "5m", prefix = "user", skip(db) };
    let item = quote! {
        /// Finds a user.
        #[must_use]
        pub(crate) async fn load(db: &Db, id: u64, mut limit: u8) -> Result<Option<User>, DbError> {
            #![allow(unused)]
            limit += 1;
            db.find(id, limit).await
        }
    };
    check(
        cached(args, item),
        &expect_file!["../tests/snapshots/free_function.rs"],
    );
}

#[test]
fn method() {
    let args = quote! {
        ttl = Duration::from_secs(id), prefix = "user", cache = self.cache, key(self.tenant, id),
        jitter = "5%", negative_ttl = "10s", load_timeout = "2s", stale_if_error = 60, version = 2,
        cache_if = |user| user.active, single_flight = off, local = "10s",
    };
    let item = quote! {
        async fn load(&self, id: u64) -> Result<User, DbError> { self.db.find(id).await }
    };
    check_method(
        &cached(args, item),
        &expect_file!["../tests/snapshots/method.rs"],
    );
}

#[test]
fn tiers() {
    let args = quote! {
        ttl = "5m", codec = formats::Compact, compress_above = "4KiB", max_size = 65536,
        lease = "5s", lease_wait = patience(id), single_flight = cluster, remote = true,
        coherence = "500ms",
    };
    let item = quote! {
        async fn load(id: u64) -> User { find(id).await }
    };
    check(
        cached(args, item),
        &expect_file!["../tests/snapshots/tiers.rs"],
    );
}

#[test]
fn generic() {
    let args = quote! { ttl = 60, skip(db), remote = false };
    let item = quote! {
        async fn load<'a, D: Db, T, const N: usize>(db: &'a D, id: T, by: &impl Order) -> [u8; N]
        where
            T: Serialize + Send + Sync,
        {
            db.find(id, by).await
        }
    };
    check(
        cached(args, item),
        &expect_file!["../tests/snapshots/generic.rs"],
    );
}

#[test]
fn tags() {
    let args = quote! {
        ttl_with = |user: &User| user.ttl(),
        tags = ["user:{user.id}", "org:{result.org_id}", "{result}", "all", "{{{type}}}"],
        tags_with = |user| user.groups(),
    };
    let item = quote! {
        async fn load(user: UserRef, r#type: u8) -> Option<User> { user.load(r#type).await }
    };
    check(
        cached(args, item),
        &expect_file!["../tests/snapshots/tags.rs"],
    );
}

#[test]
fn cfg_argument() {
    let args = quote! { ttl = "1m", tags = ["v:{v}"], stale_while_revalidate = "1m" };
    let item = quote! {
        async fn load(id: u64, #[cfg(feature = "f")] v: &str) -> u64 { id }
    };
    check(
        cached(args, item),
        &expect_file!["../tests/snapshots/cfg_argument.rs"],
    );
}

#[test]
fn async_trait_method() {
    let args = quote! { ttl = "1m", prefix = "user", tags = ["user:{id}"] };
    let item = quote! {
        fn load<'life0, 'async_trait>(
            &'life0 self,
            id: u64,
        ) -> ::core::pin::Pin<Box<
            dyn ::core::future::Future<Output = Result<User, DbError>>
                + ::core::marker::Send
                + 'async_trait,
        >>
        where
            'life0: 'async_trait,
            Self: 'async_trait,
        {
            Box::pin(async move {
                let __self = self;
                let id = id;
                let __ret: Result<User, DbError> = { __self.db.find(id).await };
                __ret
            })
        }
    };
    check_method(
        &cached(args, item),
        &expect_file!["../tests/snapshots/async_trait_method.rs"],
    );
}

#[test]
fn batch() {
    let args = quote! {
        ttl = "5m", prefix = "user", each = ids, skip(db), tags = ["user:{ids}"],
        key_fn = user_key, codec = Compact, version = 2, coherence = 2
    };
    let item = quote! {
        async fn load(db: &Db, tenant: u64, mut ids: &[u64]) -> Result<HashMap<u64, User>, DbError> {
            db.find(tenant, ids).await
        }
    };
    check(
        cached(args, item),
        &expect_file!["../tests/snapshots/batch.rs"],
    );
}

#[test]
fn background_refresh() {
    let args = quote! {
        ttl = "5m", prefix = "user", stale_while_revalidate = "1m", soft_timeout = "200ms",
        coherence = strict
    };
    let item = quote! {
        async fn load<'a>(&'a self, mut name: &'a str, owned: String) -> Result<User, DbError> {
            println!("{self:?} {}", self.db);
            name = name.trim();
            self.db.find(name, owned).await
        }
    };
    check_method(
        &cached(args, item),
        &expect_file!["../tests/snapshots/background_refresh.rs"],
    );
}

#[test]
fn key_function() {
    let args = quote! { ttl = "5m", skip(db), key_fn = user_key };
    let item = quote! {
        #[cfg(feature = "users")]
        pub async fn load<D: Db>(db: &D, mut id: u64, name: &str) -> Result<Option<User>, DbError> {
            db.find(id, name).await
        }
    };
    check(
        cached(args, item),
        &expect_file!["../tests/snapshots/key_function.rs"],
    );
}

#[test]
fn invalidation() {
    let args = quote! {
        tags = ["user:{id}", "org:{result.org_id}"], keys = [user_key(id)],
        prefixes = ["user_list"], cache = state.cache, on_failure = propagate,
        crate = ::shop::cache
    };
    let item = quote! {
        async fn rename(state: &State, id: u64, name: String) -> Result<User, DbError> {
            state.db.rename(id, name).await
        }
    };
    check(
        invalidating(args, item),
        &expect_file!["../tests/snapshots/invalidation.rs"],
    );
}

#[test]
fn bracket() {
    let args = quote! {
        tags = ["user:{id}", "org:{result.org_id}"], bracket = true, settled = true
    };
    let item = quote! {
        async fn rename(db: &Db, id: u64) -> Result<User, DbError> { db.rename(id).await }
    };
    check(
        invalidating(args, item),
        &expect_file!["../tests/snapshots/bracket.rs"],
    );
}

#[test]
fn soft() {
    let args = quote! {
        tags = ["news"], bracket = false, settled = false, soft = patience(minutes)
    };
    let item = quote! {
        async fn publish(minutes: u64) { write(minutes).await }
    };
    check(
        invalidating(args, item),
        &expect_file!["../tests/snapshots/soft.rs"],
    );
}

#[test]
fn error() {
    let args = quote! { ttll = "5m", prefix = "a b", tags = ["user:{uid}"] };
    let item = quote! {
        #[cache_aside(ttl = "5m")]
        #[must_use]
        fn load(id: u64) -> &str {
            find(id)
        }
    };
    check(
        cached(args, item),
        &expect_file!["../tests/snapshots/error.rs"],
    );
}

#[test]
fn a_body_that_does_not_parse_is_handed_on() {
    let item = quote! { async fn load(id: u64) -> u64 { let x = ; id. } };
    let expansion = cached(quote! { ttl = "5m" }, item).to_string();
    assert!(expansion.contains("miss . run"), "{expansion}");
    assert!(expansion.contains("let x = ; id ."), "{expansion}");
}

/// The first column of the option table above `function`.
fn documented(function: &str) -> Vec<&'static str> {
    let source = include_str!("lib.rs");
    let end = source
        .find(&format!("pub fn {function}("))
        .expect("the attribute is in lib.rs");
    let docs = &source[..end];
    let start = docs.rfind("/// | option | form |").expect("it has a table");
    let rows = docs[start..]
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with("/// |"));
    rows.filter_map(|row| row.split('`').nth(1))
        .map(|name| name.trim_end_matches("(..)"))
        .collect()
}

fn names(grammar: &'static [Opt]) -> Vec<&'static str> {
    grammar.iter().map(|option| option.name).collect()
}

#[test]
fn the_docs_list_exactly_the_options_there_are() {
    assert_eq!(documented("cache_aside"), names(CACHE_ASIDE));
    assert_eq!(documented("cache_invalidate"), names(CACHE_INVALIDATE));
}
