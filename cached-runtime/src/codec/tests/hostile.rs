//! Input that nobody has encoded.

#[cfg(any(feature = "json", feature = "messagepack"))]
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::codec::Codec;
#[cfg(feature = "json")]
use crate::codec::Json;
#[cfg(feature = "messagepack")]
use crate::codec::MessagePack;
#[cfg(feature = "postcard")]
use crate::codec::Postcard;
use crate::codec::limited::MAX_DEPTH;

#[derive(Debug, Serialize, Deserialize)]
struct Tree(Vec<Tree>);

/// No sequence and no map in sight: the formats by themselves do not count these levels.
#[derive(Debug, Serialize, Deserialize)]
enum List {
    End,
    More(Box<List>),
}

/// Asks the same bytes again and again.
#[derive(Debug, Serialize, Deserialize)]
struct Endless(Option<Box<Endless>>);

#[derive(Debug, Serialize, Deserialize)]
struct Chain {
    next: Option<Box<Chain>>,
}

const DEEP: usize = 100_000;

fn list(len: usize) -> List {
    (0..len).fold(List::End, |list, _| List::More(Box::new(list)))
}

#[cfg(feature = "messagepack")]
#[test]
fn deep_message_pack_does_not_overflow_the_stack() {
    let deep = vec![0x91; DEEP];
    assert!(MessagePack::decode::<Tree>(&deep).is_err());
    assert!(MessagePack::decode::<IgnoredAny>(&deep).is_err());
    assert!(MessagePack::decode::<Tree>(&b"\xdd\xff\xff\xff\xff".repeat(DEEP)).is_err());
    assert!(MessagePack::decode::<List>(&b"\x81\xa4More".repeat(DEEP)).is_err());
    assert!(MessagePack::decode::<Endless>(&[1]).is_err());
    assert!(MessagePack::decode::<Chain>(&b"\x81\xa4next".repeat(DEEP)).is_err());
}

#[cfg(feature = "json")]
#[test]
fn deep_json_does_not_overflow_the_stack() {
    let deep = b"[".repeat(DEEP);
    assert!(Json::decode::<Tree>(&deep).is_err());
    assert!(Json::decode::<IgnoredAny>(&deep).is_err());
    assert!(Json::decode::<List>(&br#"{"More":"#.repeat(DEEP)).is_err());
    assert!(Json::decode::<Endless>(b"1").is_err());
    assert!(Json::decode::<Chain>(&br#"{"next":"#.repeat(DEEP)).is_err());
}

#[cfg(feature = "postcard")]
#[test]
fn deep_postcard_does_not_overflow_the_stack() {
    let deep = vec![1; DEEP];
    assert!(Postcard::decode::<Tree>(&deep).is_err());
    assert!(Postcard::decode::<List>(&deep).is_err());
    assert!(Postcard::decode::<Endless>(&deep).is_err());
    assert!(Postcard::decode::<Chain>(&deep).is_err());
}

fn decodes_to_the_documented_depth<C: Codec>() {
    let depth = 128;
    assert_eq!(usize::from(MAX_DEPTH), depth);
    // The end is a variant, too.
    for (len, fits) in [(depth - 1, true), (depth, false)] {
        let bytes = C::encode(&list(len)).unwrap();
        assert_eq!(C::decode::<List>(&bytes).is_ok(), fits, "{len}");
    }
}

#[test]
fn what_is_nested_as_deep_as_the_documentation_says_is_decoded() {
    #[cfg(feature = "messagepack")]
    decodes_to_the_documented_depth::<MessagePack>();
    #[cfg(feature = "json")]
    decodes_to_the_documented_depth::<Json>();
    #[cfg(feature = "postcard")]
    decodes_to_the_documented_depth::<Postcard>();
}

#[cfg(feature = "postcard")]
#[test]
fn elements_without_bytes_come_to_an_end() {
    let claim = Postcard::encode(&u64::MAX).unwrap();
    assert!(Postcard::decode::<Vec<()>>(&claim).is_err());
    assert!(Postcard::decode::<std::collections::HashSet<()>>(&claim).is_err());
    let claim = Postcard::encode(&vec![u64::MAX; 1_000]).unwrap();
    assert!(Postcard::decode::<Vec<Vec<()>>>(&claim).is_err());
    let some = Postcard::encode(&vec![(); 1_000]).unwrap();
    assert_eq!(Postcard::decode::<Vec<()>>(&some).unwrap().len(), 1_000);
}

fn left_over<C: Codec>(trailing: &[u8]) {
    let value = ("text".to_owned(), Some(7_u32), vec![true]);
    let mut bytes = C::encode(&value).unwrap();
    for cut in 0..bytes.len() {
        assert!(C::decode::<(String, Option<u32>, Vec<bool>)>(&bytes[..cut]).is_err());
    }
    bytes.extend(trailing);
    let error = C::decode::<(String, Option<u32>, Vec<bool>)>(&bytes).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("bytes are left over after the value")
    );
}

#[test]
fn bytes_after_the_value_are_refused_and_cut_ones_too() {
    for trailing in [
        &b"\x00"[..],
        b"\xc0",
        b"\xc1",
        b"\xdd",
        b" ",
        b"\n",
        b"1",
        b"text",
    ] {
        #[cfg(feature = "messagepack")]
        left_over::<MessagePack>(trailing);
        #[cfg(feature = "json")]
        left_over::<Json>(trailing);
        #[cfg(feature = "postcard")]
        left_over::<Postcard>(trailing);
    }
}

#[cfg(any(feature = "json", feature = "messagepack"))]
fn does_not_quote<C: Codec>() {
    let secret = "hunter2";
    let bytes = C::encode(secret).unwrap();
    for error in [
        C::decode::<u32>(&bytes).unwrap_err(),
        C::decode::<List>(&bytes).unwrap_err(),
    ] {
        assert!(!format!("{error} {error:?}").contains(secret));
        let ending = "the bytes are not a value of this type";
        assert!(error.to_string().ends_with(ending));
    }
}

#[cfg(any(feature = "json", feature = "messagepack"))]
#[test]
fn an_error_does_not_quote_the_value() {
    #[cfg(feature = "messagepack")]
    does_not_quote::<MessagePack>();
    #[cfg(feature = "json")]
    does_not_quote::<Json>();
}
