//! The connection on which this process is told that loads of other processes ended.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ::redis::aio::{PubSubSink, PubSubStream};
use ::redis::{Msg, Value};
use futures_util::StreamExt as _;
use tokio::sync::watch;

use super::dial::dial_messages;
use super::error::{Effect, Trouble};
use super::keeper::caught;
use super::node::Node;
use crate::background::{sleep, within};
use crate::remote::{Ended, EntryName, Wake};

/// How often the connection is checked.
const PING: Duration = Duration::from_secs(1);

/// How long it is away at most before the next attempt.
const RETRY: Duration = Duration::from_millis(500);

/// How long it is away at most where the server does not let this process listen.
const RARELY: Duration = Duration::from_secs(10);

const DEAF: &str = "not told when loads of other processes end, who waits looks for itself";

/// Where announcements arrive.
pub(super) struct Ear {
    process: [u8; 8],
    wake: OnceLock<Arc<Wake>>,
    listening: watch::Sender<Listening>,
    /// Only the first failure is told.
    told: AtomicBool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listening {
    /// Nobody looks after it.
    Alone,
    Starting,
    Yes,
    No,
    Closed,
}

/// The duty of listening. Ends with the task that has it, however that ends.
#[derive(Debug)]
pub(super) struct Duty(Arc<Ear>);

/// What ended, as one byte of the message.
pub(super) fn byte(ended: Ended) -> u8 {
    match ended {
        Ended::Filled => b'F',
        Ended::Failed => b'X',
        Ended::NotStored => b'N',
        Ended::Invalidated => b'I',
    }
}

/// What is sent to those who wait for an entry.
pub(super) fn message(ended: Ended, entry: &EntryName) -> Vec<u8> {
    let mut message = Vec::with_capacity(entry.as_str().len() + 1);
    message.push(byte(ended));
    message.extend_from_slice(entry.as_str().as_bytes());
    message
}

fn read(message: &[u8]) -> Option<(EntryName, Ended)> {
    let (first, entry) = message.split_first()?;
    let ended = [
        Ended::Filled,
        Ended::Failed,
        Ended::NotStored,
        Ended::Invalidated,
    ]
    .into_iter()
    .find(|ended| byte(*ended) == *first)?;
    let entry = std::str::from_utf8(entry).ok()?;
    Some((EntryName::new(entry), ended))
}

impl Ear {
    /// An ear with an address of its own.
    pub(super) fn new(process: [u8; 8]) -> Self {
        Self {
            process,
            wake: OnceLock::new(),
            listening: watch::Sender::new(Listening::Alone),
            told: AtomicBool::new(false),
        }
    }

    pub(super) fn attach(&self, wake: Arc<Wake>) {
        // Attached once; a second one would never have been told anything before.
        let _ = self.wake.set(wake);
    }

    /// The id under which this process waits; empty while nothing would be heard.
    pub(super) fn process(&self) -> &[u8] {
        match *self.listening.borrow() {
            Listening::Yes => &self.process,
            _ => &[],
        }
    }

    /// What follows if nothing is heard.
    pub(super) fn shortcoming(&self) -> Option<&'static str> {
        match *self.listening.borrow() {
            Listening::Alone | Listening::No => Some(DEAF),
            Listening::Starting | Listening::Yes | Listening::Closed => None,
        }
    }

    pub(super) fn take_duty(self: &Arc<Self>) -> Option<Duty> {
        self.turn(|now| (now == Listening::Alone).then_some(Listening::Starting))
            .then(|| Duty(Arc::clone(self)))
    }

    pub(super) async fn known(&self) {
        let mut listening = self.listening.subscribe();
        let _ = listening
            .wait_for(|listening| *listening != Listening::Starting)
            .await;
    }

    pub(super) fn close(&self) {
        self.listening.send_replace(Listening::Closed);
    }

    fn set(&self, next: Listening) -> bool {
        self.turn(|now| (now != Listening::Closed).then_some(next))
    }

    fn turn(&self, next: impl FnOnce(Listening) -> Option<Listening>) -> bool {
        self.listening
            .send_if_modified(|listening| match next(*listening) {
                Some(next) => {
                    *listening = next;
                    true
                }
                None => false,
            })
    }

    fn hear(&self, message: &Msg) {
        if let (Some(wake), Some((entry, ended))) =
            (self.wake.get(), read(message.get_payload_bytes()))
        {
            wake.announce(&entry, ended);
        }
    }

    /// Everybody looks for itself: something may have been missed.
    fn missed(&self) {
        if let Some(wake) = self.wake.get() {
            wake.everybody();
        }
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        self.0.set(Listening::Alone);
    }
}

/// Listens until it is closed or the runtime ends.
pub(super) async fn listen(node: Arc<Node>, duty: Duty) {
    let ear = &duty.0;
    let mut refused = RETRY;
    loop {
        let trouble = match subscribe(&node).await {
            Ok((mut sink, mut messages)) => {
                if !ear.set(Listening::Yes) {
                    return;
                }
                if ear.told.swap(false, SeqCst) {
                    tracing::info!("redis: told again when loads of other processes end");
                }
                ear.missed();
                refused = RETRY;
                hear_all(&node, &mut sink, &mut messages).await
            }
            Err(trouble) => trouble,
        };
        if !ear.set(Listening::No) {
            return;
        }
        if !ear.told.swap(true, SeqCst) {
            tracing::warn!("redis: {DEAF}: {}", trouble.why());
        }
        let pause = if trouble.effect == Effect::Refused {
            refused = (refused * 2).min(RARELY);
            refused / 2
        } else {
            RETRY
        };
        sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
    }
}

async fn subscribe(node: &Node) -> Result<(PubSubSink, PubSubStream), Trouble> {
    let limit = node.settings().connect_timeout;
    let channel = node.names().channel(node.ear().process);
    let subscribed = caught(async {
        let (mut sink, messages) = dial_messages(node.checked()).await?.split();
        sink.subscribe(channel).await?;
        Ok((sink, messages))
    });
    within(limit, subscribed)
        .await
        .unwrap_or_else(|| Err(Trouble::late(limit)))
}

/// Gives every message to those who wait, as long as the connection is good.
async fn hear_all(node: &Node, sink: &mut PubSubSink, messages: &mut PubSubStream) -> Trouble {
    let limit = node.settings().write_timeout;
    loop {
        let quiet = async {
            while let Some(message) = messages.next().await {
                node.ear().hear(&message);
            }
        };
        if within(PING, quiet).await.is_some() {
            return Trouble::unavailable("the connection was lost");
        }
        match within(limit, sink.ping::<Value>()).await {
            Some(Ok(_)) => {}
            Some(Err(error)) => return Trouble::from(error),
            None => return Trouble::late(limit),
        }
    }
}

impl fmt::Debug for Ear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ear")
            .field("listening", &*self.listening.borrow())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_ended_and_how() {
        let entry = EntryName::new("user:1");
        for ended in [
            Ended::Filled,
            Ended::Failed,
            Ended::NotStored,
            Ended::Invalidated,
        ] {
            let (name, read) = read(&message(ended, &entry)).unwrap();
            assert_eq!((name.as_str(), read), ("user:1", ended));
        }
        assert!(read(b"").is_none());
        assert!(read(b"?user:1").is_none());
        assert!(read(b"F\xff").is_none());
    }
}
