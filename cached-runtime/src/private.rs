//! Exactly what generated code may name, and nothing else. Not for people: it changes with any
//! release.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::cache::Cache;
use crate::codec as values;
use crate::codec::compress::{Compresses, Compressor};
use crate::freshness::Jitter;
use crate::policy::{Policy, Untyped};
use crate::tags::Tag;
use crate::template::{Template, without_value};
use crate::value::Cacheable;

pub use std::any::type_name;
pub use std::borrow::ToOwned;
pub use std::option::Option::Some;
pub use std::result::Result::{Err, Ok};
pub use std::time::Duration;

pub use crate::batch::{Again, Answers, AsMapKey, BatchMiss, Each, LookEach, again, look_each};
pub use crate::call::{Hit, Joining, Looking, Miss, look};
pub use crate::coherence::Coherence;
pub use crate::install::installed;
pub use crate::key::{Cons, Element, IntoKey, Key, Nil, Parts, Scoped, arg, types};
use crate::outcome::AnyCodec;
pub use crate::outcome::{
    BatchCodec, BatchShape, Codec, HasValue, HoldsErrors, HoldsInvalidationFailure, HoldsTimeout,
    NotAResult, Returns, Shape, Wraps,
};
pub use crate::outcome::{Layer, Plain, Probe, batch_codec, codec, returns, shapes};
pub use crate::policy::SingleFlight;
pub use crate::site::Site;
pub use crate::template::{Piece, Text, write};
pub use crate::write::{Write, invalidation};

/// The cache that an expression names.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a cache",
    note = "`cache = ..` takes a `Cache`, a reference to one, or an `Arc` of one"
)]
pub trait AsCache {
    /// The handle itself: it is cloned only where a call goes on.
    fn as_cache(&self) -> &Cache;
}

impl AsCache for Cache {
    #[inline]
    fn as_cache(&self) -> &Cache {
        self
    }
}

impl<C: AsCache + ?Sized> AsCache for &C {
    #[inline]
    fn as_cache(&self) -> &Cache {
        (**self).as_cache()
    }
}

impl<C: AsCache + ?Sized> AsCache for Arc<C> {
    #[inline]
    fn as_cache(&self) -> &Cache {
        (**self).as_cache()
    }
}

/// The cache that an expression names.
#[inline]
pub fn as_cache<C: AsCache + ?Sized>(place: &C) -> &Cache {
    place.as_cache()
}

/// A constant that is given as `refresh_ahead`.
pub const fn share(share: f64) -> f64 {
    assert!(
        share > 0.0 && share < 1.0,
        "`refresh_ahead` takes a fraction of the ttl between 0 and 1"
    );
    share
}

/// A constant that is given as `early_expiry`.
pub const fn beta(beta: f64) -> f64 {
    assert!(
        beta > 0.0 && beta.is_finite(),
        "`early_expiry` takes a number above zero"
    );
    beta
}

/// A value of the declared type, for a `return` that is never reached.
pub fn never<R>() -> R {
    unreachable!("this stands behind `if false`")
}

/// The key of a call, for `key_fn`.
pub fn key_of<T, P: Parts>(site: &'static Site, parts: &P) -> Key<T> {
    site.key(parts)
}

/// The list `parts`, and before it what the impl around a function is for: `R<User>` and `R<Order>`
/// share the function's code, and must not share its entries. `_here` is a closure in the function,
/// whose name says it; that of an item there, which the site has, does not.
#[inline]
pub fn scoped<F, P>(site: &Site, _here: F, parts: P) -> Scoped<P> {
    Scoped(site.scope(type_name::<F>), parts)
}

/// A value of the type that a `key_fn` names.
#[diagnostic::on_unimplemented(
    message = "`key_fn` says `{T}`, but the function stores `{Self}`",
    label = "name what is stored: the type inside of `Result` and `Option`"
)]
pub trait IsValue<T> {}

impl<T> IsValue<T> for T {}

/// Asks that the type which was written for a `key_fn` is that of the value.
pub fn key_fn_is_of<T, C: HasValue<Value: IsValue<T>>>(_: C) {}

/// An argument that a background load can have a copy of.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept for a background load",
    note = "derive `Clone` for it, or take an `Arc` of it"
)]
pub trait Keepable {}

#[diagnostic::do_not_recommend]
impl<T: ToOwned<Owned: Send + Sync + 'static> + ?Sized> Keepable for T {}

/// Asks that a background load can have a copy.
pub fn keepable<T: Keepable + ?Sized>(argument: &T) -> &T {
    argument
}

