use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use proptest::prelude::*;
use serde::Serialize;

use super::part::part;
use super::*;

mod hand;
mod random;

/// The key of a value, checked in every way in which it can be had.
fn raw<T: Serialize + ?Sized>(value: &T) -> RawKey {
    checked(&Identity::new(
        &Named::new("p", None),
        &Cons(Nil, part(value)),
    ))
}

fn matches(ident: &impl Ident, key: &RawKey) -> bool {
    ident.is_under(&Head::new(key.head())) && ident.goes_on_with(key.rest())
}

fn checked(ident: &impl Ident) -> RawKey {
    let key = ident.encode().expect("the value can be serialized");
    assert_eq!(
        ident.hash(),
        Ok(key.hash()),
        "hashed without being written down"
    );
    assert!(matches(ident, &key), "compared with itself");
    assert_eq!(ident.prefix(), key.prefix());
    key
}

fn key<T: Serialize + ?Sized>(value: &T) -> Key<u8> {
    Key::new("p", value)
}

#[test]
fn text_is_one_key_whatever_owns_it() {
    let text = raw("text");
    assert_eq!(raw(&String::from("text")), text);
    assert_eq!(raw(&Cow::Borrowed("text")), text);
    assert_eq!(raw(&Arc::<str>::from("text")), text);
    assert_ne!(raw("texts"), text);
    assert_ne!(raw(b"text"), text);
}

#[test]
fn text_that_is_formatted_is_text() {
    for len in [0, 1, 63, 64, 65, 1000] {
        let text = "x".repeat(len);
        assert_eq!(raw(&format_args!("{text}")), raw(&text));
        assert_eq!(
            raw(&format_args!("{text}, {len}")),
            raw(&format!("{text}, {len}"))
        );
    }
}

#[test]
fn boundaries_between_parts_count() {
    assert_ne!(key(&("a:b", "c")), key(&("a", "b:c")));
    assert_ne!(key(&("ab", "")), key(&("a", "b")));
    assert_ne!(
        key(&(vec![vec![1], vec![2, 3]],)),
        key(&(vec![vec![1, 2], vec![3]],))
    );
    assert_ne!(key(&((1, 2), 3)), key(&(1, (2, 3))));
    let (short, long) = (BTreeMap::from([(1, 1)]), BTreeMap::from([(1, 1), (2, 2)]));
    assert_ne!(key(&(short, 2, 2)), key(&(long,)));
    assert_ne!(key(&(1,)), key(&1));
    assert_ne!(key(&[1]), key(&vec![1]));
    assert_ne!(key(&Some(None::<u8>)), key(&None::<Option<u8>>));
}

#[test]
fn the_hash_of_tags_depends_on_their_places() {
    let hash = |value: Vec<Vec<()>>| key(&value).raw().map(RawKey::hash);
    let five = |at: usize| {
        (0..5)
            .map(|i| vec![(); if i == at { 9 } else { 0 }])
            .collect()
    };
    for at in 1..5 {
        assert_ne!(hash(five(0)), hash(five(at)));
    }
    assert_ne!(hash(vec![vec![], vec![()]]), hash(vec![vec![()], vec![]]));
}

#[test]
fn integers_count_by_value() {
    for same in [
        raw(&42u8),
        raw(&42u32),
        raw(&42i64),
        raw(&42i128),
        raw(&42u128),
        raw(&42usize),
    ] {
        assert_eq!(same, raw(&42u64));
    }
    assert_eq!(raw(&-1i8), raw(&-1i128));
    assert_eq!(raw(&i64::MIN), raw(&i128::from(i64::MIN)));
    assert_eq!(raw(&i128::MAX), raw(&i128::MAX.unsigned_abs()));
    let big = 1u128 << 64;
    let small = -(1i128 << 64);
    let different = [
        raw(&0),
        raw(&1),
        raw(&-1),
        raw(&u64::MAX),
        raw(&big),
        raw(&(big + 1)),
    ];
    let negative = [
        raw(&(small + 1)),
        raw(&small),
        raw(&(small - 1)),
        raw(&i128::MIN),
    ];
    assert_distinct(&[&different[..], &negative[..]].concat());
}

