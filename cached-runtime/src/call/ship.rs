//! What was loaded goes into the shared tier, or is kept here with its tokens.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::{Asking, Cache};
use crate::clock::Moment;
use crate::codec::compress::{Packed, compress};
use crate::defect::Defect;
use crate::envelope::MAX_TOKENS;
use crate::freshness::Life;
use crate::local::{AnyEntry, EntryHead, NotFound, Refused};
use crate::observe::Event;
use crate::outcome::Kind;
use crate::policy::Local;
use crate::remote::{Cell, Incarnation};
use crate::shared::{Backing, Cargo, Lease, Proofs, Share, Sight, Stored};
use crate::tags::Number;
use crate::value::Value;

use super::land::{Kept, Subject};
use super::loading::Loading;

/// Of the tags that a value adds, in bytes; an envelope's header has no room for more.
const MOST_TEXT: usize = 32 * 1_024;

/// So many tags are asked for, although an entry cannot have them, for the sake of those who wait.
const MOST_PROVEN: usize = 256;

/// A loaded answer before it is stored.
#[derive(Debug)]
pub(crate) struct Loaded<'a> {
    pub(crate) start: Number,
    /// `None`: "not found".
    value: Option<&'a Value>,
    cost: Duration,
    /// With the jitter taken off. Zero: not to be stored.
    ttl: Duration,
}

/// What is to be said of a copy of an entry of the store.
#[derive(Clone, Copy, Debug)]
pub(super) struct Copied {
    /// The question that the store answered.
    pub(super) asked: Asking,
    /// The server that did, if it was one and the same.
    pub(super) server: Option<Incarnation>,
    pub(super) kept_until: Moment,
}

