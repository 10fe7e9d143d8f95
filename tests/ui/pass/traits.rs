//! Methods of trait impls: native async, and under `#[async_trait]`.

use async_trait::async_trait;
use cache_aside::{CacheExt, Outcome, cache_aside, cache_invalidate};

trait Native {
    fn find(&self, id: u64) -> impl Future<Output = Option<String>> + Send;
}

#[async_trait]
trait Boxed {
    async fn find(&self, id: u64, name: &str) -> Result<Option<String>, String>;
    async fn later(&self, id: u64) -> u64;
}

struct Path<T>(T);

struct Page {
    from: u64,
    to: u64,
}

/// Arguments that are taken apart in the signature.
#[async_trait]
trait Handler {
    async fn get(&self, id: Path<u64>, page: Page) -> u64;
    async fn put(&self, id: Path<u64>, page: Page) -> Result<(), String>;
    async fn refreshed(&self, id: Path<u64>, both: &(u64, u64), unused: u64) -> u64;
    async fn by_a_name_like_those(&self, __arg1: u64) -> u64;
}

#[async_trait]
impl Handler for Db {
    #[cache_aside(ttl = "5m", prefix = "get", key(id, from), tags = ["page:{id}:{to}"])]
    async fn get(&self, Path(id): Path<u64>, Page { from, mut to }: Page) -> u64 {
        to -= from;
        id + to + self.suffix.len() as u64
    }

    #[cache_invalidate(tags = ["page:{id}:{to}"])]
    async fn put(&self, Path(id): Path<u64>, Page { from, to }: Page) -> Result<(), String> {
        (id + from < to).then_some(()).ok_or_else(String::new)
    }

    #[cache_aside(ttl = "5m", stale_while_revalidate = "1m", prefix = "refreshed", key(id))]
    async fn refreshed(&self, Path(id): Path<u64>, both: &(u64, u64), _: u64) -> u64 {
        id + both.0 + self.suffix.len() as u64
    }

    #[cache_aside(ttl = "5m", prefix = "named", skip(self))]
    async fn by_a_name_like_those(&self, __arg1: u64) -> u64 {
        __arg1
    }
}

#[derive(Clone)]
struct Db {
    suffix: &'static str,
}

impl Native for Db {
    #[cache_aside(ttl = "5m", prefix = "native.find", skip(self))]
    async fn find(&self, id: u64) -> Option<String> {
        Some(format!("{id}{}", self.suffix))
    }
}

#[async_trait]
impl Boxed for Db {
    #[cache_aside(ttl = "5m", prefix = "boxed.find", tags = ["boxed:{id}"], skip(self))]
    async fn find(&self, id: u64, name: &str) -> Result<Option<String>, String> {
        let suffix = self.suffix;
        helper()?;
        Ok(Some(format!("{id}{name}{suffix}")))
    }

    #[cache_aside(ttl = "5m", stale_while_revalidate = "1m", prefix = "boxed.later", skip(self))]
    async fn later(&self, id: u64) -> u64 {
        id + self.suffix.len() as u64
    }
}

fn helper() -> Result<(), String> {
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let db = Db { suffix: "!" };
    assert_eq!(Native::find(&db, 1).await.as_deref(), Some("1!"));
    for expected in [Outcome::Loaded, Outcome::Hit] {
        let (found, report) = Boxed::find(&db, 1, "x").with_cache_report().await;
        assert_eq!((found, report.outcome), (Ok(Some("1x!".to_owned())), expected));
    }
    let boxed: &dyn Boxed = &db;
    assert_eq!(boxed.later(1).await, 2);
    let page = |from, to| Page { from, to };
    for outcome in [Outcome::Loaded, Outcome::Hit] {
        let (found, report) = db.get(Path(1), page(2, 9)).with_cache_report().await;
        assert_eq!((found, report.outcome), (9, outcome));
    }
    assert_eq!(db.put(Path(1), page(2, 9)).await, Ok(()));
    let (found, report) = db.get(Path(1), page(2, 9)).with_cache_report().await;
    assert_eq!((found, report.outcome), (9, Outcome::Loaded));
    assert_eq!(db.refreshed(Path(1), &(2, 3), 4).await, 4);
    assert_eq!(db.by_a_name_like_those(1).await, 1);
}
