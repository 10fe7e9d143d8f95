//! What was loaded goes into the shared tier, or is kept here with its tokens.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::Cache;
use crate::clock::Moment;
use crate::codec::compress::{Packed, compress};
use crate::defect::Defect;
use crate::freshness::Life;
use crate::local::{AnyEntry, EntryHead, NotFound};
use crate::observe::Event;
use crate::outcome::Codec;
use crate::policy::Local;
use crate::remote::{Cell, Release};
use crate::shared::{Backing, Cargo, Lease, Order, Proofs, Share, Sight, Stored};
use crate::tags::Number;

use super::land::{Kept, Loading, Subject};

/// A loaded answer before it is stored.
#[derive(Debug)]
pub(crate) struct Loaded<'a, T> {
    start: Number,
    /// `None`: "not found".
    value: Option<&'a T>,
    cost: Duration,
    /// With the jitter taken off. Zero: not to be stored.
    ttl: Duration,
}

impl<T> Subject<T> {
    pub(crate) fn loaded<'a, R, E>(
        &self,
        cache: &Cache,
        codec: &Codec<R, T, E>,
        value: Option<&'a T>,
        loading: &Loading,
    ) -> Loaded<'a, T> {
        let ttl = self.ttl(codec, value);
        Loaded {
            start: loading.start,
            value,
            cost: cache.clock().now().since(loading.began),
            ttl: self.policy.options.jitter.shorten(ttl, fastrand::f64()),
        }
    }

    /// Stores an answer for all processes.
    pub(crate) async fn ship<R, E>(
        &self,
        cache: &Cache,
        codec: &Codec<R, T, E>,
        (share, sight): &(Share, Sight),
        (proofs, lease): (Proofs, Lease),
        loaded: Loaded<'_, T>,
    ) -> Kept {
        let Some(cargo) = self
            .pack(codec, (share, sight), (proofs, lease), &loaded)
            .await
        else {
            return self.not_shipped(share, sight);
        };
        let stored = share.tier.fill(vec![cargo]).await.pop();
        self.shipped(cache, codec, stored.unwrap_or(Stored::Unknown), &loaded)
    }

    /// Makes an answer ready to be stored; `None` if it may not or cannot be. Those who wait for it
    /// are told so.
    pub(crate) async fn pack<R, E>(
        &self,
        codec: &Codec<R, T, E>,
        (share, sight): (&Share, &Sight),
        (proofs, lease): (Proofs, Lease),
        loaded: &Loaded<'_, T>,
    ) -> Option<Cargo> {
        let packed = self.encode(codec, loaded);
        let proofs = match packed {
            Some(_) => self.all_proofs(share, sight, proofs, loaded.value).await,
            None => None,
        };
        let (Some((codec, payload)), Some(mut proofs)) = (packed, proofs) else {
            lease.release(Release::NotStored);
            return None;
        };
        if Defect::TokensAfterLoad.is_on() {
            proofs = share.tier.current(proofs).await;
        }
        Some(Cargo {
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
    pub(crate) fn shipped<R, E>(
        &self,
        cache: &Cache,
        codec: &Codec<R, T, E>,
        stored: Stored,
        loaded: &Loaded<'_, T>,
    ) -> Kept {
        match stored {
            Stored::Proven(backing) => {
                self.stats.count(Event::Stored);
                let entry =
                    self.backed_entry(cache, codec, loaded, backing, self.copy_until(cache));
                if self.keeps_copies() {
                    // What came in between keeps the copy out; those who wait were here before it.
                    self.keep_copy(cache, &entry);
                }
                Kept::Stored(entry)
            }
            Stored::Overtaken if Defect::BlindJoin.is_on() => {
                let backing = Backing::new(None, [].into());
                Kept::Stored(self.backed_entry(cache, codec, loaded, backing, Moment::FIRST))
            }
            Stored::Overtaken => {
                self.stats.count(Event::Overtaken);
                Kept::Overtaken
            }
            Stored::Refused => {
                self.stats.count(Event::NotStored);
                Kept::Unproven
            }
            Stored::Unknown => {
                self.stats.count(Event::NotStored);
                Kept::Unknown
            }
        }
    }

    /// Keeps an answer in this process only, if its tokens are still what they were before the load.
    pub(crate) async fn keep_with_tokens<R, E>(
        &self,
        cache: &Cache,
        codec: &Codec<R, T, E>,
        (share, sight): &(Share, Sight),
        proofs: Proofs,
        loaded: Loaded<'_, T>,
    ) -> Kept {
        let stored = !loaded.ttl.is_zero() && self.keeps_copies();
        let proofs = if stored {
            self.all_proofs(share, sight, proofs, loaded.value).await
        } else {
            None
        };
        let Some(proofs) = proofs else {
            return self.not_shipped(share, sight);
        };
        if !share.tier.confirm(&proofs).await {
            self.stats.count(Event::Overtaken);
            return Kept::Overtaken;
        }
        let backing = Backing::new(None, proofs);
        let kept_until = match self.policy.options.local {
            Local::KeptFor(longest) => cache.clock().now().after(longest),
            Local::Kept | Local::NotKept => Moment::LAST,
        };
        let entry = self.backed_entry(cache, codec, &loaded, backing, kept_until);
        self.keep_copy(cache, &entry);
        self.stats.count(Event::Stored);
        Kept::Stored(entry)
    }

    /// Nobody is given an older answer as fresh after a newer one was given.
    pub(crate) fn not_shipped(&self, share: &Share, sight: &Sight) -> Kept {
        self.stats.count(Event::NotStored);
        if share.holds_entry && sight.entry.is_some() {
            share.tier.owe(Order {
                keys: vec![share.name.clone()],
                tags: Vec::new(),
            });
        }
        Kept::Unproven
    }

    /// The codec and what it made of the value; `None` if the answer is not to be stored.
    fn encode<R, E>(
        &self,
        codec: &Codec<R, T, E>,
        loaded: &Loaded<'_, T>,
    ) -> Option<(u8, Option<Packed>)> {
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

    /// The tokens of the answer, those of the tags that its value adds among them.
    async fn all_proofs(
        &self,
        share: &Share,
        sight: &Sight,
        known: Proofs,
        value: Option<&T>,
    ) -> Option<Proofs> {
        let added = self.added_tags(value);
        if added.is_empty() {
            return Some(known);
        }
        share.tier.prove_tags(share, sight, &known, added).await
    }

    /// The tags that a value adds to those that are known before the load.
    pub(crate) fn added_tags(&self, value: Option<&T>) -> Vec<Cell> {
        let mut added: Vec<Cell> = Vec::new();
        for tag in value.map_or_else(Vec::new, |value| self.policy.result_tags(value)) {
            let cell = Cell::Tag(crate::tags::name_of_tag(tag.as_str()).into());
            let known = self.tags.iter().any(|tag| tag.shared() == cell);
            if !known && !added.contains(&cell) {
                added.push(cell);
            }
        }
        added
    }

    fn backed_entry<R, E>(
        &self,
        cache: &Cache,
        codec: &Codec<R, T, E>,
        loaded: &Loaded<'_, T>,
        backing: Backing,
        kept_until: Moment,
    ) -> Arc<AnyEntry> {
        let options = &self.policy.options;
        let life = Life::new(
            cache.clock().now(),
            loaded.ttl,
            options.windows,
            None,
            options.early.map(|early| (early, loaded.cost)),
        );
        let weight = cache
            .store()
            .weight(&self.key, || loaded.value.map_or(0, codec.weigh));
        let tags = self.tags_of(cache, loaded.value);
        let stats = Arc::clone(&self.stats);
        let head = EntryHead::new(loaded.start, life, loaded.cost, weight, tags, stats)
            .backed_by(backing, kept_until);
        match loaded.value {
            Some(value) => (codec.keep)(head, value),
            None => Arc::new(head.with(NotFound)),
        }
    }

    pub(super) fn keep_copy(&self, cache: &Cache, entry: &Arc<AnyEntry>) {
        let now = cache.clock().now();
        if let Ok(evicted) = cache.store().insert(&self.key, &self.cell, entry, now) {
            cache.observatory().evicted(evicted);
        }
    }
}
