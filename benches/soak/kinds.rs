//! The rows there are, how each kind of them is cached, and what that promises.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Rows of each kind.
pub(super) const PER_KIND: usize = 24;
pub(super) const IDS: u64 = PER_KIND as u64;
const SHELVES: u64 = 4;

/// By how much copies in a process may be behind.
pub(super) const WINDOW: Duration = Duration::from_millis(300);
/// The longest that one change of the store takes; look-ups have less.
pub(super) const STORE: Duration = Duration::from_secs(1);
/// How long a holder that is gone holds others up.
pub(super) const LEASE: Duration = Duration::from_millis(500);
pub(super) const LOAD_TIMEOUT: Duration = Duration::from_millis(700);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Kind {
    Plain,
    Revalidated,
    IfError,
    Ahead,
    Early,
    Soft,
    Limited,
    Batch,
    /// Some versions are "not found".
    Maybe,
    Shared,
    Strict,
    Alone,
    /// By hand.
    Hand,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Row {
    pub(super) kind: Kind,
    pub(super) id: u64,
}

/// For how long an answer is fresh, and after that may be stale.
#[derive(Clone, Copy, Debug)]
pub(super) struct Life {
    pub(super) fresh: Duration,
    pub(super) stale: Duration,
}

impl Kind {
    pub(super) const ALL: [Self; 13] = [
        Self::Plain,
        Self::Revalidated,
        Self::IfError,
        Self::Ahead,
        Self::Early,
        Self::Soft,
        Self::Limited,
        Self::Batch,
        Self::Maybe,
        Self::Shared,
        Self::Strict,
        Self::Alone,
        Self::Hand,
    ];

    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Plain => "soak.plain",
            Self::Revalidated => "soak.revalidated",
            Self::IfError => "soak.if_error",
            Self::Ahead => "soak.ahead",
            Self::Early => "soak.early",
            Self::Soft => "soak.soft",
            Self::Limited => "soak.limited",
            Self::Batch => "soak.batch",
            Self::Maybe => "soak.maybe",
            Self::Shared => "soak.shared",
            Self::Strict => "soak.strict",
            Self::Alone => "soak.alone",
            Self::Hand => "soak.hand",
        }
    }

    /// The same as the options of the functions say.
    pub(super) fn life(self) -> Life {
        let (fresh, stale) = match self {
            Self::Revalidated => (700, 1_000),
            Self::IfError | Self::Soft => (700, 2_000),
            Self::Ahead | Self::Early | Self::Limited | Self::Maybe => (1_000, 0),
            Self::Plain | Self::Batch | Self::Shared | Self::Strict | Self::Alone | Self::Hand => {
                (2_000, 0)
            }
        };
        Life {
            fresh: Duration::from_millis(fresh),
            stale: Duration::from_millis(stale),
        }
    }

    /// Whether its callers wait for no other process.
    pub(super) fn waits_for_nobody(self) -> bool {
        matches!(self, Self::Alone | Self::Hand)
    }

    pub(super) fn is_on_a_shelf(self) -> bool {
        self != Self::Batch
    }
}

impl Row {
    pub(super) fn shelf(self) -> u64 {
        self.id % SHELVES
    }

    /// Whether there is such a version of it.
    pub(super) fn exists(self, version: u64) -> bool {
        self.kind != Kind::Maybe || !(self.id + version).is_multiple_of(4)
    }
}

/// What one invalidation names.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// The tag of all rows with this number.
    Number(u64),
    Shelf(u64),
    Key(Row),
    Prefix(Kind),
    Everything,
}

impl Target {
    pub(super) fn rows(self) -> Vec<Row> {
        let all = Kind::ALL
            .into_iter()
            .flat_map(|kind| (0..IDS).map(move |id| Row { kind, id }));
        let reached = |row: &Row| match self {
            Self::Number(id) => row.id == id,
            Self::Shelf(at) => row.kind.is_on_a_shelf() && row.shelf() == at,
            Self::Key(key) => *row == key,
            Self::Prefix(kind) => row.kind == kind,
            Self::Everything => true,
        };
        all.filter(reached).collect()
    }
}
