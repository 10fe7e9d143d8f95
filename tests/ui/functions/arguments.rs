use cache_aside::cache_aside;

#[cache_aside(ttl = "5m")]
async fn mutable(id: u64, log: &mut Vec<u64>) -> u64 {
    log.push(id);
    id
}

#[cache_aside(ttl = "5m")]
async fn pattern((a, b): (u64, u64), _: u64) -> u64 {
    a + b
}

struct Service;

impl Service {
    #[cache_aside(ttl = "5m", skip(self))]
    async fn no_prefix(&self, id: u64) -> u64 {
        id
    }

    #[cache_aside(ttl = "5m", prefix = "a")]
    async fn mutable_self(&mut self, id: u64) -> u64 {
        id
    }

    #[cache_aside(ttl = "5m")]
    async fn mentions_self(id: u64) -> Option<Self> {
        drop(id);
        None
    }
}

#[cache_aside(ttl = "5m")]
#[cache_aside(ttl = "5m")]
async fn twice(id: u64) -> u64 {
    id
}

trait Trait {
    #[cache_aside(ttl = "5m", prefix = "b", skip(self))]
    async fn no_body(&self, id: u64) -> u64;
}

fn main() {}
