use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Barrier;
use tokio::task::yield_now;
use tokio::time::timeout;

use super::{Ending, Progress, round};

/// Nothing here waits for anything but itself.
const LIMIT: Duration = Duration::from_secs(20);

fn at_once(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).expect("some")
}

#[tokio::test]
async fn each_key_is_touched_once_and_no_more_at_a_time_than_may_be() {
    const AT_ONCE: usize = 4;
    let touched = Arc::<Mutex<Vec<usize>>>::default();
    let (running, most) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    // Nobody goes on before so many are there: fewer would wait for ever.
    let together = Arc::new(Barrier::new(AT_ONCE));
    let touch = |key| {
        let (touched, together) = (Arc::clone(&touched), Arc::clone(&together));
        let (running, most) = (Arc::clone(&running), Arc::clone(&most));
        async move {
            most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
            touched.lock().expect("no panic inside").push(key);
            together.wait().await;
            // One too many begins here.
            yield_now().await;
            running.fetch_sub(1, SeqCst);
            Ending::Loaded
        }
    };
    let keys: Vec<usize> = (0..10 * AT_ONCE).collect();
    let round = round(keys.clone(), at_once(AT_ONCE), touch, |_| {});
    let progress = timeout(LIMIT, round).await.expect("too few at a time");
    assert_eq!(progress.loaded, keys.len());
    assert_eq!(most.load(SeqCst), AT_ONCE);
    let mut touched = touched.lock().expect("no panic inside").clone();
    touched.sort_unstable();
    assert_eq!(touched, keys);
}

#[tokio::test]
async fn what_fails_or_panics_is_counted_and_stops_nothing() {
    let mut shown = Vec::new();
    let touch = |key: u32| async move {
        match key {
            3 => Ending::Failed("no answer for 3".to_owned()),
            7 => panic!("a bug in 7"),
            even if even % 2 == 0 => Ending::Found,
            _ => Ending::Loaded,
        }
    };
    let progress = round((1..=9).collect(), at_once(1), touch, |progress| {
        shown.push(progress.done());
    })
    .await;
    assert_eq!(shown, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let counted = (progress.found, progress.loaded, progress.failed);
    assert_eq!(counted, (4, 3, 2));
    let error = progress.last_error.expect("7 came after 3");
    assert!(error.contains("a bug in 7"), "{error}");
}

#[tokio::test]
async fn without_keys_a_round_is_over_at_once() {
    let touch = |key: u32| async move { Ending::Failed(format!("{key}?")) };
    let progress = round(Vec::new(), at_once(8), touch, |_| panic!("nothing to show")).await;
    assert_eq!(progress, Progress::of(0));
}
