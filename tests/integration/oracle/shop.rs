//! One process: cached functions over the database, and reads and writes that keep account of what
//! must not be read any more.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use cache_aside::{Cache, CacheExt, Invalidation, Policy, cache_aside};
use serde::{Deserialize, Serialize};

use super::database::Database;
use super::dice::Dice;
use super::rows::{Kind, Row, Target, owner_of, owners_between, shelf_of};

pub(super) struct Shop {
    pub(super) name: String,
    pub(super) cache: Cache,
    pub(super) database: Database,
    /// How many rows of each kind there are.
    pub(super) ids: u64,
    /// Which of them are used.
    pub(super) kinds: Vec<Kind>,
    /// How many of a hundred actions are writes.
    pub(super) writes: u64,
    /// Decides how long loads take.
    pub(super) dice: Mutex<Dice>,
    /// What this process has invalidated, also where the store did not answer.
    pub(super) own_floors: Mutex<BTreeMap<Row, u64>>,
    /// Invalidations that ended with an error.
    pub(super) pending: AtomicU64,
    pub(super) reads: AtomicU64,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Owned {
    version: u64,
    owner: u64,
}

#[cache_aside(ttl = "30s", jitter = 0, prefix = "oracle.item", tags = ["number:{id}", "shelf:{shelf}"], skip(shop), cache = shop.cache)]
async fn item(shop: &Shop, id: u64, shelf: u64) -> u64 {
    shop.load(Kind::Item, &[id]).await[0]
}

#[cache_aside(ttl = "30s", jitter = 0, prefix = "oracle.owned", tags = ["owner:{result.owner}"], skip(shop), cache = shop.cache)]
async fn owned(shop: &Shop, id: u64) -> Owned {
    let version = shop.load(Kind::Owned, &[id]).await[0];
    let owner = owner_of(id, version);
    Owned { version, owner }
}

#[cache_aside(ttl = "30s", jitter = 0, prefix = "oracle.here", remote = false, tags = ["number:{id}", "shelf:{shelf}"], skip(shop), cache = shop.cache)]
async fn here(shop: &Shop, id: u64, shelf: u64) -> u64 {
    shop.load(Kind::Here, &[id]).await[0]
}

#[cache_aside(ttl = "30s", jitter = 0, prefix = "oracle.many", tags = ["number:{ids}"], each = ids, skip(shop), cache = shop.cache)]
async fn many(shop: &Shop, ids: Vec<u64>) -> BTreeMap<u64, u64> {
    let versions = shop.load(Kind::Many, &ids).await;
    ids.into_iter().zip(versions).collect()
}

impl Shop {
    pub(super) fn new(
        name: String,
        cache: Cache,
        database: Database,
        ids: u64,
        dice: Dice,
    ) -> Self {
        Self {
            name,
            cache,
            database,
            ids,
            kinds: Kind::ALL.to_vec(),
            writes: 18,
            dice: Mutex::new(dice),
            own_floors: Mutex::default(),
            pending: AtomicU64::new(0),
            reads: AtomicU64::new(0),
        }
    }

    /// What the body of a function does: other things happen before and after it reads.
    async fn load(&self, kind: Kind, ids: &[u64]) -> Vec<u64> {
        let rows: Vec<Row> = ids.iter().map(|&id| Row { kind, id }).collect();
        let (before, after) = {
            let mut dice = self.dice.lock().unwrap();
            let long = if dice.percent(40) { 30 } else { 2 };
            (dice.below(3), dice.below(long))
        };
        self.database.pause(Duration::from_millis(before)).await;
        let versions = self.database.versions(&rows).await;
        self.database.pause(Duration::from_millis(after)).await;
        versions
    }

    /// One thing that a user does.
    pub(super) async fn act(&self, dice: &mut Dice) {
        let row = Row {
            kind: dice.one_of(&self.kinds),
            id: dice.skewed(self.ids),
        };
        if dice.percent(self.writes) {
            return self.write(row, dice).await;
        }
        match dice.below(100) {
            0..4 => {
                // A caller who goes away, maybe while others wait for its load.
                let limit = Duration::from_millis(dice.below(12));
                let _ = tokio::time::timeout(limit, self.read(row, dice)).await;
            }
            _ => self.read(row, dice).await,
        }
    }

