//! One cached call: look, meet, open, board, claim, load, land.
//!
//! ```text
//! look   borrows the arguments, no await: a fresh value in this process ends the call here
//! meet   where processes share a store: is what was found valid, or is something else there?
//!        (where there is nothing, most likely: board and claim at once, with the same question)
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
//! - Only `typed` and the look name the function's types. All else is compiled here, once: what names
//!   them is compiled in the user's crate for each function, which is most of what a build costs.

mod adopt;
mod ask;
mod attempt;
mod claim;
mod fallback;
mod found;
mod given;
mod held;
mod hidden;
mod land;
mod loading;
mod look;
mod meet;
mod passenger;
mod share;
mod ship;
#[cfg(test)]
mod tests;
mod typed;
mod venture;

use std::sync::Arc;

pub(crate) use self::claim::{GRACE, LONGEST_SILENCE, MOST_LOOKS, Terms};
pub(crate) use self::found::PATIENCE;
pub(crate) use self::land::{Kept, Subject};
pub(crate) use self::loading::Loading;
pub use self::look::{Hit, Looking, look};
pub(crate) use self::look::{plain_hit, plain_hit_at};
pub(crate) use self::meet::{Access, meet, meet_each};
pub use self::typed::{Joining, Miss};

use self::claim::Aboard;
use self::found::{Joined, Turn, Waited};
use self::given::Given;
pub(crate) use self::given::Stored;
use self::look::Call;
use self::venture::Wished;
use crate::flight::{Landing, Leader, Running as InLane, Seat};
use crate::limiter::is_inside;
use crate::outcome::Kind;
use crate::policy::SingleFlight;

/// A caller that waited this often in vain loads by itself: endless invalidation, or a body that
/// always panics, cannot starve it.
pub(crate) const VAIN_WAITS: u32 = 2;

impl Call {
    /// Another caller's answer; or it is this caller's turn to load, as the leader or by itself.
    ///
    /// It may have `waited` for one load before.
    pub(super) async fn wait_for_turn(
        &mut self,
        codec: &Kind,
        mut waited: Option<Waited>,
    ) -> Result<Given, Option<Leader>> {
        let mut overdue = None;
        while !self.has_waited_enough() {
            let waited = match waited.take() {
                Some(waited) => waited,
                None => match self.board(overdue) {
                    Turn::Wait(ticket) => self.wait(codec, ticket).await,
                    Turn::Load(leader) => {
                        let landed = self.landed_meanwhile(codec, leader)?;
                        return Ok(self.answer(&landed));
                    }
                },
            };
            let landing = match waited {
                Waited::Landed(landing) => landing,
                Waited::Answer(stale) => return Ok(stale),
                Waited::Overdue(start) => {
                    overdue = Some(start);
                    continue;
                }
            };
            match self.joined(codec, landing) {
                Joined::Answer(answer) => return Ok(answer),
                Joined::LoadAlone => {
                    self.vain_waits = VAIN_WAITS;
                    break;
                }
                Joined::Again => {}
                Joined::InVain => self.vain_waits += 1,
            }
            // On the heap: whoever waits mostly waits once.
            if let Some(answer) = Box::pin(self.meet_again(codec)).await {
                return Ok(answer);
            }
            // Not one after the other, each for as long as it takes to find that out.
            if let Some(found) = self.resting() {
                return Ok(self.answer(&found));
            }
        }
        Err(None)
    }

    /// This caller loads by itself, whoever else does.
    pub(super) fn has_waited_enough(&self) -> bool {
        self.vain_waits >= VAIN_WAITS
    }

    /// Where processes share, something may be there by now. It is reported as joined, so it is as
    /// current as what is: no view will do.
    async fn meet_again(&mut self, codec: &Kind) -> Option<Given> {
        self.cache.shared()?;
        self.ask(codec).await;
        let found = self.fresh()?;
        Some(self.joined_answer(&found))
    }

    /// The turn of a load that proves nothing to those who come later, or the answer of another
    /// caller's turn that begins after this one came.
    async fn take_lane(&self, codec: &Kind, terms: &Terms) -> Result<Option<InLane>, Given> {
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
        codec: &Kind,
        mut leader: Option<Leader>,
        mut wished: Option<Wished>,
    ) -> Result<Loading, Given> {
        // From before the number of the load.
        self.subject.cell(&self.cache);
        let mut lane = None;
        loop {
            let terms = match self.claim(codec, &mut leader, wished.take()).await {
                Aboard::Load(terms) => terms,
                Aboard::Answer(answer) => return Err(answer),
                Aboard::Leave(found) => return Err(self.answer(&found)),
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
                    return Err(self.joined_answer(&found));
                }
                continue;
            }
            let mut loading = Loading::on(&self.cache, leader, terms);
            (loading.lane, loading.place) = (lane, place);
            return Ok(loading);
        }
    }
}
