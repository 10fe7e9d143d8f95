//! Any bytes as an envelope: parsed, decompressed and decoded with every codec.
//!
//! The modules are those of the runtime, which shows them to nobody else.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use serde::{Deserialize, Serialize};

#[path = "../../cached-runtime/src/codec/mod.rs"]
#[allow(dead_code, unused_imports, reason = "only reading is tried here")]
mod codec;
#[path = "../../cached-runtime/src/envelope/mod.rs"]
#[allow(dead_code, unused_imports, reason = "only reading is tried here")]
mod envelope;

mod value {
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    pub trait Cacheable: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {}

    impl<T: Serialize + DeserializeOwned + Clone + Send + Sync + 'static> Cacheable for T {}
}

use codec::{Json, MessagePack, Postcard, ValueCodec};

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Node {
    Leaf,
    Wrapped(Box<Node>),
    Branch {
        name: String,
        below: Vec<Node>,
        by_name: BTreeMap<String, Option<Box<Node>>>,
    },
    Numbers(u64, i128, f64, char, ()),
}

/// Where the checksum stands.
const CHECKSUM: std::ops::Range<usize> = 68..72;
const BORN: u64 = 1_700_000_000_000;

fuzz_target!(|input: &[u8]| {
    read(input);
    // Behind the checksum and the stamps, too.
    let mut forged = input.to_vec();
    if envelope::stamp(&mut forged, BORN).is_ok() {
        let crc = crc32c::crc32c(&forged[..envelope::STAMPS.start]);
        let crc = crc32c::crc32c_append(crc, &forged[envelope::STAMPS.end..CHECKSUM.start]);
        let crc = crc32c::crc32c_append(crc, &forged[CHECKSUM.end..]);
        forged[CHECKSUM].copy_from_slice(&crc.to_le_bytes());
        read(&forged);
    }
});

fn read(input: &[u8]) {
    let Ok((header, _, payload)) = envelope::parse(input) else {
        return;
    };
    for codec in [
        ValueCodec::<Node>::of::<MessagePack>(),
        ValueCodec::of::<Json>(),
        ValueCodec::of::<Postcard>(),
    ] {
        if let Ok(Some(node)) = header.open(payload, header.schema, &codec) {
            // What was decoded can be encoded, unless it would be lost.
            let _ = (codec.encode)(&node);
        }
    }
}
