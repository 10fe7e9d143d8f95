//! What a call says of itself to the shared tier.

use std::sync::Arc;

use crate::cache::Cache;
use crate::codec::CodecError;
use crate::codec::compress::LARGEST;
use crate::envelope::schema_id;
use crate::outcome::{AnyCodec, Kind};
use crate::remote::Cell;
use crate::shared::{Deps, Share, Shared, any_family, family_of, namespace_cell};
use crate::tags::name_of_tag;
use crate::value::Value;

use super::Subject;

impl Subject {
    /// This key's part in the shared tier.
    pub(crate) fn share(&self, cache: &Cache, tier: &Arc<Shared>, codec: &Kind) -> Share {
        let options = &self.policy.options;
        if self.keeps_copies() || options.may_fall_back() {
            // Whatever comes over an answer that is asked for after this keeps it from being stored
            // here, and from being given in place of a load.
            self.cell(cache);
        }
        if self.keeps_copies() {
            tier.watch().need();
        }
        let tier = Arc::clone(tier);
        let name = self.name().clone();
        let holds_entry = self.has_entry(codec);
        let mut known = Vec::with_capacity(options.tags.len() + 3);
        known.push(namespace_cell());
        self.shared_tags(cache, &mut known);
        if !holds_entry {
            known.push(Cell::Key(name.clone()));
        }
        let ttl = options.ttl.max(self.policy.ttl_of_none());
        let by_view = self.by_view && tier.watch().serves_views() && options.coherence.is_none();
        Share {
            tier,
            name,
            deps: Deps {
                known,
                families: self.families(),
            },
            schema: self.stats.schema(codec.type_id, || {
                schema_id(&without_crates((codec.type_name)()), None)
            }),
            largest: if self.policy.tells_nothing() {
                LARGEST
            } else {
                options.max_size
            },
            holds_entry,
            by_view,
            longest_life: ttl.saturating_add(options.windows.longest()),
            softens: !options.windows.longest().is_zero(),
            open_ended: self.policy.tells_nothing() || self.policy.adds_tags(),
        }
    }

    /// Whether its answers are entries of the store.
    pub(super) fn has_entry(&self, codec: &Kind) -> bool {
        self.policy.options.remote && self.value_codec(codec).is_some()
    }

    /// Why a value cannot be an entry of the store, if it is to be one.
    pub(crate) fn unwritable(&self, codec: &Kind, value: &Value) -> Option<CodecError> {
        let is_entry = self.policy.options.remote;
        let value_codec = self.value_codec(codec).filter(|_| is_entry)?;
        (value_codec.encode)(value).err()
    }

    /// How the value becomes bytes; `None` if it must not.
    pub(crate) fn value_codec(&self, codec: &Kind) -> Option<AnyCodec> {
        let chosen = self.policy.codec.or_else(codec.stored)?;
        if !chosen.self_describing && !self.key.has_version() {
            self.stats.version_missing(self.key.prefix());
            return None;
        }
        Some(chosen)
    }

    /// What the shared tier calls the prefix and the tags that are known before the load.
    fn shared_tags(&self, cache: &Cache, to: &mut Vec<Cell>) {
        if let Some(tags) = self.tags.get() {
            return to.extend(tags.iter().map(|tag| tag.shared()));
        }
        let prefix = self.stats.cell(self.key.prefix(), cache.tags());
        to.push(prefix.shared());
        let tags = self.policy.options.tags.iter();
        to.extend(tags.map(|tag| Cell::Tag(tag.name())));
    }

    /// The families of the tags that a value adds.
    fn families(&self) -> Vec<Cell> {
        let mut families: Vec<Cell> = Vec::new();
        for family in self.policy.families() {
            let cell = family.map_or_else(any_family, |text| family_of(&name_of_tag(text)));
            if !families.contains(&cell) {
                families.push(cell);
            }
        }
        families
    }
}

/// A type's name without the crates in it: two programs that have the same module share answers.
pub(super) fn without_crates(name: &str) -> String {
    let in_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':');
    let mut short = String::with_capacity(name.len());
    let mut rest = name;
    while !rest.is_empty() {
        let end = rest.find(|c| !in_path(c)).unwrap_or(rest.len());
        let (path, tail) = rest.split_at(end);
        short.push_str(path.split_once("::").map_or(path, |(_, inner)| inner));
        let next = tail.find(in_path).unwrap_or(tail.len());
        short.push_str(&tail[..next]);
        rest = &tail[next..];
    }
    short
}
