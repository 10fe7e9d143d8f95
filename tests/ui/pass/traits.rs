//! Methods of trait impls: native async, and under `#[async_trait]`.

use async_trait::async_trait;
use cache_aside::{CacheExt, Outcome, cache_aside};

trait Native {
    fn find(&self, id: u64) -> impl Future<Output = Option<String>> + Send;
}

#[async_trait]
trait Boxed {
    async fn find(&self, id: u64, name: &str) -> Result<Option<String>, String>;
    async fn later(&self, id: u64) -> u64;
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
}
