//! Those who write: a new version, and an invalidation of what was read before.

use std::time::Duration;

use cache_aside::{Error, ErrorKind, cache_invalidate};

use super::dice::Dice;
use super::judge::SOFT;
use super::kinds::{Kind, Row, Target};
use super::oracle::Raise;
use super::traffic::{Shop, key_of, policy_by_hand, tags_of};

/// The versions that an invalidation promises.
type Promised = Vec<(Row, u64)>;

#[cache_invalidate(tags = ["row:{id}"], cache = shop.cache, on_failure = propagate)]
async fn rename(shop: &Shop, id: u64, row: Row) -> Result<Promised, Error> {
    shop.commit(row).await;
    Ok(shop.promised(Target::Number(id)))
}

#[cache_invalidate(tags = ["shelf:{shelf}"], cache = shop.cache, bracket = true, on_failure = propagate)]
async fn sort(shop: &Shop, shelf: u64, row: Row) -> Result<Promised, Error> {
    shop.commit(row).await;
    Ok(shop.promised(Target::Shelf(shelf)))
}

impl Shop {
    pub(super) async fn write(&self, row: Row, dice: &mut Dice) {
        let raise = Raise {
            instance: self.instance,
            done: true,
            settled: false,
            soft: Duration::ZERO,
        };
        match dice.below(100) {
            0..10 => {
                let renamed = rename(self, row.id, row).await;
                self.wrote(renamed, raise);
            }
            10..15 if row.kind.is_on_a_shelf() => {
                let sorted = sort(self, row.shelf(), row).await;
                self.wrote(sorted, raise);
            }
            15..25 => self.write_in_bracket(row, raise, dice).await,
            25..35 if row.kind == Kind::Hand => self.put(row).await,
            _ => self.write_and_invalidate(row, raise, dice).await,
        }
    }

    /// Nobody puts a version while the next one is committed.
    async fn commit(&self, row: Row) {
        let _turn = self.world.hands[row.index()].lock().await;
        self.world.source.write(row);
    }

    fn promised(&self, target: Target) -> Promised {
        let rows = target.rows().into_iter();
        rows.map(|row| (row, self.world.source.version(row)))
            .collect()
    }

    fn wrote(&self, written: Result<Promised, Error>, raise: Raise) {
        match written {
            Ok(promised) => self.raise(&promised, raise),
            // What was promised is gone with the answer.
            Err(error) => self.refused(error.kind()),
        }
    }

    fn raise(&self, promised: &[(Row, u64)], raise: Raise) {
        let now = self.world.now();
        self.world.floors.raise(promised, now, raise);
        self.world.tally(|tally| tally.count("invalidations done"));
    }

    fn refused(&self, kind: ErrorKind) {
        let what = match kind {
            ErrorKind::Pending => "invalidations owed",
            ErrorKind::Unavailable => "brackets refused",
            _ => "other errors by hand",
        };
        self.world.tally(|tally| tally.count(what));
    }

    async fn write_and_invalidate(&self, row: Row, mut raise: Raise, dice: &mut Dice) {
        let target = match dice.below(1_000) {
            0..4 => Target::Everything,
            4..20 => Target::Prefix(row.kind),
            20..400 => Target::Key(row),
            400..550 if row.kind.is_on_a_shelf() => Target::Shelf(row.shelf()),
            _ => Target::Number(row.id),
        };
        self.commit(row).await;
        let promised = self.promised(target);
        let mut invalidation = match target {
            Target::Number(id) => self.cache.invalidate_tag(format!("row:{id}")),
            Target::Shelf(at) => self.cache.invalidate_tag(format!("shelf:{at}")),
            Target::Key(row) => self.cache.invalidate(&key_of(row)),
            Target::Prefix(kind) => self.cache.invalidate_prefix(kind.prefix()),
            Target::Everything => self.cache.clear(),
        };
        match dice.below(100) {
            0..8 => {
                raise.settled = true;
                invalidation = invalidation.settled();
            }
            8..25 => {
                invalidation = invalidation.soft(SOFT);
                // A key has no window.
                if !matches!(target, Target::Key(_)) {
                    raise.soft = SOFT;
                }
            }
            _ => {}
        }
        let began = self.world.now();
        let ended = if dice.percent(4) {
            // Some go away before it is done.
            let limit = Duration::from_millis(dice.below(3));
            tokio::time::timeout(limit, invalidation).await.ok()
        } else {
            Some(invalidation.await)
        };
        let took = self.world.now().saturating_sub(began);
        if !raise.settled {
            self.world.tally(|tally| tally.invalidated(took));
        }
        raise.done = matches!(ended, Some(Ok(())));
        if let Some(Err(error)) = &ended {
            self.refused(error.kind());
        }
        self.raise(&promised, raise);
    }

    async fn write_in_bracket(&self, row: Row, mut raise: Raise, dice: &mut Dice) {
        let by_shelf = row.kind.is_on_a_shelf() && dice.percent(50);
        let [of_number, of_shelf] = tags_of(row);
        let (tag, target) = if by_shelf {
            (of_shelf, Target::Shelf(row.shelf()))
        } else {
            (of_number, Target::Number(row.id))
        };
        let pause = Duration::from_millis(dice.below(10));
        let mut bracket = self.cache.write_bracket([tag], async {
            tokio::time::sleep(pause).await;
            self.commit(row).await;
            self.promised(target)
        });
        if dice.percent(20) {
            raise.settled = true;
            bracket = bracket.settled();
        }
        self.wrote(bracket.await, raise);
    }

    /// A version that is current from before it is put until it is.
    async fn put(&self, row: Row) {
        let _turn = self.world.hands[row.index()].lock().await;
        self.world.source.write(row);
        let Ok(answers) = self.world.source.load(&[row]).await else {
            return;
        };
        let (key, policy) = (key_of(row), policy_by_hand(row));
        if self.cache.put(&key, &answers[0], &policy).await.is_err() {
            self.world.tally(|tally| tally.count("put refused"));
        }
    }

    /// One of all who ask for the same name at once.
    pub(super) async fn lock(&self, dice: &mut Dice) {
        match self.cache.try_lock("soak").await {
            Ok(Some(lease)) => {
                tokio::time::sleep(Duration::from_millis(dice.below(5))).await;
                let _ = lease.release().await;
                self.world.tally(|tally| tally.count("locks"));
            }
            Ok(None) => self.world.tally(|tally| tally.count("locks taken")),
            Err(_) => self.world.tally(|tally| tally.count("locks refused")),
        }
    }
}
