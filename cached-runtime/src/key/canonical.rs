//! The canonical encoding of one value.

use core::fmt::{self, Display, Write};

use serde::ser::{self, Serialize, Serializer};

use super::compound::MapEntries;
use super::sink::{Sink, tag, text};

/// A value that has no canonical encoding: its `Serialize` failed, or it is longer than 4 GiB.
///
/// The message of the failure is not kept, for it may quote an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unkeyable;

impl Display for Unkeyable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an argument cannot be serialized for the cache key")
    }
}

impl core::error::Error for Unkeyable {}

impl ser::Error for Unkeyable {
    #[cold]
    fn custom<T: Display>(_: T) -> Self {
        Unkeyable
    }
}

/// Feeds a value to a sink in canonical form.
pub(super) struct Canonical<'a, S: Sink>(pub(super) &'a mut S);

impl<'a, S: Sink> Canonical<'a, S> {
    #[inline]
    pub(super) fn new(sink: &'a mut S) -> Self {
        Canonical(sink)
    }

    #[inline]
    fn open(self, tag: u8) -> Result<Self, Unkeyable> {
        self.0.tag(tag)?;
        Ok(self)
    }

    #[inline]
    fn open_variant(self, tag: u8, variant: &str) -> Result<Self, Unkeyable> {
        text(self.0, tag, variant.as_bytes())?;
        Ok(self)
    }
}

macro_rules! unsigned {
    ($($method:ident: $int:ty,)*) => {$(
        #[inline]
        fn $method(self, v: $int) -> Result<(), Unkeyable> {
            self.0.word(tag::UINT, u64::from(v))
        }
    )*};
}

macro_rules! signed {
    ($($method:ident: $int:ty,)*) => {$(
        #[inline]
        fn $method(self, v: $int) -> Result<(), Unkeyable> {
            let tag = if v < 0 { tag::NEG } else { tag::UINT };
            self.0.word(tag, u64::from(v.unsigned_abs()))
        }
    )*};
}

impl<'a, S: Sink> Serializer for Canonical<'a, S> {
    type Ok = ();
    type Error = Unkeyable;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = MapEntries<'a, S>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    unsigned! {
        serialize_u8: u8,
        serialize_u16: u16,
        serialize_u32: u32,
        serialize_u64: u64,
    }

    signed! {
        serialize_i8: i8,
        serialize_i16: i16,
        serialize_i32: i32,
        serialize_i64: i64,
    }

    #[inline]
    fn serialize_u128(self, v: u128) -> Result<(), Unkeyable> {
        match u64::try_from(v) {
            Ok(v) => self.0.word(tag::UINT, v),
            Err(_) => self.0.wide(tag::BIG, v),
        }
    }

    #[inline]
    fn serialize_i128(self, v: i128) -> Result<(), Unkeyable> {
        let magnitude = v.unsigned_abs();
        match u64::try_from(magnitude) {
            _ if v >= 0 => self.serialize_u128(magnitude),
            Ok(magnitude) => self.0.word(tag::NEG, magnitude),
            Err(_) => self.0.wide(tag::BIGNEG, magnitude),
        }
    }

    #[inline]
    fn serialize_f32(self, v: f32) -> Result<(), Unkeyable> {
        self.serialize_f64(f64::from(v))
    }

    #[inline]
    fn serialize_f64(self, v: f64) -> Result<(), Unkeyable> {
        let bits = if v.is_nan() {
            f64::NAN.to_bits()
        } else if v == 0.0 {
            0
        } else {
            v.to_bits()
        };
        self.0.word(tag::FLOAT, bits)
    }

    #[inline]
    fn serialize_bool(self, v: bool) -> Result<(), Unkeyable> {
        self.0.tag(if v { tag::TRUE } else { tag::FALSE })
    }

    #[inline]
    fn serialize_char(self, v: char) -> Result<(), Unkeyable> {
        self.0.word(tag::CHAR, u64::from(v))
    }

    #[inline]
    fn serialize_str(self, v: &str) -> Result<(), Unkeyable> {
        text(self.0, tag::STR, v.as_bytes())
    }

    #[inline]
    fn serialize_bytes(self, v: &[u8]) -> Result<(), Unkeyable> {
        text(self.0, tag::BYTES, v)
    }

    #[inline]
    fn serialize_none(self) -> Result<(), Unkeyable> {
        self.0.tag(tag::NONE)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unkeyable> {
        value.serialize(self.open(tag::SOME)?)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), Unkeyable> {
        self.0.tag(tag::TUPLE)?;
        self.0.tag(tag::END)
    }

    #[inline]
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unkeyable> {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<(), Unkeyable> {
        text(self.0, tag::UNIT_VARIANT, variant.as_bytes())
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Unkeyable> {
        value.serialize(self)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Unkeyable> {
        value.serialize(self.open_variant(tag::NEWTYPE_VARIANT, variant)?)
    }

    #[inline]
    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Unkeyable> {
        self.open(tag::SEQ)
    }

    #[inline]
    fn serialize_tuple(self, _: usize) -> Result<Self, Unkeyable> {
        self.open(tag::TUPLE)
    }

    #[inline]
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Unkeyable> {
        self.open(tag::TUPLE)
    }

    #[inline]
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self, Unkeyable> {
        self.open_variant(tag::TUPLE_VARIANT, variant)
    }

    #[inline]
    fn serialize_map(self, _: Option<usize>) -> Result<MapEntries<'a, S>, Unkeyable> {
        self.0.tag(tag::MAP)?;
        Ok(MapEntries::new(self.0))
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Unkeyable> {
        self.open(tag::STRUCT)
    }

    #[inline]
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self, Unkeyable> {
        self.open_variant(tag::STRUCT_VARIANT, variant)
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result<(), Unkeyable> {
        // Dates and the like come this way; they are short, and a hit should not allocate.
        let mut short = Short {
            bytes: [0; 64],
            len: 0,
        };
        if write!(short, "{value}").is_ok() {
            return text(self.0, tag::STR, &short.bytes[..short.len]);
        }
        let mut long = String::new();
        write!(long, "{value}").map_err(|_| Unkeyable)?;
        self.serialize_str(&long)
    }

    #[inline]
    fn is_human_readable(&self) -> bool {
        false
    }
}

/// Text of up to 64 bytes; writing more fails.
struct Short {
    bytes: [u8; 64],
    len: usize,
}

impl Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let free = self.bytes[self.len..]
            .get_mut(..text.len())
            .ok_or(fmt::Error)?;
        free.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}
