//! The body of a batch: in its place, under its time limit, and known to the calls inside of it.

use std::future::{Future, poll_fn};

use super::{Answers, BatchMiss, Each, Missing, key_of};
use crate::background::unless_late;
use crate::call::{Loading, Terms};
use crate::nesting::Load;
use crate::observe::Event;
use crate::outcome::BatchCodec;
use crate::pause::Point;

/// What is given in place of what is loaded, and whether a load was tried.
pub(super) struct Instead<R> {
    pub(super) answer: R,
    pub(super) tried: bool,
}

impl<C: Each + ?Sized, M: Answers> BatchMiss<C, M> {
    /// What the body returns for these elements, and the load that it was; or what is given at once.
    pub(super) async fn load<R, E, B, F>(
        &self,
        codec: &BatchCodec<R, M, E>,
        missing: &[Missing<C::Key, M>],
        body: Option<B>,
    ) -> Result<(M, Loading), Instead<R>>
    where
        B: FnOnce(C::Rest) -> F,
        F: Future<Output = R>,
    {
        let Some(body) = body else {
            unreachable!("a batch has a body for each of its loads");
        };
        let limit = missing
            .iter()
            .filter(|_| !self.mode.bypass)
            .filter_map(|missing| missing.subject.policy.options.load_timeout)
            .min();
        let tried = false;
        let place = self.find_place(codec, missing, limit).await;
        let place = place.map_err(|answer| Instead { answer, tried })?;
        let loading = Loading::begin(&self.cache, None);
        let rest = C::rest(missing.iter().map(|missing| missing.element.clone()));
        let body = self
            .cache
            .pause_before(Point::Loading, key_of(missing), body(rest));
        // Who loads without a lease holds nobody up, and a call inside may join the loads of others.
        let held = missing.iter().filter(|missing| {
            let leased = matches!(missing.terms, Terms::Leased(..));
            !self.is_apart(missing) && (leased || self.mode.refresh)
        });
        let load = Load::of_each(&self.cache, held.map(|missing| &missing.subject.key));
        let mut body = Box::pin(body);
        let body = place.seat(poll_fn(move |context| {
            let _inside = load.poll();
            body.as_mut().poll(context)
        }));
        let outcome = match limit {
            None => Ok(body.await),
            Some(limit) => unless_late(limit, body, || self.instead(codec, missing, limit)).await,
        };
        let count = |event| self.count_loads(missing, event);
        match outcome.map(codec.shape.open) {
            Err(answer) => {
                count(Event::LoadTimeout);
                let tried = true;
                Err(Instead { answer, tried })
            }
            Ok(Err(failed)) => {
                count(Event::Load);
                count(Event::LoadError);
                let answer = self.stale_answers(codec, missing).unwrap_or(failed);
                let tried = true;
                Err(Instead { answer, tried })
            }
            Ok(Ok(loaded)) => Ok((loaded, loading)),
        }
    }
}
