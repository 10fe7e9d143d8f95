//! What those who follow are told.
//!
//! A store need not push anything. Then it must not say that it does: the checks hold without a
//! question if, and only if, the [`Watch`](crate::remote::Watch) of a process is not followed
//! within a second or so. [`Conformance::that_pushes`] takes that way out away.

use std::collections::HashMap;
use std::time::Duration;

use super::Conformance;
use super::batches::ODD;
use super::process::{IF_NEW, LONG, Process, done, entry, envelope, tag, wish};
use crate::remote::{Cell, Fill, How, Told, Turn};
use crate::shared::namespace_cell;

const A_MOMENT: Duration = Duration::from_millis(5);
const PATIENCE: usize = 1_000;

/// A process that follows, and one that changes something; `None` if nothing is pushed.
async fn two(suite: &Conformance) -> Option<(Process<'_>, Process<'_>)> {
    let follower = suite.process().await;
    for _ in 0..PATIENCE / 4 {
        if follower.watch.is_followed() {
            return Some((follower, suite.process().await));
        }
        suite.wait(A_MOMENT).await;
    }
    assert!(!suite.pushes(), "nothing is pushed");
    let told = follower.watch.told();
    let nothing = told.iter().all(|told| matches!(told, Told::Ended(_)));
    assert!(nothing, "who does not follow is told: {told:?}");
    None
}

/// A cell that has a token, which the follower knows of.
async fn made(follower: &Process<'_>, writer: &Process<'_>, cell: &Cell) {
    let from = follower.told();
    writer.ensure(cell, LONG).await;
    follower.is_told(from, cell).await;
}

impl Process<'_> {
    /// How much it was told.
    fn told(&self) -> usize {
        self.watch.told().len()
    }

    /// Waits until it has been told of a cell since `from`.
    async fn is_told(&self, from: usize, cell: &Cell) {
        let told = |told: &Told| match told {
            Told::Changed(changed) => changed == cell,
            told => *told == Told::Everything,
        };
        for _ in 0..PATIENCE {
            if self.watch.told()[from..].iter().any(told) {
                return;
            }
            self.suite.wait(A_MOMENT).await;
        }
        panic!("who follows is not told of a {cell:?}");
    }

    /// What it has been told of since `from`, once all is told that happened until now.
    async fn all_told(&self, writer: &Process<'_>, from: usize, marker: &str) -> Vec<Cell> {
        let marker = tag(marker);
        writer.rotate(&marker, LONG).await;
        self.is_told(from, &marker).await;
        // What one operation changes may be told in any order, and what another one did is told
        // before a beat that is taken now.
        self.hears(self.told()).await;
        let told = self.watch.told().into_iter().skip(from);
        told.filter_map(|told| match told {
            Told::Changed(cell) => Some(cell),
            _ => None,
        })
        .collect()
    }

    /// Waits for a beat that was taken since `from`.
    async fn hears(&self, from: usize) {
        for _ in 0..PATIENCE {
            let told = self.watch.told();
            let heard = |told: &Told| matches!(told, Told::Heard { beat } if *beat >= from);
            if told.iter().any(heard) {
                return;
            }
            // A store may prove on its own or with each operation that nothing is missing.
            self.cell(&tag("pushes.none")).await;
            self.suite.wait(A_MOMENT).await;
        }
        panic!("who follows does not hear that it still does");
    }
}

pub(super) async fn who_follows_hears_that_it_still_does(suite: &Conformance) {
    let Some((follower, _)) = two(suite).await else {
        return;
    };
    for _ in 0..3 {
        follower.hears(follower.told()).await;
    }
    let told = follower.watch.told();
    // Others change things all the while: a push may come before the answer that it will. And the
    // first attempt to follow need not succeed.
    let before =
        |told: &&Told| matches!(told, Told::Changed(_) | Told::Everything | Told::Ended(_));
    let first = told.iter().find(|told| !before(told));
    let server = follower.incarnation().await;
    assert_eq!(first, Some(&Told::Began(server)), "what is told first");
}

