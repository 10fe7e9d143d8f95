//! The names by which writes end what readers keep.
//!
//! | tag | is on | ends with |
//! |---|---|---|
//! | `hero:7` | the hero, "no such hero", every list that has it, every story about it | a write of that hero |
//! | `hero-name:Ada` | the list of heroes of that name | a write that makes a hero of that name |
//! | `hero-language:en` | the list of that language | a write that makes a hero of that language |
//! | `hero-list` | the list of all heroes | any write of a hero |
//!
//! The same with `child` and `story`. A hero that moves from one list to another ends both: the old
//! one has the hero's own tag, the new one has that of the name or the language.

use crate::database::Saved;
use crate::entities::Story;

/// One for each element of a list.
pub(crate) fn of_each<E>(kind: &str, list: &[Saved<E>]) -> Vec<String> {
    list.iter().map(|saved| of_one(kind, saved.id)).collect()
}

/// A story ends with its hero, and with its child, too.
pub(crate) fn of_stories(list: &[Saved<Story>]) -> Vec<String> {
    let tags = list.iter().flat_map(|Saved { id, item }| {
        [
            of_one("story", *id),
            of_one("hero", item.hero),
            of_one("child", item.child),
        ]
    });
    tags.collect()
}

fn of_one(kind: &str, id: i64) -> String {
    format!("{kind}:{id}")
}
