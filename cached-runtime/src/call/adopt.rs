//! What the shared tier has of a key, made an answer or an entry of this process.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::{Asking, Cache};
use crate::clock::Moment;
use crate::coherence::Vouched;
use crate::freshness::Life;
use crate::local::{AnyEntry, EntryHead, NotFound};
use crate::mode::Tier;
use crate::observe::Event;
use crate::outcome::{AnyCodec, Kind};
use crate::policy::Local;
use crate::remote::{Cell, Incarnation};
use crate::shared::{Backing, Fetched, Found, Legible, Sighted};
use crate::tags::Number;
use crate::value::Value;

use super::Subject;
use super::given::Stored;
use super::ship::Copied;

/// Where a store has the entry, a copy in the process lives no longer than this.
const LONGEST_COPY: Duration = Duration::from_secs(30);

/// The question that the store answered, and what it confirmed by its answer.
type Answered = (Asking, Option<(Number, Incarnation)>);

/// What is to be known of an entry before it is decoded.
pub(super) struct AsItIs {
    pub(super) codec: AnyCodec,
    pub(super) born: Moment,
}

impl Subject {
    /// Whether an entry is the answer as it is, and no copy of it is kept.
    pub(super) fn is_given(
        &self,
        cache: &Cache,
        codec: &Kind,
        legible: &Legible,
        asked: Asking,
    ) -> bool {
        !self.keeps_copies() && self.as_it_is(cache, codec, legible, asked).is_some()
    }

    /// What is to be known of an entry that is the answer as it is: fresh beyond doubt, and what this
    /// caller can read.
    #[inline]
    pub(super) fn as_it_is(
        &self,
        cache: &Cache,
        codec: &Kind,
        legible: &Legible,
        asked: Asking,
    ) -> Option<AsItIs> {
        if legible.header.negative && !codec.has_not_found {
            return None;
        }
        let codec = self.codec_of(codec, legible)?;
        let life = self.life_found(asked, legible);
        let fresh = cache.clock().coarse() < life.carefree_until;
        fresh.then_some(AsItIs {
            codec,
            born: life.born,
        })
    }

    /// Takes the answer out of such an entry.
    pub(super) fn give(
        &self,
        codec: &Kind,
        schema: u16,
        legible: Legible,
        asked: Asking,
    ) -> Stored {
        Stored {
            codec: self.codec_of(codec, &legible),
            schema,
            born: self.life_found(asked, &legible).born,
            legible,
        }
    }

    /// Makes an entry of this process of one that is valid. One that was here is of no use any more.
    pub(super) fn taken(
        &self,
        cache: &Cache,
        codec: &Kind,
        was_here: bool,
        sighted: &Sighted,
        asked: Asking,
    ) -> Option<Arc<AnyEntry>> {
        let confirmed = asked.confirmed(sighted.oldest(), sighted.server);
        let found = (&sighted.legible, sighted.backing());
        let entry = self.adopt(cache, codec, sighted.schema(), (asked, confirmed), found);
        self.replace_copy(cache, entry.as_ref(), was_here, asked);
        entry
    }

    /// Makes an entry of this process of what a look found.
    pub(crate) fn found(
        &self,
        cache: &Cache,
        codec: &Kind,
        schema: u16,
        local: Option<Arc<AnyEntry>>,
        (asked, confirmed): Answered,
        found: Found,
    ) -> (Option<Arc<AnyEntry>>, Tier) {
        let adopt = |fetched: Box<Fetched>| {
            let Fetched { legible, backing } = *fetched;
            let found = (&legible, backing);
            self.adopt(cache, codec, schema, (asked, confirmed), found)
        };
        let (entry, keep) = match found {
            Found::Local => {
                if let Some(vouched) = local.as_deref().and_then(AnyEntry::vouched) {
                    cache.watch().confirm(vouched, confirmed);
                }
                return (local, Tier::Local);
            }
            Found::Remote(fetched) => (adopt(fetched), true),
            Found::Softly(fetched) => (adopt(fetched), false),
            Found::Corrupt => {
                self.stats.count(Event::Corrupt);
                (None, false)
            }
            Found::OtherType => {
                self.stats
                    .type_mismatch(self.key.prefix(), (codec.type_name)());
                (None, false)
            }
            Found::Nothing | Found::Given(_) => (None, false),
        };
        if keep || entry.is_none() {
            self.replace_copy(cache, entry.as_ref(), local.is_some(), asked);
        }
        (entry, Tier::Remote)
    }

