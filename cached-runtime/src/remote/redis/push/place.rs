//! Whether pushes are followed, for whom, and by whom.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::Notify;

use crate::remote::Watch;

/// The place of the one connection on which pushes come.
pub(in crate::remote::redis) struct Push {
    /// Nobody connects before it is there and wants to know.
    watch: OnceLock<Arc<Watch>>,
    care: Mutex<Care>,
    canary: String,
    found: Notify,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Care {
    /// Nobody looks after it.
    Alone,
    Taken,
    Closed,
}

/// The duty of following. Ends with the task that has it, however that ends.
#[derive(Debug)]
pub(in crate::remote::redis) struct Duty {
    place: Arc<Push>,
    watch: Arc<Watch>,
}

impl Push {
    /// `canary` is a name in the server that nobody else writes.
    pub(in crate::remote::redis) fn new(canary: String) -> Self {
        Self {
            watch: OnceLock::new(),
            care: Mutex::new(Care::Alone),
            canary,
            found: Notify::new(),
        }
    }

    pub(in crate::remote::redis) fn attach(&self, watch: Arc<Watch>) {
        // Attached once; a second one would never have been told anything before.
        let _ = self.watch.set(watch);
    }

    /// Gives the duty to whoever asks first while nobody has it and somebody wants it done.
    pub(in crate::remote::redis) fn take_duty(self: &Arc<Self>) -> Option<Duty> {
        let watch = self.watch.get().filter(|watch| watch.is_wanted())?;
        let mut care = self.care();
        if *care != Care::Alone {
            return None;
        }
        *care = Care::Taken;
        Some(Duty {
            place: Arc::clone(self),
            watch: Arc::clone(watch),
        })
    }

    pub(in crate::remote::redis) fn close(&self) {
        *self.care() = Care::Closed;
    }

    /// Another connection has just reached the server.
    pub(in crate::remote::redis) fn server_is_there(&self) {
        self.found.notify_one();
    }

    /// When somebody reached the server.
    pub(super) async fn found(&self) {
        self.found.notified().await;
    }

    pub(super) fn canary(&self) -> &str {
        &self.canary
    }

    fn care(&self) -> MutexGuard<'_, Care> {
        self.care.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Duty {
    pub(super) fn place(&self) -> &Push {
        &self.place
    }

    pub(super) fn watch(&self) -> &Arc<Watch> {
        &self.watch
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        let mut care = self.place.care();
        // Under the lock: whoever takes the duty next begins after this end.
        if *care == Care::Taken {
            self.watch
                .end("not connected; the next operation will connect");
            *care = Care::Alone;
        } else {
            self.watch.end("closed");
        }
    }
}

impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Push")
            .field("care", &*self.care())
            .finish_non_exhaustive()
    }
}