    pub(super) async fn read(&self, row: Row, dice: &mut Dice) {
        let mut ids = vec![row.id];
        if row.kind == Kind::Many {
            for _ in 0..dice.below(4) {
                let id = dice.skewed(self.ids);
                if !ids.contains(&id) {
                    ids.push(id);
                }
            }
        }
        let rows: Vec<Row> = ids.iter().map(|&id| Row { id, ..row }).collect();
        let floors = self.floors(&rows).await;
        let (id, at) = (row.id, shelf_of(row.id));
        let (versions, how) = match row.kind {
            Kind::Item if dice.percent(5) => {
                let answer = item(self, id, at).refresh_cache().with_cache_report();
                let (version, report) = answer.await;
                (vec![version], format!("{report:?}"))
            }
            Kind::Item => {
                let (version, report) = item(self, id, at).with_cache_report().await;
                (vec![version], format!("{report:?}"))
            }
            Kind::Owned => {
                let (answer, report) = owned(self, id).with_cache_report().await;
                (vec![answer.version], format!("{report:?}"))
            }
            Kind::Here => {
                let (version, report) = here(self, id, at).with_cache_report().await;
                (vec![version], format!("{report:?}"))
            }
            Kind::Many => {
                let (answer, report) = many(self, ids.clone()).with_cache_report().await;
                let versions = ids.iter().map(|id| answer[id]).collect();
                (versions, format!("{report:?}"))
            }
            Kind::Hand => match self.cache.get(&row.key()).await {
                Some(version) => (vec![version], "by hand".to_owned()),
                None => return self.fill_by_hand(row).await,
            },
        };
        self.reads.fetch_add(1, Relaxed);
        for ((row, version), floor) in rows.into_iter().zip(versions).zip(floors) {
            if version < floor {
                let name = row.name();
                let line = format!(
                    "{}: a read of {name} that began at floor {floor} gave {version}: {how}",
                    self.name
                );
                self.database.violated(row, line).await;
            }
        }
    }

    /// A reservation comes before its value is read: whatever is invalidated from then on is seen.
    async fn fill_by_hand(&self, row: Row) {
        let tags = [
            format!("number:{}", row.id),
            format!("shelf:{}", shelf_of(row.id)),
        ];
        let policy = Policy::ttl(Duration::from_secs(30)).tags(tags);
        if let Ok(place) = self.cache.reserve(&row.key(), &policy).await {
            let version = self.load(Kind::Hand, &[row.id]).await[0];
            // What is not stored is loaded again.
            let _ = place.fill(&version).await;
        }
    }

    /// A new version, and an invalidation of what was read before.
    pub(super) async fn write(&self, row: Row, dice: &mut Dice) {
        let target = Target::reaching(row, dice);
        self.database.write(row).await;
        let rows = target.rows(self.ids);
        let before = self.database.floors(&rows).await;
        let committed = self.database.versions(&rows).await;
        let all = rows.into_iter().zip(before.into_iter().zip(committed));
        let mut owners = Vec::new();
        if let Target::Owners(id) = target {
            let of_row = all.clone().find(|(row, _)| row.id == id);
            let (floor, version) = of_row.expect("the row is one of them").1;
            owners = owners_between(id, floor, version);
        }
        let promised: Vec<(Row, u64)> = all
            .filter(|(row, (floor, version))| match target {
                Target::Owners(_) => {
                    (*floor..*version).all(|version| owners.contains(&owner_of(row.id, version)))
                }
                _ => true,
            })
            .map(|(row, (_, version))| (row, version))
            .collect();
        let rows: Vec<Row> = promised.iter().map(|(row, _)| *row).collect();
        let name = &self.name;
        let line = format!(
            "{name}: wrote {} and invalidates {target:?}: {promised:?}",
            row.name()
        );
        self.database.note(&rows, line).await;

        let invalidation = self.invalidation(target, &owners);
        let ended = if dice.percent(5) {
            tokio::time::timeout(Duration::from_millis(1), invalidation)
                .await
                .ok()
        } else {
            Some(invalidation.await)
        };
        self.promise_here(&promised);
        let said = match ended {
            Some(Ok(())) => {
                self.database.raise(&promised).await;
                "done"
            }
            Some(Err(_)) => {
                self.pending.fetch_add(1, Relaxed);
                "owed"
            }
            None => "not waited for",
        };
        let line = format!("{name}: {target:?} {said}");
        self.database.note(&rows, line).await;
    }

    fn invalidation(&self, target: Target, owners: &[u64]) -> Invalidation {
        match target {
            Target::Number(id) => self.cache.invalidate_tag(format!("number:{id}")),
            Target::Shelf(at) => self.cache.invalidate_tag(format!("shelf:{at}")),
            Target::Owners(_) => {
                let tags = owners.iter().map(|owner| format!("owner:{owner}"));
                self.cache.invalidate_tags(tags)
            }
            Target::Key(row) => self.cache.invalidate(&row.key()),
            Target::Prefix(kind) => self.cache.invalidate_prefix(kind.prefix()),
            Target::Everything => self.cache.clear(),
        }
    }

    /// In its own process an invalidation holds at once, whatever the store says.
    fn promise_here(&self, promised: &[(Row, u64)]) {
        let mut own = self.own_floors.lock().unwrap();
        for &(row, version) in promised {
            let floor = own.entry(row).or_default();
            *floor = version.max(*floor);
        }
    }

    async fn floors(&self, rows: &[Row]) -> Vec<u64> {
        let all = self.database.floors(rows).await;
        let own = self.own_floors.lock().unwrap();
        let floor =
            |(row, floor): (&Row, u64)| own.get(row).copied().unwrap_or_default().max(floor);
        rows.iter().zip(all).map(floor).collect()
    }
}
