//! A deserializer around that of a format, for input that may be hostile.
//!
//! The formats bound some of this by themselves, none all of it: a list of one-field variants
//! overflows the stack in `MessagePack` and postcard, a sequence of things without bytes goes on for
//! ever in postcard, and lengths are believed as hints of how much to allocate.

use std::cell::Cell;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};

/// How deep a value may be nested: sequences, maps, variants, `Some` and wrappers count.
pub(super) const MAX_DEPTH: u16 = 128;

/// Elements without bytes of their own that one value may have.
const EMPTY_ELEMENTS: usize = 65_536;

/// What is left for one value.
#[derive(Clone, Copy)]
pub(super) struct Limits<'a> {
    depth: u16,
    elements: &'a Cell<usize>,
    /// No sequence is expected to have more elements than the input has bytes.
    longest_hint: usize,
}

/// The limits for one input.
pub(super) struct Fresh {
    input: usize,
}

impl Limits<'_> {
    pub(super) fn of(input: &[u8]) -> Fresh {
        let input = input.len();
        Fresh { input }
    }

    #[inline]
    fn deeper<E: Error>(mut self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(left) => self.depth = left,
            None => return Err(E::custom("nested too deeply")),
        }
        Ok(self)
    }

    #[inline]
    fn count<E: Error>(self) -> Result<(), E> {
        match self.elements.get().checked_sub(1) {
            Some(left) => self.elements.set(left),
            None => return Err(E::custom("too many elements")),
        }
        Ok(())
    }

    #[inline]
    fn hint(self, hint: Option<usize>) -> Option<usize> {
        hint.map(|hint| hint.min(self.longest_hint))
    }
}

impl Fresh {
    pub(super) fn run<R>(self, decode: impl FnOnce(Limits<'_>) -> R) -> R {
        decode(Limits {
            depth: MAX_DEPTH,
            elements: &Cell::new(self.input.saturating_add(EMPTY_ELEMENTS)),
            longest_hint: self.input,
        })
    }
}

/// One of serde's actors, with what is left below it.
pub(super) struct Limited<'a, I> {
    inner: I,
    limits: Limits<'a>,
}

impl<'a, I> Limited<'a, I> {
    #[inline]
    pub(super) fn new(inner: I, limits: Limits<'a>) -> Self {
        Self { inner, limits }
    }
}

macro_rules! deserialize {
    ($($method:ident($($arg:ident: $ty:ty),*);)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, $($arg: $ty,)* visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$method($($arg,)* Limited::new(visitor, self.limits))
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Limited<'_, D> {
    type Error = D::Error;

    deserialize! {
        deserialize_any();
        deserialize_bool();
        deserialize_i8();
        deserialize_i16();
        deserialize_i32();
        deserialize_i64();
        deserialize_i128();
        deserialize_u8();
        deserialize_u16();
        deserialize_u32();
        deserialize_u64();
        deserialize_u128();
        deserialize_f32();
        deserialize_f64();
        deserialize_char();
        deserialize_str();
        deserialize_string();
        deserialize_bytes();
        deserialize_byte_buf();
        deserialize_option();
        deserialize_unit();
        deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str);
        deserialize_seq();
        deserialize_tuple(len: usize);
        deserialize_tuple_struct(name: &'static str, len: usize);
        deserialize_map();
        deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
        deserialize_identifier();
        deserialize_ignored_any();
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

macro_rules! visit {
    ($($method:ident($($arg:ident: $ty:ty)?);)*) => {$(
        #[inline]
        fn $method<E: Error>(self, $($arg: $ty)?) -> Result<V::Value, E> {
            self.inner.$method($($arg)?)
        }
    )*};
}

macro_rules! visit_below {
    ($($method:ident($below:ident: $bound:ident);)*) => {$(
        #[inline]
        fn $method<A: $bound<'de>>(self, $below: A) -> Result<V::Value, A::Error> {
            let limits = self.limits.deeper()?;
            self.inner.$method(Limited::new($below, limits))
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Limited<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    visit! {
        visit_bool(v: bool);
        visit_i8(v: i8);
        visit_i16(v: i16);
        visit_i32(v: i32);
        visit_i64(v: i64);
        visit_i128(v: i128);
        visit_u8(v: u8);
        visit_u16(v: u16);
        visit_u32(v: u32);
        visit_u64(v: u64);
        visit_u128(v: u128);
        visit_f32(v: f32);
        visit_f64(v: f64);
        visit_char(v: char);
        visit_str(v: &str);
        visit_borrowed_str(v: &'de str);
        visit_string(v: String);
        visit_bytes(v: &[u8]);
        visit_borrowed_bytes(v: &'de [u8]);
        visit_byte_buf(v: Vec<u8>);
        visit_none();
        visit_unit();
    }

    visit_below! {
        visit_some(inside: Deserializer);
        visit_newtype_struct(inside: Deserializer);
        visit_seq(elements: SeqAccess);
        visit_map(entries: MapAccess);
        visit_enum(variant: EnumAccess);
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Limited<'_, S> {
    type Value = S::Value;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<S::Value, D::Error> {
        self.inner.deserialize(Limited::new(source, self.limits))
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Limited<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let seed = Limited::new(seed, self.limits);
        let element = self.inner.next_element_seed(seed)?;
        if element.is_some() {
            self.limits.count()?;
        }
        Ok(element)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.limits.hint(self.inner.size_hint())
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Limited<'_, A> {
    type Error = A::Error;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        let seed = Limited::new(seed, self.limits);
        let key = self.inner.next_key_seed(seed)?;
        if key.is_some() {
            self.limits.count()?;
        }
        Ok(key)
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.inner.next_value_seed(Limited::new(seed, self.limits))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.limits.hint(self.inner.size_hint())
    }
}

impl<'a, 'de, A: EnumAccess<'de>> EnumAccess<'de> for Limited<'a, A> {
    type Error = A::Error;
    type Variant = Limited<'a, A::Variant>;

    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Self::Variant), A::Error> {
        let (name, variant) = self.inner.variant_seed(Limited::new(seed, self.limits))?;
        Ok((name, Limited::new(variant, self.limits)))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Limited<'_, A> {
    type Error = A::Error;

    #[inline]
    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        self.inner
            .newtype_variant_seed(Limited::new(seed, self.limits))
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, A::Error> {
        self.inner
            .tuple_variant(len, Limited::new(visitor, self.limits))
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.inner
            .struct_variant(fields, Limited::new(visitor, self.limits))
    }
}
