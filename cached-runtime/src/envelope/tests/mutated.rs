//! Envelopes by the million that nobody has sealed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::layout::{AT_CHECKSUM, AT_FLAGS, FIXED, checksum};
use super::super::{Draft, STAMPS, Unreadable, parse, stamp};
use super::{BORN, tagged};
use crate::codec::compress::{Compression, LARGEST, Packed, compress};
use crate::codec::{CodecError, ValueCodec};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Profile {
    name: String,
    tags: Vec<String>,
    visits: BTreeMap<String, Vec<u64>>,
    friends: Vec<Profile>,
    score: Option<f64>,
}

fn profile() -> Profile {
    let friend = Profile {
        name: "Ada".into(),
        tags: vec!["admin".into(), "early".into()],
        visits: BTreeMap::from([("home".into(), vec![1, 200, 70_000])]),
        friends: vec![],
        score: Some(0.5),
    };
    Profile {
        friends: vec![friend.clone(), friend.clone()],
        ..friend
    }
}

/// All codecs of this build, and one that there always is.
fn codecs() -> Vec<ValueCodec<Profile>> {
    vec![
        ValueCodec {
            id: 128,
            self_describing: true,
            encode: |profile| Ok(profile.name.repeat(50).into_bytes()),
            decode: |bytes| {
                let whole = bytes == profile().name.repeat(50).as_bytes();
                whole.then(profile).ok_or(CodecError::decode("name"))
            },
        },
        #[cfg(feature = "messagepack")]
        ValueCodec::of::<crate::codec::MessagePack>(),
        #[cfg(feature = "json")]
        ValueCodec::of::<crate::codec::Json>(),
        #[cfg(feature = "postcard")]
        ValueCodec::of::<crate::codec::Postcard>(),
    ]
}

struct Sample {
    codec: ValueCodec<Profile>,
    schema: u16,
    bytes: Vec<u8>,
}

fn sample(codec: ValueCodec<Profile>, payload: Option<&Packed>) -> Sample {
    let draft = Draft {
        codec: codec.id,
        ..tagged()
    };
    let mut bytes = draft.seal(payload).unwrap();
    stamp(&mut bytes, BORN).unwrap();
    Sample {
        codec,
        schema: draft.schema,
        bytes,
    }
}

fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    for codec in codecs() {
        let raw = (codec.encode)(&profile()).unwrap();
        #[cfg(feature = "lz4")]
        samples.push(sample(
            codec,
            Some(&Packed {
                compression: Compression::Lz4,
                raw_len: raw.len(),
                bytes: lz4_flex::block::compress(&raw),
            }),
        ));
        samples.push(sample(codec, Some(&compress(raw.clone(), 1))));
        samples.push(sample(codec, Some(&compress(raw, 0))));
        samples.push(sample(codec, None));
    }
    samples
}

/// What somebody, or something, may do to stored bytes.
fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut fastrand::Rng) {
    let at = random.usize(..bytes.len());
    match random.u8(..6) {
        0 => bytes.truncate(at),
        // Goes on as another one.
        1 => {
            bytes.truncate(at);
            bytes.extend(&other[random.usize(..other.len())..]);
        }
        2 => {
            bytes.clear();
            bytes.resize_with(at, || random.u8(..));
        }
        // A number that is too large, perhaps.
        3 => bytes
            .iter_mut()
            .skip(at)
            .take(4)
            .for_each(|byte| *byte = 0xFF),
        4 => {
            for _ in 0..random.u8(1..4) {
                let at = random.usize(..bytes.len());
                bytes[at] = random.u8(..);
            }
        }
        _ => bytes[at] ^= 1 << random.u8(..8),
    }
}

/// Makes the checks behind the checksum reachable.
fn forge(bytes: &mut [u8]) {
    if stamp(bytes, BORN).is_ok() {
        let sum = checksum(bytes).to_le_bytes();
        bytes[AT_CHECKSUM..FIXED].copy_from_slice(&sum);
    }
}

fn read(sample: &Sample, bytes: &[u8]) -> Result<Option<Profile>, Unreadable> {
    let (header, tokens, payload) = parse(bytes)?;
    let names: usize = tokens.iter().map(|(name, _)| name.len()).sum();
    assert_eq!(tokens.iter().count(), tokens.len());
    assert!(names + tokens.len() * 10 + payload.len() <= bytes.len());
    header.open(payload, sample.schema, &sample.codec)
}