/// The options with a codec. As a function it has bounds that are reported where each type stands.
pub fn encoded<T: Cacheable, C: values::Codec>(mut rules: Rules<T>) -> Rules<T> {
    rules.0.by_value.codec = Some(AnyCodec::of::<C, T>());
    rules
}

/// A codec that may be used without a version.
#[diagnostic::on_unimplemented(
    message = "`codec = {Self}` needs `version`: its bytes do not say which field is which, so \
               those of an older type could be read as wrong values; write `version = 1`, and \
               change it with the type"
)]
pub trait WithoutVersion<const SELF_DESCRIBING: bool> {}

impl<C> WithoutVersion<true> for C {}

/// Asks that a codec may be used without a version.
pub fn without_version<C: WithoutVersion<SELF_DESCRIBING>, const SELF_DESCRIBING: bool>() {}

/// What a codec says of itself, for [`without_version`].
#[derive(Debug)]
pub struct Described<C>(PhantomData<C>);

impl<C: values::Codec> Described<C> {
    /// Hides that of [`NoCodec`], where there is one.
    pub const SELF_DESCRIBING_CODEC: bool = C::SELF_DESCRIBING;
}

/// What is no codec is reported once, by [`encoded`], and not here.
pub trait NoCodec {
    /// Asks for nothing.
    const SELF_DESCRIBING_CODEC: bool = true;
}

impl<C> NoCodec for Described<C> {}

/// The options of one call: a [`Policy`] whose closures capture nothing.
pub struct Rules<T>(Policy<T>);

/// Starts the options of a call that returns what `codec` stores.
pub fn rules<C: HasValue>(_: C) -> Rules<C::Value> {
    Rules(Policy::<Untyped>::ttl(Duration::ZERO).typed())
}

macro_rules! options {
    ($($option:ident($kind:ty))*) => {
        impl<T> Rules<T> {$(
            #[must_use]
            #[doc(hidden)]
            pub fn $option(self, value: $kind) -> Self {
                Self(self.0.$option(value))
            }
        )*}
    };
}

options! {
    negative_ttl(Duration)
    stale_while_revalidate(Duration)
    stale_if_error(Duration)
    refresh_ahead(f64)
    early_expiry(f64)
    soft_timeout(Duration)
    load_timeout(Duration)
    single_flight(SingleFlight)
    coherence(Coherence)
    max_size(usize)
    lease(Duration)
    lease_wait(Duration)
}

#[doc(hidden)]
impl<T> Rules<T> {
    #[must_use]
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.0.options.ttl = ttl;
        self
    }

    #[must_use]
    pub fn ttl_with(mut self, ttl: fn(&T) -> Duration) -> Self
    where
        T: 'static,
    {
        self.0.by_value.ttl_with = Some(Arc::new(ttl));
        self
    }

    #[must_use]
    pub fn jitter(self, fraction: f64) -> Self {
        Self(self.0.jitter(fraction))
    }

    #[must_use]
    pub fn jitter_by(self, time: Duration) -> Self {
        Self(self.0.jitter(Jitter::from(time)))
    }

    #[must_use]
    pub fn compress_above(self, bytes: usize) -> Self
    where
        Compressor<T>: Compresses,
    {
        Self(self.0.compress_above(bytes))
    }

    #[must_use]
    pub fn local_for(self, life: Duration) -> Self {
        Self(self.0.local(life))
    }

    #[must_use]
    pub fn not_local(self) -> Self {
        Self(self.0.local(false))
    }

    #[must_use]
    pub fn not_remote(self) -> Self {
        Self(self.0.remote(false))
    }

    #[must_use]
    pub fn cache_if(self, keep: fn(&T) -> bool) -> Self
    where
        T: 'static,
    {
        Self(self.0.with_cache_if(keep))
    }

    #[must_use]
    pub fn tags_with<I>(self, tags: fn(&T) -> I) -> Self
    where
        T: 'static,
        I: IntoIterator<Item: Into<Tag>> + 'static,
    {
        Self(self.0.with_tags_with(tags))
    }

    #[must_use]
    pub fn tag<const N: usize>(mut self, pieces: [Piece<T>; N]) -> Self {
        match without_value(&pieces) {
            Some(tag) => self.0.options.tags.push(tag),
            None => self.0.by_value.templates.push(Template::new(pieces)),
        }
        self
    }
}

impl<T> From<Rules<T>> for Policy<T> {
    fn from(rules: Rules<T>) -> Self {
        rules.0
    }
}

impl<T> fmt::Debug for Rules<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
