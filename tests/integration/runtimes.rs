//! Any executor, none, or several: and futures that stay `Send`.

use std::pin::{Pin, pin};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;

use cache_aside::remote::DoubleServer;
use cache_aside::remote::double::Op;
use cache_aside::test_util::{Faulty, Mishap};
use cache_aside::{Cache, Clock, cache_aside, cache_invalidate};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::shared::Fleet;
use crate::support::server::Server;
use crate::support::{MINUTE, SECOND, World, eventually, until};

#[cache_aside(ttl = "1m", jitter = 0, stale_while_revalidate = "1m", prefix = "runtimes.stale", key(), key_fn = stale_key, cache = world.cache)]
async fn stale(world: &World) -> u64 {
    world.load().await
}

#[cache_aside(ttl = "1m", load_timeout = "10s", prefix = "runtimes.limited", key(), cache = world.cache)]
async fn limited(world: &World) -> Result<u64, String> {
    Ok(world.load().await)
}

/// An executor of three lines, without timers or tasks.
fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return output;
        }
    }
}

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

/// One that runs without being waited for.
fn main_runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    let builder = builder.worker_threads(1).enable_all();
    builder.build().expect("a runtime")
}

/// As far as it goes at once.
fn poll_once<F: Future>(future: &mut Pin<Box<F>>) {
    let mut context = Context::from_waker(Waker::noop());
    let polled = future.as_mut().poll(&mut context);
    assert!(polled.is_pending(), "it has to wait");
}

#[test]
fn without_a_runtime_hits_loads_and_refreshes_work() {
    let clock = Clock::manual();
    let cache = block_on(Cache::builder().clock(clock.clone()).build()).expect("good settings");
    let world = World::with(cache, clock);
    assert_eq!(block_on(stale(&world)), 1);
    assert_eq!(block_on(stale(&world)), 1);
    world.write();
    world.clock.advance(MINUTE);
    assert_eq!(
        block_on(stale(&world)),
        2,
        "without tasks it is refreshed by the caller"
    );
    assert_eq!(
        block_on(limited(&world)),
        Ok(2),
        "without a timer it is not cut"
    );
    assert_eq!(world.loads(), 3);
}

#[test]
fn a_cache_outlives_the_runtime_its_refreshes_ran_on() {
    let clock = Clock::manual();
    let cache = block_on(Cache::builder().clock(clock.clone()).build()).expect("good settings");
    let world = World::with(cache, clock);
    runtime().block_on(async {
        stale(&world).await;
        world.clock.advance(MINUTE);
        world.hold();
        stale(&world).await;
    }); // the refresh ends with its runtime, and frees its flight
    world.let_go();
    world.write();
    runtime().block_on(async {
        assert_eq!(stale(&world).await, 1);
        world.cache.close().await.expect("the refresh ends");
        assert_eq!(stale(&world).await, 2);
    });
}

#[cache_aside(ttl = "1m", prefix = "runtimes.boxed", key(), cache = world.cache)]
async fn boxed_error(world: &World) -> Result<u64, Box<dyn std::error::Error>> {
    Ok(world.load().await)
}

#[cache_aside(ttl = "1m", prefix = "runtimes.local", key(), cache = world.cache)]
async fn not_send(world: &World) -> u64 {
    let here = std::rc::Rc::new(world.load().await);
    tokio::task::yield_now().await;
    *here
}

#[cache_invalidate(tags = ["runtimes:{id}", "by:{result}"], keys = [stale_key()], cache = world.cache)]
async fn boxed_error_of_a_write(world: &World, id: u64) -> Result<u64, Box<dyn std::error::Error>> {
    Ok(world.write())
}

#[test]
fn a_call_is_send_where_its_body_is() {
    fn send<F: Future + Send>(_: F) {}
    let world = block_on(World::new());
    // The error is not Send: the call does not hold it over an await.
    send(boxed_error(&world));
    send(boxed_error_of_a_write(&world, 1));
    send(stale(&world));
    assert_eq!(block_on(not_send(&world)), 1);
}

