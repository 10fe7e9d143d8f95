//! Smaller and back, and what lies about its size.

#[cfg(any(feature = "lz4", feature = "zstd"))]
use std::borrow::Cow;

#[cfg(any(feature = "lz4", feature = "zstd"))]
use crate::codec::compress::LARGEST;
use crate::codec::compress::{Compression, Packed, compress, decompress};

fn text(len: usize) -> Vec<u8> {
    (0..len).map(|i| b"the same again, "[i % 16]).collect()
}

fn noise(len: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(7);
    (0..len).map(|_| random.u8(..)).collect()
}

fn back(packed: &Packed) -> Vec<u8> {
    decompress(packed.compression, &packed.bytes, packed.raw_len)
        .unwrap()
        .into_owned()
}

#[test]
fn short_payloads_and_those_that_do_not_shrink_stay_as_they_are() {
    for (raw, above) in [
        (text(4_096), 0),
        (text(4_096), 4_096),
        (noise(5_000), 1),
        (vec![], 1),
        (vec![1, 2], 1),
    ] {
        let packed = compress(raw.clone(), above);
        assert_eq!(packed.compression, Compression::None);
        assert_eq!(packed.bytes, raw);
        assert_eq!(back(&packed), raw);
    }
}

#[test]
fn an_uncompressed_payload_has_the_length_it_says() {
    assert!(decompress(Compression::None, b"abc", 2).is_err());
    assert!(decompress(Compression::None, b"abc", 4).is_err());
}

#[test]
fn ids_are_those_of_the_format() {
    for (id, compression) in [
        (0, Compression::None),
        (1, Compression::Lz4),
        (2, Compression::Zstd),
    ] {
        assert_eq!(Compression::from_id(id), Some(compression));
        assert_eq!(compression.id(), id);
    }
    assert_eq!(Compression::from_id(3), None);
}

#[cfg(not(feature = "lz4"))]
#[test]
fn without_the_feature_lz4_cannot_be_read() {
    assert!(decompress(Compression::Lz4, b"\x30abc", 3).is_err());
}

#[cfg(not(feature = "zstd"))]
#[test]
fn without_the_feature_zstd_cannot_be_read() {
    assert!(
        decompress(
            Compression::Zstd,
            b"\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00",
            0
        )
        .is_err()
    );
}

#[cfg(any(feature = "lz4", feature = "zstd"))]
#[test]
fn large_payloads_become_smaller_and_come_back() {
    // Beyond the window, and with matches from far away.
    let mut far = noise(1 << 20);
    far.extend(text(1 << 20));
    far.extend_from_within(..1 << 20);
    for raw in [text(100), text(4_097), text(300_000), text(5 << 20), far] {
        let packed = compress(raw.clone(), 50);
        assert_ne!(packed.compression, Compression::None);
        assert!(packed.bytes.len() < raw.len());
        assert!(back(&packed) == raw, "{} bytes", raw.len());
    }
}

#[cfg(feature = "lz4")]
#[test]
fn lz4_is_read_even_if_zstd_is_written() {
    let raw = text(4_096);
    let bytes = lz4_flex::block::compress(&raw);
    refuses_all_lies(Compression::Lz4, &raw, &bytes);
    assert!(decompress(Compression::Lz4, &[0xFF; 1_000], LARGEST).is_err());
}

#[cfg(feature = "zstd")]
#[test]
fn zstd_is_written_where_it_can_be() {
    let raw = text(4_096);
    let packed = compress(raw.clone(), 1);
    assert_eq!(packed.compression, Compression::Zstd);
    refuses_all_lies(Compression::Zstd, &raw, &packed.bytes);
}

#[cfg(feature = "zstd")]
#[test]
fn a_zstd_window_of_a_stranger_allocates_nothing() {
    // 128 MiB of window, of unknown content.
    let frame = b"\x28\xb5\x2f\xfd\x00\x88\x01\x00\x00";
    assert!(decompress(Compression::Zstd, frame, 0).is_err());
    // The same with 1 KiB is an empty frame.
    let frame = b"\x28\xb5\x2f\xfd\x00\x00\x01\x00\x00";
    assert!(decompress(Compression::Zstd, frame, 0).is_ok());
    // Two frames are not one.
    assert!(decompress(Compression::Zstd, &frame.repeat(2), 0).is_err());
}

#[cfg(any(feature = "lz4", feature = "zstd"))]
fn refuses_all_lies(compression: Compression, raw: &[u8], bytes: &[u8]) {
    let read = |bytes, len| decompress(compression, bytes, len).map(Cow::into_owned);
    assert_eq!(read(bytes, raw.len()).unwrap(), raw);
    for lie in [
        0,
        raw.len() - 1,
        raw.len() + 1,
        LARGEST,
        LARGEST + 1,
        usize::MAX,
    ] {
        assert!(read(bytes, lie).is_err(), "{lie}");
    }
    for cut in 0..bytes.len() {
        assert!(read(&bytes[..cut], raw.len()).is_err(), "{cut}");
    }
    // What comes after errors is not disturbed by them.
    assert_eq!(read(bytes, raw.len()).unwrap(), raw);
}
