//! What the source says, with a cache around it.
//!
//! The list and the single articles have one tag, so that one statement reaches both. What is trending has
//! none: it may be behind by nature, and ends with its time.

use std::sync::Arc;
use std::time::Duration;

use cache_aside::{Cache, Error, cache_aside};

use crate::source::{Article, Source, Trend};

#[derive(Clone)]
pub(crate) struct News {
    pub(crate) source: Source,
    trending_life: Duration,
}

impl News {
    pub(crate) fn new(source: Source, trending_life: Duration) -> Self {
        Self {
            source,
            trending_life,
        }
    }

    /// In an `Arc`: a hit in the process copies no article.
    #[cache_aside(ttl = "5m", prefix = "articles", key(), tags = ["articles"])]
    pub(crate) async fn articles(&self) -> Arc<Vec<Article>> {
        Arc::new(self.source.articles().await)
    }

    /// "Not found" is an answer, too, and is kept for 30 s.
    #[cache_aside(ttl = "10m", prefix = "article", skip(self), tags = ["articles"])]
    pub(crate) async fn article(&self, id: u64) -> Option<Arc<Article>> {
        self.source.article(id).await.map(Arc::new)
    }

    /// Computed once for all who ask, in all processes. When its time is over the old list is given for 5
    /// minutes more while one caller has a new one computed: nobody waits for that.
    #[cache_aside(
        ttl = self.trending_life,
        prefix = "trending",
        key(),
        stale_while_revalidate = "5m"
    )]
    pub(crate) async fn trending(&self) -> Arc<Vec<Trend>> {
        Arc::new(self.source.trending().await)
    }

    /// Forgets the list and the single articles, in all processes.
    pub(crate) async fn forget_articles(&self, cache: &Cache) -> Result<(), Error> {
        cache.invalidate_tag("articles").await
    }
}
