//! How a server does, in words.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::super::link::Phase;
use super::super::pair::Pair;
use super::Node;
use crate::breaker::BreakerState;
use crate::remote::Status;

impl Node {
    /// As far as is known without asking.
    pub(in super::super) fn status(self: &Arc<Self>) -> Status {
        let mut down = None;
        for link in &self.links {
            match link.phase() {
                Phase::Up(pair) => return self.status_of(&pair),
                Phase::Alone => {
                    // The next operation starts what is missing, so it is worth a try.
                    let why = "not connected; the next operation will connect";
                    return match Handle::try_current() {
                        Ok(_) => Status::Degraded(why.to_owned()),
                        Err(_) => Status::Down("there is no tokio runtime".to_owned()),
                    };
                }
                Phase::Starting => return Status::Degraded("connecting".to_owned()),
                Phase::Down(why) => down = down.or(Some(why)),
                Phase::Closed => return Status::Down("closed".to_owned()),
            }
        }
        Status::Down(down.unwrap_or_default())
    }

    fn status_of(&self, pair: &Pair) -> Status {
        let tried = match self.breaker.trouble() {
            (BreakerState::Closed, _) => None,
            (BreakerState::HalfOpen, why) => {
                Some(format!("tried by one operation at a time: {why}"))
            }
            (BreakerState::Open, why) => return Status::Down(why),
        };
        let refused = self.refusals.why();
        let deaf = self.ear.shortcoming();
        let short = refused.as_deref().or(pair.shortcoming());
        let all: Vec<_> = [tried.as_deref(), short, deaf]
            .into_iter()
            .flatten()
            .collect();
        if all.is_empty() {
            Status::Up
        } else {
            Status::Degraded(all.join("; "))
        }
    }
}
