//! One process: cached functions over the database, and reads and writes that keep account of what
//! must not be read any more.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use cache_aside::{Cache, CacheExt, Invalidation, Outcome, Policy, Report, Tier, cache_aside};
use serde::{Deserialize, Serialize};

use super::database::{Database, Floor, Gate, Since};
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
    pub(super) promise: Promise,
    /// What this process has invalidated, also where the store did not answer, and from when on
    /// that holds.
    own_floors: Mutex<BTreeMap<Row, Vec<(Duration, u64)>>>,
    /// Invalidations that ended with an error.
    pub(super) pending: AtomicU64,
    pub(super) reads: AtomicU64,
}

/// What a process is promised, and asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Promise {
    /// By how much its copies may be behind; zero if they are confirmed one by one.
    pub(super) window: Duration,
    /// Whether what comes out of the store may be behind, too.
    pub(super) views: bool,
    /// For how long after an invalidation old answers may be loaded.
    pub(super) lag: Duration,
    /// How many of a hundred invalidations wait until everybody has heard.
    pub(super) settled: u64,
    /// How many of a hundred writes are in brackets.
    pub(super) brackets: u64,
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
            promise: Promise::default(),
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
        let before = Duration::from_millis(before);
        self.database.pause(before, Gate::Load).await;
        let versions = self.database.loaded(&rows).await;
        let after = Duration::from_millis(after);
        self.database.pause(after, Gate::Loaded).await;
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
        let (versions, report) = match row.kind {
            Kind::Item if dice.percent(5) => {
                let answer = item(self, id, at).refresh_cache().with_cache_report();
                let (version, report) = answer.await;
                (vec![version], Some(report))
            }
            Kind::Item => {
                let (version, report) = item(self, id, at).with_cache_report().await;
                (vec![version], Some(report))
            }
            Kind::Owned => {
                let (answer, report) = owned(self, id).with_cache_report().await;
                (vec![answer.version], Some(report))
            }
            Kind::Here => {
                let (version, report) = here(self, id, at).with_cache_report().await;
                (vec![version], Some(report))
            }
            Kind::Many => {
                let (answer, report) = many(self, ids.clone()).with_cache_report().await;
                let versions = ids.iter().map(|id| answer[id]).collect();
                (versions, Some(report))
            }
            Kind::Hand => match self.cache.get(&row.key()).await {
                Some(version) => (vec![version], None),
                None => return self.fill_by_hand(row).await,
            },
        };
        self.reads.fetch_add(1, Relaxed);
        let may_be_behind = self.may_be_behind(row.kind, report.as_ref());
        for ((row, version), (floor, own)) in rows.into_iter().zip(versions).zip(floors) {
            let floor = if may_be_behind {
                floor.behind
            } else {
                floor.now
            };
            let floor = floor.max(own);
            if version < floor {
                let (name, row_name) = (&self.name, row.name());
                let line = format!(
                    "{name}: a read of {row_name} that began at floor {floor} gave {version}: {report:?}, {:?}",
                    self.promise
                );
                self.database.violated(row, line).await;
            }
        }
    }

    /// Whether an answer may rest on a copy that was not confirmed.
    fn may_be_behind(&self, kind: Kind, report: Option<&Report>) -> bool {
        match report {
            _ if self.promise.window.is_zero() => false,
            // Some of a batch may be copies, and by hand nobody tells.
            Some(Report {
                outcome: Outcome::Hit | Outcome::Loaded | Outcome::Joined,
                ..
            }) if kind == Kind::Many => true,
            None => true,
            Some(report) => match report.tier {
                Some(Tier::Local) => true,
                Some(_) => self.promise.views,
                None => false,
            },
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
    async fn write(&self, row: Row, dice: &mut Dice) {
        let target = Target::reaching(row, dice);
        let settled = dice.percent(self.promise.settled);
        if dice.percent(self.promise.brackets)
            && let Target::Number(_) | Target::Shelf(_) = target
        {
            return self.write_in_bracket(row, target, settled, dice).await;
        }
        self.database.write(row).await;
        let rows = target.rows(self.ids);
        // This process may still have copies that others have invalidated: they are named, too.
        let before = self.database.floors(&rows, self.promise.window).await;
        let committed = self.database.versions(&rows).await;
        let all = rows.into_iter().zip(before.into_iter().zip(committed));
        let mut owners = Vec::new();
        if let Target::Owners(id) = target {
            let of_row = all.clone().find(|(row, _)| row.id == id);
            let (floor, version) = of_row.expect("the row is one of them").1;
            owners = owners_between(id, floor.behind, version);
        }
        let promised: Vec<(Row, u64)> = all
            .filter(|(row, (floor, version))| match target {
                Target::Owners(_) => (floor.behind..*version)
                    .all(|version| owners.contains(&owner_of(row.id, version))),
                _ => true,
            })
            .map(|(row, (_, version))| (row, version))
            .collect();
        self.tell(
            &promised,
            format!("wrote {} and invalidates {target:?}", row.name()),
        )
        .await;

        let mut invalidation = self.invalidation(target, &owners);
        if settled {
            invalidation = invalidation.settled();
        }
        let ended = in_time(dice, invalidation).await;
        self.promise_here(&promised);
        let said = match ended {
            Some(Ok(())) => {
                let since = if settled { Since::Settled } else { Since::Now };
                self.database.raise(&promised, since).await;
                "done"
            }
            Some(Err(_)) => {
                self.pending.fetch_add(1, Relaxed);
                "owed"
            }
            None => "not waited for",
        };
        self.tell(&promised, format!("{target:?} {said}, settled: {settled}"))
            .await;
    }

    /// The same, where nothing older is read from the commit on.
    async fn write_in_bracket(&self, row: Row, target: Target, settled: bool, dice: &mut Dice) {
        let rows = target.rows(self.ids);
        self.tell(&[(row, 0)], format!("begins a bracket: {target:?}"))
            .await;
        let commit = async {
            let begun = self.database.now();
            let pause = Duration::from_millis(dice.below(10));
            self.database.pause(pause, Gate::Bracket).await;
            self.database.write(row).await;
            let committed = self.database.versions(&rows).await;
            let promised: Vec<(Row, u64)> = rows.iter().copied().zip(committed).collect();
            let since = if settled {
                Since::Settled
            } else {
                Since::Bracket(begun)
            };
            self.promise_here(&promised);
            self.database.raise(&promised, since).await;
            self.tell(&promised, format!("wrote {} in it", row.name()))
                .await;
            self.database.pause(pause, Gate::Bracket).await;
        };
        let tags = [match target {
            Target::Shelf(at) => format!("shelf:{at}"),
            _ => format!("number:{}", row.id),
        }];
        let mut bracket = self.cache.write_bracket(tags, commit);
        if settled {
            bracket = bracket.settled();
        }
        let ended = bracket.await;
        self.tell(&[(row, 0)], format!("ended the bracket: {ended:?}"))
            .await;
    }

    async fn tell(&self, of: &[(Row, u64)], what: String) {
        let rows: Vec<Row> = of.iter().map(|(row, _)| *row).collect();
        let (name, of) = (self.name.clone(), of.to_vec());
        let line = move || format!("{name}: {what}: {of:?}");
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
        let since = self.database.now() + self.promise.lag;
        let mut own = self.own_floors.lock().unwrap();
        for &(row, version) in promised {
            own.entry(row).or_default().push((since, version));
        }
    }

    /// With what this process has invalidated itself.
    async fn floors(&self, rows: &[Row]) -> Vec<(Floor, u64)> {
        let all = self.database.floors(rows, self.promise.window).await;
        let (now, own) = (self.database.now(), self.own_floors.lock().unwrap());
        let of_row = |row| {
            let all = own.get(row).into_iter().flatten();
            let in_force = all.filter(|(since, _)| *since <= now);
            in_force.map(|(_, floor)| *floor).max().unwrap_or_default()
        };
        all.into_iter().zip(rows.iter().map(of_row)).collect()
    }
}

/// Some go away before an invalidation is done.
async fn in_time<T>(dice: &mut Dice, invalidation: impl Future<Output = T>) -> Option<T> {
    if dice.percent(5) {
        let limit = Duration::from_millis(1);
        return tokio::time::timeout(limit, invalidation).await.ok();
    }
    Some(invalidation.await)
}
