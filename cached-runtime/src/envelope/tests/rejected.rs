//! Each rule of the format, broken by itself.

use super::super::layout::{
    AT_CHECKSUM, AT_FLAGS, AT_HEADER_LEN, AT_RAW_LEN, AT_TOKENS, AT_ZERO, FIXED, checksum,
};
use super::super::{Corrupt, Draft, Unreadable, parse, stamp};
use super::{BORN, draft, tagged, token};
use crate::codec::compress::{Compression, Packed};
use crate::codec::{CodecError, ValueCodec};

fn text() -> ValueCodec<String> {
    ValueCodec {
        id: 2,
        self_describing: true,
        encode: |text| Ok(text.clone().into_bytes()),
        decode: |bytes| String::from_utf8(bytes.to_vec()).map_err(|_| CodecError::decode("text")),
    }
}

fn packed(bytes: &[u8]) -> Packed {
    Packed {
        raw_len: bytes.len(),
        bytes: bytes.to_vec(),
        ..Packed::default()
    }
}

fn sealed() -> Vec<u8> {
    let mut bytes = tagged().seal(Some(&packed(b"Ada"))).unwrap();
    stamp(&mut bytes, BORN).unwrap();
    bytes
}

/// The envelope with a change, and the checksum of what it is then.
fn with(change: impl FnOnce(&mut Vec<u8>)) -> Result<(), Corrupt> {
    let mut bytes = sealed();
    change(&mut bytes);
    let sum = checksum(&bytes).to_le_bytes();
    bytes[AT_CHECKSUM..FIXED].copy_from_slice(&sum);
    parse(&bytes).map(|_| ())
}

const DAMAGED: Result<(), Corrupt> = Err(Corrupt::Damaged);

#[test]
fn each_single_bit_counts() {
    let sealed = sealed();
    for bit in 0..sealed.len() * 8 {
        let mut bytes = sealed.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let expected = match bit / 8 {
            0 | 1 => Corrupt::Foreign,
            2 => Corrupt::Version,
            _ => Corrupt::Damaged,
        };
        assert_eq!(parse(&bytes), Err(expected), "bit {bit}");
    }
}

#[test]
fn each_missing_byte_counts() {
    let sealed = sealed();
    for len in 0..sealed.len() {
        let expected = if len < FIXED {
            Corrupt::Foreign
        } else {
            Corrupt::Damaged
        };
        assert_eq!(parse(&sealed[..len]), Err(expected), "{len} bytes");
    }
    assert_eq!(parse(&[sealed, vec![0]].concat()), Err(Corrupt::Damaged));
}

#[test]
fn an_envelope_without_stamps_is_one_of_1970() {
    let bytes = draft(vec![]).seal(None).unwrap();
    assert_eq!(parse(&bytes).unwrap().0.born, 0);
}

#[test]
fn a_right_checksum_does_not_help_what_is_wrong() {
    assert_eq!(with(|_| ()), Ok(()));
    assert_eq!(with(|bytes| bytes[AT_FLAGS] = 2), DAMAGED);
    assert_eq!(with(|bytes| bytes[AT_ZERO] = 1), DAMAGED);
    assert_eq!(with(|bytes| bytes[32] ^= 1), DAMAGED);
}

#[test]
fn not_found_has_no_payload() {
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 3);
    let with_payload = with(|bytes| {
        bytes[AT_FLAGS] = 1;
        bytes[AT_RAW_LEN] = 0;
    });
    assert_eq!(with_payload, DAMAGED);
    let with_length = with(|bytes| {
        bytes[AT_FLAGS] = 1;
        cut(bytes);
    });
    assert_eq!(with_length, DAMAGED);
    let with_neither = with(|bytes| {
        bytes[AT_FLAGS] = 1;
        bytes[AT_RAW_LEN] = 0;
        cut(bytes);
    });
    assert_eq!(with_neither, Ok(()));
}

fn set_header_len(bytes: &mut [u8], len: usize) {
    let len = u16::try_from(len).unwrap().to_le_bytes();
    bytes[AT_HEADER_LEN..][..2].copy_from_slice(&len);
}