#[tokio::test]
async fn errors_that_cannot_be_shared_are_everyones_own() {
    let world = World::new().await;
    assert_eq!(boxed_error(&world).await.expect("works"), 1);
    assert_eq!(boxed_error(&world).await.expect("works"), 1);
    assert_eq!(world.loads(), 1);
}

#[cache_aside(ttl = "1m", jitter = 0, prefix = "runtimes.item", tags = ["runtimes:{id}"], skip(world), cache = world.cache)]
async fn item(world: &World, id: u64) -> u64 {
    world.load().await
}

#[cache_invalidate(tags = ["runtimes:{id}"], cache = world.cache)]
async fn save(world: World, id: u64, ends: bool) {
    world.write();
    if !ends {
        std::future::pending::<()>().await;
    }
}

/// How a writer goes away in the middle.
fn drop_a_writer(world: &World, on: &str) {
    let mut writer = Box::pin(save(world.clone(), 1, false));
    if on == "a runtime that ends" {
        let worker = runtime();
        worker.spawn(writer);
        worker.block_on(tokio::task::yield_now());
    } else {
        poll_once(&mut writer);
        thread::spawn(|| drop(writer)).join().expect("no panic");
    }
}

#[test]
fn an_invalidation_is_done_though_the_runtime_of_its_writer_has_ended() {
    for on in ["a runtime that ends", "a thread without one"] {
        let main = main_runtime();
        let fleet = main.block_on(Fleet::of(2));
        let (writer, reader) = (&fleet.worlds[0], &fleet.worlds[1]);
        assert_eq!(main.block_on(item(reader, 1)), 1);
        drop_a_writer(writer, on);
        main.block_on(eventually(on, async || item(reader, 1).await == 2));
    }
}

#[test]
fn it_is_done_on_the_runtime_that_the_cache_was_given() {
    let main = main_runtime();
    let fleet = main.block_on(Fleet::of(1));
    let reader = &fleet.worlds[0];
    let builder = Cache::builder()
        .runtime(main.handle().clone())
        .remote(Arc::new(fleet.server.connect()));
    // On a runtime that ends at once.
    let cache = runtime().block_on(builder.build()).expect("good settings");
    let writer = World {
        cache,
        ..reader.clone()
    };
    assert_eq!(main.block_on(item(reader, 1)), 1);
    drop_a_writer(&writer, "a thread without one");
    main.block_on(eventually("done", async || item(reader, 1).await == 2));
}

#[test]
fn what_is_owed_does_not_stay_on_a_runtime_without_time() {
    let main = main_runtime();
    let fleet = main.block_on(Fleet::of(1));
    let reader = &fleet.worlds[0];
    assert_eq!(main.block_on(item(reader, 1)), 1);
    let store = Arc::new(Faulty::new(Arc::new(fleet.server.connect())));
    let writer = main.block_on(Cache::builder().remote(store.clone()).build());
    let writer = writer.expect("good settings");
    let mut timeless = Builder::new_multi_thread();
    let timeless = timeless.worker_threads(1).build().expect("a runtime");
    reader.write();
    store.begin(Mishap::Refused, &[Op::Rotate]);
    let told = timeless.block_on(async { writer.invalidate_tag("runtimes:1").await });
    assert!(told.is_err());
    // The attempt that was told of, and one behind it.
    main.block_on(until("it is tried again", || store.count(Op::Rotate) >= 2));
    store.clear();
    main.block_on(eventually("done", async || item(reader, 1).await == 2));
}

#[test]
fn who_only_writes_does_what_is_owed_although_all_runtimes_had_ended() {
    let fleet = runtime().block_on(Fleet::of(2));
    let (writer, reader) = (&fleet.worlds[0], &fleet.worlds[1]);
    assert_eq!(runtime().block_on(item(reader, 1)), 1);
    drop_a_writer(writer, "a thread without one");
    let last = runtime();
    assert_eq!(last.block_on(item(reader, 1)), 1, "nobody could do it");
    last.block_on(save(writer.clone(), 2, true));
    last.block_on(eventually("done", async || item(reader, 1).await == 3));
}

