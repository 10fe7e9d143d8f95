//! Version 1, byte by byte, and the way there and back.

use std::time::Duration;

use proptest::prelude::*;

use super::super::{
    CannotSeal, Corrupt, Draft, EntryId, Header, ID, MAX_TOKENS, STAMPS, TokenRecord, parse,
    schema_id, stamp,
};
use super::{BORN, draft, tagged, token};
use crate::codec::compress::{Compression, LARGEST, Packed, decompress};

fn unhex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::chars)
        .filter_map(|digit| digit.to_digit(16))
        .map(|digit| u8::try_from(digit).unwrap())
        .collect();
    digits
        .chunks_exact(2)
        .map(|two| (two[0] << 4) | two[1])
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    let lines = bytes.chunks(8).map(|line| {
        let line: Vec<_> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        line.join(" ") + "\n"
    });
    lines.collect()
}

fn packed(bytes: &[u8]) -> Packed {
    Packed {
        compression: Compression::None,
        raw_len: bytes.len(),
        bytes: bytes.to_vec(),
    }
}

fn sealed(draft: &Draft, payload: Option<&Packed>) -> Vec<u8> {
    let mut bytes = draft.seal(payload).unwrap();
    stamp(&mut bytes, BORN).unwrap();
    bytes
}

fn expected(draft: &Draft, payload: Option<&Packed>) -> Header {
    Header {
        negative: payload.is_none(),
        codec: draft.codec,
        compression: payload.map_or(0, |payload| payload.compression.id()),
        schema: draft.schema,
        cost: draft.cost,
        id: draft.id,
        incarnation: draft.incarnation,
        born: BORN,
        fresh_for: draft.fresh_for,
        usable_for: draft.usable_for,
        raw_len: payload.map_or(0, |payload| u32::try_from(payload.raw_len).unwrap()),
    }
}

/// A failure here is a change of the format: raise its version instead of changing the files.
#[track_caller]
fn assert_golden(golden: &str, draft: &Draft, payload: Option<&Packed>) {
    let bytes = sealed(draft, payload);
    assert_eq!(hex(&bytes), hex(&unhex(golden)));
    let (header, tokens, stored) = parse(&bytes).unwrap();
    assert_eq!(header, expected(draft, payload));
    let written = draft.tokens.iter().map(|token| (&*token.name, token.proof));
    assert!(tokens.iter().eq(written));
    assert_eq!(tokens.len(), draft.tokens.len());
    let written = payload.map_or(&[][..], |payload| &payload.bytes);
    assert_eq!(stored, written);
}

#[test]
fn a_plain_value_is_stored_like_this() {
    let golden = include_str!("../golden/plain.hex");
    assert_golden(golden, &draft(vec![]), Some(&packed(b"\xa3Ada")));
}

#[test]
fn not_found_is_stored_like_this() {
    let golden = include_str!("../golden/negative.hex");
    assert_golden(golden, &draft(vec![token("", 1), token("", 2)]), None);
}

#[test]
fn a_value_with_tags_is_stored_like_this() {
    let golden = include_str!("../golden/tagged.hex");
    assert_golden(golden, &tagged(), Some(&packed(b"\xa3Ada")));
}

/// What compresses may write other bytes in another version. What was written stays readable.
#[test]
fn compressed_values_are_read_like_this() {
    let lz4 = include_str!("../golden/lz4.hex");
    let zstd = include_str!("../golden/zstd.hex");
    for (golden, compression, readable) in [
        (lz4, Compression::Lz4, cfg!(feature = "lz4")),
        (zstd, Compression::Zstd, cfg!(feature = "zstd")),
    ] {
        let bytes = unhex(golden);
        let (header, _, payload) = parse(&bytes).unwrap();
        assert_eq!(header.compression, compression.id());
        assert_eq!(header.raw_len, 100);
        let raw = decompress(compression, payload, 100);
        let read = raw.is_ok_and(|raw| *raw == b"Ada Lovelace, ".repeat(8)[..100]);
        assert_eq!(read, readable, "{compression:?}");
    }
}

