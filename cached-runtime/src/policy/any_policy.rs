//! A policy without the type of its values: what the algorithm of a call works with.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::by_value::Looks;
use super::{Options, Policy};
use crate::freshness::NEGATIVE_TTL;
use crate::outcome::AnyCodec;
use crate::tags::Tag;
use crate::value::Value;

#[derive(Clone)]
pub(crate) struct AnyPolicy {
    pub(crate) options: Options,
    /// `None`: the default of the build.
    pub(crate) codec: Option<AnyCodec>,
    /// See [`families`](Self::families).
    families: Vec<Option<&'static str>>,
    value_tells_ttl: bool,
    /// `None`: nothing looks at the value.
    looks: Option<Arc<dyn Looks>>,
}

impl<T: 'static> From<Policy<T>> for AnyPolicy {
    fn from(Policy { options, by_value }: Policy<T>) -> Self {
        Self {
            options,
            codec: by_value.codec,
            families: by_value.families(),
            value_tells_ttl: by_value.ttl_with.is_some(),
            looks: by_value.looks().then(|| Arc::new(by_value) as _),
        }
    }
}

impl AnyPolicy {
    /// That of a call whose own is not known yet.
    pub(crate) fn storing_nothing() -> Arc<Self> {
        // One per thread: each call has it for a moment, and would count it where others do.
        thread_local! {
            static NOTHING: Arc<AnyPolicy> = Arc::new(AnyPolicy::nothing());
        }
        let known = NOTHING.try_with(Arc::clone);
        known.unwrap_or_else(|_| Arc::new(Self::nothing()))
    }

    fn nothing() -> Self {
        Self {
            options: Options::default(),
            codec: None,
            families: Vec::new(),
            value_tells_ttl: false,
            looks: None,
        }
    }

    /// Whether it is the one of callers who know nothing of how the value is stored.
    pub(crate) fn tells_nothing(&self) -> bool {
        self.options.ttl.is_zero() && !self.value_tells_ttl
    }

    /// No answer is fresh for longer; without limit where the value or another caller decides.
    pub(crate) fn longest_ttl(&self, negative: bool) -> Duration {
        match negative {
            _ if self.tells_nothing() => Duration::MAX,
            true => self.ttl_of_none(),
            false if self.value_tells_ttl => Duration::MAX,
            false => self.options.ttl,
        }
    }

    /// Whether the loaded value tells further tags.
    pub(crate) fn adds_tags(&self) -> bool {
        !self.families.is_empty()
    }

    /// The beginning of each tag that a value adds, up to its first colon; `None` where that, too,
    /// depends on the value.
    pub(crate) fn families(&self) -> &[Option<&'static str>] {
        &self.families
    }

    /// The ttl of a value, before jitter.
    pub(crate) fn ttl_of(&self, value: &Value) -> Duration {
        let told = self.looks.as_ref().and_then(|looks| looks.ttl(value));
        told.unwrap_or(self.options.ttl)
    }

    /// The ttl of "not found", before jitter.
    pub(crate) fn ttl_of_none(&self) -> Duration {
        let default = if self.value_tells_ttl {
            NEGATIVE_TTL
        } else {
            NEGATIVE_TTL.min(self.options.ttl / 10)
        };
        self.options.negative_ttl.unwrap_or(default)
    }

    pub(crate) fn accepts(&self, value: &Value) -> bool {
        let looks = self.looks.as_ref();
        looks.is_none_or(|looks| looks.accepts(value))
    }

    pub(crate) fn result_tags(&self, value: &Value) -> Vec<Tag> {
        let looks = self.looks.as_ref();
        looks.map_or_else(Vec::new, |looks| looks.tags(value))
    }
}

impl fmt::Debug for AnyPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Tags are made of arguments: they are counted, not shown.
        f.debug_struct("AnyPolicy")
            .field("ttl", &self.options.ttl)
            .field("tags", &self.options.tags.len())
            .finish_non_exhaustive()
    }
}