impl Subject {
    pub(crate) fn loaded<'a>(
        &self,
        cache: &Cache,
        codec: &Kind,
        value: Option<&'a Value>,
        loading: &Loading,
    ) -> Loaded<'a> {
        let ttl = self.ttl(codec, value);
        Loaded {
            start: loading.start,
            value,
            cost: cache.clock().now().since(loading.began),
            ttl: self.policy.options.jitter.shorten(ttl, fastrand::f64()),
        }
    }

    /// Stores an answer for all processes.
    pub(crate) async fn ship(
        &self,
        cache: &Cache,
        codec: &Kind,
        (share, sight): &(Share, Sight),
        (proofs, lease): (Proofs, Lease),
        loaded: Loaded<'_>,
    ) -> Kept {
        let packed = self.pack(codec, (share, sight), (proofs, lease), &loaded);
        let cargo = match packed.await {
            Ok(cargo) => cargo,
            Err((proofs, lease)) => {
                self.not_kept(cache, loaded.start);
                return if lease.decline(sight, proofs.as_ref()).await {
                    Kept::NotStored(self.unkept_entry(cache, codec, &loaded))
                } else {
                    Kept::Unproven
                };
            }
        };
        // An answer is fresh from when the store has it, which is not before this moment.
        let asked = cache.asking();
        let stored = share.tier.fill(vec![cargo]).await.pop();
        let stored = stored.unwrap_or(Stored::Unknown);
        self.shipped(cache, codec, stored, &loaded, asked)
    }

    /// Makes an answer ready to be stored. What may not or cannot be comes back with its lease, and
    /// with all that the answer rests on, where that can be shown.
    pub(crate) async fn pack(
        &self,
        codec: &Kind,
        (share, sight): (&Share, &Sight),
        (proofs, lease): (Proofs, Lease),
        loaded: &Loaded<'_>,
    ) -> Result<Cargo, (Option<Proofs>, Lease)> {
        let (proofs, fits) = self.all_proofs(share, sight, proofs, loaded.value).await;
        let encoded = fits.then(|| self.encode(codec, loaded)).flatten();
        let (Some((codec, payload)), Some(mut proofs)) = (encoded, proofs.clone()) else {
            return Err((proofs, lease));
        };
        if Defect::TokensAfterLoad.is_on() {
            proofs = share.tier.current(proofs).await;
        }
        Ok(Cargo {
            schema: share.schema,
            lease,
            proofs,
            codec,
            cost: loaded.cost,
            fresh_for: loaded.ttl,
            usable_for: loaded
                .ttl
                .saturating_add(self.policy.options.windows.longest()),
            payload,
        })
    }

    /// Keeps a copy of what was stored.
    pub(crate) fn shipped(
        &self,
        cache: &Cache,
        codec: &Kind,
        stored: Stored,
        loaded: &Loaded<'_>,
        asked: Asking,
    ) -> Kept {
        match stored {
            Stored::Proven(backing, server) => {
                self.stats.count(Event::Stored);
                let copy = Copied {
                    asked,
                    server,
                    kept_until: self.copy_until(cache.clock().now()),
                };
                let entry = self.backed_entry(cache, codec, loaded, backing, copy);
                if self.keeps_copies() {
                    // What came in between keeps the copy out; those who wait were here before it.
                    let _ = self.keep_copy(cache, &entry);
                }
                Kept::Stored(entry)
            }
            Stored::Overtaken if Defect::BlindJoin.is_on() => {
                Kept::Stored(self.unkept_entry(cache, codec, loaded))
            }
            Stored::Overtaken => {
                self.stats.count(Event::Overtaken);
                Kept::Overtaken
            }
            Stored::Refused => {
                self.not_kept(cache, loaded.start);
                Kept::Unproven
            }
            Stored::Unknown => {
                self.stats.count(Event::NotStored);
                Kept::Unknown
            }
        }
    }

    /// Keeps an answer in this process only, if its tokens are still what they were before the load.
    pub(crate) async fn keep_with_tokens(
        &self,
        cache: &Cache,
        codec: &Kind,
        (share, sight): &(Share, Sight),
        proofs: Proofs,
        loaded: Loaded<'_>,
    ) -> Kept {
        let (proofs, fits) = self.all_proofs(share, sight, proofs, loaded.value).await;
        let Some(proofs) = proofs else {
            self.not_kept(cache, loaded.start);
            return Kept::Unproven;
        };
        let asked = cache.asking();
        let Some(server) = share.tier.confirmed_by(&proofs).await else {
            self.stats.count(Event::Overtaken);
            return Kept::Overtaken;
        };
        // Where there is an entry, another process stores it.
        let too_large = |value: &Value| self.is_too_large(codec, value);
        let keeps = self.keeps_copies()
            && !self.has_entry(codec)
            && fits
            && !loaded.value.is_some_and(too_large);
        if loaded.ttl.is_zero() || !keeps {
            self.not_kept(cache, loaded.start);
            return Kept::NotStored(self.unkept_entry(cache, codec, &loaded));
        }
        let backing = Backing::new(None, proofs);
        let kept_until = match self.policy.options.local {
            Local::KeptFor(longest) => cache.clock().now().after(longest),
            Local::Kept | Local::NotKept => Moment::LAST,
        };
        let copy = Copied {
            asked,
            server: Some(server),
            kept_until,
        };
        let entry = self.backed_entry(cache, codec, &loaded, backing, copy);
        match self.keep_copy(cache, &entry) {
            Ok(()) => {
                self.stats.count(Event::Stored);
                Kept::Stored(entry)
            }
            Err(Refused::Overtaken) => {
                self.stats.count(Event::Overtaken);
                Kept::Overtaken
            }
            Err(Refused::TooHeavy) => {
                self.not_kept(cache, loaded.start);
                Kept::NotStored(entry)
            }
        }
    }

    /// Nobody is given an older answer as fresh after a newer one was given.
    pub(crate) fn not_kept(&self, cache: &Cache, start: Number) {
        self.stats.count(Event::NotStored);
        let now = cache.clock().now();
        let fresh = |older: &AnyEntry| older.life().is_fresh(now);
        cache.store().remove_older(&self.key, start, fresh);
    }

    /// The codec and what it made of the value; `None` if the answer is not to be stored.
    fn encode(&self, codec: &Kind, loaded: &Loaded<'_>) -> Option<(u8, Option<Packed>)> {
        let value_codec = self.value_codec(codec)?;
        if loaded.ttl.is_zero() {
            return None;
        }
        let Some(value) = loaded.value else {
            return Some((value_codec.id, None));
        };
        let bytes = match (value_codec.encode)(value) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.stats.not_encoded(self.key.prefix(), &error);
                return None;
            }
        };
        let options = &self.policy.options;
        if bytes.len() > options.max_size {
            return None;
        }
        let packed = compress(bytes, options.compress_above.unwrap_or_default());
        Some((value_codec.id, Some(packed)))
    }

    /// Whether a value is not to be kept for its size, where it is not encoded for its own sake. An estimate
    /// mostly shows that it may be.
    pub(super) fn is_too_large(&self, codec: &Kind, value: &Value) -> bool {
        let most = self.policy.options.max_size;
        if (codec.weigh)(value) <= most {
            return false;
        }
        let encoded = self.policy.codec.or_else(codec.stored);
        encoded.is_none_or(|codec| (codec.encode)(value).is_ok_and(|bytes| bytes.len() > most))
    }

    /// The tokens of the answer, those of the tags that its value adds among them, and whether an entry can have
    /// so many.
    async fn all_proofs(
        &self,
        share: &Share,
        sight: &Sight,
        known: Proofs,
        value: Option<&Value>,
    ) -> (Option<Proofs>, bool) {
        let added = self.added_tags(value);
        let count = known.len() + added.len();
        let names = added.iter().map(Cell::text_len).sum::<usize>();
        let fits = count <= MAX_TOKENS && names <= MOST_TEXT;
        if !fits {
            self.stats.too_many_tags(self.key.prefix());
        }
        let proofs = if added.is_empty() {
            Some(known)
        } else if count <= MOST_PROVEN && names <= MOST_TEXT {
            share.tier.prove_tags(share, sight, &known, added).await
        } else {
            None
        };
        (proofs, fits)
    }

    /// The tags that a value adds to those that are known before the load.
    pub(crate) fn added_tags(&self, value: Option<&Value>) -> Vec<Cell> {
        let mut added: Vec<Cell> = Vec::new();
        for tag in value.map_or_else(Vec::new, |value| self.policy.result_tags(value)) {
            let cell = Cell::Tag(tag.name());
            let known = self.policy.options.tags.contains(&tag);
            if !known && !added.contains(&cell) {
                added.push(cell);
            }
        }
        added
    }

    /// An entry that is in no store, for those who may have the answer all the same.
    pub(super) fn unkept_entry(
        &self,
        cache: &Cache,
        codec: &Kind,
        loaded: &Loaded<'_>,
    ) -> Arc<AnyEntry> {
        let backing = Backing::new(None, [].into());
        let copy = Copied {
            asked: cache.asking(),
            server: None,
            kept_until: Moment::FIRST,
        };
        self.backed_entry(cache, codec, loaded, backing, copy)
    }

    fn backed_entry(
        &self,
        cache: &Cache,
        codec: &Kind,
        loaded: &Loaded<'_>,
        backing: Backing,
        copy: Copied,
    ) -> Arc<AnyEntry> {
        let options = &self.policy.options;
        let life = Life::new(
            copy.asked.at,
            loaded.ttl,
            options.windows,
            None,
            options.early.map(|early| (early, loaded.cost)),
        );
        let weight = cache
            .store()
            .weight(&self.key, || loaded.value.map_or(0, codec.weigh));
        let tags = self.tags_of(cache, loaded.value);
        let place = self.place(cache, &tags);
        let head = EntryHead::new(place, loaded.start, life, loaded.cost, weight, tags).backed_by(
            backing,
            self.vouch(cache, copy),
            copy.kept_until,
        );
        match loaded.value {
            Some(value) => (codec.keep)(head, value),
            None => Arc::new(head.with(NotFound)),
        }
    }

    pub(super) fn keep_copy(&self, cache: &Cache, entry: &Arc<AnyEntry>) -> Result<(), Refused> {
        let now = cache.clock().now();
        let evicted = cache
            .store()
            .insert(&self.key, self.held_cell(cache), entry, now)?;
        cache.observatory().evicted(evicted);
        Ok(())
    }
}
