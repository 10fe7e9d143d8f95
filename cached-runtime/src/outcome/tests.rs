#![expect(clippy::needless_borrow, reason = "the probe needs every one of them")]

use super::shapes::*;
use super::{Answer, Layer, Plain as _, Probe, codec, returns};

type Found = Option<u8>;
type Db<T> = Result<T, String>;

fn name_of_value<R, T, E>(_: &super::Shape<R, T, E>) -> &'static str {
    std::any::type_name::<T>()
}

/// What the probe of a body finds, as the kind the constants speak of: the outer layer, and
/// the layer below a `Result`.
macro_rules! probed {
    ($ret:ty) => {{
        let shape = (&&&&returns::<$ret>()).shape();
        name_of_value(&shape)
    }};
}

macro_rules! named {
    ($ret:ty) => {{
        const OUTER: u8 = Probe::<$ret>::CACHE_ASIDE_KIND;
        type Outer = <$ret as Layer<OUTER>>::Inner;
        const INNER: u8 = if OUTER == 1 && Probe::<Outer>::CACHE_ASIDE_KIND == 2 {
            2
        } else {
            0
        };
        std::any::type_name::<<Outer as Layer<INNER>>::Inner>()
    }};
}

#[test]
fn both_probes_agree_on_what_is_stored() {
    macro_rules! agree {
        ($($ret:ty => $stored:ty),* $(,)?) => {$(
            assert_eq!(probed!($ret), std::any::type_name::<$stored>(), stringify!($ret));
            assert_eq!(named!($ret), std::any::type_name::<$stored>(), stringify!($ret));
        )*};
    }
    agree! {
        u8 => u8,
        Found => u8,
        Option<Option<u8>> => Option<u8>,
        Db<u8> => u8,
        Db<Found> => u8,
        Db<Option<Option<u8>>> => Option<u8>,
        Db<Db<u8>> => Db<u8>,
        Vec<Option<u8>> => Vec<Option<u8>>,
        Db<std::sync::Arc<str>> => std::sync::Arc<str>,
    }
}

#[test]
fn errors_are_never_values() {
    let codec = codec((&&&&returns::<Db<Found>>()).shape());
    assert!(matches!(
        (codec.shape.peek)(&Err("down".into())),
        Answer::Failed
    ));
    assert!(matches!((codec.shape.peek)(&Ok(None)), Answer::NotFound));
    assert!(matches!((codec.shape.peek)(&Ok(Some(1))), Answer::Value(1)));
}

#[test]
fn errors_are_shared_where_they_can_be_cloned_and_only_there() {
    let shared = (&&(&&&&returns::<Db<u8>>()).shape()).errors();
    let error = shared.share(&Err("down".into())).expect("String is Clone");
    assert_eq!(shared.revive(&error), Some(Err("down".into())));
    let own = (&&(&&&&returns::<Result<u8, Box<dyn std::error::Error>>>()).shape()).errors();
    assert!(own.share(&Err("down".into())).is_none());
}