pub(super) async fn who_follows_is_told_of_a_rotation(suite: &Conformance) {
    let Some((follower, writer)) = two(suite).await else {
        return;
    };
    let (one, other) = (
        tag("pushes.rotated"),
        Cell::Key(entry("pushes:rotated{digest}")),
    );
    for cell in [&one, &other] {
        made(&follower, &writer, cell).await;
        for _ in 0..3 {
            let from = follower.told();
            writer.rotate(cell, LONG).await;
            follower.is_told(from, cell).await;
        }
    }
    let missing = tag("pushes.rotated.missing");
    let from = follower.told();
    let (first, then) = (vec![one.clone(), missing.clone()], vec![other.clone()]);
    done(writer.remote.rotate(first, then, Turn::keeping(LONG)).await);
    for cell in [&one, &missing, &other] {
        follower.is_told(from, cell).await;
    }
}

pub(super) async fn who_follows_is_told_of_a_cell_that_is_made(suite: &Conformance) {
    let Some((follower, writer)) = two(suite).await else {
        return;
    };
    let (one, other) = (tag("pushes.made"), Cell::Key(entry("pushes:made")));
    made(&follower, &writer, &one).await;
    made(&follower, &writer, &other).await;
    let (from, locked) = (follower.told(), tag("pushes.made.with.a.lock"));
    let wishes = vec![wish(&entry("pushes:locked"), IF_NEW, LONG)];
    done(writer.remote.lock(wishes, vec![locked.clone()], LONG).await);
    follower.is_told(from, &locked).await;
}

/// Also of one that has no cell: a copy of its entry may be anywhere.
pub(super) async fn who_follows_is_told_of_a_key_that_is_removed(suite: &Conformance) {
    let Some((follower, writer)) = two(suite).await else {
        return;
    };
    let names = ["stored", "here", "nothing"].map(|name| format!("pushes:removed:{name}"));
    let keys = names.map(|name| (entry(&name), Cell::Key(entry(&name))));
    writer.store(&keys[0].0, b"payload").await;
    made(&follower, &writer, &keys[1].1).await;
    for (entry, cell) in &keys {
        for _ in 0..2 {
            let from = follower.told();
            writer.remove(entry).await;
            follower.is_told(from, cell).await;
        }
    }
    let from = follower.told();
    let entries = keys.iter().map(|(entry, _)| entry.clone()).collect();
    done(writer.remote.remove(entries, Turn::keeping(LONG)).await);
    for (_, cell) in &keys {
        follower.is_told(from, cell).await;
    }
}

/// Nothing is invalidated, but copies are not what is stored any more.
pub(super) async fn who_follows_is_told_of_an_entry_that_is_replaced(suite: &Conformance) {
    let Some((follower, writer)) = two(suite).await else {
        return;
    };
    for (name, has_cell) in [("stored", false), ("here", true)] {
        let entry = entry(&format!("pushes:replaced:{name}"));
        let cell = Cell::Key(entry.clone());
        writer.store(&entry, b"payload").await;
        if has_cell {
            made(&follower, &writer, &cell).await;
        }
        let from = follower.told();
        writer.granted(&entry, How::Replace, LONG).await;
        follower.is_told(from, &cell).await;
    }
}

pub(super) async fn who_follows_is_told_when_everything_is_invalidated(suite: &Conformance) {
    let Some((follower, writer)) = two(suite).await else {
        return;
    };
    let from = follower.told();
    writer.rotate(&namespace_cell(), LONG).await;
    follower.is_told(from, &namespace_cell()).await;
}

pub(super) async fn a_process_is_told_of_its_own_changes(suite: &Conformance) {
    let Some((follower, _)) = two(suite).await else {
        return;
    };
    let (cell, key) = (tag("pushes.own"), entry("pushes:own"));
    made(&follower, &follower, &cell).await;
    let from = follower.told();
    follower.rotate(&cell, LONG).await;
    follower.is_told(from, &cell).await;
    let from = follower.told();
    follower.remove(&key).await;
    follower.is_told(from, &Cell::Key(key)).await;
}

