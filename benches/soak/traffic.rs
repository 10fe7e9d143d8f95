//! One instance of a program: cached functions, and callers of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cache_aside::{Cache, CacheExt, Policy, cache_aside};

use super::dice::Dice;
use super::judge::{Call, World};
use super::kinds::{IDS, Kind, Row};
use super::source::{Answer, Broken};

#[derive(Clone, Debug)]
pub(super) struct Shop {
    pub(super) instance: usize,
    pub(super) cache: Cache,
    pub(super) world: Arc<World>,
    /// How often a row of each number is asked for, added up.
    weights: Arc<[u64]>,
}

type Answered = Result<Answer, Broken>;

#[cache_aside(ttl = "2s", lease = "500ms", prefix = "soak.plain", key_fn = plain_key, tags = ["row:{id}", "shelf:{shelf}"], skip(shop), cache = shop.cache)]
async fn plain(shop: &Shop, id: u64, shelf: u64) -> Answered {
    shop.load(Kind::Plain, id).await
}

#[cache_aside(ttl = "700ms", stale_while_revalidate = "1s", lease = "500ms", prefix = "soak.revalidated", key_fn = revalidated_key, tags = ["row:{id}", "shelf:{shelf}"], skip(shop), cache = shop.cache)]
async fn revalidated(shop: &Shop, id: u64, shelf: u64) -> Answered {
    shop.load(Kind::Revalidated, id).await
}

#[cache_aside(ttl = "700ms", stale_if_error = "2s", lease = "500ms", prefix = "soak.if_error", key_fn = if_error_key, tags = ["row:{id}", "shelf:{shelf}"], skip(shop), cache = shop.cache)]
async fn if_error(shop: &Shop, id: u64, shelf: u64) -> Answered {
    shop.load(Kind::IfError, id).await
}

#[cache_aside(ttl = "1s", refresh_ahead = 0.6, lease = "500ms", prefix = "soak.ahead", key_fn = ahead_key, tags = ["row:{id}", "shelf:{shelf}"], skip(shop), cache = shop.cache)]
async fn ahead(shop: &Shop, id: u64, shelf: u64) -> Answered {
    shop.load(Kind::Ahead, id).await
}

#[cache_aside(ttl = "1s", early_expiry = 1.0, lease = "500ms", prefix = "soak.early", key_fn = early_key, tags = ["row:{id}", "shelf:{shelf}"], skip(shop), cache = shop.cache)]
async fn early(shop: &Shop, id: u64, shelf: u64) -> Answered {
    shop.load(Kind::Early, id).await
}

#[cache_aside(ttl = "700ms", soft_timeout = "100ms", stale_if_error = "2s", lease = "500ms", prefix = "soak.soft", key_fn = soft_key, tags = ["row:{id}", "shelf:{shelf}"], skip(shop), cache = shop.cache)]
async fn soft(shop: &Shop, id: u64, shelf: u64) -> Answered {
    shop.load(Kind::Soft, id).await
}

#[cache_aside(ttl = "1s", load_timeout = "700ms", lease = "500ms", prefix = "soak.limited", key_fn = limited_key, tags = ["row:{id}", "shelf:{shelf}"], skip(shop), cache = shop.cache)]
async fn limited(shop: &Shop, id: u64, shelf: u64) -> Answered {
    shop.load(Kind::Limited, id).await
}

#[cache_aside(ttl = "2s", lease = "500ms", prefix = "soak.batch", key_fn = batch_key, tags = ["row:{ids}"], each = ids, skip(shop), cache = shop.cache)]
async fn batch(shop: &Shop, ids: Vec<u64>) -> Result<BTreeMap<u64, Answer>, Broken> {
    let rows: Vec<Row> = ids.iter().map(|&id| row(Kind::Batch, id)).collect();
    let answers = shop.world.source.load(&rows).await?;
    Ok(ids.into_iter().zip(answers).collect())
}

