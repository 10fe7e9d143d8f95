//! Lengths that the input claims.

use std::cell::Cell;
use std::fmt;

use serde::de::{Deserializer as _, SeqAccess, Visitor};

use crate::codec::limited::{Limited, Limits};

/// Takes note of how many elements a format promises.
struct Promise<'a>(&'a Cell<usize>);

impl<'de> Visitor<'de> for Promise<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<(), A::Error> {
        self.0.set(elements.size_hint().unwrap_or(0));
        Ok(())
    }
}

#[test]
fn a_length_is_no_reason_to_allocate() {
    for (claim, promised) in [
        (&b"\xdd\x00\x00\x00\x03\x01\x01\x01"[..], 3),
        (b"\xdd\xff\xff\xff\xff\x01\x01\x01", 8),
    ] {
        let seen = Cell::new(0);
        let _ = Limits::of(claim).run(|limits| {
            let mut source = rmp_serde::Deserializer::from_read_ref(claim);
            Limited::new(&mut source, limits).deserialize_seq(Promise(&seen))
        });
        assert_eq!(seen.get(), promised);
    }
}
