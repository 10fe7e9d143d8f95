//! Finds what a format with a null would not give back.
//!
//! `Some(None)` and `None` have the same bytes in such formats, and so have `Some(())` and `None`.
//! A value that changes by being stored would be worse than one that is not stored.

use std::fmt;

use serde::ser::{self, Serialize, Serializer};

/// A format that has a null.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    #[cfg(feature = "messagepack")]
    MessagePack,
    /// Writes unit structs as null, too, and floats that are not finite.
    #[cfg(feature = "json")]
    Json,
}

impl Format {
    fn is_json(self) -> bool {
        match self {
            #[cfg(feature = "messagepack")]
            Self::MessagePack => false,
            #[cfg(feature = "json")]
            Self::Json => true,
        }
    }
}

/// The value would be another one after decoding, or its `Serialize` failed.
#[derive(Debug)]
pub(super) struct Lossy;

impl fmt::Display for Lossy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value would not be the same after decoding")
    }
}

impl std::error::Error for Lossy {}

impl ser::Error for Lossy {
    fn custom<M: fmt::Display>(_: M) -> Self {
        Self
    }
}

pub(super) fn check<T: Serialize + ?Sized>(value: &T, format: Format) -> Result<(), Lossy> {
    let json = format.is_json();
    let in_some = false;
    value.serialize(Check { json, in_some })
}

#[derive(Clone, Copy)]
struct Check {
    json: bool,
    /// Nothing but wrappers stands between a `Some` and this value.
    in_some: bool,
}

impl Check {
    #[inline]
    fn below(self) -> Self {
        let in_some = false;
        Self { in_some, ..self }
    }

    #[inline]
    fn null(self) -> Result<(), Lossy> {
        if self.in_some { Err(Lossy) } else { Ok(()) }
    }

    #[inline]
    fn float(self, is_finite: bool) -> Result<(), Lossy> {
        if self.json && !is_finite {
            Err(Lossy)
        } else {
            Ok(())
        }
    }
}

macro_rules! keeps {
    ($($method:ident($ty:ty);)*) => {$(
        #[inline]
        fn $method(self, _: $ty) -> Result<(), Lossy> {
            Ok(())
        }
    )*};
}

macro_rules! opens {
    ($($method:ident($($ty:ty),*) -> $compound:ident;)*) => {$(
        #[inline]
        fn $method(self, $(_: $ty),*) -> Result<Self::$compound, Lossy> {
            Ok(self.below())
        }
    )*};
}

impl Serializer for Check {
    type Ok = ();
    type Error = Lossy;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    keeps! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
    }

    opens! {
        serialize_seq(Option<usize>) -> SerializeSeq;
        serialize_tuple(usize) -> SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> SerializeTupleVariant;
        serialize_map(Option<usize>) -> SerializeMap;
        serialize_struct(&'static str, usize) -> SerializeStruct;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> SerializeStructVariant;
    }

    fn is_human_readable(&self) -> bool {
        self.json
    }

    fn serialize_f32(self, v: f32) -> Result<(), Lossy> {
        self.float(v.is_finite())
    }

    fn serialize_f64(self, v: f64) -> Result<(), Lossy> {
        self.float(v.is_finite())
    }

    fn serialize_none(self) -> Result<(), Lossy> {
        self.null()
    }

    fn serialize_unit(self) -> Result<(), Lossy> {
        self.null()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Lossy> {
        if self.json { self.null() } else { Ok(()) }
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Lossy> {
        let in_some = true;
        value.serialize(Self { in_some, ..self })
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Lossy> {
        value.serialize(self)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Lossy> {
        Ok(())
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Lossy> {
        value.serialize(self.below())
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, _: &T) -> Result<(), Lossy> {
        Ok(())
    }
}

macro_rules! compound {
    ($($compound:ident: $method:ident($($key:ty)?);)*) => {$(
        impl ser::$compound for Check {
            type Ok = ();
            type Error = Lossy;

            #[inline]
            fn $method<T: Serialize + ?Sized>(
                &mut self,
                $(_: $key,)?
                value: &T,
            ) -> Result<(), Lossy> {
                value.serialize(*self)
            }

            #[inline]
            fn end(self) -> Result<(), Lossy> {
                Ok(())
            }
        }
    )*};
}

compound! {
    SerializeSeq: serialize_element();
    SerializeTuple: serialize_element();
    SerializeTupleStruct: serialize_field();
    SerializeTupleVariant: serialize_field();
    SerializeStruct: serialize_field(&'static str);
    SerializeStructVariant: serialize_field(&'static str);
}

impl ser::SerializeMap for Check {
    type Ok = ();
    type Error = Lossy;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Lossy> {
        key.serialize(*self)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Lossy> {
        value.serialize(*self)
    }

    #[inline]
    fn end(self) -> Result<(), Lossy> {
        Ok(())
    }
}