fn same_but_stamps(a: &[u8], b: &[u8]) -> bool {
    a[..STAMPS.start] == b[..STAMPS.start] && a[STAMPS.end..] == b[STAMPS.end..]
}

const MUTATIONS: usize = 1_000_000;

#[test]
fn r16_a_million_mutated_envelopes_are_a_miss_and_nothing_else() {
    let samples = samples();
    for sample in &samples {
        let negative = sample.bytes[AT_FLAGS] == 1;
        let expected = (!negative).then(profile);
        assert_eq!(read(sample, &sample.bytes), Ok(expected));
    }
    let mut random = fastrand::Rng::with_seed(16);
    let mut misses = BTreeMap::new();
    let mut bytes = Vec::new();
    for round in 0..MUTATIONS {
        let sample = &samples[round % samples.len()];
        let other = random.choice(&samples).unwrap();
        bytes.clone_from(&sample.bytes);
        mutate(&mut bytes, &other.bytes, &mut random);
        let forged = random.bool();
        if forged {
            forge(&mut bytes);
        }
        match read(sample, &bytes) {
            // Who can compute the checksum can write any value.
            Ok(_) if forged => {}
            // A mutation may change nothing, or both stamps in the same way.
            Ok(_) => assert!(
                samples
                    .iter()
                    .any(|whole| same_but_stamps(&whole.bytes, &bytes))
            ),
            Err(miss) => *misses.entry(miss.to_string()).or_insert(0) += 1,
        }
    }
    assert_eq!(misses.len(), 7, "each kind of miss was met: {misses:?}");
    assert!(misses.values().all(|count| *count > 100), "{misses:?}");
}

/// Claims of much, with a right checksum and little behind them.
fn claims() -> Vec<Sample> {
    let mut claims = Vec::new();
    let mut claim = |codec, compression, raw_len, bytes: &[u8]| {
        let bytes = bytes.to_vec();
        let packed = Packed {
            compression,
            raw_len,
            bytes,
        };
        claims.push(sample(codec, Some(&packed)));
    };
    for codec in codecs() {
        for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
            for len in [LARGEST, LARGEST / 2, 100 << 20] {
                claim(codec, compression, len, b"");
                claim(codec, compression, len, &[0; 100]);
                // A frame of zstd that is one segment of this length, and one with this window.
                let content = u32::try_from(len).unwrap().to_le_bytes();
                let segment = [b"\x28\xb5\x2f\xfd\xa0", &content[..], b"\x01\x00\x00"].concat();
                claim(codec, compression, len, &segment);
                let window = b"\x28\xb5\x2f\xfd\x00\x88\x01\x00\x00";
                claim(codec, compression, len, window);
            }
        }
        // Arrays, maps, text and bytes of MessagePack; lengths of postcard.
        for start in [&b"\xdd"[..], b"\xdf", b"\xdb", b"\xc6", b""] {
            let bytes = [start, &[0x7F, 0xFF, 0xFF, 0xFF, 0x7F]].concat();
            for bytes in [bytes.repeat(50), bytes] {
                claim(codec, Compression::None, bytes.len(), &bytes);
            }
        }
    }
    claims
}

/// In a process that has little more than it needs to start.
#[cfg(target_os = "linux")]
#[test]
fn r16_no_claim_makes_a_reader_allocate_what_the_input_does_not_justify() {
    const ADDRESS_SPACE_KIB: u32 = 96 << 10;
    const IN_CHILD: &str = "CACHE_ASIDE_R16_CHILD";
    if std::env::var_os(IN_CHILD).is_some() {
        for claim in claims() {
            assert!(read(&claim, &claim.bytes).is_err());
        }
        return;
    }
    let (_, module) = module_path!().split_once("::").unwrap();
    let test = "r16_no_claim_makes_a_reader_allocate_what_the_input_does_not_justify";
    let script =
        format!("ulimit -v {ADDRESS_SPACE_KIB} && exec \"$0\" --exact \"$1\" --test-threads 1");
    let child = std::process::Command::new("sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .arg(format!("{module}::{test}"))
        .env(IN_CHILD, "1")
        .env("MALLOC_ARENA_MAX", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stdout);
    let failed = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{}: {said}\n{failed}", child.status);
    assert!(said.contains("1 passed"), "{said}");
}