#[test]
fn floats_count_by_bits_but_for_zero_and_nan() {
    assert_eq!(raw(&-0.0), raw(&0.0));
    assert_eq!(raw(&-f64::NAN), raw(&f32::NAN));
    assert_eq!(raw(&0.5f32), raw(&0.5f64));
    let next = 1.0f64.next_up();
    assert_distinct(&[
        raw(&1.0),
        raw(&next),
        raw(&-1.0),
        raw(&f64::INFINITY),
        raw(&f64::NAN),
    ]);
    assert_ne!(raw(&1.0), raw(&1));
}

#[test]
fn kinds_do_not_meet() {
    #[derive(Serialize)]
    struct Newtype<T>(T);
    #[derive(Serialize)]
    struct Pair(u8, u8);
    #[derive(Serialize)]
    struct Fields {
        a: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        b: Option<u8>,
    }
    #[derive(Serialize)]
    enum Shape {
        A,
        #[serde(rename = "B")]
        One((u8, u8)),
        #[serde(rename = "B")]
        Two(u8, u8),
        C {
            a: u8,
        },
    }

    assert_eq!(raw(&Newtype("x")), raw("x"));
    assert_eq!(raw(&Pair(1, 2)), raw(&(1, 2)));
    assert_distinct(&[
        raw(&Shape::A),
        raw(&Shape::One((1, 2))),
        raw(&Shape::Two(1, 2)),
        raw(&Shape::C { a: 1 }),
        raw(&Fields { a: 1, b: None }),
        raw(&Fields { a: 1, b: Some(2) }),
        raw(&BTreeMap::from([("a", 1)])),
        raw(&vec![("a", 1)]),
        raw("A"),
        raw(&'A'),
        raw(&u32::from('A')),
        raw(&true),
        raw(&false),
        raw(&None::<u8>),
        raw(&Some(())),
        raw(&()),
        raw(&Vec::<u8>::new()),
    ]);
}

#[test]
fn only_the_whole_key_matches() {
    let parts = Cons(types::<u8>(), part(&(7, "seven", i128::MIN)));
    let head = Named::new("p", Some("1"));
    let ident = Identity::new(&head, &parts);
    let key = checked(&ident);
    let under = |head: &[u8]| ident.is_under(&Head::new(head));
    let goes_on = |rest: &[u8]| ident.goes_on_with(rest);
    only_the_whole(key.head(), &under);
    only_the_whole(key.rest(), &goes_on);
}

fn only_the_whole(bytes: &[u8], matches: &dyn Fn(&[u8]) -> bool) {
    assert!(matches(bytes));
    for len in 0..bytes.len() {
        assert!(!matches(&bytes[..len]), "the first {len} bytes");
        let mut other = bytes.to_vec();
        other[len] ^= 1;
        assert!(!matches(&other), "byte {len} is another");
    }
    assert!(!matches(&[bytes, &[0]].concat()));
}

#[test]
fn the_size_is_that_of_the_encoding() {
    let map = HashMap::from([("a", vec![1, -1]), ("b", vec![])]);
    let value = (map, 1.5, i128::MIN, Some('c'), true, b"bytes", "text");
    let raw = Key::<u8>::new("", &value).into_key().expect("cacheable");
    assert_eq!(encoded_size(&value), raw.bytes().len() - encoded_size(""));
}

#[track_caller]
fn assert_distinct<T: PartialEq + std::fmt::Debug>(all: &[T]) {
    for (i, a) in all.iter().enumerate() {
        for b in &all[..i] {
            assert_ne!(a, b);
        }
    }
}

proptest! {
    #[test]
    fn a_map_is_one_key_in_any_order(
        map: BTreeMap<String, BTreeMap<i8, u8>>,
        seed: u64,
    ) {
        let mut entries: Vec<_> = map.clone().into_iter().collect();
        fastrand::Rng::with_seed(seed).shuffle(&mut entries);
        let hashed: HashMap<_, HashMap<_, _>> =
            entries.into_iter().map(|(k, v)| (k, v.into_iter().rev().collect())).collect();
        prop_assert_eq!(raw(&hashed), raw(&map));
    }

    #[test]
    fn typed_arguments_are_equal_if_their_keys_are(
        a: (Vec<Option<bool>>, Option<u8>, BTreeMap<bool, Option<Option<()>>>),
        b: (Vec<Option<bool>>, Option<u8>, BTreeMap<bool, Option<Option<()>>>),
    ) {
        prop_assert_eq!(raw(&a) == raw(&b), a == b);
    }
}
