use async_trait::async_trait;
use cache_aside::cache_aside;

struct Path<T>(T);

struct Service;

#[async_trait]
trait Trait {
    async fn pattern(&self, path: Path<u64>) -> u64;
    async fn wild(&self, id: u64, unused: u64) -> u64;
    async fn unknown(&self, path: Path<u64>, other: u64) -> u64;
    async fn part(&self, path: Path<u64>) -> u64;
}

#[async_trait]
impl Trait for Service {
    #[cache_aside(ttl = "5m", prefix = "a", skip(self))]
    async fn pattern(&self, Path(id): Path<u64>) -> u64 {
        id
    }

    #[cache_aside(ttl = "5m", prefix = "b", skip(self))]
    async fn wild(&self, id: u64, _: u64) -> u64 {
        id
    }

    #[cache_aside(ttl = "5m", prefix = "c", key(uid), tags = ["user:{user}"])]
    async fn unknown(&self, Path(id): Path<u64>, _: u64) -> u64 {
        id
    }

    #[cache_aside(ttl = "5m", prefix = "d", skip(self, id))]
    async fn part(&self, Path(id): Path<u64>) -> u64 {
        id
    }
}

fn main() {}
