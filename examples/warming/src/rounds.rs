//! One round: every key once, so many at a time.

use std::num::NonZeroUsize;

use serde::Serialize;
use tokio::task::JoinSet;

#[cfg(test)]
mod tests;

/// What became of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Somebody had loaded it already.
    Found,
    Loaded,
    Failed(String),
}

/// How far a round is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Progress {
    pub(crate) total: usize,
    pub(crate) found: usize,
    pub(crate) loaded: usize,
    pub(crate) failed: usize,
    pub(crate) last_error: Option<String>,
}

impl Progress {
    pub(crate) fn of(total: usize) -> Self {
        Self {
            total,
            ..Self::default()
        }
    }

    pub(crate) fn done(&self) -> usize {
        self.found + self.loaded + self.failed
    }

    fn count(&mut self, ending: Ending) {
        match ending {
            Ending::Found => self.found += 1,
            Ending::Loaded => self.loaded += 1,
            Ending::Failed(error) => {
                self.failed += 1;
                self.last_error = Some(error);
            }
        }
    }
}

/// Calls `touch` once for each key, and never for more than `at_once` of them at a time. What fails
/// is counted, and so is what panics; the others go on. Dropped, it drops what is under way.
pub(crate) async fn round<K, F>(
    keys: Vec<K>,
    at_once: NonZeroUsize,
    touch: impl Fn(K) -> F,
    mut show: impl FnMut(&Progress),
) -> Progress
where
    F: Future<Output = Ending> + Send + 'static,
{
    let mut progress = Progress::of(keys.len());
    let mut keys = keys.into_iter();
    let mut under_way = JoinSet::new();
    for key in keys.by_ref().take(at_once.get()) {
        under_way.spawn(touch(key));
    }
    while let Some(ended) = under_way.join_next().await {
        progress.count(ended.unwrap_or_else(|error| Ending::Failed(error.to_string())));
        show(&progress);
        if let Some(key) = keys.next() {
            under_way.spawn(touch(key));
        }
    }
    progress
}
