//! From what a server pushes to what follows from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use ::redis::{PushInfo, PushKind, Value};
use tokio::sync::Notify;

use super::super::names::Names;
use crate::remote::Watch;

/// Takes in the pushes of one connection, in the order in which they come.
pub(super) struct Listener {
    names: Names,
    canary: String,
    watch: Arc<Watch>,
    canary_came: AtomicBool,
    over: Notify,
}

impl Listener {
    pub(super) fn new(names: Names, canary: &str, watch: Arc<Watch>) -> Arc<Self> {
        Arc::new(Self {
            names,
            canary: canary.to_owned(),
            watch,
            canary_came: AtomicBool::new(false),
            over: Notify::new(),
        })
    }

    /// Called by the driver of the connection: nothing that came after `push` was handled yet.
    pub(super) fn hear(&self, push: &PushInfo) {
        match push.kind {
            PushKind::Invalidate => match push.data.as_slice() {
                [Value::Array(names)] => names.iter().for_each(|name| self.changed(name)),
                // Nothing is named after a flush; another shape would be as vague.
                _ => self.watch.changed_everything(),
            },
            PushKind::Disconnection => self.over.notify_one(),
            _ => {}
        }
    }

    /// Forgets that the canary was seen.
    pub(super) fn await_canary(&self) {
        self.canary_came.store(false, SeqCst);
    }

    pub(super) fn canary_came(&self) -> bool {
        self.canary_came.load(SeqCst)
    }

    /// When the connection is lost.
    pub(super) async fn over(&self) {
        self.over.notified().await;
    }

    fn changed(&self, name: &Value) {
        let name = match name {
            Value::BulkString(name) => std::str::from_utf8(name).ok(),
            Value::SimpleString(name) => Some(name.as_str()),
            _ => None,
        };
        if name == Some(self.canary.as_str()) {
            self.canary_came.store(true, SeqCst);
            return;
        }
        match name.and_then(|name| self.names.cell_named(name)) {
            Some(cell) => self.watch.changed(&cell),
            // It is under our names, and whose it is cannot be told.
            None => self.watch.changed_everything(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::{Cell, EntryName, Told};

    fn invalidate(data: Vec<Value>) -> PushInfo {
        let kind = PushKind::Invalidate;
        PushInfo { kind, data }
    }

    fn names(names: &[&[u8]]) -> PushInfo {
        let names = names.iter().map(|name| Value::BulkString(name.to_vec()));
        invalidate(vec![Value::Array(names.collect())])
    }

    #[test]
    fn what_is_named_is_told_and_what_cannot_be_read_may_be_anything() {
        let watch = Arc::new(Watch::recording());
        let listener = Listener::new(Names::new("n"), "n:c:1", Arc::clone(&watch));
        let mut seen = 0;
        let mut told = |push: PushInfo| {
            listener.hear(&push);
            let told = watch.told().split_off(seen);
            seen += told.len();
            told
        };
        let tag = Told::Changed(Cell::Tag("{".into()));
        let key = Told::Changed(Cell::Key(EntryName::new("a:1")));
        assert_eq!(told(names(&[b"n:t:{%7B}", b"n:i:{a:1}"])), [tag, key]);
        assert_eq!(told(names(&[])), []);
        assert_eq!(told(names(&[b"n:c:1"])), []);
        for odd in [
            names(&[b"n:t:{\xff}"]),
            names(&[b"n:t:{"]),
            invalidate(vec![Value::Nil]),
            invalidate(vec![]),
            invalidate(vec![Value::Array(vec![Value::Int(1)])]),
        ] {
            assert_eq!(told(odd.clone()), [Told::Everything], "{odd:?}");
        }
        let data = vec![Value::Nil];
        let kind = PushKind::Other("news".to_owned());
        assert_eq!(told(PushInfo { kind, data }), []);
    }

    #[test]
    fn the_canary_is_seen_until_it_is_awaited_again() {
        let watch = Arc::new(Watch::recording());
        let listener = Listener::new(Names::new("n"), "n:c:1", watch);
        listener.hear(&names(&[b"n:c:2", b"n:t:{a}"]));
        assert!(!listener.canary_came());
        listener.hear(&names(&[b"n:t:{a}", b"n:c:1"]));
        assert!(listener.canary_came());
        listener.await_canary();
        assert!(!listener.canary_came());
    }
}