#[test]
fn the_ranges_are_where_the_scripts_look() {
    assert_eq!((ID, STAMPS), (16..24, 32..48));
    let sealed = tagged().seal(None).unwrap();
    assert_eq!(sealed[STAMPS], [0; 16]);
    let mut stamped = sealed.clone();
    stamp(&mut stamped, BORN).unwrap();
    assert_eq!(stamped[32..40], BORN.to_le_bytes());
    assert_eq!(stamped[40..48], BORN.to_be_bytes());
    assert_eq!(stamped[..32], sealed[..32]);
    assert_eq!(stamped[48..], sealed[48..]);
    assert_eq!(stamp(&mut [0; 71], BORN), Err(Corrupt::Foreign));
}

#[test]
fn what_does_not_fit_is_not_sealed() {
    let tokens = |count, name: &str| draft(vec![token(name, 1); count]);
    assert!(tokens(MAX_TOKENS, "x").seal(None).is_ok());
    let too_many = tokens(MAX_TOKENS + 1, "x").seal(None);
    assert_eq!(too_many, Err(CannotSeal::TooManyTokens));
    assert!(parse(&tokens(3, "").seal(None).unwrap()).is_ok());
    let longest = "x".repeat(usize::from(u16::MAX) - 72 - 10);
    assert!(parse(&tokens(1, &longest).seal(None).unwrap()).is_ok());
    let longer = tokens(1, &(longest + "x")).seal(None);
    assert_eq!(longer, Err(CannotSeal::NamesTooLong));
    let claim = Packed {
        raw_len: LARGEST + 1,
        ..packed(b"x")
    };
    let too_large = tokens(0, "").seal(Some(&claim));
    assert_eq!(too_large, Err(CannotSeal::PayloadTooLarge));
}

#[test]
fn numbers_that_do_not_fit_are_the_largest() {
    let draft = Draft {
        cost: Duration::MAX,
        fresh_for: Duration::MAX,
        ..draft(vec![])
    };
    let bytes = sealed(&draft, None);
    let (header, ..) = parse(&bytes).unwrap();
    assert_eq!(header.cost, Duration::from_millis(u32::MAX.into()));
    assert_eq!(header.fresh_for, Duration::from_millis(u64::MAX));
}

/// Every process of a fleet computes the same, in every release.
#[test]
fn schema_ids_stay() {
    let (user, user_2) = (0xF3D0, 0xF739);
    assert_eq!(schema_id("app::User", None), user);
    assert_eq!(schema_id("app::User", Some("2")), user_2);
    assert_ne!(schema_id("app::User", Some("")), user);
    assert_ne!(schema_id("app::User2", None), user_2);
}

fn records() -> impl Strategy<Value = Vec<TokenRecord>> {
    let named = prop::collection::vec(("[a-zß-ü:]{1,12}", any::<u64>()), 0..MAX_TOKENS - 2);
    (any::<(u64, u64)>(), named).prop_map(|((namespace, function), named)| {
        let named = named.iter().map(|(name, proof)| token(name, *proof));
        let implied = [token("", namespace), token("", function)];
        implied.into_iter().chain(named).collect()
    })
}

prop_compose! {
    fn drafts()(
        codec in any::<u8>(),
        schema in any::<u16>(),
        cost in any::<u32>(),
        id in any::<[u8; 8]>(),
        incarnation in any::<u64>(),
        fresh_for in any::<u64>(),
        usable_for in any::<u64>(),
        tokens in records(),
    ) -> Draft {
        Draft {
            codec,
            schema,
            cost: Duration::from_millis(cost.into()),
            id: EntryId(id),
            incarnation,
            fresh_for: Duration::from_millis(fresh_for),
            usable_for: Duration::from_millis(usable_for),
            tokens,
        }
    }
}

proptest! {
    #[test]
    fn what_was_sealed_is_read(
        draft in drafts(),
        payload in prop::option::of(prop::collection::vec(any::<u8>(), 0..200)),
    ) {
        let payload = payload.map(|bytes| packed(&bytes));
        let bytes = sealed(&draft, payload.as_ref());
        let (header, tokens, stored) = parse(&bytes).unwrap();
        prop_assert_eq!(header, expected(&draft, payload.as_ref()));
        let written = draft.tokens.iter().map(|token| (&*token.name, token.proof));
        prop_assert!(tokens.iter().eq(written));
        prop_assert_eq!(stored, payload.map(|payload| payload.bytes).unwrap_or_default());
    }
}
