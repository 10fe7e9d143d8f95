//! Random arguments of every shape that serde knows.

use fastrand::Rng;
use serde::ser::{
    Serialize, SerializeMap, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleVariant, Serializer,
};

use super::super::part::part;
use super::super::*;
use super::matches;

const PAIRS: u32 = 1_000_000;

const TEXTS: [&str; 8] = [
    "",
    "a",
    "b",
    "ab",
    "a:b",
    "\u{1}",
    "\u{a}\u{1}\0\0\0a",
    "abcdefghijklmnopq",
];
const INTS: [i128; 10] = [
    0,
    1,
    -1,
    42,
    256,
    i64::MIN as i128,
    u64::MAX as i128,
    u64::MAX as i128 + 1,
    -(u64::MAX as i128) - 1,
    i128::MIN,
];
const FLOATS: [f64; 7] = [0.0, -0.0, 1.0, -1.0, f64::INFINITY, f64::NAN, -f64::NAN];

#[derive(Clone, Debug)]
enum Tree {
    Bool(bool),
    Int(i128, Width),
    Float(f64),
    Char(char),
    Str(&'static str),
    Bytes(&'static str),
    Option(Option<Box<Tree>>),
    Seq(Vec<Tree>),
    Tuple(Vec<Tree>),
    Map(Vec<(Tree, Tree)>),
    Struct(Vec<(&'static str, Tree)>),
    UnitVariant(&'static str),
    NewtypeVariant(&'static str, Box<Tree>),
    TupleVariant(&'static str, Vec<Tree>),
    StructVariant(&'static str, Vec<(&'static str, Tree)>),
}

/// Whether a number is given as the smallest type that holds it.
#[derive(Clone, Copy, Debug)]
enum Width {
    Narrow,
    Wide,
}

impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        use Tree::*;
        match (self, other) {
            (Bool(a), Bool(b)) => a == b,
            (Int(a, _), Int(b, _)) => a == b,
            (Float(a), Float(b)) => a == b || a.is_nan() && b.is_nan(),
            (Char(a), Char(b)) => a == b,
            (Str(a), Str(b)) | (Bytes(a), Bytes(b)) | (UnitVariant(a), UnitVariant(b)) => a == b,
            (Option(a), Option(b)) => a == b,
            (Seq(a), Seq(b)) | (Tuple(a), Tuple(b)) => a == b,
            (Map(a), Map(b)) => a.len() == b.len() && a.iter().all(|entry| b.contains(entry)),
            (Struct(a), Struct(b)) => a == b,
            (NewtypeVariant(a, x), NewtypeVariant(b, y)) => a == b && x == y,
            (TupleVariant(a, x), TupleVariant(b, y)) => a == b && x == y,
            (StructVariant(a, x), StructVariant(b, y)) => a == b && x == y,
            _ => false,
        }
    }
}

impl Tree {
    fn random(rng: &mut Rng, depth: u8) -> Tree {
        let name = |rng: &mut Rng| TEXTS[rng.usize(..4)];
        let kind = if depth == 0 {
            rng.u8(..8)
        } else {
            rng.u8(..16)
        };
        let below = |rng: &mut Rng| Tree::random(rng, depth.saturating_sub(1));
        let few = |rng: &mut Rng| (0..rng.u8(..4)).map(|_| below(rng)).collect::<Vec<_>>();
        match kind {
            0 => Tree::Bool(rng.bool()),
            1 | 2 => Tree::Int(
                INTS[rng.usize(..INTS.len())],
                if rng.bool() {
                    Width::Narrow
                } else {
                    Width::Wide
                },
            ),
            3 => Tree::Float(FLOATS[rng.usize(..FLOATS.len())]),
            4 => Tree::Char(if rng.bool() { 'a' } else { 'b' }),
            5 => Tree::Str(TEXTS[rng.usize(..TEXTS.len())]),
            6 => Tree::Bytes(name(rng)),
            7 => Tree::UnitVariant(name(rng)),
            8 => Tree::Option(few(rng).pop().map(Box::new)),
            9 => Tree::Seq(few(rng)),
            10 | 11 => Tree::Tuple(few(rng)),
            12 => {
                let mut entries: Vec<(Tree, Tree)> = Vec::new();
                for key in few(rng) {
                    if entries.iter().all(|(other, _)| *other != key) {
                        entries.push((key, Tree::random(rng, 0)));
                    }
                }
                Tree::Map(entries)
            }
            13 => Tree::Struct(few(rng).into_iter().map(|tree| (name(rng), tree)).collect()),
            14 => Tree::TupleVariant(name(rng), few(rng)),
            _ if rng.bool() => Tree::NewtypeVariant(name(rng), Box::new(below(rng))),
            _ => Tree::StructVariant(
                name(rng),
                few(rng).into_iter().map(|tree| (name(rng), tree)).collect(),
            ),
        }
    }

    /// Changes something small, or only what does not count.
    fn change(&mut self, rng: &mut Rng) {
        let trees: Vec<&mut Tree> = match self {
            Tree::Int(_, width) if rng.bool() => {
                *width = Width::Narrow;
                return;
            }
            Tree::Map(entries) if rng.bool() => {
                entries.reverse();
                return;
            }
            Tree::Seq(trees) | Tree::Tuple(trees) | Tree::TupleVariant(_, trees) => {
                trees.iter_mut().collect()
            }
            Tree::Option(Some(tree)) | Tree::NewtypeVariant(_, tree) => vec![tree],
            Tree::Map(entries) => entries.iter_mut().map(|(_, tree)| tree).collect(),
            Tree::Struct(fields) | Tree::StructVariant(_, fields) => {
                fields.iter_mut().map(|(_, tree)| tree).collect()
            }
            _ => Vec::new(),
        };
        if trees.is_empty() || rng.u8(..4) == 0 {
            *self = Tree::random(rng, 1);
        } else {
            let at = rng.usize(..trees.len());
            trees.into_iter().nth(at).expect("one of them").change(rng);
        }
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Tree::Bool(v) => v.serialize(s),
            Tree::Int(v, Width::Narrow) => match (i8::try_from(*v), u64::try_from(*v)) {
                (Ok(v), _) => v.serialize(s),
                (_, Ok(v)) => v.serialize(s),
                _ => match i64::try_from(*v) {
                    Ok(v) => v.serialize(s),
                    Err(_) => v.serialize(s),
                },
            },
            Tree::Int(v, Width::Wide) => v.serialize(s),
            Tree::Float(v) => v.serialize(s),
            Tree::Char(v) => v.serialize(s),
            Tree::Str(v) => v.serialize(s),
            Tree::Bytes(v) => s.serialize_bytes(v.as_bytes()),
            Tree::Option(v) => v.serialize(s),
            Tree::Seq(trees) => trees.serialize(s),
            Tree::Tuple(trees) => {
                let mut s = s.serialize_tuple(trees.len())?;
                trees
                    .iter()
                    .try_for_each(|tree| s.serialize_element(tree))?;
                s.end()
            }
            Tree::Map(entries) => {
                let mut s = s.serialize_map(None)?;
                entries
                    .iter()
                    .try_for_each(|(key, tree)| s.serialize_entry(key, tree))?;
                s.end()
            }
            Tree::Struct(fields) => {
                let mut s = s.serialize_struct("S", fields.len())?;
                fields
                    .iter()
                    .try_for_each(|(name, tree)| s.serialize_field(name, tree))?;
                s.end()
            }
            Tree::UnitVariant(name) => s.serialize_unit_variant("E", 0, name),
            Tree::NewtypeVariant(name, tree) => s.serialize_newtype_variant("E", 0, name, tree),
            Tree::TupleVariant(name, trees) => {
                let mut s = s.serialize_tuple_variant("E", 0, name, trees.len())?;
                trees.iter().try_for_each(|tree| s.serialize_field(tree))?;
                s.end()
            }
            Tree::StructVariant(name, fields) => {
                let mut s = s.serialize_struct_variant("E", 0, name, fields.len())?;
                fields
                    .iter()
                    .try_for_each(|(name, tree)| s.serialize_field(name, tree))?;
                s.end()
            }
        }
    }
}

#[test]
fn r15_equal_keys_only_for_equal_arguments() {
    let seed = fastrand::u64(..);
    let rng = &mut Rng::with_seed(seed);
    let mut equal = 0;
    for _ in 0..PAIRS {
        let a = Tree::random(rng, 2);
        let mut b = a.clone();
        match rng.u8(..4) {
            0 => b = Tree::random(rng, 1),
            _ => b.change(rng),
        }
        check(&a, &b, seed);
        equal += u32::from(a == b);
    }
    assert!(
        (PAIRS / 10..PAIRS / 10 * 9).contains(&equal),
        "{equal} pairs were equal"
    );
}

#[test]
fn variants_nest_in_one_way() {
    let one = || Tree::Int(1, Width::Wide);
    let newtype = |tree| Tree::NewtypeVariant("a", Box::new(tree));
    let tuple = |tree| Tree::TupleVariant("a", vec![tree]);
    check(&newtype(tuple(one())), &tuple(newtype(one())), 0);
    check(&newtype(Tree::Tuple(vec![one()])), &tuple(one()), 0);
    check(
        &newtype(Tree::Struct(vec![])),
        &Tree::StructVariant("a", vec![]),
        0,
    );
}

fn check(a: &Tree, b: &Tree, seed: u64) {
    let (a_parts, b_parts) = (Cons(Nil, part(a)), Cons(Nil, part(b)));
    let head = Named::new("p", None);
    let a_ident = Identity::new(&head, &a_parts);
    let b_ident = Identity::new(&head, &b_parts);
    let a_key = a_ident.encode().expect("a tree can be serialized");
    let b_key = b_ident.encode().expect("a tree can be serialized");
    let equal = a_key.bytes() == b_key.bytes();
    assert_eq!(equal, a == b, "seed {seed}: {a:?} and {b:?}");
    assert_eq!(
        matches(&b_ident, &a_key),
        equal,
        "seed {seed}: {a:?} against {b:?}"
    );
    assert_eq!(a_ident.hash(), Ok(a_key.hash()), "seed {seed}: {a:?}");
    // A wrong hash shows up as a pair that is not equal, too: 64 bits do not collide by chance.
    assert_eq!(
        a_key == b_key,
        a_key.hash() == b_key.hash(),
        "seed {seed}: {a:?} and {b:?}"
    );
}
