//! The source: feeds that take their time to answer, and cost something each time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::sleep;

/// How many articles are trending.
const TRENDING: usize = 3;

/// A handle; its clones are the same source.
#[derive(Clone)]
pub(crate) struct Source(Arc<Inner>);

struct Inner {
    articles: Vec<Article>,
    time: Duration,
    asked: Asked,
}

/// How often it was asked, by what it was asked.
#[derive(Default)]
struct Asked {
    articles: AtomicU64,
    article: AtomicU64,
    trending: AtomicU64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Article {
    pub(crate) id: u64,
    feed: String,
    topic: String,
    pub(crate) title: String,
    readers: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Trend {
    id: u64,
    title: String,
    score: u64,
}

impl Source {
    /// With `time` for each answer.
    pub(crate) fn new(time: Duration) -> Result<Self, serde_json::Error> {
        Ok(Self(Arc::new(Inner {
            articles: serde_json::from_str(include_str!("articles.json"))?,
            time,
            asked: Asked::default(),
        })))
    }

    pub(crate) async fn articles(&self) -> Vec<Article> {
        self.takes_time(&self.0.asked.articles).await;
        self.0.articles.clone()
    }

    pub(crate) async fn article(&self, id: u64) -> Option<Article> {
        self.takes_time(&self.0.asked.article).await;
        let mut articles = self.0.articles.iter();
        articles.find(|article| article.id == id).cloned()
    }

    /// The articles that are read most, where those count for more whose topic several feeds write about.
    pub(crate) async fn trending(&self) -> Vec<Trend> {
        self.takes_time(&self.0.asked.trending).await;
        let mut feeds = BTreeMap::<&str, BTreeSet<&str>>::new();
        for article in &self.0.articles {
            let of_topic = feeds.entry(&article.topic).or_default();
            of_topic.insert(&article.feed);
        }
        let trend = |article: &Article| Trend {
            id: article.id,
            title: article.title.clone(),
            score: article.readers * feeds[article.topic.as_str()].len() as u64,
        };
        let mut trends: Vec<_> = self.0.articles.iter().map(trend).collect();
        trends.sort_by_key(|trend| Reverse(trend.score));
        trends.truncate(TRENDING);
        trends
    }

    /// How often it was asked, by what it was asked.
    pub(crate) fn asked(&self) -> BTreeMap<&'static str, u64> {
        let Asked {
            articles,
            article,
            trending,
        } = &self.0.asked;
        [
            ("articles", articles),
            ("article", article),
            ("trending", trending),
        ]
        .map(|(name, count)| (name, count.load(Relaxed)))
        .into()
    }

    async fn takes_time(&self, asked: &AtomicU64) {
        asked.fetch_add(1, Relaxed);
        sleep(self.0.time).await;
    }
}
