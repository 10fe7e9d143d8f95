//! What is stored for a key, and is it valid?
//!
//! Every token of an entry is compared with the current one, read after the reader arrived. Cells
//! that are known beforehand are read along with the entry; those that only the entry names are
//! known from an earlier answer, or read in one more trip.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::envelope::Header;
use crate::remote::{Chunk, EntryName, Fault, Incarnation, LeaseId, Part, Reading};

use super::Shared;
use super::asked::Asked;
use super::deps::{Backing, Share, Sight};
use super::glance::Glance;
use super::glimpse::Glimpse;
use super::view::View;
use crate::clock::Moment;
use crate::tags::Number;

/// The answer to a look.
#[derive(Debug)]
pub(crate) struct Look {
    pub(crate) sight: Sight,
    pub(crate) found: Found,
    /// The server that answered, if it was one and the same.
    pub(crate) server: Option<Incarnation>,
    /// The oldest question on which it rests, if one was asked before this look.
    pub(crate) oldest: Option<Number>,
}

/// What a look found.
#[derive(Debug)]
pub(crate) enum Found {
    Nothing,
    /// The entry of this process is the one in the store, and valid.
    Local,
    /// A valid entry of the store.
    Remote(Box<Fetched>),
    /// The same, and the reader said that it gives it as it is: nothing else was made of it.
    Given(Legible),
    /// One that was softly invalidated: for a function with a stale window.
    Softly(Box<Fetched>),
    /// Damaged, truncated, foreign, or of another version; or late before, and larger than what the
    /// reader takes.
    Corrupt,
    /// An entry for another type of value.
    OtherType,
}

/// A valid entry, read from the store.
#[derive(Debug)]
pub(crate) struct Fetched {
    pub(crate) legible: Legible,
    pub(crate) backing: Backing,
}

/// An entry of the store that can be read.
#[derive(Debug)]
pub(crate) struct Legible {
    pub(crate) header: Header,
    pub(super) bytes: Chunk,
    pub(super) payload_at: usize,
    /// Not less than the time since it was stored.
    pub(crate) age: Duration,
}

impl Legible {
    pub(crate) fn payload(&self) -> &[u8] {
        &self.bytes[self.payload_at..]
    }
}

/// What is still to be asked, on the heap: mostly there is nothing.
pub(crate) type Looking<'a> = Pin<Box<dyn Future<Output = Looks> + Send + 'a>>;

/// What came of looks for several keys.
pub(crate) type Looks = Option<Vec<Option<Look>>>;

/// Whether a reader gives a valid entry of one of the keys as it is.
pub(crate) type Gives<'a> = &'a (dyn Fn(usize, &Legible) -> bool + Send + Sync);

/// A key to look for, and what backs the entry that this process has.
pub(crate) type Sought<'a> = (&'a Share, Option<&'a Backing>);