    /// Keeps a copy of what was found, or nothing where nothing was.
    fn replace_copy(
        &self,
        cache: &Cache,
        entry: Option<&Arc<AnyEntry>>,
        was_here: bool,
        asked: Asking,
    ) {
        match entry {
            Some(entry) if self.keeps_copies() => {
                // What came in between keeps the copy out, and does not concern this reader.
                let _ = self.keep_copy(cache, entry);
            }
            None if was_here => {
                // The copy is of no use to anybody any more.
                let store = cache.store();
                store.remove_older(&self.key, asked.number, |_| true);
            }
            _ => {}
        }
    }

    fn adopt(
        &self,
        cache: &Cache,
        codec: &Kind,
        schema: u16,
        answered: Answered,
        (legible, backing): (&Legible, Backing),
    ) -> Option<Arc<AnyEntry>> {
        let header = &legible.header;
        if header.negative && !codec.has_not_found {
            return None;
        }
        let head = |value: Option<&Value>| {
            let found = (legible, backing.clone());
            self.head_of(cache, codec, answered, found, value)
        };
        let read = self.codec_of(codec, legible).and_then(|codec| {
            let raw = header.raw(legible.payload(), schema, codec.id).ok()?;
            Some((codec, raw))
        });
        let entry = match read {
            Some((codec, Some(raw))) => (codec.decode)(&raw, &mut |value| head(Some(value))).ok(),
            Some((_, None)) => Some(Arc::new(head(None).with(NotFound)) as Arc<AnyEntry>),
            None => None,
        };
        if entry.is_none() {
            self.stats.count(Event::Corrupt);
        }
        entry
    }

    /// What an entry is made with that was fetched; `None`: "not found".
    fn head_of(
        &self,
        cache: &Cache,
        codec: &Kind,
        (asked, confirmed): Answered,
        (legible, backing): (&Legible, Backing),
        value: Option<&Value>,
    ) -> EntryHead {
        let life = self.life_found(asked, legible);
        let weight = cache
            .store()
            .weight(&self.key, || value.map_or(0, codec.weigh));
        // The first is the namespace, whose number the store of this process keeps by itself.
        let cells = backing.proofs.iter().skip(1);
        let own = self.tags(cache);
        let tags = cells.filter_map(|(cell, _)| match cell {
            Cell::Tag(name) => {
                let known = own.iter().find(|tag| tag.is_named(name));
                Some(known.map_or_else(|| cache.tags().cell_named(name), Arc::clone))
            }
            Cell::Family(_) | Cell::Key(_) | Cell::Replaced(_) => None,
        });
        let tags = tags.collect();
        let place = self.place(cache, &tags);
        let kept_until = self.copy_until(asked.at);
        let vouched = cache
            .watch()
            .vouch(self.name(), self.trust(cache), confirmed);
        let cost = legible.header.cost;
        let head = EntryHead::new(place, asked.number, life, cost, weight, tags);
        head.backed_by(backing, vouched, kept_until)
    }

    /// What its value was written with, if that is known here. Whoever asks by hand need not know.
    fn codec_of(&self, codec: &Kind, legible: &Legible) -> Option<AnyCodec> {
        let written_with = legible.header.codec;
        self.value_codec(codec)
            .filter(|chosen| chosen.id == written_with)
            .or_else(|| (codec.stored_as)(written_with))
    }

    fn life_found(&self, asked: Asking, legible: &Legible) -> Life {
        let header = &legible.header;
        let longest = self.policy.longest_ttl(header.negative);
        let early = self.policy.options.early;
        Life::found(
            // The store's clock was read after this moment.
            asked.at,
            legible.age,
            // Whoever stored it may have wanted it fresh for longer than this caller does.
            (header.fresh_for.min(longest), header.usable_for),
            early.map(|early| (early, header.cost)),
        )
    }

    /// How far a copy that is made now is trusted.
    pub(super) fn vouch(&self, cache: &Cache, copy: Copied) -> Vouched {
        let confirmed = copy.server.map(|server| (copy.asked.number, server));
        cache
            .watch()
            .vouch(self.name(), self.trust(cache), confirmed)
    }

    pub(super) fn keeps_copies(&self) -> bool {
        self.policy.options.local != Local::NotKept
    }

    /// How long a copy that is made of an entry of the store is kept in this process.
    pub(super) fn copy_until(&self, made: Moment) -> Moment {
        let longest = match self.policy.options.local {
            Local::KeptFor(longest) => longest,
            Local::Kept | Local::NotKept => LONGEST_COPY,
        };
        made.after(longest)
    }
}