#[test]
fn a_load_and_a_lock_are_given_back_where_there_is_no_runtime() {
    let main = main_runtime();
    let fleet = main.block_on(Fleet::of(2));
    let (one, other) = (fleet.worlds[0].clone(), &fleet.worlds[1]);
    one.hold();
    let mut loading = Box::pin(async move { item(&one, 1).await });
    main.block_on(async {
        poll_once(&mut loading);
        other.reached(1).await;
    });
    drop(loading);
    other.let_go();
    // Nothing moves the clock: a lease that is not given back does not end.
    let loaded = main.block_on(async { timeout(10 * SECOND, item(other, 1)).await });
    assert_eq!(loaded, Ok(1));

    let locked = main.block_on(fleet.worlds[0].cache.lock("nightly"));
    drop(locked);
    let again = main.block_on(async { timeout(10 * SECOND, other.cache.lock("nightly")).await });
    assert!(again.is_ok_and(|lock| lock.is_ok()));
}

/// The caller has no timers: the connection keeps the time, on its own runtime.
#[test]
fn a_server_that_hangs_holds_nobody_up_who_has_no_runtime() {
    let main = main_runtime();
    let (server, cache) = main.block_on(async {
        let server = Server::start().await;
        let builder = Cache::builder().redis(server.url());
        let builder = builder.read_timeout(SECOND / 10).write_timeout(SECOND / 10);
        (server, builder.build().await.expect("good settings"))
    });
    let world = World::with(cache, Clock::system());
    assert_eq!(block_on(item(&world, 1)), 1);
    server.stop();
    let (done, ends) = mpsc::channel();
    thread::spawn(move || {
        let loaded = block_on(item(&world, 2));
        let owed = block_on(async { world.cache.invalidate_tag("runtimes:1").await }).is_err();
        done.send((loaded, owed))
    });
    let told = ends.recv_timeout(20 * SECOND);
    server.cont();
    assert_eq!(told, Ok((1, true)));
}

#[test]
#[should_panic(expected = "timers are disabled")]
fn a_runtime_without_time_is_told_of_where_the_cache_is_built() {
    let timeless = Builder::new_current_thread().build().expect("a runtime");
    let _ = timeless.block_on(Cache::builder().build());
}

#[test]
#[should_panic(expected = "timers are disabled")]
fn and_of_the_one_that_the_cache_is_given() {
    let timeless = Builder::new_current_thread().build().expect("a runtime");
    let given = Cache::builder().runtime(timeless.handle().clone());
    let _ = runtime().block_on(given.build());
}

/// Blocks its thread, until the server was asked for that so often or half a minute has passed.
fn block_until(server: &DoubleServer, op: Op, times: u64) -> bool {
    (0..3_000).any(|_| {
        thread::sleep(SECOND / 100);
        server.count(op) >= times
    })
}

#[cache_aside(ttl = "1m", prefix = "runtimes.blocking", key(), cache = world.cache)]
async fn blocking(world: &World, server: &DoubleServer) -> bool {
    block_until(server, Op::Renew, 2)
}

#[test]
fn r5_a_lease_is_renewed_while_its_load_blocks_one_thread_of_several() {
    let mut threads = Builder::new_multi_thread();
    let threads = threads.worker_threads(2).enable_all().build();
    let threads = threads.expect("a runtime");
    let fleet = threads.block_on(Fleet::of(1));
    let (world, server) = (fleet.worlds[0].clone(), fleet.server.clone());
    let renewed = threads.spawn(async move { blocking(&world, &server).await });
    assert!(
        threads.block_on(renewed).expect("no panic"),
        "the lease of a load"
    );
    let (cache, server) = (fleet.worlds[0].cache.clone(), fleet.server.clone());
    let renewed = threads.spawn(async move {
        let _lock = cache.lock("blocking").await.expect("a lock");
        block_until(&server, Op::RenewName, 2)
    });
    assert!(threads.block_on(renewed).expect("no panic"), "a lock");
}
