//! Keys made by hand.

use core::any::type_name;
use core::fmt::{self, Write};
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;

use super::canonical::{Canonical, Unkeyable};
use super::digest::Escaped;
use super::head::Named;
use super::identity::{Ident, Identity};
use super::part::Parts;
use super::raw::RawKey;
use super::sink::{BytesSink, tag, text};

/// The key of an entry whose value is a `T`.
///
/// It is made of a prefix and of anything serializable. A tuple stands for the arguments of a
/// function, in order, so `Key::new("user", &(42,))` is the key of the call `get_user(&db, 42)`
/// where the prefix is `user` and `db` is skipped. What [`KeyPart`](super::KeyPart) says about
/// equal values holds here, too.
///
/// ```
/// # use cached_runtime::Key;
/// struct User;
///
/// let key = Key::<User>::new("user", &(42u64,));
/// assert_eq!(key.prefix(), "user");
/// assert_eq!(key, Key::new("user", &(42,)));
/// assert_ne!(key, Key::new("user", &(43,)));
/// ```
///
/// `Display` and `Debug` show the prefix and the digest, never an argument.
pub struct Key<T: ?Sized> {
    inner: Inner,
    value: PhantomData<fn() -> T>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Inner {
    Raw(RawKey),
    /// Only the prefix is left of a key that cannot be written down.
    Unkeyable(Arc<str>),
}

impl<T: ?Sized> Key<T> {
    /// Makes a key of a prefix and a value.
    ///
    /// If the value cannot be serialized, nothing is ever cached under the key, see
    /// [`is_cacheable`](Key::is_cacheable).
    ///
    /// A tuple of one is not its content: `&(42,)` are the arguments of a function with one
    /// argument, `&42` is a key that no function has. `&()` stands for no arguments.
    ///
    /// ```
    /// # use cached_runtime::Key;
    /// let settings = Key::<String>::new("settings", &());
    /// let page = Key::<String>::new("page", &("en", 3));
    /// assert_ne!(settings, page);
    /// ```
    pub fn new<V: Serialize + ?Sized>(prefix: impl AsRef<str>, value: &V) -> Self {
        let prefix = prefix.as_ref();
        let mut sink = BytesSink(Vec::with_capacity(128));
        let raw = text(&mut sink, tag::STR, prefix.as_bytes())
            .and_then(|()| value.serialize(Canonical::new(&mut sink)))
            .and_then(|()| RawKey::from_encoded(&sink.0));
        Self::from_raw(raw, prefix)
    }

    /// Makes the key of a call.
    #[doc(hidden)]
    pub fn of_parts<P: Parts>(prefix: &str, version: Option<&str>, parts: &P) -> Self {
        let head = Named::new(prefix, version);
        Self::from_raw(Identity::new(&head, parts).encode(), prefix)
    }

    /// The same key for a version of the value, as with the option `version` of a function.
    ///
    /// ```
    /// # use cached_runtime::Key;
    /// let key = Key::<String>::new("user", &(42,));
    /// assert_ne!(key.clone().version(2), key);
    /// ```
    #[must_use]
    pub fn version(self, version: impl fmt::Display) -> Self {
        let mut text = String::new();
        let written = write!(text, "{version}").map_err(|_| Unkeyable);
        self.edit(|raw| written.and_then(|()| raw.with_version(&text)))
    }

    /// The same key for the type arguments `X` of a generic function.
    ///
    /// ```
    /// # use cached_runtime::Key;
    /// let count = Key::<usize>::new("count", &());
    /// assert_ne!(count.clone().of_type::<u8>(), count.of_type::<u16>());
    /// ```
    #[must_use]
    pub fn of_type<X: ?Sized>(self) -> Self {
        self.edit(|raw| raw.with_types(type_name::<X>()))
    }

    /// The prefix.
    ///
    /// ```
    /// # use cached_runtime::Key;
    /// assert_eq!(Key::<String>::new("user", &(42,)).prefix(), "user");
    /// ```
    #[must_use]
    pub fn prefix(&self) -> &str {
        match &self.inner {
            Inner::Raw(raw) => raw.prefix(),
            Inner::Unkeyable(prefix) => prefix,
        }
    }

    /// Whether a value can be stored under this key. It cannot if what the key was made of could
    /// not be serialized; such a key is a miss whenever it is asked for.
    ///
    /// ```
    /// # use cached_runtime::Key;
    /// use std::cell::RefCell;
    ///
    /// assert!(Key::<u8>::new("good", &(1, 2)).is_cacheable());
    ///
    /// let counter = RefCell::new(1);
    /// let _changing = counter.borrow_mut();
    /// assert!(!Key::<u8>::new("bad", &counter).is_cacheable());
    /// ```
    #[must_use]
    pub fn is_cacheable(&self) -> bool {
        self.raw().is_some()
    }

    /// SHA-256 of the key in 64 hexadecimal digits; empty if the key is not cacheable.
    ///
    /// It is the same in every process and on every platform.
    ///
    /// ```
    /// # use cached_runtime::Key;
    /// assert_eq!(Key::<String>::new("user", &(42,)).digest().len(), 64);
    /// ```
    pub fn digest(&self) -> String {
        self.raw()
            .map_or_else(String::new, |raw| raw.digest().to_string())
    }

    pub(crate) fn raw(&self) -> Option<&RawKey> {
        match &self.inner {
            Inner::Raw(raw) => Some(raw),
            Inner::Unkeyable(_) => None,
        }
    }

    fn from_raw(raw: Result<RawKey, Unkeyable>, prefix: &str) -> Self {
        let inner = raw.map_or_else(|_| Inner::Unkeyable(prefix.into()), Inner::Raw);
        Key {
            inner,
            value: PhantomData,
        }
    }

    fn edit(self, edit: impl FnOnce(&RawKey) -> Result<RawKey, Unkeyable>) -> Self {
        match &self.inner {
            Inner::Raw(raw) => Self::from_raw(edit(raw), raw.prefix()),
            Inner::Unkeyable(_) => self,
        }
    }
}

impl<T: ?Sized> Clone for Key<T> {
    fn clone(&self) -> Self {
        Key {
            inner: self.inner.clone(),
            value: PhantomData,
        }
    }
}

impl<T: ?Sized> PartialEq for Key<T> {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl<T: ?Sized> Eq for Key<T> {}

impl<T: ?Sized> Hash for Key<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl<T: ?Sized> fmt::Display for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.inner {
            Inner::Raw(raw) => raw.fmt(f),
            Inner::Unkeyable(prefix) => write!(f, "{}:uncacheable", Escaped(prefix)),
        }
    }
}

impl<T: ?Sized> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({self})")
    }
}

/// What can be listed in `cache_invalidate(keys = [..])`: a [`Key`], or a reference to one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a cache key",
    note = "make one with `Key::new(..)` or with the function that `key_fn = ..` names"
)]
pub trait IntoKey {
    #[doc(hidden)]
    fn into_key(self) -> Option<RawKey>;
}

impl<T: ?Sized> IntoKey for Key<T> {
    fn into_key(self) -> Option<RawKey> {
        self.raw().cloned()
    }
}

impl<T: ?Sized> IntoKey for &Key<T> {
    fn into_key(self) -> Option<RawKey> {
        self.raw().cloned()
    }
}
