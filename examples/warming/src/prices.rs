//! Prices with a cache around them: for those who ask, and for the keeper.

use std::time::Duration;

use cache_aside::{Cache, CacheExt as _, Outcome, cache_aside};

use crate::rounds::Ending;
use crate::supplier::{NoAnswer, Price, Supplier};

#[derive(Clone)]
pub(crate) struct Prices {
    cache: Cache,
    supplier: Supplier,
    ttl: Duration,
}

impl Prices {
    pub(crate) fn new(cache: &Cache, supplier: &Supplier, ttl: Duration) -> Self {
        Self {
            cache: cache.clone(),
            supplier: supplier.clone(),
            ttl,
        }
    }

    /// For those who ask: whoever finds a price past half of its life is given it at once, and it is
    /// refreshed behind the answer.
    #[cache_aside(
        ttl = self.ttl,
        refresh_ahead = 0.5,
        prefix = "price",
        skip(self),
        tags = ["price:{article}"],
        cache = self.cache
    )]
    pub(crate) async fn price(&self, article: u64) -> Result<Option<Price>, NoAnswer> {
        self.supplier.price(article).await
    }

    /// For the keeper: the same, but it waits for the refresh. So as many run as the keeper has calls under
    /// way, and not one for each price that is due.
    pub(crate) async fn touch(&self, article: u64) -> Ending {
        let call = self.price(article).refresh_if_due();
        let (price, report) = call.with_cache_report().await;
        match (price, report.outcome) {
            (Err(error), _) => Ending::Failed(error.to_string()),
            (Ok(_), Outcome::Loaded | Outcome::Bypassed) => Ending::Loaded,
            (Ok(_), _) => Ending::Found,
        }
    }
}
