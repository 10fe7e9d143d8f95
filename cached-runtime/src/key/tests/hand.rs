//! Keys made by hand, and what is seen of a key.

use std::cell::RefCell;
use std::collections::HashSet;
use std::hash::Hash;
use std::rc::Rc;

use super::super::canonical::Unkeyable;
use super::super::part::{part, part_of_type};
use super::super::*;
use super::{assert_distinct, checked, key, matches};

#[test]
fn the_head_is_apart_from_the_value() {
    let plain = key(&(1,));
    let list = Cons(Nil, part(&1u8));
    assert_distinct(&[
        plain.clone(),
        Key::new("p1", &(1,)),
        plain.clone().version("u8"),
        plain.clone().version("u16"),
        plain.clone().of_type::<u8>(),
        plain.clone().of_type::<u16>(),
        plain.clone().of_type::<u8>().version("u8"),
        key(&("u8", 1)),
        Key::of_parts("p", None, &Cons(types::<u8>().constant(&1u8), part(&1))),
        Key::of_parts("p", None, &Cons(types::<u8>().constant(&2u8), part(&1))),
        Key::of_parts(
            "p",
            None,
            &Cons(types::<u8>().constant(&1u8).constant(&2u8), part(&1)),
        ),
        Key::of_parts("p", None, &types::<u8>().constant(&1u8)),
        Key::of_parts("p", None, &Cons(list, part(&1))),
        Key::of_parts("p", None, &Cons(Nil, part_of_type(&1u8))),
        Key::of_parts("p", None, &Cons(Nil, part_of_type(&1u16))),
    ]);
}

#[test]
fn a_key_by_hand_is_the_key_of_the_call() {
    let (id, name) = (42u64, String::from("Ann"));
    let by_hand = Key::<u8>::new("user", &(42, "Ann"));
    let equal = |ident| assert_eq!(Some(&ident), by_hand.raw());

    let parts = Cons(Cons(Nil, part(&id)), part(&name));
    equal(checked(&Identity::new(&Named::new("user", None), &parts)));
    assert_eq!(Key::of_parts("user", None, &parts), by_hand);

    let batch = Cons(Cons(Nil, part(&id)), Element);
    equal(checked(
        &Identity::new(&Named::new("user", None), &batch).element("Ann"),
    ));
    equal(checked(
        &Identity::new(&Named::new("user", None), &batch).element(&name),
    ));
    equal(checked(by_hand.raw().expect("cacheable")));

    assert_eq!(
        Key::<u8>::of_parts("user", None, &Nil),
        Key::new("user", &())
    );

    let generic = Cons(
        Cons(types::<(u8, str)>(), arg(&id).part()),
        arg(&name).part(),
    );
    let generated = checked(&Identity::new(&Named::new("user", Some("7")), &generic));
    for by_hand in [
        by_hand.clone().version(7).of_type::<(u8, str)>(),
        by_hand.clone().of_type::<(u8, str)>().version(7),
        by_hand
            .clone()
            .version("old")
            .of_type::<u8>()
            .of_type::<(u8, str)>()
            .version('7'),
    ] {
        assert_eq!(by_hand.raw(), Some(&generated));
        assert_eq!(by_hand.prefix(), "user");
    }
}

#[test]
fn a_value_that_fails_to_serialize_is_not_cacheable() {
    let cell = RefCell::new(1);
    let guard = cell.borrow_mut();
    let bad = Key::<u8>::new("a b", &(1, &cell));
    assert_eq!(
        (bad.is_cacheable(), bad.prefix(), bad.digest()),
        (false, "a b", String::new())
    );
    assert_eq!(
        format!("{bad} {bad:?}"),
        "a%20b:uncacheable Key(a%20b:uncacheable)"
    );
    assert_eq!(bad.clone().version(1).of_type::<u8>(), bad);
    assert!((&bad).into_key().is_none());
    assert!(bad.raw().is_none());

    let parts = Cons(Nil, part(&cell));
    let head = Named::new("p", None);
    let ident = Identity::new(&head, &parts);
    assert_eq!(ident.hash(), Err(Unkeyable));
    assert_eq!(ident.encode().err(), Some(Unkeyable));
    assert!(!matches(&ident, key(&(1,)).raw().expect("cacheable")));
    assert_eq!(encoded_size(&cell), 0);
    drop(guard);
    assert!(key(&cell).is_cacheable());
}

#[test]
fn what_is_shown_is_prefix_and_digest() {
    let key = Key::<u8>::new("a:b{c}%d\u{2003}é", &("secret",));
    let digest = key.digest();
    assert_eq!(
        format!("{key}"),
        format!("a%3Ab%7Bc%7D%25d%E2%80%83é:{digest}")
    );
    assert_eq!(format!("{key:?}"), format!("Key({key})"));
    assert_eq!(key.prefix(), "a:b{c}%d\u{2003}é");
    let parts = Cons(Cons(types::<u8>(), part("secret")), part_of_type("secret"));
    assert!(!format!("{parts:?} {:?} {:?}", arg("secret"), key.raw()).contains("secret"));
}

/// Other processes, of other versions of this crate, too, find an entry by this text.
#[test]
fn the_digest_does_not_change() {
    let key = Key::<u8>::new("user", &(42u64, "Ann", Some(-1.5), [true])).version(2);
    assert_eq!(
        key.digest(),
        "d6356814b68a128b55e139e6f15f310bf0059ac17ac2759b46eacd62661ccf2c"
    );
}

#[test]
fn a_key_says_nothing_about_threads() {
    fn check<T: Send + Sync + Clone + Eq + Hash + IntoKey>(_: &T) {}
    check(&Key::<Rc<str>>::new("p", &()));
    check(&Key::<dyn Fn()>::new("p", &()));
    let set = HashSet::from([key(&1), key(&2), key(&1)]);
    assert!(set.len() == 2 && set.contains(&key(&1)) && !set.contains(&key(&3)));
}

/// A list that takes no notice of what comes of its elements.
struct Heedless(Vec<u8>);

impl serde::Serialize for Heedless {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut list = serializer.serialize_seq(None)?;
        for element in &self.0 {
            let _ = list.serialize_element(element);
        }
        list.end()
    }
}

#[test]
fn what_differs_once_is_another_key_whatever_a_value_makes_of_it() {
    let ident = |list| Cons(Nil, part(list));
    let (short, long) = (Heedless(vec![1, 2]), Heedless(vec![7, 1, 2]));
    let (short, long) = (ident(&short), ident(&long));
    let key = checked(&Identity::new(&Named::new("p", None), &short));
    assert!(!matches(
        &Identity::new(&Named::new("p", None), &long),
        &key
    ));
}
