//! Where work goes on although whoever has to do it has no runtime, or one that ends.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

use super::{spawn, spawn_detached};

/// The runtime that a cache lives on: for what is to be done although its caller has none, or one that ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct HomeRuntime(Option<Handle>);

impl HomeRuntime {
    /// The runtime that was chosen, or else the caller's.
    pub(crate) fn new(chosen: Option<Handle>) -> Self {
        Self(chosen.or_else(|| Handle::try_current().ok()))
    }

    /// Runs `work` behind its caller: on the caller's runtime, or on this one if that ends before the work
    /// begins.
    pub(crate) fn run_behind(&self, work: impl Future<Output = ()> + Send + 'static) {
        spawn_detached(Unbegun {
            work: Some(Box::pin(work)),
            home: self.clone(),
        });
    }

    /// Runs `work` on this runtime; where that has ended, it is dropped.
    pub(crate) fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Self(Some(runtime)) = self {
            spawn(runtime, Box::pin(work));
        }
    }
}

/// Work that is not lost with a runtime that does not begin it.
struct Unbegun {
    work: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    home: HomeRuntime,
}

impl Future for Unbegun {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // What has begun may have timers of this runtime.
        self.home = HomeRuntime(None);
        match &mut self.work {
            Some(work) => work.as_mut().poll(context),
            None => Poll::Ready(()),
        }
    }
}

impl Drop for Unbegun {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            self.home.run(work);
        }
    }
}
