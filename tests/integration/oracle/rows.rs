//! What there is in the database, and what an invalidation says of it.

use cache_aside::Key;

use super::dice::Dice;

const SHELVES: u64 = 3;
const OWNERS: u64 = 3;

/// How rows are cached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// With a tag of its own and one that it shares.
    Item,
    /// With a tag that only the row itself tells.
    Owned,
    /// In the process only.
    Here,
    /// Many in one call.
    Many,
    /// By hand.
    Hand,
}

impl Kind {
    pub(super) const ALL: [Self; 5] = [Self::Item, Self::Owned, Self::Here, Self::Many, Self::Hand];

    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Item => "oracle.item",
            Self::Owned => "oracle.owned",
            Self::Here => "oracle.here",
            Self::Many => "oracle.many",
            Self::Hand => "oracle.hand",
        }
    }

    fn is_on_a_shelf(self) -> bool {
        matches!(self, Self::Item | Self::Here | Self::Hand)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    pub(super) kind: Kind,
    pub(super) id: u64,
}

impl Row {
    pub(super) fn name(self) -> String {
        format!("{:?}:{}", self.kind, self.id)
    }

    pub(super) fn key(self) -> Key<u64> {
        match self.kind {
            Kind::Item | Kind::Here => Key::new(self.kind.prefix(), &(self.id, shelf_of(self.id))),
            Kind::Owned | Kind::Many | Kind::Hand => Key::new(self.kind.prefix(), &(self.id,)),
        }
    }
}

pub(super) fn shelf_of(id: u64) -> u64 {
    id % SHELVES
}

/// Changes now and then, so that a row gets tags it never had.
pub(super) fn owner_of(id: u64, version: u64) -> u64 {
    (id + version / 2) % OWNERS
}

/// What one invalidation names.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// The tag of all rows with this number.
    Number(u64),
    Shelf(u64),
    /// The tags that versions of an owned row had, from those that may still be read.
    Owners(u64),
    Key(Row),
    Prefix(Kind),
    Everything,
}

impl Target {
    /// An invalidation that reaches a row.
    pub(super) fn reaching(row: Row, dice: &mut Dice) -> Self {
        let roll = dice.below(100);
        match roll {
            0 => Self::Everything,
            1..4 => Self::Prefix(row.kind),
            4..40 => Self::Key(row),
            40..60 if row.kind.is_on_a_shelf() => Self::Shelf(shelf_of(row.id)),
            _ if row.kind == Kind::Owned => Self::Owners(row.id),
            _ => Self::Number(row.id),
        }
    }

    /// The rows it is meant for; those of owners are judged one by one.
    pub(super) fn rows(self, ids: u64) -> Vec<Row> {
        let all = Kind::ALL
            .into_iter()
            .flat_map(|kind| (0..ids).map(move |id| Row { kind, id }));
        let reached = |row: &Row| match self {
            Self::Number(id) => row.kind != Kind::Owned && row.id == id,
            Self::Shelf(at) => row.kind.is_on_a_shelf() && shelf_of(row.id) == at,
            Self::Owners(_) => row.kind == Kind::Owned,
            Self::Key(key) => *row == key,
            Self::Prefix(kind) => row.kind == kind,
            Self::Everything => true,
        };
        all.filter(reached).collect()
    }
}

/// The owners of the versions that may still be read before `version` is there.
pub(super) fn owners_between(id: u64, floor: u64, version: u64) -> Vec<u64> {
    let mut owners: Vec<u64> = (floor..version)
        .take(2 * usize::try_from(OWNERS).expect("a few"))
        .map(|version| owner_of(id, version))
        .collect();
    owners.sort_unstable();
    owners.dedup();
    owners
}
