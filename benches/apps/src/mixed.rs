//! Requests per second of an axum server whose handler reads a cached user, and of the same server with a cache written
//! by hand over redis-rs.
//!
//! Each server is a process of its own and all of them are there all the time; one at a time is loaded, over HTTP/1.1 on connections that are
//! kept. Of a hundred requests five ask for a user that nobody asked for before. The body waits for a
//! timer of 1 ms, as for a database on another machine, and uses no processor: what differs is the cache.
//!
//! On two cores the server, Redis and whoever asks share them, so the processor time that the server itself takes
//! for a request is told, too.

mod client;
mod site;

use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use self::client::Load;
pub(crate) use self::site::{SITE, Site, serve as site};
use crate::process::{Process, now};
use crate::record::{Goal, Record};
use crate::server::Server;

/// The first argument of a process that loads a server which somebody else has started, to be profiled: its address,
/// how many connections, how many misses in a hundred requests, and for how many seconds.
pub(crate) const LOAD: &str = "load";

/// Of a hundred requests.
const MISSES: usize = 5;
/// Where the ids of users begin that nobody asked for.
const FIRST_NEW: u64 = 1_000_000;
const CONNECTIONS: [usize; 3] = [8, 64, 256];
const ROUNDS: usize = 9;
const ROUND: Duration = Duration::from_millis(700);

/// One server, and what came of it.
struct Running {
    site: Site,
    process: Process,
    address: SocketAddr,
    by_connections: BTreeMap<usize, Figures>,
}

#[derive(Default)]
struct Figures {
    /// Requests per second of each round.
    rates: Vec<f64>,
    requests: u64,
    misses: u64,
    loads: u64,
    /// How long its process had a processor, in seconds.
    server: f64,
    /// How long Redis had one meanwhile.
    redis: f64,
}

pub(crate) fn measure(redis: &Server) -> Result<Vec<Record>> {
    let mut running = Vec::new();
    for site in Site::ALL {
        let mut process = Process::start(&[SITE, site.name(), &redis.url()])?;
        let address = word(&process.hear()?, 1)?;
        running.push(Running {
            site,
            process,
            address,
            by_connections: BTreeMap::new(),
        });
    }
    let runtime = on_one_thread()?;
    let load = Load::new(MISSES, FIRST_NEW);
    for running in &running {
        runtime.block_on(load.warm_up(running.address))?;
    }
    for connections in CONNECTIONS {
        for round in 0..ROUNDS {
            for at in 0..running.len() {
                let next = (at + round) % running.len();
                let running = &mut running[next];
                let before = running.counts(redis)?;
                let run = load.run(running.address, connections, ROUND);
                let done = runtime.block_on(run)?;
                let after = running.counts(redis)?;
                let figures = running.by_connections.entry(connections).or_default();
                figures.rates.push(done.rate());
                figures.requests += done.requests;
                figures.misses += done.misses;
                figures.loads += after.loads - before.loads;
                figures.server += after.server - before.server;
                figures.redis += after.redis - before.redis;
            }
        }
    }
    for running in &running {
        running.report();
    }
    records(&running)
}

struct Counts {
    loads: u64,
    server: f64,
    redis: f64,
}

impl Running {
    /// How often its body ran, and how long it and Redis had a processor.
    fn counts(&mut self, redis: &Server) -> Result<Counts> {
        self.process.tell("loads")?;
        let loads = word(&self.process.hear()?, 1)?;
        let told = redis.ask(&["INFO", "cpu"])?;
        let fields = ["used_cpu_user:", "used_cpu_sys:"];
        let seconds = |line: &str| {
            let value = fields.iter().find_map(|field| line.strip_prefix(field));
            value?.trim_end().parse::<f64>().ok()
        };
        Ok(Counts {
            loads,
            server: processor_time(self.process.id()),
            redis: told.lines().filter_map(seconds).sum(),
        })
    }

    fn report(&self) {
        for (connections, figures) in &self.by_connections {
            eprintln!(
                "{:>14} {connections:4} connections: {:7.0}/s (best {:.0}), processor time {:.1} us here and {:.1} us in Redis; {} requests, {} misses, {} loads",
                self.site.name(),
                median(&figures.rates),
                best(&figures.rates),
                figures.each(figures.server),
                figures.each(figures.redis),
                figures.requests,
                figures.misses,
                figures.loads,
            );
        }
    }
}

