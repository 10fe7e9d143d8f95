//! What is compared: one file each, and here their names and how they are asked.

mod cache_aside;
mod cached;
mod cached_manager;
mod cachekit;
mod hitbox;

use serde::{Deserialize, Serialize};

use crate::subject::{Failure, User};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum System {
    CacheAside,
    CacheAsideTuned,
    Cached,
    CachedManager,
    Hitbox,
    HitboxTuned,
    Cachekit,
    CachekitTuned,
}

impl System {
    pub(crate) const ALL: [Self; 8] = [
        Self::CacheAside,
        Self::CacheAsideTuned,
        Self::Cached,
        Self::CachedManager,
        Self::Hitbox,
        Self::HitboxTuned,
        Self::Cachekit,
        Self::CachekitTuned,
    ];

    /// The name in arguments and tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CacheAside => "cache-aside",
            Self::CacheAsideTuned => "cache-aside (tuned)",
            Self::Cached => "cached",
            Self::CachedManager => "cached (manager)",
            Self::Hitbox => "hitbox",
            Self::HitboxTuned => "hitbox (tuned)",
            Self::Cachekit => "cachekit-rs",
            Self::CachekitTuned => "cachekit-rs (tuned)",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|system| system.name() == name)
    }

    /// What an application does once, before its first call.
    pub(crate) async fn set_up(self) -> Result<(), Failure> {
        match self {
            Self::CacheAside => cache_aside::as_it_comes().await,
            Self::CacheAsideTuned => cache_aside::tuned().await,
            // The attributes connect at the first call.
            Self::Cached | Self::CachedManager => Ok(()),
            Self::Hitbox => hitbox::as_it_comes().await.map(drop),
            Self::HitboxTuned => hitbox::tuned().await.map(drop),
            Self::Cachekit => cachekit::as_it_comes().await.map(drop),
            Self::CachekitTuned => cachekit::tuned().await.map(drop),
        }
    }

    /// One call of the cached function.
    ///
    /// Where the set-up failed, a call tries it again: an application that starts over and over
    /// does the same.
    pub(crate) async fn user(self, id: u64) -> Result<User, Failure> {
        match self {
            Self::CacheAside | Self::CacheAsideTuned => cache_aside::user(id).await,
            Self::Cached => cached::user(id).await,
            Self::CachedManager => cached_manager::user(id).await,
            Self::Hitbox => hitbox::user(id).cache(hitbox::as_it_comes().await?).await,
            Self::HitboxTuned => hitbox::user(id).cache(hitbox::tuned().await?).await,
            Self::Cachekit => cachekit::user(cachekit::as_it_comes().await?, id).await,
            Self::CachekitTuned => cachekit::user(cachekit::tuned().await?, id).await,
        }
    }
}
