//! One operation: which connection it goes over, how long it may take, and what its outcome says of that connection.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use super::super::error::{Effect, Trouble};
use super::super::link::Link;
use super::super::pair::Pair;
use super::{Kind, Node};
use crate::background::within;
use crate::breaker::Pass;
use crate::remote::Fault;

/// What an operation is sent on, and its right to be.
struct Used<'a> {
    link: &'a Link,
    pair: Arc<Pair>,
    pass: Pass<'a>,
}

impl Node {
    /// One operation on one connection, with one deadline.
    pub(in super::super) async fn operate<T, F>(
        self: &Arc<Self>,
        kind: Kind,
        work: impl FnOnce(Arc<Pair>) -> F + Send,
    ) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Trouble>> + Send,
        T: Send,
    {
        // Nobody waits for a connection then, and the connection keeps the time.
        let up = if self.keeps_time() {
            self.up_at_once()
        } else {
            None
        };
        let keeper = up.as_ref().map(|(_, pair)| Arc::clone(pair));
        let (mut used, mut reply) = (None, None);
        let outcome = {
            // Pinned here, because what is passed by value is kept twice. Whoever waits for it does not
            // name its type, so that waiting is compiled once.
            let work = pin!(async {
                let pair = self.enter(up, &mut used).await?;
                reply = Some(work(pair).await?);
                Ok(())
            });
            self.in_time(kind, keeper, work).await
        };
        match (outcome, reply) {
            (Some(Ok(())), Some(reply)) => {
                self.is_done(kind, used);
                Ok(reply)
            }
            (outcome, _) => {
                let trouble = outcome.and_then(Result::err);
                Err(self.has_failed(kind, trouble, used))
            }
        }
    }

    /// The connection that an operation goes over, once it may.
    async fn enter<'a>(
        self: &'a Arc<Self>,
        up: Option<(&'a Arc<Link>, Arc<Pair>)>,
        used: &mut Option<Used<'a>>,
    ) -> Result<Arc<Pair>, Trouble> {
        let (link, pair) = match up {
            Some(up) => up,
            None => self.pair().await?,
        };
        let pass = self.breaker.admit().map_err(Trouble::unavailable)?;
        *used = Some(Used {
            link,
            pair: Arc::clone(&pair),
            pass,
        });
        Ok(pair)
    }

    /// What comes of the work; `None` if it takes too long.
    async fn in_time(
        &self,
        kind: Kind,
        keeper: Option<Arc<Pair>>,
        work: Pin<&mut (dyn Future<Output = Result<(), Trouble>> + Send)>,
    ) -> Option<Result<(), Trouble>> {
        let limit = self.limit(kind);
        match keeper {
            Some(pair) => pair.within(limit, work).await,
            None => within(limit, work).await,
        }
    }

    fn limit(&self, kind: Kind) -> Duration {
        match kind {
            Kind::Read | Kind::Take => self.settings().read_timeout,
            Kind::Write | Kind::End => self.settings().write_timeout,
        }
    }

    fn is_done(&self, kind: Kind, used: Option<Used<'_>>) {
        if let Some(used) = used {
            used.pass.answered();
        }
        if matches!(kind, Kind::Read | Kind::Write) {
            self.refusals.end(kind.what());
        }
    }

    /// What its caller is told; without a `trouble` it took too long.
    fn has_failed(&self, kind: Kind, trouble: Option<Trouble>, used: Option<Used<'_>>) -> Fault {
        let late = trouble.is_none();
        let trouble = trouble.unwrap_or_else(|| match used {
            Some(_) => Trouble::late(self.limit(kind)),
            None => Trouble::unavailable("connecting"),
        });
        if let Some(used) = used {
            self.follow(kind, &trouble, late, used);
        }
        trouble.fault
    }

    /// What one failure means for those who come after.
    fn follow(&self, kind: Kind, trouble: &Trouble, late: bool, used: Used<'_>) {
        let Used { link, pair, pass } = used;
        let why = trouble.why();
        match trouble.effect {
            Effect::None => {}
            Effect::NoScript => pass.answered(),
            Effect::Refused => {
                pass.answered();
                self.refusals.begin(kind.what(), &why);
            }
            Effect::Suspect | Effect::Close => pass.failed(&why, late, || {
                let in_use = match trouble.effect {
                    Effect::Close => link.give_up(&pair, &why),
                    _ => link.doubt(&pair, &why),
                };
                // They lead to the same server: nobody else waits for it until a heartbeat passed.
                if in_use {
                    self.links.iter().for_each(|link| link.doubt_any(&why));
                }
                in_use
            }),
        }
    }
}
