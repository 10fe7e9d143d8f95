//! A value comes back as it was, or is not encoded.

use std::collections::BTreeMap;
use std::fmt;

use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::codec::Codec;
#[cfg(feature = "json")]
use crate::codec::Json;
#[cfg(feature = "messagepack")]
use crate::codec::MessagePack;
#[cfg(feature = "postcard")]
use crate::codec::Postcard;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Wrapped<T>(T);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

fn survives<C: Codec, T: Serialize + DeserializeOwned + PartialEq>(value: &T) -> Option<bool> {
    let bytes = C::encode(value).ok()?;
    Some(C::decode::<T>(&bytes).is_ok_and(|decoded| decoded == *value))
}

/// Whether it comes back, if it is encoded: from `MessagePack`, JSON and postcard.
type Fate = [Option<bool>; 3];

const KEPT: Fate = [Some(true); 3];
/// Postcard has no null.
const REFUSED: Fate = [None, None, Some(true)];

/// Holds for the codecs of this build.
#[track_caller]
fn assert_fate<T: Serialize + DeserializeOwned + PartialEq + fmt::Debug>(value: &T, fate: Fate) {
    #[cfg(feature = "messagepack")]
    assert_eq!(survives::<MessagePack, T>(value), fate[0], "{value:?}");
    #[cfg(feature = "json")]
    assert_eq!(survives::<Json, T>(value), fate[1], "{value:?}");
    #[cfg(feature = "postcard")]
    assert_eq!(survives::<Postcard, T>(value), fate[2], "{value:?}");
}

#[test]
fn a_some_that_would_become_none_is_refused() {
    assert_fate(&Some(None::<u8>), REFUSED);
    assert_fate(&Some(Some(None::<u8>)), REFUSED);
    assert_fate(&Some(()), REFUSED);
    assert_fate(&Some(Wrapped(None::<u8>)), REFUSED);
    assert_fate(&vec![Some(1), Some(2)], KEPT);
    assert_fate(&vec![(1, Some(None::<u8>))], REFUSED);
    assert_fate(&Some(Some(1_u8)), KEPT);
    assert_fate(&None::<Option<u8>>, KEPT);
    assert_fate(&Some(vec![None::<u8>, Some(1)]), KEPT);
    assert_fate(&Some((None::<u8>, ())), KEPT);
    assert_fate(&Wrapped(Some(Wrapped(1))), KEPT);
    assert_fate(&Unit, KEPT);
    assert_fate(&Some(Unit), [Some(true), None, Some(true)]);
}

#[test]
fn a_float_that_would_become_null_is_refused() {
    let only_json_refuses = [Some(true), None, Some(true)];
    assert_fate(&f64::INFINITY, only_json_refuses);
    assert_fate(&Some(f32::NEG_INFINITY), only_json_refuses);
    #[cfg(feature = "json")]
    assert!(Json::encode(&Some(f64::NAN)).is_err());
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Dot,
    Circle(u16),
    Box { w: i64, h: Option<u8> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    numbers: (u8, i64, u64, i128),
    floats: (f32, f64),
    text: String,
    letter: char,
    list: Vec<Option<Wrapped<u32>>>,
    map: BTreeMap<String, Vec<Shape>>,
    unit: (),
}

fn shapes() -> impl Strategy<Value = Shape> {
    prop_oneof![
        Just(Shape::Dot),
        any::<u16>().prop_map(Shape::Circle),
        any::<(i64, Option<u8>)>().prop_map(|(w, h)| Shape::Box { w, h }),
    ]
}

prop_compose! {
    fn everything()(
        numbers in (any::<u8>(), any::<i64>(), any::<u64>(), any::<i128>()),
        floats in any::<(f32, f64)>(),
        text in ".{0,20}",
        letter in any::<char>(),
        list in prop::collection::vec(any::<Option<u32>>(), 0..20),
        map in prop::collection::btree_map(".{0,5}", prop::collection::vec(shapes(), 0..4), 0..4),
    ) -> Everything {
        let list = list.into_iter().map(|some| some.map(Wrapped)).collect();
        Everything { numbers, floats, text, letter, list, map, unit: () }
    }
}

proptest! {
    #[test]
    fn every_codec_gives_back_what_it_got(value in everything()) {
        assert_fate(&value, KEPT);
    }
}
