//! The place of one connection: what is there now, and how it is given up.

use std::sync::Arc;

use tokio::sync::{Notify, watch};

use super::pair::Pair;

/// One place for a connection. Its keeper alone puts connections there; everybody may withdraw
/// one.
#[derive(Debug)]
pub(super) struct Link {
    phase: watch::Sender<Phase>,
    /// Somebody doubts the connection: its keeper looks at once.
    doubt: Notify,
}

/// What is there.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    /// Nobody looks after it: not begun, or the runtime of its keeper ended.
    Alone,
    /// The first attempt since then is under way.
    Starting,
    Up(Arc<Pair>),
    /// There is none that may be used, and why.
    Down(String),
    Closed,
}

/// The duty of looking after a link. Ends with the task that has it, however that ends.
#[derive(Debug)]
pub(super) struct Duty(Arc<Link>);

impl Link {
    pub(super) fn new() -> Self {
        Self {
            phase: watch::Sender::new(Phase::Alone),
            doubt: Notify::new(),
        }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.borrow().clone()
    }

    /// Waits until it is known whether there is a connection.
    pub(super) async fn known(&self) -> Phase {
        let mut phase = self.phase.subscribe();
        let known = |phase: &Phase| !matches!(phase, Phase::Starting);
        match phase.wait_for(known).await {
            Ok(phase) => phase.clone(),
            Err(_) => Phase::Closed,
        }
    }

    /// Gives the duty to whoever asks first while nobody has it.
    pub(super) fn take_duty(self: &Arc<Self>) -> Option<Duty> {
        let taken = self.phase.send_if_modified(|phase| {
            let alone = matches!(phase, Phase::Alone);
            if alone {
                *phase = Phase::Starting;
            }
            alone
        });
        taken.then(|| Duty(Arc::clone(self)))
    }

    /// Nobody uses `pair` until its keeper has looked. Whether it was in use.
    pub(super) fn doubt(&self, pair: &Arc<Pair>, why: &str) -> bool {
        let withdrawn = self.withdraw(pair, why);
        if withdrawn {
            self.doubt.notify_one();
        }
        withdrawn
    }

    /// Whatever is there is doubted.
    pub(super) fn doubt_any(&self, why: &str) {
        if let Phase::Up(pair) = self.phase() {
            self.doubt(&pair, why);
        }
    }

    /// Nobody uses `pair` any more, and replies that are still to come do not count.
    pub(super) fn give_up(&self, pair: &Arc<Pair>, why: &str) -> bool {
        pair.kill();
        self.doubt(pair, why)
    }

    pub(super) fn close(&self) {
        self.phase.send_modify(|phase| {
            if let Phase::Up(pair) = phase {
                pair.kill();
            }
            *phase = Phase::Closed;
        });
        self.doubt.notify_one();
    }

    fn withdraw(&self, pair: &Arc<Pair>, why: &str) -> bool {
        self.phase.send_if_modified(|phase| match phase {
            Phase::Up(current) if Arc::ptr_eq(current, pair) => {
                *phase = Phase::Down(why.to_owned());
                true
            }
            _ => false,
        })
    }

    fn set(&self, next: Phase) -> bool {
        self.phase.send_if_modified(|phase| {
            if matches!(phase, Phase::Closed) {
                return false;
            }
            *phase = next;
            true
        })
    }
}

impl Duty {
    /// Whether there is anything left to look after.
    pub(super) fn up(&self, pair: &Arc<Pair>) -> bool {
        self.0.set(Phase::Up(Arc::clone(pair)))
    }

    pub(super) fn down(&self, why: &str) -> bool {
        self.0.set(Phase::Down(why.to_owned()))
    }

    pub(super) async fn doubted(&self) {
        self.0.doubt.notified().await;
    }

    pub(super) fn is_up(&self) -> bool {
        matches!(*self.0.phase.borrow(), Phase::Up(_))
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        self.0.phase.send_if_modified(|phase| {
            if let Phase::Up(pair) = phase {
                pair.kill();
            }
            let open = !matches!(phase, Phase::Closed);
            if open {
                *phase = Phase::Alone;
            }
            open
        });
    }
}