#[test]
fn the_header_ends_where_its_tokens_end() {
    let right = sealed().len() - 3;
    let len = |len| with(|bytes| set_header_len(bytes, len));
    assert_eq!(len(right), Ok(()));
    for wrong in [
        0,
        71,
        72,
        right - 1,
        right + 1,
        right + 3,
        right + 4,
        65_535,
    ] {
        assert_eq!(len(wrong), DAMAGED, "{wrong}");
    }
    for count in (0..=u8::MAX).filter(|count| *count != 4) {
        assert_eq!(with(|bytes| bytes[AT_TOKENS] = count), DAMAGED, "{count}");
    }
}

#[test]
fn names_are_text() {
    // Two records without names, then "user:42".
    let name = FIXED + 2 * 10 + 2;
    assert_eq!(with(|bytes| bytes[name] = b'x'), Ok(()));
    assert_eq!(with(|bytes| bytes[name] = 0xFF), DAMAGED);
}

/// Only records of this name, and the payload.
fn with_records(count: u8, name: &[u8]) -> Result<(), Corrupt> {
    let record = [&[u8::try_from(name.len()).unwrap(), 0], name, &[0; 8]].concat();
    let records = record.repeat(count.into());
    with(|bytes| {
        let payload = bytes.split_off(bytes.len() - 3);
        bytes.truncate(FIXED);
        bytes.extend(&records);
        bytes.extend(payload);
        bytes[AT_TOKENS] = count;
        set_header_len(bytes, FIXED + records.len());
    })
}

#[test]
fn tokens_are_not_too_many() {
    assert_eq!(with_records(2, b""), Ok(()));
    assert_eq!(with_records(64, b""), Ok(()));
    assert_eq!(with_records(65, b""), DAMAGED);
    assert_eq!(with_records(64, b"x"), Ok(()));
    assert_eq!(with_records(65, b"x"), DAMAGED);
}

fn open(
    draft: &Draft,
    payload: Option<&Packed>,
    schema: u16,
) -> Result<Option<String>, Unreadable> {
    let bytes = draft.seal(payload).unwrap();
    let (header, _, payload) = parse(&bytes)?;
    header.open(payload, schema, &text())
}

#[test]
fn a_value_is_given_only_to_who_asks_for_its_kind() {
    let draft = draft(vec![]);
    let ada = packed(b"Ada");
    let schema = draft.schema;
    assert_eq!(open(&draft, Some(&ada), schema), Ok(Some("Ada".into())));
    assert_eq!(open(&draft, None, schema), Ok(None));
    for payload in [Some(&ada), None] {
        let other = open(&draft, payload, schema + 1);
        assert_eq!(other, Err(Unreadable::Schema));
    }
    let other = Draft { codec: 3, ..draft };
    assert_eq!(open(&other, Some(&ada), schema), Err(Unreadable::Codec));
}

#[test]
fn a_payload_that_is_not_what_it_says_is_not_given() {
    let draft = draft(vec![]);
    let open = |payload: Packed| open(&draft, Some(&payload), draft.schema);
    assert_eq!(open(packed(b"\xFF")), Err(Unreadable::Undecodable));
    for raw_len in [2, 4] {
        let bytes = b"Ada".to_vec();
        let lie = Packed {
            raw_len,
            bytes,
            ..Packed::default()
        };
        assert_eq!(open(lie), Err(Unreadable::Compression));
    }
    for compression in [Compression::Lz4, Compression::Zstd] {
        let lie = Packed {
            compression,
            ..packed(b"\xFFAd")
        };
        assert_eq!(open(lie), Err(Unreadable::Compression));
    }
}

#[test]
fn debug_does_not_show_tags() {
    let mut draft = tagged();
    draft.tokens.push(token("secret", 1));
    let bytes = draft.seal(None).unwrap();
    let (header, tokens, _) = parse(&bytes).unwrap();
    assert_eq!(tokens.iter().nth(4), Some(("secret", 1)));
    assert!(!format!("{header:?} {tokens:?} {draft:?}").contains("secret"));
}
