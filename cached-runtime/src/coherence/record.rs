//! What a watch was told, for tests of a store. Nothing is left of it where there are none.

use std::fmt;
#[cfg(any(test, feature = "test-util"))]
use std::sync::{Mutex, PoisonError};

#[cfg(any(test, feature = "test-util"))]
use super::Watch;
use crate::remote::{Cell, Incarnation};

/// Something that a [`Watch`](super::Watch) was told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[cfg_attr(
    not(any(test, feature = "test-util")),
    expect(unreachable_pub, reason = "tests read it, and nobody else")
)]
pub enum Told {
    /// Pushes are followed.
    Began(Incarnation),
    /// This may have changed.
    Changed(Cell),
    /// Everything may have changed.
    Everything,
    /// A beat was taken.
    Beat,
    /// A beat was heard.
    Heard {
        /// Where in [`Watch::told`](super::Watch::told) it was taken.
        beat: usize,
    },
    /// Pushes may be missing.
    Ended(String),
}

/// In order; empty if nothing is to be remembered.
#[derive(Default)]
pub(super) struct Record {
    #[cfg(any(test, feature = "test-util"))]
    list: Option<Mutex<Vec<Told>>>,
}

#[cfg(any(test, feature = "test-util"))]
impl Record {
    pub(super) fn new() -> Self {
        Self {
            list: Some(Mutex::default()),
        }
    }

    pub(super) fn told(&self) -> Vec<Told> {
        let Some(list) = &self.list else {
            return Vec::new();
        };
        list.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Its place.
    pub(super) fn note(&self, told: impl FnOnce() -> Told) -> usize {
        let Some(list) = &self.list else { return 0 };
        let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
        list.push(told());
        list.len() - 1
    }
}

#[cfg(not(any(test, feature = "test-util")))]
impl Record {
    #[expect(clippy::unused_self, reason = "the same as with a record")]
    pub(super) fn note(&self, _: impl FnOnce() -> Told) -> usize {
        0
    }
}

/// What tests of a store ask.
#[cfg(any(test, feature = "test-util"))]
impl Watch {
    /// The watch of no cache, which remembers what it is told.
    ///
    /// ```
    /// # use cached_runtime as cache_aside;
    /// use cache_aside::remote::{Cell, DoubleServer, Remote, Told, Turn, Wake, Watch};
    /// use std::sync::Arc;
    /// use std::time::Duration;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let (server, watch) = (DoubleServer::new(1), Arc::new(Watch::recording()));
    /// let (follower, writer) = (server.connect(), server.connect());
    /// follower.attach(Arc::new(Wake::default()), watch.clone());
    ///
    /// let cell = Cell::Tag("user:1".into());
    /// writer.rotate(Vec::new(), vec![cell.clone()], Turn::keeping(Duration::from_secs(60))).await?;
    /// let began = Told::Began(server.incarnation());
    /// assert_eq!(watch.told(), [began, Told::Changed(cell)]);
    /// # Ok::<(), cache_aside::remote::Fault>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn recording() -> Self {
        let mut watch = Self::default();
        watch.record = Record::new();
        watch
    }

    /// What it was told so far, in order; nothing if it does not remember.
    #[must_use]
    pub fn told(&self) -> Vec<Told> {
        self.record.told()
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Record")
    }
}
