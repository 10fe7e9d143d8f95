//! Annotated code is as clean as it was.

#![deny(warnings, unused, missing_docs, unreachable_pub, unused_qualifications, rust_2018_idioms)]
#![allow(clippy::unused_async)]

use cache_aside::{cache_aside, cache_invalidate};

/// One line.
#[cache_aside(ttl = "5m", prefix = "lints.one_line", key_fn = one_line_key)]
#[must_use]
pub async fn one_line(id: u64) -> u64 { id }

/// An argument with an underscore.
#[cache_aside(ttl = "5m", prefix = "lints.unused", tags = ["t:{_id}"])]
pub async fn unused(_id: u64) -> u64 {
    1
}

#[cache_aside(ttl = "5m", stale_while_revalidate = "1m", prefix = "lints.behind", coherence = "1s")]
async fn behind(text: &str, mut id: u64) -> usize {
    id += 1;
    text.len() + usize::try_from(id).unwrap_or(0)
}

#[cache_aside(ttl = "5m", each = ids, prefix = "lints.each")]
async fn each(ids: &[u64]) -> std::collections::HashMap<u64, u64> {
    ids.iter().map(|id| (*id, *id)).collect()
}

#[cache_invalidate(tags = ["t:{_id}"], soft = std::time::Duration::from_secs(_id), settled = true)]
async fn soft(_id: u64) {}

#[cache_invalidate(tags = ["t:{id}"], keys = [one_line_key(id)], bracket = true)]
async fn write(id: u64) {
    let _ = id;
}

fn main() {
    let futures = async {
        (one_line(1).await, unused(1).await, behind("a", 1).await, each(&[1]).await, write(1).await, soft(1).await)
    };
    drop(futures);
    drop(one_line_key(1));
}
