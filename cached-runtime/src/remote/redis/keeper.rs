//! Looks after one link: connects, checks, gives up, connects again.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::error::Trouble;
use super::link::Duty;
use super::node::Node;
use super::pair::Pair;
use super::settings::HEARTBEAT;
use crate::background::{sleep, within};
use crate::clock::Clock;

/// A connection that lived shorter than this does not count as a success.
pub(super) const SETTLED: Duration = Duration::from_secs(1);

/// Runs until the link is closed or the runtime ends.
pub(super) async fn keep(node: Arc<Node>, duty: Duty) {
    let clock = Clock::system();
    let mut backoff = Backoff::default();
    let mut told = Told::default();
    loop {
        let why = match connect(&node).await {
            Ok(pair) => {
                let pair = Arc::new(pair);
                let since = clock.now();
                if !node.up(&duty, &pair) {
                    return;
                }
                told.up(&pair);
                node.push().server_is_there();
                let why = watch(&node, &duty, &pair).await;
                pair.kill();
                if clock.now().since(since) >= SETTLED {
                    backoff = Backoff::default();
                }
                why
            }
            Err(trouble) => trouble.why(),
        };
        if !node.down(&duty, &why) {
            return;
        }
        told.down(&why);
        sleep(backoff.next()).await;
    }
}

async fn connect(node: &Node) -> Result<Pair, Trouble> {
    let limit = node.settings().connect_timeout;
    within(limit, caught(Pair::connect(node.checked(), node.names())))
        .await
        .unwrap_or_else(|| Err(Trouble::late(limit)))
}

/// A runtime without I/O panics where a socket is opened: there is no way to ask it before.
pub(super) async fn caught<T>(
    connect: impl Future<Output = Result<T, Trouble>>,
) -> Result<T, Trouble> {
    let mut connect = pin!(connect);
    poll_fn(|context| {
        let poll = AssertUnwindSafe(|| connect.as_mut().poll(context));
        catch_unwind(poll).unwrap_or_else(|_| {
            Poll::Ready(Err(Trouble::unavailable(
                "the tokio runtime has no I/O (`enable_all`)",
            )))
        })
    })
    .await
}

/// Checks `pair` as long as it is good; says why it is not any more.
async fn watch(node: &Node, duty: &Duty, pair: &Arc<Pair>) -> String {
    let limit = node.settings().read_timeout;
    loop {
        let doubted = within(HEARTBEAT, duty.doubted()).await.is_some() || !duty.is_up();
        let beat = within(limit, pair.beat(doubted)).await;
        match beat.unwrap_or_else(|| Err(Trouble::late(limit))) {
            Err(trouble) => return trouble.why(),
            Ok(()) if doubted && !node.up(duty, pair) => return "closed".to_owned(),
            Ok(()) => {}
        }
    }
}

/// Waits longer each time, and never in step with others.
#[derive(Debug, Default)]
pub(super) struct Backoff(u32);

impl Backoff {
    pub(super) fn next(&mut self) -> Duration {
        let longest = Duration::from_millis(50)
            .saturating_mul(1 << self.0.min(5))
            .min(Duration::from_secs(1));
        self.0 += 1;
        longest.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// What the log was told last.
#[derive(Debug, Default)]
struct Told(Option<String>);

impl Told {
    fn up(&mut self, pair: &Pair) {
        let shortcoming = pair.shortcoming().unwrap_or("");
        if self.0.as_deref() != Some(shortcoming) {
            match pair.shortcoming() {
                Some(shortcoming) => tracing::warn!("redis: connected, but {shortcoming}"),
                None if self.0.is_some() => tracing::info!("redis: connected again"),
                None => tracing::debug!("redis: connected"),
            }
            self.0 = Some(shortcoming.to_owned());
        }
    }

    fn down(&mut self, why: &str) {
        if self.0.as_deref() != Some(why) {
            tracing::warn!("redis: no connection: {why}");
            self.0 = Some(why.to_owned());
        }
    }
}
