//! What callers get from several caches over Redis while the server is in trouble.
//!
//! `cargo run --release --manifest-path benches/peers/Cargo.toml --bin faults` tries every system under every
//! fault, each pair in a process of its own, and prints tables. `-- SYSTEM FAULT` tries one pair, and either
//! may be `all`. It needs a `redis-server`: the one that `CACHE_ASIDE_REDIS_BIN` names, that on `PATH`, or
//! the one that the tests of this repository unpacked.

mod calls;
mod faults;
mod record;
mod report;
mod server;
mod subject;
mod systems;
mod trial;

use std::io::{BufRead, BufReader, Error, ErrorKind, Result};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::faults::Fault;
use crate::record::Trial;
use crate::systems::System;

/// The first argument of the process that makes one trial.
const TRIAL: &str = "trial";
/// Where the short form of `cached` looks for the server.
const CACHED_URL: &str = "CACHED_REDIS_CONNECTION_STRING";

/// How many trials are made at the same time: nearly all of each is waiting.
const AT_ONCE: usize = 4;
/// Of one trial.
const TRIAL_LIMIT: Duration = Duration::from_secs(90);
/// Of all. What is not done by then is not in the tables.
const LIMIT: Duration = Duration::from_secs(345);

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let wrong = || Error::from(ErrorKind::InvalidInput);
    match arguments[..] {
        [server::KEEP, port] => server::keep(port.parse().map_err(Error::other)?),
        [TRIAL, system, fault, url, port] => {
            subject::set_url(url.to_owned());
            let system = System::named(system).ok_or_else(wrong)?;
            let fault = Fault::named(fault).ok_or_else(wrong)?;
            let port = port.parse().map_err(Error::other)?;
            let runtime = quiet_runtime()?;
            let trial = runtime.block_on(trial::run(system, fault, port))?;
            println!("{}", serde_json::to_string(&trial)?);
            // Calls that hang are left behind.
            runtime.shutdown_background();
            Ok(())
        }
        [trial::ANOTHER, system, url, id] => {
            subject::set_url(url.to_owned());
            let system = System::named(system).ok_or_else(wrong)?;
            let id = id.parse().map_err(Error::other)?;
            let runtime = quiet_runtime()?;
            runtime.block_on(trial::another(system, id));
            runtime.shutdown_background();
            Ok(())
        }
        [] => compare("all", "all"),
        [system, fault] => compare(system, fault),
        _ => Err(wrong()),
    }
}

/// Panics are counted, and nothing is said of each.
fn quiet_runtime() -> Result<Runtime> {
    std::panic::set_hook(Box::new(|_| {}));
    Runtime::new()
}

fn compare(system: &str, fault: &str) -> Result<()> {
    let wanted = |name, pattern| pattern == "all" || pattern == name;
    let faults = Fault::ALL.into_iter().filter(|f| wanted(f.name(), fault));
    let systems = || System::ALL.into_iter().filter(|s| wanted(s.name(), system));
    let pairs = faults.flat_map(|fault| systems().map(move |system| (system, fault)));
    let pairs = Mutex::new(pairs.collect::<Vec<_>>().into_iter());
    let started = Instant::now();
    let trials = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some((system, fault)) = locked(&pairs).next() else {
                        break;
                    };
                    let left = LIMIT.saturating_sub(started.elapsed());
                    let began = Instant::now();
                    let trial = in_another_process(system, fault, TRIAL_LIMIT.min(left));
                    let took = began.elapsed().as_secs_f64();
                    eprintln!("{}, {}: {took:.1} s", system.name(), fault.name());
                    match trial {
                        Ok(trial) => locked(&trials).push(trial),
                        Err(error) => eprintln!("  left out: {error}"),
                    }
                }
            });
        }
    });
    report::print(&locked(&trials), &server::version()?);
    eprintln!("{:.0} s in all", started.elapsed().as_secs_f64());
    Ok(())
}

/// What was pushed or taken before another thread panicked is whole.
fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn in_another_process(system: System, fault: Fault, limit: Duration) -> Result<Trial> {
    let port = server::free_port()?;
    let url = format!("redis://{}127.0.0.1:{port}/0", fault.credentials());
    let mut process = Command::new(std::env::current_exe()?)
        .args([TRIAL, system.name(), fault.name(), &url, &port.to_string()])
        .env(CACHED_URL, &url)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let said = last_line(&mut process, limit);
    // It has ended by itself, unless the limit was reached.
    let _ = process.kill();
    process.wait()?;
    Ok(serde_json::from_str(&said?)?)
}

fn last_line(process: &mut Child, limit: Duration) -> Result<String> {
    let output = process.stdout.take().ok_or(ErrorKind::BrokenPipe)?;
    let (tell, hear) = channel();
    thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(output).read_line(&mut line);
        // Nobody listens any more once the limit was reached.
        let _ = tell.send(read.map(|_| line));
    });
    match hear.recv_timeout(limit) {
        Ok(line) => line,
        Err(RecvTimeoutError::Timeout) => Err(ErrorKind::TimedOut.into()),
        Err(RecvTimeoutError::Disconnected) => Err(ErrorKind::BrokenPipe.into()),
    }
}