pub(super) async fn who_follows_is_told_nothing_of_what_stays(suite: &Conformance) {
    let Some((follower, writer)) = two(suite).await else {
        return;
    };
    let (cell, key) = (tag("pushes.stays"), entry("pushes:stays"));
    made(&follower, &writer, &cell).await;
    follower.all_told(&writer, 0, "pushes.stays.before").await;
    let from = follower.told();
    let before = writer.ensure(&cell, LONG).await;
    let lease = writer.granted(&key, IF_NEW, LONG).await;
    let fill = Fill {
        entry: key.clone(),
        lease,
        envelope: envelope(lease, b"payload"),
        life: LONG / 2,
    };
    done(
        writer
            .remote
            .fill(vec![fill], vec![cell.clone()], LONG)
            .await,
    );
    writer.bytes(&key).await;
    assert_eq!(writer.cell(&cell).await, before);
    let told = follower.all_told(&writer, from, "pushes.stays.after").await;
    for stays in [cell, Cell::Key(key)] {
        assert!(!told.contains(&stays), "a {stays:?} that stays was told");
    }
}

pub(super) async fn families_are_not_told(suite: &Conformance) {
    let Some((follower, writer)) = two(suite).await else {
        return;
    };
    let (from, family) = (follower.told(), Cell::Family("pushes.family:".into()));
    writer.ensure(&family, LONG).await;
    writer.rotate(&family, LONG).await;
    let told = follower.all_told(&writer, from, "pushes.family").await;
    let foreign = |cell: &Cell| matches!(cell, Cell::Family(_)) || *cell == tag("pushes.family:");
    assert!(!told.iter().any(foreign), "a family was told");
}

/// What a process may believe once it has heard a beat: whoever was answered before that was taken
/// has been told.
pub(super) async fn what_was_answered_before_a_beat_is_told_before_it_is_heard(
    suite: &Conformance,
) {
    let Some((follower, writer)) = two(suite).await else {
        return;
    };
    let (mut answered, from) = (Vec::new(), follower.told());
    while beats(&follower.watch.told()[from..]) < 4 {
        assert!(answered.len() < 20_000, "no beat is heard");
        for _ in 0..10 {
            let cell = tag(&format!("pushes.beat.{}", answered.len()));
            writer.rotate(&cell, LONG).await;
            answered.push((cell, follower.told()));
        }
        follower.cell(&tag("pushes.none")).await;
        suite.wait(Duration::from_millis(1)).await;
    }
    follower.hears(follower.told()).await;
    let told = follower.watch.told();
    let mut places = HashMap::new();
    for (place, told) in told.iter().enumerate() {
        if let Told::Changed(cell) = told {
            places.entry(cell).or_insert(place);
        }
    }
    for (cell, answer) in &answered {
        let heard = told[*answer..]
            .iter()
            .position(|told| matches!(told, Told::Heard { beat } if beat >= answer))
            .map_or(told.len(), |heard| answer + heard);
        assert!(
            places.get(cell).is_some_and(|place| *place < heard),
            "a beat was heard before what was answered before it"
        );
    }
}

fn beats(told: &[Told]) -> usize {
    let heard = told
        .iter()
        .filter(|told| matches!(told, Told::Heard { .. }));
    heard.count()
}

pub(super) async fn names_are_told_as_they_are(suite: &Conformance) {
    let Some((follower, writer)) = two(suite).await else {
        return;
    };
    // Other names than those of another check, which has them for itself.
    let names = |odd: &str| [format!("{odd}pushes"), format!("pushes{odd}")];
    let cells: Vec<_> = ODD
        .into_iter()
        .flat_map(names)
        .map(|name| tag(&name))
        .collect();
    let from = follower.told();
    done(
        writer
            .remote
            .rotate(vec![], cells.clone(), Turn::keeping(LONG))
            .await,
    );
    for cell in &cells {
        follower.is_told(from, cell).await;
    }
    let many: Vec<_> = (0..300)
        .map(|at| tag(&format!("pushes.many.{at}")))
        .collect();
    let from = follower.told();
    done(
        writer
            .remote
            .rotate(vec![], many.clone(), Turn::keeping(LONG))
            .await,
    );
    for cell in &many {
        follower.is_told(from, cell).await;
    }
}
