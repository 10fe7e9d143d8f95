use std::cell::Cell;
use std::panic::{set_hook, take_hook};
use std::sync::mpsc;

use super::*;

#[test]
fn a_runtime_without_timers_is_asked_once() {
    thread_local!(static PANICS: Cell<u32> = const { Cell::new(0) });
    let told = take_hook();
    set_hook(Box::new(move |panic| {
        PANICS.set(PANICS.get() + 1);
        told(panic);
    }));
    for runtimes in 1..3 {
        let without = tokio::runtime::Builder::new_current_thread().build();
        without.unwrap().block_on(async {
            for _ in 0..3 {
                assert_eq!(within(Duration::ZERO, async { 7 }).await, Some(7));
            }
        });
        assert_eq!(PANICS.get(), runtimes);
    }
    let mut with = tokio::runtime::Builder::new_current_thread();
    with.enable_time().build().unwrap().block_on(async {
        assert_eq!(within(Duration::ZERO, pending::<()>()).await, None);
    });
    assert_eq!(PANICS.get(), 2);
}

#[test]
fn r5_what_is_handed_over_runs_although_the_caller_blocks_its_thread() {
    let mut threads = tokio::runtime::Builder::new_multi_thread();
    let threads = threads.worker_threads(2).build().unwrap();
    let blocks = threads.spawn(async {
        let (done, is_done) = mpsc::channel();
        drop(spawn_detached(async move { done.send(()) }));
        hand_over();
        is_done.recv_timeout(Duration::from_secs(30))
    });
    assert_eq!(threads.block_on(blocks).unwrap(), Ok(()));
}
