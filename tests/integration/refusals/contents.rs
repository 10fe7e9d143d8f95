//! Others write under our names: a miss, and the next load puts it right.

use std::collections::HashMap;

use cache_aside::{Policy, cache_aside};

use super::{Server, eventually, world};
use crate::support::refusing::{Foreign, plant};
use crate::support::{MINUTE, World};

/// Nothing of it in this process.
#[cache_aside(ttl = "1m", jitter = 0, local = false, prefix = "thing", key_fn = thing_key, tags = ["thing:{id}"], skip(world), cache = world.cache)]
async fn thing(world: &World, id: u64) -> u64 {
    world.load().await
}

#[cache_aside(ttl = "1m", jitter = 0, local = false, prefix = "thing", tags = ["thing:{ids}"], each = ids, skip(world), cache = world.cache)]
async fn things(world: &World, ids: Vec<u64>) -> HashMap<u64, u64> {
    let version = world.load().await;
    ids.into_iter().map(|id| (id, version)).collect()
}

/// Where something can be in the place of ours.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Entry,
    Lease,
    KeyMark,
    Tag,
    Prefix,
    Family,
}

const PLACES: [Place; 6] = [
    Place::Entry,
    Place::Lease,
    Place::KeyMark,
    Place::Tag,
    Place::Prefix,
    Place::Family,
];

impl Place {
    fn key(self, id: u64) -> String {
        let entry = |kind: char| {
            let key = thing_key(id);
            format!("no:{kind}:{{thing:{}}}", key.digest())
        };
        match self {
            Self::Entry => entry('v'),
            Self::Lease => entry('l'),
            Self::KeyMark => entry('i'),
            Self::Tag => format!("no:t:{{thing:{id}}}"),
            Self::Prefix => "no:t:{@fn:thing}".to_owned(),
            Self::Family => "no:e:{thing:}".to_owned(),
        }
    }
}

/// The first to do something after that.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Call {
    Get,
    GetMany,
    Load,
    Batch,
    Put,
    Reserve,
    InvalidateKey,
    InvalidateTag,
    Bracket,
}

const CALLS: [Call; 9] = [
    Call::Get,
    Call::GetMany,
    Call::Load,
    Call::Batch,
    Call::Put,
    Call::Reserve,
    Call::InvalidateKey,
    Call::InvalidateTag,
    Call::Bracket,
];

/// Whatever it does, it succeeds, and what it gives is `version`.
async fn succeeds(world: &World, call: Call, id: u64, version: u64) {
    let (cache, key) = (&world.cache, thing_key(id));
    let tag = format!("thing:{id}");
    let policy = Policy::ttl(MINUTE).local(false).tags([tag.clone()]);
    match call {
        Call::Get => {
            let found = cache.get(&key).await;
            assert!(found.is_none_or(|found| found == version));
        }
        Call::GetMany => {
            let found = cache.get_many(&[key]).await;
            assert!(found[0].is_none_or(|found| found == version));
        }
        Call::Load => assert_eq!(thing(world, id).await, version),
        Call::Batch => assert_eq!(things(world, vec![id]).await[&id], version),
        Call::Put => cache.put(&key, &version, &policy).await.unwrap(),
        Call::Reserve => {
            let place = cache.reserve(&key, &policy).await.unwrap();
            place.fill(&version).await.unwrap();
        }
        Call::InvalidateKey => cache.invalidate(&key).await.unwrap(),
        Call::InvalidateTag => cache.invalidate_tag(tag).await.unwrap(),
        Call::Bracket => cache.write_bracket([tag], async {}).await.unwrap(),
    }
}

/// After few loads it is cached again.
async fn heals(world: &World, id: u64, version: u64) {
    let before = world.loads();
    eventually("it is cached", async || {
        let loads = world.loads();
        assert_eq!(thing(world, id).await, version);
        world.loads() == loads
    })
    .await;
    assert!(
        world.loads() - before <= 2,
        "{} loads",
        world.loads() - before
    );
}

/// Ours begin like this.
const MAGIC: [u8; 2] = [0xCA, 0x51];

/// Bytes that are none of ours, most of them nearly.
fn bytes() -> Vec<Vec<u8>> {
    let with = |length: usize, changes: &[(usize, u8)]| {
        let mut bytes = vec![0; length];
        bytes[..2].copy_from_slice(&MAGIC);
        bytes[2] = 1;
        for (at, byte) in changes {
            bytes[*at] = *byte;
        }
        bytes
    };
    let lengths = [
        (6, 255),
        (8, 255),
        (9, 255),
        (64, 255),
        (65, 255),
        (66, 255),
        (67, 255),
    ];
    vec![
        vec![],
        b"P".to_vec(),
        b"L".to_vec(),
        b"R".to_vec(),
        vec![0xff; 7],
        vec![0xff; 8],
        vec![0xff; 15],
        vec![0xff; 17],
        vec![0xff; 600],
        b"{\"id\":7,\"name\":\"somebody else\"}".to_vec(),
        with(3, &[]),
        with(72, &[]),
        with(72, &[(2, 2)]),
        with(200, &lengths),
        with(100_000, &lengths),
    ]
}

#[tokio::test]
async fn whatever_others_put_in_our_places_is_a_miss_and_is_put_right() {
    let server = Server::start().await;
    let world = world(&server.url()).await;
    let mut id = 0;
    for place in PLACES {
        for call in CALLS {
            let mut foreign = vec![Foreign::List, Foreign::Hash, Foreign::Stream];
            let bytes = bytes();
            foreign.extend(bytes.iter().map(|bytes| Foreign::Bytes(bytes)));
            for what in foreign {
                id += 1;
                let version = world.write();
                world.cache.invalidate_prefix("thing").await.unwrap();
                assert_eq!(thing(&world, id).await, version);
                plant(&server, &place.key(id), what).await;
                let corrupt = world.cache.stats().total.corrupt;
                succeeds(&world, call, id, version).await;
                let counted = world.cache.stats().total.corrupt - corrupt;
                let reads = matches!(call, Call::Get | Call::GetMany | Call::Load | Call::Batch);
                let unreadable =
                    reads && place == Place::Entry && matches!(what, Foreign::Bytes(_));
                assert_eq!(counted > 0, unreadable, "{place:?} {call:?} {what:?}");
                heals(&world, id, version).await;
                if place == Place::Entry {
                    let key = place.key(id);
                    let ours: Vec<u8> = redis::cmd("GETRANGE")
                        .arg(&[&key, "0", "1"])
                        .query_async(&mut server.admin().await)
                        .await
                        .unwrap();
                    assert_eq!(ours, MAGIC, "{call:?} {what:?}");
                }
            }
        }
    }
    assert!(super::said(&world).await.is_empty());
}

#[tokio::test]
async fn a_lock_whose_name_others_use_is_somebody_elses() {
    let server = Server::start().await;
    let world = world(&server.url()).await;
    let key = "no:x:{nightly}";
    for what in [Foreign::List, Foreign::Bytes(b"")] {
        plant(&server, key, what).await;
        assert!(world.cache.try_lock("nightly").await.unwrap().is_none());
        assert_eq!(server.evict(key).await, 1);
        let lease = world.cache.try_lock("nightly").await.unwrap().unwrap();
        plant(&server, key, what).await;
        lease.release().await.unwrap();
        assert_eq!(server.evict(key).await, 1, "it was not ours to take away");
    }
}