impl Shared {
    /// Looks for keys, from `since` on; `None` if the store cannot be used. `None` for a key on which
    /// a bracketed write is under way: what depends on that is neither read nor stored.
    pub(crate) async fn look_each(
        self: &Arc<Self>,
        sought: &[Sought<'_>],
        since: Moment,
        gives: Gives<'_>,
    ) -> Looks {
        let plain = |(share, local): &Sought<'_>| local.is_none() && share.is_plain();
        if sought.iter().all(plain) {
            if !self.may_be_used() {
                return None;
            }
            let glance = Glance::new(self, sought.iter().map(|(share, _)| *share));
            let reading = self.remote.read(glance.question()).await;
            return match self.glanced((sought, gives), since, glance, reading) {
                Ok(looks) => looks,
                Err(more) => more.await,
            };
        }
        let views = sought.iter().all(|(share, _)| share.by_view);
        let mut asked = Asked::new(since, views.then_some(&*self.watch));
        let mut views: Vec<View<'_>> = sought.iter().map(|each| View::new(self, *each)).collect();
        for view in &mut views {
            view.begin(&mut asked);
        }
        Box::pin(self.look_on(asked, views)).await
    }

    /// The same for one key.
    pub(crate) fn look_one<'a>(
        self: &'a Arc<Self>,
        sought: Sought<'a>,
        since: Moment,
    ) -> Looking<'a> {
        Box::pin(async move { self.look_each(&[sought], since, &|_, _| false).await })
    }

    /// Goes on for one key with what a glimpse was told of it.
    pub(crate) async fn look_further(
        self: &Arc<Self>,
        glimpse: Glimpse,
        told: Reading,
        since: Moment,
    ) -> (Share, Looks) {
        let mut asked = Asked::answered(since, glimpse.cells(), told);
        if !glimpse.believed().is_empty() {
            asked = asked.resting_on(&self.watch, glimpse.believed());
        }
        let looks = {
            let mut view = View::of_asked(self, glimpse.share(), glimpse.part());
            view.go_on(0, &mut asked);
            self.look_on(asked, vec![view]).await
        };
        (glimpse.into_share(), looks)
    }

    /// Where this process has nothing, one answer mostly tells all. If not, what is still to be asked
    /// comes on the heap.
    fn glanced<'a>(
        self: &'a Arc<Self>,
        (sought, gives): (&'a [Sought<'a>], Gives<'_>),
        since: Moment,
        glance: Glance<'a>,
        reading: Result<Reading, Fault>,
    ) -> Result<Looks, Looking<'a>> {
        let mut reading = match reading {
            Ok(reading) => reading,
            Err(fault) => {
                self.gave_no_answer(&fault, glance.late());
                return Ok(None);
            }
        };
        let mut left = Vec::new();
        let mut looks: Vec<Option<Look>> = Vec::with_capacity(sought.len());
        for (at, (share, _)) in sought.iter().enumerate() {
            let Some((legible, witness)) = glance.valid(at, &mut reading) else {
                left.push(at);
                looks.push(None);
                continue;
            };
            let expected = !share.open_ended || glance.expected(at, &witness);
            let (sight, found) = if expected && gives(at, &legible) {
                (Sight::default(), Found::Given(legible))
            } else {
                let entry = LeaseId(legible.header.id.0);
                let backing = glance.backing(at, &witness, &reading.cells);
                let fetched = Fetched { legible, backing };
                if !expected {
                    self.remember(share, &fetched);
                }
                let sight = glance.sight(at, entry, &reading.cells, since);
                (sight, Found::Remote(Box::new(fetched)))
            };
            looks.push(Some(Look {
                sight,
                found,
                server: reading.incarnation,
                oldest: None,
            }));
        }
        if left.is_empty() {
            return Ok(Some(looks));
        }
        let parts = glance.parts();
        let mut asked = Asked::answered(since, glance.into_cells(), reading);
        let view = |at: &usize| {
            let mut view = View::of_asked(self, sought[*at].0, parts[*at]);
            view.go_on(*at, &mut asked);
            view
        };
        let views: Vec<_> = left.iter().map(view).collect();
        Err(Box::pin(async move {
            let others = self.look_on(asked, views).await?;
            for (at, look) in left.into_iter().zip(others) {
                looks[at] = look;
            }
            Some(looks)
        }))
    }

    /// Asks until nothing more has to be known.
    async fn look_on(self: &Arc<Self>, mut asked: Asked<'_>, mut views: Vec<View<'_>>) -> Looks {
        while asked.wants_more() {
            if !self.may_be_used() {
                return None;
            }
            if let Err(fault) = asked.send(self).await {
                self.gave_no_answer(&fault, views.iter().filter_map(View::late).collect());
                return None;
            }
            for view in &mut views {
                view.judge(&mut asked);
            }
        }
        let look = |view: View<'_>| (!view.is_hidden(&asked)).then(|| view.settle(self, &asked));
        Some(views.into_iter().map(look).collect())
    }

    /// Of entries of which all was asked for. The last are remembered; of more than can be they are
    /// others each time, so that the turn of each comes.
    pub(super) fn gave_no_answer(&self, fault: &Fault, mut late: Vec<(&EntryName, Part)>) {
        if !matches!(fault, Fault::Lost(_)) {
            return;
        }
        let first = fastrand::usize(..late.len().max(1));
        late.rotate_left(first);
        for (name, part) in late {
            self.late.was_late(name, part, &self.clock);
        }
    }

    /// The tags that only the value told.
    pub(super) fn remember(&self, share: &Share, fetched: &Fetched) {
        let known = &share.deps.known;
        let cells = fetched.backing.proofs.iter().map(|(cell, _)| cell);
        let of_value = cells.filter(|cell| !known.contains(cell)).cloned();
        self.memory.remember(&share.name, of_value);
    }
}
