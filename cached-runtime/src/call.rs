//! One cached call: look, meet, open, board, claim, load, land.
//!
//! ```text
//! look   borrows the arguments, no await: a fresh value in this process ends the call here
//! meet   where processes share a store: is what was found valid, or is something else there?
//! open   what was found: a fresh value, a stale one, one to refresh early, a wish of the caller
//! board  the first caller of a key leads, the others join and wait
//! claim  where processes share a store: who has the lease loads, the others wait for its answer
//! load   the body runs, under its time limit
//! land   store it if nothing it depends on was invalidated meanwhile; tell those who wait
//! ```
//!
//! Invariants:
//! - An answer is given only if everything it depends on was unbroken at a moment after the caller
//!   arrived, or if the caller's own load made it.
//! - The number of a load is drawn before its body runs, and the cells of the tags that are known
//!   by then are held from before that.
//! - In the borrowing form nothing of the function's own types lives across an await, so the call
//!   is `Send` where the body is.

mod adopt;
mod claim;
mod fallback;
mod found;
mod hidden;
mod land;
mod loading;
mod look;
mod meet;
mod share;
mod ship;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::panic::resume_unwind;
use std::sync::Arc;

pub(crate) use self::claim::{GRACE, LONGEST_SILENCE, MOST_LOOKS, Terms};
pub(crate) use self::found::PATIENCE;
pub(crate) use self::land::{Kept, Subject};
pub(crate) use self::loading::Loading;
pub(crate) use self::look::plain_hit;
pub use self::look::{Hit, Looking, Miss, look};
pub(crate) use self::meet::{Access, meet, meet_each};

use self::claim::Aboard;
use self::found::{Joined, Open, Turn, Waited};
use self::look::Errand;
use crate::background::{NotSpawned, unless_late};
use crate::flight::{Landing, Leader, Running, Seat};
use crate::limiter::{Place, is_inside};
use crate::outcome::Codec;
use crate::pause::Point;
use crate::policy::SingleFlight;

/// A caller that waited this often in vain loads by itself: endless invalidation, or a body that
/// always panics, cannot starve it.
const VAIN_WAITS: u32 = 2;

impl<R, T, E> Miss<R, T, E> {
    /// Answers by what was found, by another caller's load, or by `body`. The body may borrow: it
    /// runs inside this call and nowhere else.
    ///
    /// What goes on after a look stands on the heap, and so does the body by itself: the function's
    /// own future stays small, which a hit, too, has to carry.
    pub fn run<F>(self, codec: Codec<R, T, E>, body: F) -> impl Future<Output = R>
    where
        F: Future<Output = R>,
    {
        let (mut call, body) = (self, Box::pin(body));
        Box::pin(async move {
            if let Some(answer) = call.meet(&codec).await {
                return answer;
            }
            let open = call.open();
            Box::pin(call.go_on(open, &codec, || body)).await
        })
    }

    /// The same for a body that can outlive the call: `make` gives one that borrows nothing. It is
    /// called before the load begins, so it must not read what is loaded: its future does.
    pub fn run_owned<M, F>(self, codec: Codec<R, T, E>, make: M) -> impl Future<Output = R>
    where
        M: FnOnce() -> F,
        F: Future<Output = R> + Send + 'static,
        R: Send + 'static,
        T: Send + Sync + 'static,
        E: 'static,
    {
        let (mut call, make) = (self, || Box::pin(make()));
        Box::pin(async move {
            if let Some(answer) = call.meet(&codec).await {
                return answer;
            }
            match call.open() {
                Open::Behind(found) => match call.background_permit() {
                    Ok(permit) => {
                        if let Some(leader) = call.lead_only(&codec) {
                            let mut behind = call.behind();
                            let body = make();
                            permit.spawn(async move {
                                behind.load(&codec, Some(leader), body).await;
                            });
                        }
                        call.answer(&codec, &found)
                    }
                    Err(NotSpawned::Full) => {
                        call.gives_back(&found);
                        call.answer(&codec, &found)
                    }
                    Err(NotSpawned::NoRuntime) => {
                        call.go_on(Open::Behind(found), &codec, make).await
                    }
                },
                Open::Load if call.may_answer_softly() => {
                    Box::pin(call.load_softly(codec, make)).await
                }
                open => call.go_on(open, &codec, make).await,
            }
        })
    }