impl Figures {
    /// In microseconds, for one request.
    fn each(&self, seconds: f64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "far fewer than that")]
        let requests = self.requests as f64;
        seconds * 1e6 / requests
    }
}

/// Of a process, in seconds; 0 where the system does not say it.
fn processor_time(process: u32) -> f64 {
    let stat = read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // After the name, which may hold spaces: field 3 and so on; 14 and 15 are in user and system mode.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let fields = fields.split_whitespace().skip(11).take(2);
    let ticks: u32 = fields.filter_map(|field| field.parse::<u32>().ok()).sum();
    #[expect(clippy::cast_precision_loss, reason = "a hundred or a thousand")]
    let ticks_per_second = rustix::param::clock_ticks_per_second() as f64;
    f64::from(ticks) / ticks_per_second
}

fn records(running: &[Running]) -> Result<Vec<Record>> {
    let by_hand = running.iter().find(|one| one.site == Site::ByHand);
    let by_hand = by_hand.ok_or(ErrorKind::NotFound)?;
    let map = running.iter().find(|one| one.site == Site::Map);
    let map = map.ok_or(ErrorKind::NotFound)?;
    let mut records = Vec::new();
    for one in running.iter().filter(|one| one.site != Site::ByHand) {
        for (connections, ours) in &one.by_connections {
            let theirs = &by_hand.by_connections[connections];
            // A cache that gives new users without a load, or loads what it has, has another task.
            if ours.loads < ours.misses || ours.loads > ours.misses + ours.misses / 20 {
                let told = format!("{} loads for {} misses", ours.loads, ours.misses);
                return Err(Error::other(told));
            }
            let rates = (
                median(&ours.rates) / median(&theirs.rates),
                best(&ours.rates) / best(&theirs.rates),
            );
            let against = "GET, SET by hand over redis-rs, same codec";
            let path = "axum server, 95 % hits";
            let told = format!("{connections} connections: requests per second");
            let what = [path, one.site.title(), against, &told];
            let (goal, id) = (one.site.goal(), "P19");
            let id = if one.site == Site::Map { "" } else { id };
            let floor = median(&map.by_connections[connections].rates) / median(&theirs.rates);
            let record = Record::new(id, goal, what, rates);
            records.push(record.beside(Site::Map.title(), goal, floor));
            let cost = |one: &Figures| one.each(one.server + one.redis);
            let costs = cost(ours) / cost(theirs);
            let told = format!("{connections} connections: processor time, server and Redis");
            let what = [path, one.site.title(), against, &told];
            records.push(Record::new("", Goal::None, what, (costs, costs)));
        }
    }
    Ok(records)
}

fn on_one_thread() -> Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

/// Loads a server that is there already.
pub(crate) fn load(arguments: [&str; 4]) -> Result<()> {
    let [address, connections, misses, seconds] = arguments;
    let wrong = |_| Error::from(ErrorKind::InvalidInput);
    let address = address.parse().map_err(Error::other)?;
    let connections = connections.parse().map_err(wrong)?;
    let time = Duration::from_secs(seconds.parse().map_err(wrong)?);
    // Nobody has asked for these in an earlier run either.
    let load = Load::new(misses.parse().map_err(wrong)?, now().as_secs() * FIRST_NEW);
    let done = on_one_thread()?.block_on(async {
        load.warm_up(address).await?;
        load.run(address, connections, time).await
    });
    println!("{:.0} requests per second", done?.rate());
    Ok(())
}

fn median(rates: &[f64]) -> f64 {
    let mut sorted = rates.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn best(rates: &[f64]) -> f64 {
    rates.iter().copied().fold(f64::NAN, f64::max)
}

fn word<T: std::str::FromStr>(words: &[String], at: usize) -> Result<T> {
    let word = words.get(at).and_then(|word| word.parse().ok());
    word.ok_or_else(|| Error::other(format!("not understood: {words:?}")))
}
