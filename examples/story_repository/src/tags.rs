//! The names by which writes end what readers keep.
//!
//! | tag | is on | ends with |
//! |---|---|---|
//! | `hero:7` | the hero, "no such hero", every list that has it, every story about it | a write of that hero |
//! | `hero-name:Ada` | the list of heroes of that name | a write that makes a hero of that name |
//! | `hero-language:en` | the list of that language | a write that makes a hero of that language |
//! | `hero-list` | the list of all heroes | any write of a hero |
//!
//! With Redis an answer has 62 tags at most, and one with more is not kept. So a list that is too long for a
//! tag for each element has `hero-list` in their place: it ends with any write of a hero, which is too
//! often, and right.
//!
//! The same with `child` and `story`. A hero that moves from one list to another ends both: the old
//! one has the hero's own tag, the new one has that of the name or the language.

use std::collections::BTreeSet;

use crate::database::Saved;
use crate::entities::Story;

/// Two of the 62 are left for the tags of the list itself.
const MOST: usize = 60;

/// One for each element of a list.
pub(crate) fn of_each<E>(kind: &str, list: &[Saved<E>]) -> BTreeSet<String> {
    let tags = list.iter().map(|saved| of_one(kind, saved.id)).collect();
    not_too_many(tags, &[kind])
}

/// A story ends with its hero, and with its child, too.
pub(crate) fn of_stories(list: &[Saved<Story>]) -> BTreeSet<String> {
    let tags = list.iter().flat_map(|Saved { id, item }| {
        [
            of_one("story", *id),
            of_one("hero", item.hero),
            of_one("child", item.child),
        ]
    });
    not_too_many(tags.collect(), &["story", "hero", "child"])
}

fn not_too_many(tags: BTreeSet<String>, kinds: &[&str]) -> BTreeSet<String> {
    if tags.len() <= MOST {
        return tags;
    }
    kinds.iter().map(|kind| format!("{kind}-list")).collect()
}

fn of_one(kind: &str, id: i64) -> String {
    format!("{kind}:{id}")
}
