//! The options that look at a value, or encode it.

use std::sync::Arc;
use std::time::Duration;

use super::Policy;
use crate::codec::ValueCodec;
use crate::freshness::NEGATIVE_TTL;
use crate::tags::Tag;
use crate::template::Template;

type Look<T, R> = Arc<dyn Fn(&T) -> R + Send + Sync>;

pub(crate) struct ByValue<T> {
    pub(crate) ttl_with: Option<Look<T, Duration>>,
    pub(crate) cache_if: Option<Look<T, bool>>,
    pub(crate) tags_with: Vec<Look<T, Vec<Tag>>>,
    pub(crate) templates: Vec<Template<T>>,
    /// `None`: the default of the build.
    pub(crate) codec: Option<ValueCodec<T>>,
}

impl<T> Default for ByValue<T> {
    fn default() -> Self {
        Self {
            ttl_with: None,
            cache_if: None,
            tags_with: Vec::new(),
            templates: Vec::new(),
            codec: None,
        }
    }
}

impl<T> Clone for ByValue<T> {
    fn clone(&self) -> Self {
        Self {
            ttl_with: self.ttl_with.clone(),
            cache_if: self.cache_if.clone(),
            tags_with: self.tags_with.clone(),
            templates: self.templates.clone(),
            codec: self.codec,
        }
    }
}

impl<T> Policy<T> {
    /// Whether it is the one of callers who know nothing of how the value is stored.
    pub(crate) fn tells_nothing(&self) -> bool {
        self.options.ttl.is_zero() && self.by_value.ttl_with.is_none()
    }

    /// No answer is fresh for longer; without limit where the value or another caller decides.
    pub(crate) fn longest_ttl(&self, negative: bool) -> Duration {
        match negative {
            _ if self.tells_nothing() => Duration::MAX,
            true => self.ttl_of_none(),
            false if self.by_value.ttl_with.is_some() => Duration::MAX,
            false => self.options.ttl,
        }
    }

    /// Whether the loaded value tells further tags.
    pub(crate) fn adds_tags(&self) -> bool {
        !self.by_value.templates.is_empty() || !self.by_value.tags_with.is_empty()
    }

    /// The ttl of a value, before jitter.
    pub(crate) fn ttl_of(&self, value: &T) -> Duration {
        self.by_value
            .ttl_with
            .as_ref()
            .map_or(self.options.ttl, |ttl| ttl(value))
    }

    /// The ttl of "not found", before jitter.
    pub(crate) fn ttl_of_none(&self) -> Duration {
        let default = match self.by_value.ttl_with {
            Some(_) => NEGATIVE_TTL,
            None => NEGATIVE_TTL.min(self.options.ttl / 10),
        };
        self.options.negative_ttl.unwrap_or(default)
    }

    pub(crate) fn accepts(&self, value: &T) -> bool {
        self.by_value
            .cache_if
            .as_ref()
            .is_none_or(|keep| keep(value))
    }

    pub(crate) fn result_tags(&self, value: &T) -> Vec<Tag> {
        let written = self
            .by_value
            .templates
            .iter()
            .filter_map(|tag| tag.with_value(value));
        let computed = self.by_value.tags_with.iter().flat_map(|tags| tags(value));
        written.chain(computed).collect()
    }
}
