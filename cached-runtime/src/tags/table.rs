//! Finds the cell of a tag, makes it where there is none, and forgets cells nobody holds.

use std::borrow::{Borrow, Cow};
use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Changes, Manner, Number, Rare, Tag, TagCell};
use crate::clock::Moment;
use crate::remote::Proof;

/// Seeded by chance: names hold what users send.
type Seeded = foldhash::quality::RandomState;

const SHARDS: usize = 16;
/// Per shard. Also how many invalidations of tags that nobody holds a load outlives before one of
/// them may keep an answer with a tag of its own out.
const FIRST_PRUNE: usize = 1_024;

/// The tags of one cache by name.
///
/// Memory follows the tags in use: a cell that only the table holds is pruned. What a pruned cell
/// knew is not lost: the shard's `floor` counts for every cell made after, so a tag can come back
/// with too late a number (a load that spans the pruning is not stored) but never with too early a
/// one.
#[derive(Debug)]
pub(crate) struct TagTable {
    shards: [Mutex<Shard>; SHARDS],
    hasher: Seeded,
    changes: Changes,
}

#[derive(Debug)]
struct Shard {
    cells: HashSet<Named, Seeded>,
    floor: Number,
    /// The same for doubts: those about cells that nobody held.
    doubts: Number,
    /// And for sources that lag.
    lags_until: Moment,
    prune_at: usize,
}

/// A cell as it is found: by its name, which stands in it.
#[derive(Debug)]
struct Named(Arc<TagCell>);

impl Borrow<str> for Named {
    fn borrow(&self) -> &str {
        self.0.name()
    }
}

impl Hash for Named {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name().hash(state);
    }
}

impl PartialEq for Named {
    fn eq(&self, other: &Self) -> bool {
        self.0.name() == other.0.name()
    }
}

impl Eq for Named {}

impl TagTable {
    pub(crate) fn new() -> Self {
        let shard = |_| {
            Mutex::new(Shard {
                cells: HashSet::default(),
                floor: 0,
                doubts: 0,
                lags_until: Moment::FIRST,
                prune_at: FIRST_PRUNE,
            })
        };
        Self {
            shards: std::array::from_fn(shard),
            hasher: Seeded::default(),
            changes: Changes::new(),
        }
    }

    /// What counts whatever is invalidated or in doubt in the cache that these are the tags of.
    pub(crate) fn changes(&self) -> &Changes {
        &self.changes
    }

    /// The cell of a tag. A new one starts at the floor.
    pub(crate) fn cell(&self, tag: &Tag) -> Arc<TagCell> {
        self.cell_named(&name_of_tag(tag.as_str()))
    }

    /// The cell that every entry of a prefix carries. Calls have it from [`PrefixStats`](crate::observe::PrefixStats).
    pub(crate) fn prefix_cell(&self, prefix: &str) -> Arc<TagCell> {
        self.cell_named(&name_of_prefix(prefix))
    }

    pub(crate) fn invalidate(&self, tag: &Tag, number: Number, manner: Manner) {
        self.invalidate_named(&name_of_tag(tag.as_str()), number, manner);
    }

    pub(crate) fn invalidate_prefix(&self, prefix: &str, number: Number, manner: Manner) {
        self.invalidate_named(&name_of_prefix(prefix), number, manner);
    }

    /// What is known of the token of a tag, see [`TagCell::view`].
    pub(crate) fn view_of(&self, name: &str) -> Option<(Proof, Number)> {
        let shard = self.shard(name);
        shard.cells.get(name).and_then(|Named(cell)| cell.view())
    }

    pub(crate) fn cell_named(&self, name: &str) -> Arc<TagCell> {
        self.shard(name).cell(name)
    }

    /// The tag of this name may have been invalidated elsewhere. One that nobody holds is not made:
    /// what is made later begins with the doubt.
    pub(crate) fn doubt(&self, name: &str, number: Number) {
        let mut shard = self.shard(name);
        match shard.cells.get(name) {
            Some(Named(cell)) => cell.doubt(number),
            None => shard.doubts = shard.doubts.max(number),
        }
        self.changes.count();
    }

    fn invalidate_named(&self, name: &str, number: Number, manner: Manner) {
        // Under the shard's lock, so that the cell cannot be pruned between look-up and store.
        let mut shard = self.shard(name);
        shard.cell(name).invalidate(number, manner);
        self.changes.count();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| lock(shard).cells.len())
            .sum()
    }

    fn shard(&self, name: &str) -> MutexGuard<'_, Shard> {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "only the low bits are used"
        )]
        let index = self.hasher.hash_one(name) as usize % SHARDS;
        lock(&self.shards[index])
    }
}

impl Shard {
    fn cell(&mut self, name: &str) -> Arc<TagCell> {
        if let Some(Named(cell)) = self.cells.get(name) {
            return Arc::clone(cell);
        }
        if self.cells.len() >= self.prune_at {
            self.prune();
        }
        let cell = Arc::new(TagCell::new(
            name,
            self.floor,
            self.doubts,
            Rare::lagging(self.lags_until),
        ));
        self.cells.insert(Named(Arc::clone(&cell)));
        cell
    }

    /// Cells are handed out under this shard's lock only: a count of one cannot grow meanwhile.
    fn prune(&mut self) {
        let (floor, doubts) = (&mut self.floor, &mut self.doubts);
        let lags_until = &mut self.lags_until;
        self.cells.retain(|Named(cell)| {
            let held = Arc::strong_count(cell) > 1;
            if !held {
                *floor = (*floor).max(cell.invalidated());
                *doubts = (*doubts).max(cell.doubted());
                *lags_until = (*lags_until).max(cell.rare().lags_until());
            }
            held
        });
        self.prune_at = (self.cells.len() * 2).max(FIRST_PRUNE);
    }
}

/// A user's tag never meets the tag of a prefix: a leading `@` is doubled.
pub(crate) fn name_of_tag(tag: &str) -> Cow<'_, str> {
    match tag {
        text if text.starts_with('@') => Cow::Owned(format!("@{text}")),
        text => Cow::Borrowed(text),
    }
}

pub(crate) fn name_of_prefix(prefix: &str) -> String {
    format!("@fn:{prefix}")
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
