//! Follows the pushes of a server once there are copies: connects, beats, gives up, connects again.

use std::sync::Arc;
use std::time::Duration;

use super::super::error::Trouble;
use super::super::keeper::{Backoff, SETTLED};
use super::super::node::Node;
use super::line::{Line, Outage, Proof};
use super::place::Duty;
use crate::background::{sleep, within};
use crate::clock::Clock;
use crate::remote::Watch;

/// How long it takes to ask a server again that does not push.
const RARELY: Duration = Duration::from_secs(10);

/// Runs until it is closed or the runtime ends.
pub(in crate::remote::redis) async fn follow(node: Arc<Node>, duty: Duty) {
    let clock = Clock::system();
    let watch = duty.watch();
    let mut backoff = Backoff::default();
    let mut log = Log::default();
    watch.until_needed().await;
    loop {
        let outage = match Line::connect(&node, &duty).await {
            Ok(line) => {
                let since = clock.now();
                let outage = keep(line, watch, &mut log).await;
                if clock.now().since(since) >= SETTLED {
                    backoff = Backoff::default();
                }
                outage
            }
            Err(outage) => outage,
        };
        let why = outage.why();
        log.down(&outage, &why);
        match outage {
            Outage::Lost(_) => {
                watch.end(&why);
                // The server is tried at once when others have found it again.
                within(backoff.next(), duty.place().found()).await;
                continue;
            }
            Outage::Refused(_) => watch.end(&why),
            Outage::Withheld => watch.withheld(&why),
        }
        sleep(RARELY.mul_f64(0.9 + fastrand::f64() / 5.0)).await;
    }
}

/// Has `watch` trust `line` as long as it is good; says why it is not any more.
async fn keep(mut line: Line, watch: &Watch, log: &mut Log) -> Outage {
    watch.begin(line.incarnation());
    let mut begun = true;
    loop {
        let beat = watch.beat();
        match line.beat().await {
            Ok(Proof::Proven) if begun => {
                watch.heard(beat);
                log.up();
            }
            Ok(Proof::Proven) => {
                watch.begin(line.incarnation());
                begun = true;
                continue;
            }
            Ok(Proof::NotYet(trouble)) => {
                let why = format!("whether changes are pushed is not known: {}", trouble.why());
                watch.end(&why);
                log.down(&Outage::Lost(trouble), &why);
                begun = false;
            }
            Err(outage) => return outage,
        }
        if within(watch.interval(), line.over()).await.is_some() {
            return Outage::Lost(Trouble::unavailable("the connection was lost"));
        }
    }
}

impl Outage {
    fn why(&self) -> String {
        match self {
            Self::Lost(trouble) => trouble.why(),
            Self::Refused(why) => format!("the server does not push changes: {why}"),
            Self::Withheld => "the server does not deliver the changes it agreed to push".into(),
        }
    }
}

/// What the log was told last: nothing while all is well.
#[derive(Debug, Default)]
struct Log(Option<String>);

impl Log {
    fn up(&mut self) {
        if self.0.take().is_some() {
            tracing::info!("redis: changes are pushed again");
        }
    }

    fn down(&mut self, outage: &Outage, why: &str) {
        if self.0.as_deref() == Some(why) {
            return;
        }
        match outage {
            Outage::Lost(_) => tracing::warn!(
                "redis: changes are not heard, copies are confirmed one by one until they are: {why}"
            ),
            Outage::Refused(_) | Outage::Withheld => tracing::warn!(
                "redis: changes are not pushed, the server confirms each local hit instead: {why}"
            ),
        }
        self.0 = Some(why.to_owned());
    }
}