    /// With nothing running behind the call: who refreshes does so before it answers.
    async fn go_on<M, F>(&mut self, open: Open, codec: &Codec<R, T, E>, make: M) -> R
    where
        M: FnOnce() -> F,
        F: Future<Output = R>,
    {
        match open {
            Open::Answer(found) => self.answer(codec, &found),
            Open::Alone => self.alone(make()).await,
            Open::Behind(found) | Open::Early(found) => match self.lead_only(codec) {
                Some(leader) => {
                    self.errand = Errand::Refresh;
                    self.load(codec, Some(leader), make()).await
                }
                None => self.answer(codec, &found),
            },
            Open::Unshared => self.load(codec, None, make()).await,
            Open::Load => self.load_or_join(codec, make).await,
        }
    }

    /// Waits for whoever loads already, or loads.
    async fn load_or_join<M, F>(&mut self, codec: &Codec<R, T, E>, make: M) -> R
    where
        M: FnOnce() -> F,
        F: Future<Output = R>,
    {
        let leader = match self.wait_for_turn(codec).await {
            Ok(answer) => return answer,
            Err(leader) => leader,
        };
        self.load(codec, leader, make()).await
    }

    /// Another caller's answer; or it is this caller's turn to load, as the leader or by itself.
    async fn wait_for_turn(&mut self, codec: &Codec<R, T, E>) -> Result<R, Option<Leader>> {
        let (mut vain_waits, mut overdue) = (0, None);
        while vain_waits < VAIN_WAITS {
            let ticket = match self.board(overdue) {
                Turn::Wait(ticket) => ticket,
                Turn::Load(leader) => {
                    let landed = self.landed_meanwhile(codec, leader)?;
                    return Ok(self.answer(codec, &landed));
                }
            };
            let landing = match self.wait(codec, ticket).await {
                Waited::Landed(landing) => landing,
                Waited::Answer(stale) => return Ok(stale),
                Waited::Overdue(start) => {
                    overdue = Some(start);
                    continue;
                }
            };
            vain_waits += match self.joined(codec, landing) {
                Joined::Answer(answer) => return Ok(answer),
                Joined::LoadAlone => break,
                Joined::Again => 0,
                Joined::InVain => 1,
            };
            // On the heap: whoever waits mostly waits once.
            if let Some(answer) = Box::pin(self.meet_again(codec)).await {
                return Ok(answer);
            }
            // Not one after the other, each for as long as it takes to find that out.
            if let Some(found) = self.resting() {
                return Ok(self.answer(codec, &found));
            }
        }
        self.hurry = true;
        Err(None)
    }

    /// Where processes share, something may be there by now. It is reported as joined, so it is as
    /// current as what is: no view will do.
    async fn meet_again(&mut self, codec: &Codec<R, T, E>) -> Option<R> {
        self.cache.shared()?;
        self.ask(codec).await;
        let found = self.fresh()?;
        Some(self.joined_answer(codec, &found))
    }

    /// The turn of a load that proves nothing to those who come later, or the answer of another
    /// caller's turn that begins after this one came.
    async fn take_lane(&self, codec: &Codec<R, T, E>, terms: &Terms) -> Result<Option<Running>, R> {
        let shares = self.subject.policy.options.single_flight != SingleFlight::Off;
        if !shares || !matches!(terms, Terms::Unshared { queue: true, .. }) {
            return Ok(None);
        }
        if is_inside() {
            // Whoever leads may be waiting for the place of the load that this call is in.
            return Ok(None);
        }
        let mut vain_waits = 0;
        while vain_waits < VAIN_WAITS {
            let ticket = match self.cache.lanes().board(&self.subject.key) {
                Seat::Lead(next) => return Ok(next.begin(PATIENCE).await),
                Seat::Share(ticket) => ticket,
            };
            let landing = match self.wait(codec, ticket).await {
                Waited::Landed(landing) => landing,
                Waited::Answer(stale) => return Err(stale),
                Waited::Overdue(_) => return Ok(None),
            };
            vain_waits += match self.joined(codec, landing) {
                Joined::Answer(answer) => return Err(answer),
                Joined::LoadAlone => return Ok(None),
                Joined::Again => 0,
                Joined::InVain => 1,
            };
        }
        Ok(None)
    }

