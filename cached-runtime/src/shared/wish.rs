//! Wishes for leases, on their way.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use super::Shared;
use crate::background;
use crate::remote::{EntryName, Fault, LeaseId, Locked, Release};

/// A wish for leases, asked by its caller. If that goes away meanwhile the answer is waited for all the
/// same, and leases that were granted are given back at once: else everybody would wait for a load
/// that nobody runs.
pub(super) struct Wish<T: Granting> {
    tier: Arc<Shared>,
    names: Vec<EntryName>,
    /// Until there is an answer.
    asked: Option<Asked<T>>,
    /// Whether the store may have heard of it.
    sent: bool,
}

type Asked<T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send>>;

/// An answer in which there may be leases.
pub(super) trait Granting: Send + 'static {
    /// What came of each wish, in their order.
    fn outcomes(&self) -> impl Iterator<Item = Locked>;
}

/// Whether a lease can be renewed and given back: whoever cannot do that asks for none.
pub(super) fn can_be_kept() -> bool {
    background::runtime().is_some()
}

impl<T: Granting> Wish<T> {
    pub(super) fn new(
        tier: &Arc<Shared>,
        names: Vec<EntryName>,
        asked: impl Future<Output = Result<T, Fault>> + Send + 'static,
    ) -> Self {
        Self {
            tier: Arc::clone(tier),
            names,
            asked: Some(Box::pin(asked)),
            sent: false,
        }
    }

    pub(super) async fn answer(mut self) -> Result<T, Fault> {
        poll_fn(|context| {
            self.sent = true;
            let Some(asked) = &mut self.asked else {
                return Poll::Pending;
            };
            let answer = asked.as_mut().poll(context);
            if answer.is_ready() {
                self.asked = None;
            }
            answer
        })
        .await
    }
}

impl<T: Granting> Drop for Wish<T> {
    fn drop(&mut self) {
        let Some(asked) = self.asked.take().filter(|_| self.sent) else {
            return;
        };
        let (tier, names) = (Arc::clone(&self.tier), std::mem::take(&mut self.names));
        // Where this cannot be done they run out by themselves. What was sent has a timer of the caller's
        // runtime, and can end on no other.
        background::spawn_detached(async move {
            if let Ok(answer) = asked.await {
                tier.give_back(granted(names, answer.outcomes())).await;
            }
        });
    }
}

fn granted(
    names: Vec<EntryName>,
    outcomes: impl Iterator<Item = Locked>,
) -> Vec<(EntryName, LeaseId)> {
    let granted = names
        .into_iter()
        .zip(outcomes)
        .filter_map(|(name, locked)| match locked {
            Locked::Granted(id) => Some((name, id)),
            Locked::Busy(_) | Locked::Changed | Locked::Pass | Locked::Resting(_) => None,
        });
    granted.collect()
}

impl Shared {
    /// Nobody loads under these leases.
    async fn give_back(&self, leases: Vec<(EntryName, LeaseId)>) {
        if !leases.is_empty() {
            let _ = self.remote.release(leases, Release::Failed).await;
        }
    }
}