#[cache_aside(ttl = "1s", negative_ttl = "500ms", lease = "500ms", prefix = "soak.maybe", key_fn = maybe_key, tags = ["row:{id}", "shelf:{shelf}"], skip(shop), cache = shop.cache)]
async fn maybe(shop: &Shop, id: u64, shelf: u64) -> Result<Option<Answer>, Broken> {
    let answer = shop.load(Kind::Maybe, id).await?;
    Ok(answer.row.exists(answer.version).then_some(answer))
}

#[cache_aside(ttl = "2s", local = false, lease = "500ms", prefix = "soak.shared", key_fn = shared_key, tags = ["row:{id}", "shelf:{shelf}"], skip(shop), cache = shop.cache)]
async fn shared(shop: &Shop, id: u64, shelf: u64) -> Answered {
    shop.load(Kind::Shared, id).await
}

#[cache_aside(ttl = "2s", coherence = strict, lease = "500ms", prefix = "soak.strict", key_fn = strict_key, tags = ["row:{id}", "shelf:{shelf}"], skip(shop), cache = shop.cache)]
async fn strict(shop: &Shop, id: u64, shelf: u64) -> Answered {
    shop.load(Kind::Strict, id).await
}

#[cache_aside(ttl = "2s", single_flight = local, prefix = "soak.alone", key_fn = alone_key, tags = ["row:{id}", "shelf:{shelf}"], skip(shop), cache = shop.cache)]
async fn alone(shop: &Shop, id: u64, shelf: u64) -> Answered {
    shop.load(Kind::Alone, id).await
}

fn row(kind: Kind, id: u64) -> Row {
    Row { kind, id }
}

/// The key of a row, as its function makes it.
pub(super) fn key_of(row: Row) -> cache_aside::Key<Answer> {
    let (id, shelf) = (row.id, row.shelf());
    match row.kind {
        Kind::Plain => plain_key(id, shelf),
        Kind::Revalidated => revalidated_key(id, shelf),
        Kind::IfError => if_error_key(id, shelf),
        Kind::Ahead => ahead_key(id, shelf),
        Kind::Early => early_key(id, shelf),
        Kind::Soft => soft_key(id, shelf),
        Kind::Limited => limited_key(id, shelf),
        Kind::Batch => batch_key(id),
        Kind::Maybe => maybe_key(id, shelf),
        Kind::Shared => shared_key(id, shelf),
        Kind::Strict => strict_key(id, shelf),
        Kind::Alone => alone_key(id, shelf),
        Kind::Hand => cache_aside::Key::new(Kind::Hand.prefix(), &(id, shelf)),
    }
}

pub(super) fn tags_of(row: Row) -> [String; 2] {
    [format!("row:{}", row.id), format!("shelf:{}", row.shelf())]
}

pub(super) fn policy_by_hand(row: Row) -> Policy {
    Policy::ttl(row.kind.life().fresh).tags(tags_of(row))
}

impl Shop {
    pub(super) fn new(instance: usize, cache: Cache, world: Arc<World>) -> Self {
        let mut sum = 0;
        let weight = |rank| {
            sum += 100_000 / rank;
            sum
        };
        Self {
            instance,
            cache,
            world,
            weights: (1..=IDS).map(weight).collect(),
        }
    }

    /// Zipf: the second is asked for half as often as the first, the third a third.
    pub(super) fn id(&self, dice: &mut Dice) -> u64 {
        let drawn = dice.below(*self.weights.last().expect("some rows"));
        self.weights.partition_point(|sum| *sum <= drawn) as u64
    }

    pub(super) fn row(&self, dice: &mut Dice) -> Row {
        let kind = dice.one_of(&Kind::ALL);
        let id = self.id(dice);
        row(kind, id)
    }

    async fn load(&self, kind: Kind, id: u64) -> Answered {
        let answers = self.world.source.load(&[row(kind, id)]).await?;
        Ok(answers[0])
    }

    /// One thing that a user does.
    pub(super) async fn act(&self, dice: &mut Dice) {
        let row = self.row(dice);
        match dice.below(1_000) {
            0..20 => self.write(row, dice).await,
            20..23 => self.lock(dice).await,
            23..40 => {
                // A caller who goes away, maybe while others wait for its load.
                let limit = Duration::from_millis(dice.below(12));
                let _ = tokio::time::timeout(limit, self.read(row, dice)).await;
            }
            _ => self.read(row, dice).await,
        }
    }

