//! What a test does to one process: what it has to bear, and how often it asks.

use std::time::Duration;

use super::client::Double;
use super::trouble::{Op, Trouble};

impl Double {
    /// From now on this happens to these operations of this process.
    pub fn begin(&self, trouble: Trouble, ops: &[Op]) {
        self.with(|client| client.troubles.begin(trouble, ops));
    }

    /// It happens to no operation of this process any more. What is held stays so.
    pub fn end(&self, trouble: Trouble) {
        self.with(|client| client.troubles.end(trouble));
    }

    /// This process is cut off: it gets no reply and no announcement. What it sent and is held may
    /// still arrive.
    pub fn cut(&self) {
        self.server.with(|world| {
            let client = &mut world.clients[self.id];
            client.lost += u64::from(client.down.is_none());
            client.down = Some("the connection is cut");
            world.lose_replies(self.id);
            world.lose_line(self.id, "the connection is cut");
        });
    }

    /// The end of [`cut`](Self::cut).
    pub fn mend(&self) {
        self.server.with(|world| {
            world.clients[self.id].down = None;
            world.mend_line(self.id);
            world.wake_everybody(self.id);
        });
    }

    /// Whether announcements to this process are lost.
    pub fn silence(&self, on: bool) {
        self.with(|client| client.silent = on);
    }

    /// By how much this process takes the server's time to be later than it is.
    pub fn run_ahead(&self, by: Duration) {
        self.with(|client| client.ahead = u64::try_from(by.as_millis()).unwrap_or(u64::MAX));
    }

    /// How many of these operations this process sent, whether they arrived or not.
    #[must_use]
    pub fn count(&self, op: Op) -> u64 {
        self.with(|client| client.counts.get(&op).copied().unwrap_or_default())
    }

    /// How many operations this process sent.
    #[must_use]
    pub fn trips(&self) -> u64 {
        self.with(|client| client.counts.values().sum())
    }
}
