//! The second look of a call for a key of which this process has nothing: one question to the shared
//! tier, whose answer mostly is all there is to know. It needs no memory but that of the call.

use std::sync::Arc;

use crate::cache::Asking;
use crate::local::AnyEntry;
use crate::mode::Tier;
use crate::outcome::Kind;
use crate::remote::{Fault, ReadReply, Reading};
use crate::shared::{Glimpse, Glimpsed, Sighted};

use super::adopt::AsItIs;
use super::given::Stored;
use super::meet::{Access, Met};
use super::venture::Meeting;
use super::{Call, Subject};

/// A question, and what there was in this process.
pub(super) struct Ask {
    glimpse: Glimpse,
    asked: Asking,
    found: Option<Arc<AnyEntry>>,
}

/// There may be more to be asked.
pub(super) struct Further {
    glimpse: Glimpse,
    told: Reading,
    asked: Asking,
    found: Option<Arc<AnyEntry>>,
}

impl Ask {
    /// The answer as it is in the store, if nothing else is to be made of it.
    #[inline]
    pub(super) fn stored(
        &self,
        call: &Call,
        codec: &Kind,
        reading: &mut Result<Reading, Fault>,
    ) -> Option<Stored> {
        let (subject, cache) = (&call.subject, &call.cache);
        let reading = reading.as_mut().ok().filter(|_| !subject.keeps_copies())?;
        let of = |legible: &_| subject.as_it_is(cache, codec, legible, self.asked);
        let (AsItIs { codec, born }, legible) = self.glimpse.take(reading, of)?;
        Some(Stored {
            legible,
            codec: Some(codec),
            schema: self.glimpse.share().schema,
            born,
        })
    }

    pub(super) fn send(&self) -> Option<ReadReply<'_>> {
        self.glimpse.ask()
    }

    /// To be done first with what comes of it.
    #[inline]
    pub(super) fn complete(&self, reading: &mut Result<Reading, Fault>) {
        self.glimpse.complete(reading, self.asked.number);
    }
}

impl Call {
    /// What is asked, where one question will do and it is not better to ask for the lease as well.
    pub(super) fn question(&mut self, codec: &Kind) -> Option<Ask> {
        let closely = self.mode.refresh || self.mode.bypass || self.reads_closely;
        let tier = self.cache.shared().filter(|_| self.cache.is_enabled())?;
        if closely || self.may_venture() {
            return None;
        }
        let (subject, cache, found) = (&self.subject, &self.cache, self.found.as_deref());
        let has_copy = |found| Subject::is_kept(cache, found);
        if found.is_some_and(|found| has_copy(found) || subject.is_beyond_doubt(cache, found)) {
            return None;
        }
        let share = subject.share(cache, tier, codec);
        if !share.holds_entry {
            return None;
        }
        let asked = cache.asking();
        Some(Ask {
            asked,
            glimpse: Glimpse::believing(share, asked.at),
            found: self.found.take(),
        })
    }

    /// What the answer tells that is more than an answer; `None`: all of it was told.
    pub(super) fn hears(
        &mut self,
        codec: &Kind,
        ask: Ask,
        reading: Result<Reading, Fault>,
    ) -> (Meeting, Option<Box<Further>>) {
        let Ask {
            glimpse,
            asked,
            found,
        } = ask;
        let blank = found.is_none();
        let glimpsed = glimpse.told(reading, asked.at);
        match self.glimpsed(codec, glimpsed, found, asked) {
            Ok(met) => (self.has_met(met, blank), None),
            Err(further) => (Meeting::Told, Some(further)),
        }
    }

    /// Asks what is still to be asked.
    pub(super) async fn asks_further(&mut self, codec: &Kind, further: Further) -> Meeting {
        let Further {
            glimpse,
            told,
            asked,
            found,
        } = further;
        let blank = found.is_none();
        let Some(tier) = self.cache.shared() else {
            return Meeting::Told;
        };
        let (share, looks) = tier.look_further(glimpse, told, asked.at).await;
        let seen = (share, found);
        let met = self.subject.looked(&self.cache, codec, seen, asked, looks);
        self.has_met(Ok(met), blank)
    }

    /// What comes of a look for a key of which this process had no copy that may be used; or what is
    /// still to be asked.
    #[inline]
    pub(super) fn glimpsed(
        &self,
        codec: &Kind,
        glimpsed: Glimpsed,
        found: Option<Arc<AnyEntry>>,
        asked: Asking,
    ) -> Result<Result<Met, Stored>, Box<Further>> {
        let (subject, cache) = (&self.subject, &self.cache);
        match glimpsed {
            Glimpsed::NoAnswer => Ok(Ok(subject.unanswered(cache, found))),
            Glimpsed::More(glimpse, told) => Err(Box::new(Further {
                glimpse,
                told,
                asked,
                found,
            })),
            Glimpsed::Valid(sighted) if subject.is_given(cache, codec, &sighted.legible, asked) => {
                let schema = sighted.schema();
                Ok(Err(subject.give(
                    codec,
                    schema,
                    sighted.into_legible(),
                    asked,
                )))
            }
            Glimpsed::Valid(sighted) => Ok(Ok(self.takes(codec, sighted, found.is_some(), asked))),
        }
    }

    /// Makes an entry of this process of what was sighted.
    fn takes(&self, codec: &Kind, sighted: Sighted, was_here: bool, asked: Asking) -> Met {
        let (subject, cache) = (&self.subject, &self.cache);
        let entry = subject.taken(cache, codec, was_here, &sighted, asked);
        let now = cache.clock().coarse();
        let at_rest = |entry: &Arc<AnyEntry>| now < entry.carefree_until;
        let access = if entry.as_ref().is_some_and(at_rest) {
            Access::Unasked
        } else {
            Access::Seen(Box::new(sighted.into_sight()))
        };
        Met {
            found: entry,
            softly: false,
            tier: Tier::Remote,
            access,
        }
    }
}