    async fn read(&self, row: Row, dice: &mut Dice) {
        let (id, at) = (row.id, row.shelf());
        let began = self.world.now();
        let (answer, report) = match row.kind {
            Kind::Plain if dice.percent(3) => {
                let again = plain(self, id, at).refresh_cache();
                again.with_cache_report().await
            }
            Kind::Plain if dice.percent(2) => {
                let past = plain(self, id, at).bypass_cache();
                past.with_cache_report().await
            }
            Kind::Plain => plain(self, id, at).with_cache_report().await,
            Kind::Revalidated => revalidated(self, id, at).with_cache_report().await,
            Kind::IfError => if_error(self, id, at).with_cache_report().await,
            Kind::Ahead => ahead(self, id, at).with_cache_report().await,
            Kind::Early => early(self, id, at).with_cache_report().await,
            Kind::Soft => soft(self, id, at).with_cache_report().await,
            Kind::Limited => limited(self, id, at).with_cache_report().await,
            Kind::Shared => shared(self, id, at).with_cache_report().await,
            Kind::Strict => strict(self, id, at).with_cache_report().await,
            Kind::Alone => alone(self, id, at).with_cache_report().await,
            Kind::Maybe => {
                let (answer, report) = maybe(self, id, at).with_cache_report().await;
                let answers = answer.map(|answer| vec![(row, answer)]);
                return self.judge(vec![row], began, answers, Some(report));
            }
            Kind::Batch => return self.read_many(row, dice).await,
            Kind::Hand => return self.read_by_hand(row).await,
        };
        let answers = answer.map(|answer| vec![(row, Some(answer))]);
        self.judge(vec![row], began, answers, Some(report));
    }

    async fn read_many(&self, first: Row, dice: &mut Dice) {
        let mut ids = vec![first.id];
        for _ in 0..dice.below(5) {
            let id = self.id(dice);
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        let rows: Vec<Row> = ids.iter().map(|&id| row(Kind::Batch, id)).collect();
        let began = self.world.now();
        let (answer, report) = batch(self, ids).with_cache_report().await;
        let answers = answer.map(|answer| {
            let answers = rows.iter().map(|row| (*row, answer.get(&row.id).copied()));
            answers.collect()
        });
        self.judge(rows, began, answers, Some(report));
    }

    /// A reservation comes before its value is read: whatever is invalidated from then on is seen.
    async fn read_by_hand(&self, row: Row) {
        let began = self.world.now();
        if let Some(answer) = self.cache.get(&key_of(row)).await {
            return self.judge(vec![row], began, Ok(vec![(row, Some(answer))]), None);
        }
        let Ok(place) = self.cache.reserve(&key_of(row), &policy_by_hand(row)).await else {
            return self.world.tally(|tally| tally.count("reserve refused"));
        };
        if let Ok(answer) = self.load(Kind::Hand, row.id).await
            && place.fill(&answer).await.is_err()
        {
            self.world.tally(|tally| tally.count("fill refused"));
        }
    }

    fn judge(
        &self,
        rows: Vec<Row>,
        began: Duration,
        answers: Result<Vec<(Row, Option<Answer>)>, Broken>,
        report: Option<cache_aside::Report>,
    ) {
        self.world.judge(&Call {
            instance: self.instance,
            kind: rows[0].kind,
            began,
            ended: self.world.now(),
            answers,
            rows,
            report,
        });
    }

    /// Takes leases of rows that are asked for often, and never gives them back.
    pub(super) async fn hold(&self, rows: &[Row]) {
        let held = rows.iter().map(|row| {
            let shop = self.clone();
            let (id, at) = (row.id, row.shelf());
            tokio::spawn(async move {
                let _ = plain(&shop, id, at).refresh_cache().await;
            })
        });
        for held in held.collect::<Vec<_>>() {
            let _ = held.await;
        }
    }
}
