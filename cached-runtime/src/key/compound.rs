//! Values with elements: sequences, tuples, structs and maps.

use core::ops::Range;

use serde::ser::{self, Serialize};

use super::canonical::{Canonical, Unkeyable};
use super::sink::{BytesSink, Sink, tag, text};

macro_rules! elements {
    ($($kind:ident: $method:ident,)*) => {$(
        impl<S: Sink> ser::$kind for Canonical<'_, S> {
            type Ok = ();
            type Error = Unkeyable;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unkeyable> {
                value.serialize(Canonical(&mut *self.0))
            }

            #[inline]
            fn end(self) -> Result<(), Unkeyable> {
                self.0.tag(tag::END)
            }
        }
    )*};
}

elements! {
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field,
}

macro_rules! fields {
    ($($kind:ident,)*) => {$(
        impl<S: Sink> ser::$kind for Canonical<'_, S> {
            type Ok = ();
            type Error = Unkeyable;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Unkeyable> {
                text(self.0, tag::STR, name.as_bytes())?;
                value.serialize(Canonical(&mut *self.0))
            }

            #[inline]
            fn end(self) -> Result<(), Unkeyable> {
                self.0.tag(tag::END)
            }
        }
    )*};
}

fields! {
    SerializeStruct,
    SerializeStructVariant,
}

/// The entries of a map, held back until they can be sorted.
pub(super) struct MapEntries<'a, S: Sink> {
    sink: &'a mut S,
    /// All keys and values, as they came.
    buffer: BytesSink,
    entries: Vec<Entry>,
}

/// Where in the buffer a key and its value are.
struct Entry {
    key: Range<usize>,
    end: usize,
}

impl<'a, S: Sink> MapEntries<'a, S> {
    pub(super) fn new(sink: &'a mut S) -> Self {
        MapEntries {
            sink,
            buffer: BytesSink::default(),
            entries: Vec::new(),
        }
    }
}

impl<S: Sink> ser::SerializeMap for MapEntries<'_, S> {
    type Ok = ();
    type Error = Unkeyable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unkeyable> {
        if !S::ORDERED {
            return key.serialize(Canonical(&mut *self.sink));
        }
        let start = self.buffer.0.len();
        key.serialize(Canonical(&mut self.buffer))?;
        let end = self.buffer.0.len();
        self.entries.push(Entry {
            key: start..end,
            end,
        });
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unkeyable> {
        if !S::ORDERED {
            return value.serialize(Canonical(&mut *self.sink));
        }
        value.serialize(Canonical(&mut self.buffer))?;
        let entry = self.entries.last_mut().ok_or(Unkeyable)?;
        entry.end = self.buffer.0.len();
        Ok(())
    }

    fn end(self) -> Result<(), Unkeyable> {
        let MapEntries {
            sink,
            buffer: BytesSink(bytes),
            mut entries,
        } = self;
        // Stable, so that a map with a repeated key is told from one with the values exchanged.
        entries.sort_by(|a, b| bytes[a.key.clone()].cmp(&bytes[b.key.clone()]));
        for entry in entries {
            sink.encoded(&bytes[entry.key.start..entry.end])?;
        }
        sink.tag(tag::END)
    }
}
