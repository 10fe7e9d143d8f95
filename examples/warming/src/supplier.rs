//! The source: somebody else's service, slow, and now and then without an answer.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A handle; its clones are one supplier.
#[derive(Clone)]
pub(crate) struct Supplier(Arc<Inner>);

struct Inner {
    articles: u64,
    time: Duration,
    broken: BTreeSet<u64>,
    asked: AtomicU64,
    asking: AtomicUsize,
    most: AtomicUsize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Price {
    pub(crate) article: u64,
    pub(crate) cents: u64,
}

/// How often the supplier was asked by this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Asked {
    pub(crate) total: u64,
    pub(crate) most_at_once: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoAnswer {
    article: u64,
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the supplier has no answer for article {}", self.article)
    }
}

impl std::error::Error for NoAnswer {}

impl Supplier {
    /// One that has the articles from 1 on, and fails for those that are `broken`.
    pub(crate) fn new(articles: u64, time: Duration, broken: BTreeSet<u64>) -> Self {
        Self(Arc::new(Inner {
            articles,
            time,
            broken,
            asked: AtomicU64::new(0),
            asking: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
        }))
    }

    /// `None` if there is no such article.
    pub(crate) async fn price(&self, article: u64) -> Result<Option<Price>, NoAnswer> {
        let _asking = Asking::begin(&self.0);
        tokio::time::sleep(self.0.time).await;
        if self.0.broken.contains(&article) {
            return Err(NoAnswer { article });
        }
        let price = Price {
            article,
            cents: 100 * article,
        };
        Ok((1..=self.0.articles).contains(&article).then_some(price))
    }

    pub(crate) fn asked(&self) -> Asked {
        Asked {
            total: self.0.asked.load(SeqCst),
            most_at_once: self.0.most.load(SeqCst),
        }
    }
}

/// A question that is under way, also if nobody waits for the answer any more.
struct Asking<'a>(&'a Inner);

impl<'a> Asking<'a> {
    fn begin(supplier: &'a Inner) -> Self {
        supplier.asked.fetch_add(1, SeqCst);
        let now = supplier.asking.fetch_add(1, SeqCst) + 1;
        supplier.most.fetch_max(now, SeqCst);
        Self(supplier)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.asking.fetch_sub(1, SeqCst);
    }
}