    /// All that a load needs, once it may begin; or the answer that makes it needless.
    async fn prepare(
        &mut self,
        codec: &Codec<R, T, E>,
        mut leader: Option<Leader>,
    ) -> Result<Loading, R> {
        let mut lane = None;
        loop {
            let terms = match self.claim(codec, &mut leader).await {
                Aboard::Load(terms) => terms,
                Aboard::Answer(answer) => return Err(answer),
                Aboard::Leave(found) => return Err(self.answer(codec, &found)),
            };
            if lane.is_none() {
                lane = self.take_lane(codec, &terms).await?;
            }
            let (place, waited) = self.find_place(codec, &terms).await?;
            // While it waited for a place the store may have come back, with an answer, maybe.
            if waited && self.meets_the_store(codec).await {
                if let Some(found) = self.fresh() {
                    let mut loading = Loading::on(&self.cache, leader, terms);
                    loading.lane = lane;
                    loading.land(Landing::Arrived(Arc::clone(&found)));
                    return Err(self.joined_answer(codec, &found));
                }
                continue;
            }
            let mut loading = Loading::on(&self.cache, leader, terms);
            (loading.lane, loading.place) = (lane, place);
            return Ok(loading);
        }
    }

    /// Runs the body and lands what it returns, unless another process makes that needless.
    ///
    /// On the heap by itself: callers who do not load are many, and carry nothing of it.
    fn load<F>(
        &mut self,
        codec: &Codec<R, T, E>,
        leader: Option<Leader>,
        body: F,
    ) -> impl Future<Output = R>
    where
        F: Future<Output = R>,
    {
        Box::pin(self.load_now(codec, leader, body))
    }

    async fn load_now<F>(&mut self, codec: &Codec<R, T, E>, leader: Option<Leader>, body: F) -> R
    where
        F: Future<Output = R>,
    {
        let mut loading = match self.prepare(codec, leader).await {
            Ok(loading) => loading,
            Err(answer) => return answer,
        };
        let _panics = self.rest_if_it_panics();
        let body = self
            .cache
            .pause_before(Point::Loading, &self.subject.key, body);
        let body = loading.place.seat(body);
        let outcome = match self.subject.policy.options.load_timeout {
            None => Ok(body.await),
            Some(limit) => unless_late(limit, body, || self.instead(codec, limit)).await,
        };
        loading.place = Place::none();
        // Taken apart before the store is waited for, not around that: an answer may not be `Send`.
        let value = match self.arrive(codec, &mut loading, outcome) {
            Ok(value) => value,
            Err(answer) => return answer,
        };
        self.cache.pause(Point::Loaded, &self.subject.key).await;
        self.land(codec, loading, value).await
    }

    /// Has the load run behind the call and waits for it, or for another caller's, no longer than
    /// the soft time-out; then gives the stale value while the load goes on.
    async fn load_softly<M, F>(&mut self, codec: Codec<R, T, E>, make: M) -> R
    where
        M: FnOnce() -> F,
        F: Future<Output = R> + Send + 'static,
        R: Send + 'static,
        T: Send + Sync + 'static,
        E: 'static,
    {
        let leader = match self.wait_for_turn(&codec).await {
            Ok(answer) => return answer,
            Err(leader) => leader,
        };
        let limit = self.subject.policy.options.soft_timeout.unwrap_or_default();
        let (mut load, body) = (self.clone(), make());
        let load = async move { load.load(&codec, leader, body).await };
        let stale = || self.fall_back(&codec);
        let Ok(permit) = self.background_permit() else {
            // As many run as may: this one is dropped if it takes too long.
            return unless_late(limit, load, stale)
                .await
                .unwrap_or_else(|stale| stale);
        };
        match unless_late(limit, permit.spawn(load), stale).await {
            Err(stale) => stale,
            Ok(Ok(outcome)) => outcome,
            Ok(Err(ended)) => match ended.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The runtime of the load has ended.
                Err(_) => match self.fallback_answer(&codec) {
                    Some(stale) => stale,
                    None => std::future::pending().await,
                },
            },
        }
    }
}
