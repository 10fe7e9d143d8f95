//! The options that look at a value, or encode it.

use std::sync::Arc;
use std::time::Duration;

use crate::outcome::AnyCodec;
use crate::tags::Tag;
use crate::template::Template;
use crate::value::Value;

type Look<T, R> = Arc<dyn Fn(&T) -> R + Send + Sync>;

pub(crate) struct ByValue<T> {
    pub(crate) ttl_with: Option<Look<T, Duration>>,
    pub(crate) cache_if: Option<Look<T, bool>>,
    pub(crate) tags_with: Vec<Look<T, Vec<Tag>>>,
    pub(crate) templates: Vec<Template<T>>,
    /// `None`: the default of the build.
    pub(crate) codec: Option<AnyCodec>,
}

/// The options that look at a value, whatever its type. They are only given values of that type.
pub(super) trait Looks: Send + Sync {
    /// The ttl, if the value decides.
    fn ttl(&self, value: &Value) -> Option<Duration>;

    fn accepts(&self, value: &Value) -> bool;

    fn tags(&self, value: &Value) -> Vec<Tag>;
}

impl<T> ByValue<T> {
    pub(super) fn looks(&self) -> bool {
        self.ttl_with.is_some() || self.cache_if.is_some() || self.adds_tags()
    }

    fn adds_tags(&self) -> bool {
        !self.templates.is_empty() || !self.tags_with.is_empty()
    }

    /// The beginning of each tag that a value adds, up to its first colon; `None` where that, too,
    /// depends on the value.
    pub(super) fn families(&self) -> Vec<Option<&'static str>> {
        // Loops, here and below: chains of iterators are compiled for each type of values.
        let mut families = Vec::new();
        for template in &self.templates {
            families.push(template.family());
        }
        families.resize(families.len() + self.tags_with.len(), None);
        families
    }
}

impl<T: 'static> Looks for ByValue<T> {
    fn ttl(&self, value: &Value) -> Option<Duration> {
        let ttl = self.ttl_with.as_ref()?;
        Some(ttl(value.downcast_ref()?))
    }

    fn accepts(&self, value: &Value) -> bool {
        match (&self.cache_if, value.downcast_ref()) {
            (Some(keep), Some(value)) => keep(value),
            _ => true,
        }
    }

    fn tags(&self, value: &Value) -> Vec<Tag> {
        let mut added = Vec::new();
        if let Some(value) = value.downcast_ref() {
            for template in &self.templates {
                added.extend(template.with_value(value));
            }
            for tags in &self.tags_with {
                added.extend(tags(value));
            }
        }
        added
    }
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
