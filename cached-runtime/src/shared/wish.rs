//! Wishes for leases, locks and brackets, on their way.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use super::Shared;
use crate::background;
use crate::remote::{Cell, EntryName, Fault, Intent, LeaseId, Locked, Release};

/// A wish for what one caller has at a time, asked by it. If it goes away meanwhile the answer is waited
/// for all the same, and what was granted is given back at once: else everybody would wait for what
/// nobody does.
pub(crate) struct Wish<T: Granting> {
    tier: Arc<Shared>,
    names: T::Names,
    /// Until there is an answer.
    asked: Option<Asked<T>>,
    /// Whether the store may have heard of it.
    sent: bool,
}

type Asked<T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send>>;

/// An answer that may grant something.
pub(crate) trait Granting: Send + 'static {
    /// What was wished for.
    type Names: Default + Send + 'static;

    fn give_back(self, names: Self::Names, tier: &Arc<Shared>) -> impl Future<Output = ()> + Send;
}

/// An answer in which there may be leases.
pub(super) trait GrantingLeases: Send + 'static {
    /// What came of each wish, in their order.
    fn outcomes(&self) -> impl Iterator<Item = Locked>;
}

impl<T: GrantingLeases> Granting for T {
    type Names = Vec<EntryName>;

    fn give_back(self, names: Self::Names, tier: &Arc<Shared>) -> impl Future<Output = ()> + Send {
        tier.give_back(granted(names, self.outcomes()))
    }
}

/// Of a lock by name.
impl Granting for Option<LeaseId> {
    type Names = Box<str>;

    async fn give_back(self, name: Self::Names, tier: &Arc<Shared>) {
        if let Some(id) = self {
            let _ = tier.remote.release_name(&name, id).await;
        }
    }
}

/// Of a write in a bracket, which did not begin then.
impl Granting for Vec<Intent> {
    type Names = Vec<Cell>;

    async fn give_back(self, cells: Self::Names, tier: &Arc<Shared>) {
        // What cannot be said now is owed.
        let _ = tier.conclude(cells.into_iter().zip(self).collect()).await;
    }
}

/// Whether a lease can be renewed and given back: whoever cannot do that asks for none.
pub(super) fn can_be_kept() -> bool {
    background::runtime().is_some()
}

impl<T: Granting> Wish<T> {
    pub(crate) fn new(
        tier: &Arc<Shared>,
        names: T::Names,
        asked: impl Future<Output = Result<T, Fault>> + Send + 'static,
    ) -> Self {
        Self {
            tier: Arc::clone(tier),
            names,
            asked: Some(Box::pin(asked)),
            sent: false,
        }
    }

    pub(crate) async fn answer(mut self) -> Result<T, Fault> {
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
                answer.give_back(names, &tier).await;
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
