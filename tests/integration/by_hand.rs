//! Values that are stored by hand.

use cache_aside::{ErrorKind, Key, Policy};
use serde::{Deserialize, Serialize, Serializer};

use crate::shared::Fleet;
use crate::support::{MINUTE, World};

/// Has bytes unless it is zero.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
struct Inverse(u8);

impl Serialize for Inverse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 == 0 {
            return Err(serde::ser::Error::custom("of nothing"));
        }
        serializer.serialize_newtype_struct("Inverse", &self.0)
    }
}

fn key() -> Key<Inverse> {
    Key::new("by_hand.inverse", &(1,))
}

#[tokio::test]
async fn a_value_without_an_encoding_is_an_error_and_nothing_older_stays() {
    let fleet = Fleet::of(2).await;
    let [one, two] = &fleet.worlds[..] else {
        unreachable!()
    };
    let policy = Policy::ttl(MINUTE);
    for filled in [false, true] {
        one.cache.put(&key(), &Inverse(7), &policy).await.unwrap();
        assert_eq!(two.cache.get(&key()).await, Some(Inverse(7)));
        let refused = if filled {
            let place = one.cache.reserve(&key(), &policy).await.unwrap();
            place.fill(&Inverse(0)).await.map(drop)
        } else {
            one.cache.put(&key(), &Inverse(0), &policy).await
        };
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::Value, "{filled}");
        for world in [one, two] {
            assert_eq!(world.cache.get(&key()).await, None, "{filled}");
        }
    }
}

/// Nobody writes it down.
#[tokio::test]
async fn a_value_without_an_encoding_is_stored_where_none_is_needed() {
    let world = World::new().await;
    let policy = Policy::ttl(MINUTE);
    world.cache.put(&key(), &Inverse(0), &policy).await.unwrap();
    assert_eq!(world.cache.get(&key()).await, Some(Inverse(0)));
    let fleet = Fleet::of(1).await;
    let cache = &fleet.worlds[0].cache;
    cache
        .put(&key(), &Inverse(0), &policy.remote(false))
        .await
        .unwrap();
    assert_eq!(cache.get(&key()).await, Some(Inverse(0)));
}

/// What the policy does not store is no mistake.
#[tokio::test]
async fn a_value_that_the_policy_refuses_is_no_error() {
    let fleet = Fleet::of(1).await;
    let cache = &fleet.worlds[0].cache;
    let small = Policy::ttl(MINUTE).max_size(0);
    cache.put(&key(), &Inverse(7), &small).await.unwrap();
    assert_eq!(cache.get(&key()).await, None);
    let place = cache.reserve(&key(), &small).await.unwrap();
    assert!(!place.fill(&Inverse(7)).await.unwrap());
    // Nobody encodes a value where no store is shared, so that it cannot be is no reason there.
    let alone = World::new().await.cache;
    let never = Policy::ttl(MINUTE).cache_if(|_: &Inverse| false);
    alone.put(&key(), &Inverse(0), &never).await.unwrap();
    assert_eq!(alone.get(&key()).await, None);
}
