//! What happens to stored bytes when their type changes, and who is who.

use serde::{Deserialize, Serialize};

use crate::codec::Codec;
#[cfg(feature = "json")]
use crate::codec::Json;
#[cfg(feature = "messagepack")]
use crate::codec::MessagePack;
#[cfg(feature = "postcard")]
use crate::codec::Postcard;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Old {
    name: String,
    age: u32,
    admin: bool,
}

fn old() -> Old {
    Old {
        name: "Ada".into(),
        age: 1,
        admin: true,
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Renamed {
    name: String,
    visits: u32,
    admin: bool,
}

#[cfg(any(feature = "json", feature = "messagepack"))]
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Reordered {
    admin: bool,
    age: u32,
    name: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Before {
    Guest,
    User(u32),
    Group { size: u32 },
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum After {
    Group { size: u32 },
    Guest,
    Member(u32),
}

#[cfg(any(feature = "json", feature = "messagepack"))]
fn a_named_format_notices<C: Codec>() {
    const { assert!(C::SELF_DESCRIBING) }
    let bytes = C::encode(&old()).unwrap();
    assert_eq!(C::decode::<Old>(&bytes).unwrap(), old());
    assert!(C::decode::<Renamed>(&bytes).is_err());
    assert_eq!(C::decode::<Reordered>(&bytes).unwrap().name, "Ada");

    let group = C::encode(&Before::Group { size: 2 }).unwrap();
    assert_eq!(
        C::decode::<After>(&group).unwrap(),
        After::Group { size: 2 }
    );
    let guest = C::encode(&Before::Guest).unwrap();
    assert_eq!(C::decode::<After>(&guest).unwrap(), After::Guest);
    let user = C::encode(&Before::User(2)).unwrap();
    assert!(C::decode::<After>(&user).is_err());
}

#[cfg(feature = "messagepack")]
#[test]
fn message_pack_notices_a_changed_type() {
    a_named_format_notices::<MessagePack>();
}

#[cfg(feature = "json")]
#[test]
fn json_notices_a_changed_type() {
    a_named_format_notices::<Json>();
}

#[cfg(feature = "postcard")]
#[test]
fn postcard_does_not_notice_and_says_so() {
    const { assert!(!Postcard::SELF_DESCRIBING) }
    let bytes = Postcard::encode(&old()).unwrap();
    let wrong = Postcard::decode::<Renamed>(&bytes).unwrap();
    assert_eq!(wrong.visits, 1, "the age of the old form");
    let guest = Postcard::encode(&Before::Guest).unwrap();
    assert_ne!(Postcard::decode::<After>(&guest).ok(), Some(After::Guest));
}

/// These numbers are in every store.
#[test]
fn the_ids_are_those_of_the_format() {
    #[cfg(feature = "postcard")]
    assert_eq!(Postcard::ID, 1);
    #[cfg(feature = "messagepack")]
    assert_eq!(MessagePack::ID, 2);
    #[cfg(feature = "json")]
    assert_eq!(Json::ID, 3);
}

#[cfg(feature = "messagepack")]
#[test]
fn the_default_writes_names() {
    let default = crate::outcome::AnyCodec::default_for::<Old>().unwrap();
    assert_eq!((default.id, default.self_describing), (2, true));
    let default = crate::codec::ValueCodec::<Old>::of::<MessagePack>();
    let bytes = (default.encode)(&old()).unwrap();
    assert_eq!(bytes, b"\x83\xa4name\xa3Ada\xa3age\x01\xa5admin\xc3");
    assert_eq!((default.decode)(&bytes).unwrap(), old());
}
