//! A hit in this process, against `quick_cache` by hand: a typed borrowed key, and the same clone.
//!
//! The function under test takes `(u64, &str)` and returns three strings and three numbers. All
//! variants run interleaved in one process; what is printed are ratios of medians, with the ratio
//! of the best rounds behind it, and the goal beside. Absolute times are only there for proportion.
//!
//! ```text
//! cargo bench --bench local_hit                     some twenty seconds; -- --quick: a few
//! cargo bench --bench local_hit -- --memory         bytes per entry, 200,000 entries
//! cargo bench --bench local_hit -- --callgrind-loop clone 1000     nothing but 1,000 hits
//! ```
//!
//! Instructions per hit, the stable measure, are the difference between two such loops (`arc` in
//! place of `clone` for the other value; goals: at most 850 and 320). `trusted-clone` and
//! `trusted-arc` are hits on copies of what processes share, which the store's pushes vouch for:
//!
//! ```text
//! bench=$(cargo bench --bench local_hit --no-run 2>&1 | sed -n 's/.*(\(.*\))/\1/p')
//! for hits in 1000 11000; do valgrind --tool=callgrind --callgrind-out-file=/dev/null \
//!     "$bench" --callgrind-loop clone $hits 2>&1 | sed -n 's/.*Collected : //p'
//! done | { read few; read many; echo $(( (many - few) / 10000 )) per hit; }
//! ```

#![allow(missing_docs, reason = "a program")]

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::process::Command;
use std::sync::{Arc, Barrier, LazyLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use cache_aside::{Cache, Coherence};
use equivalent::Equivalent;
use serde::{Deserialize, Serialize};

const KEYS: u32 = 10_000;
/// Entries for the measure of memory.
const MANY: u32 = 200_000;

/// 217 bytes as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct User {
    name: String,
    email: String,
    about: String,
    id: u64,
    created: i64,
    score: f64,
}

impl User {
    fn of(id: u64, name: &str) -> Self {
        Self {
            name: format!("{name} of the first house"),
            email: format!("{name}@long.example.org"),
            about: format!("{name} keeps bees, reads maps and answers letters on Sundays only"),
            id,
            created: 1_700_000_000 + i64::try_from(id).unwrap_or_default(),
            score: 0.25,
        }
    }
}

static CACHE: LazyLock<Cache> = LazyLock::new(|| {
    ready(Cache::builder().local_capacity(MANY as usize).build()).expect("good settings")
});

/// One that shares its answers, with a store in memory whose pushes are heard.
static SHARED: LazyLock<Cache> = LazyLock::new(|| {
    let store = Arc::new(cache_aside::remote::DoubleServer::new(1).connect());
    let trusted = Coherence::Bounded(Duration::from_secs(3_600));
    ready(Cache::builder().remote(store).coherence(trusted).build()).expect("good settings")
});

/// The cached functions: the same but for their tags and the type of their value.
mod cached {
    use super::{Arc, CACHE, SHARED, User};
    use cache_aside::cache_aside;

    #[cache_aside(ttl = "1h", cache = *CACHE)]
    pub(super) async fn untagged(id: u64, name: &str) -> User {
        User::of(id, name)
    }

    #[cache_aside(ttl = "1h", tags = ["user:{id}", "users"], cache = *CACHE)]
    pub(super) async fn tagged(id: u64, name: &str) -> User {
        User::of(id, name)
    }

    #[cache_aside(
        ttl = "1h",
        tags = ["user:{id}", "name:{name}", "users", "all", "a", "b", "c", "d"],
        cache = *CACHE
    )]
    pub(super) async fn tagged_8(id: u64, name: &str) -> User {
        User::of(id, name)
    }

    #[cache_aside(ttl = "1h", tags = ["user:{id}", "users"], cache = *CACHE)]
    pub(super) async fn shared(id: u64, name: &str) -> Arc<User> {
        Arc::new(User::of(id, name))
    }

    #[cache_aside(ttl = "1h", tags = ["user:{id}", "users"], cache = *SHARED)]
    pub(super) async fn trusted(id: u64, name: &str) -> User {
        User::of(id, name)
    }

    #[cache_aside(ttl = "1h", tags = ["user:{id}", "users"], cache = *SHARED)]
    pub(super) async fn trusted_arc(id: u64, name: &str) -> Arc<User> {
        Arc::new(User::of(id, name))
    }
}

/// What is compared with: the key owned by the map, and what it is looked up by.
#[derive(Hash, PartialEq, Eq)]
struct Owned(u64, Box<str>);

#[derive(Hash)]
struct Borrowed<'a>(u64, &'a str);

impl Equivalent<Owned> for Borrowed<'_> {
    fn equivalent(&self, owned: &Owned) -> bool {
        self.0 == owned.0 && *self.1 == *owned.1
    }
}

type ByHand<V> = quick_cache::sync::Cache<Owned, V>;

/// As somebody would write it: look, and on a miss load and insert.
async fn by_hand<V: Clone + From<User>>(cache: &ByHand<V>, id: u64, name: &str) -> V {
    if let Some(value) = cache.get(&Borrowed(id, name)) {
        return value;
    }
    let value = V::from(User::of(id, name));
    cache.insert(Owned(id, name.into()), value.clone());
    value
}

/// A hit is ready at the first poll: no runtime is needed to wait for it.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a hit does not wait"),
    }
}

type Keys = [(u64, String)];

fn keys(count: u32) -> Box<Keys> {
    (0..count)
        .map(|id| (u64::from(id), format!("name-{:04}", id % KEYS)))
        .collect()
}

/// Calls `call` with keys drawn evenly, or always with the same one.
fn draw<R>(keys: &Keys, hits: u32, call: impl Fn(u64, &str) -> R) {
    let mut state = 0x9E37_79B9_u32;
    for _ in 0..hits {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let index = (u64::from(state) * keys.len() as u64) >> 32;
        let (id, name) = &keys[usize::try_from(index).expect("an index")];
        black_box(call(black_box(*id), black_box(name)));
    }
}

/// Runs so many hits.
type Hits = Box<dyn Fn(&Keys, u32) + Send + Sync>;

/// One way to get a value, named.
struct Variant {
    name: &'static str,
    hits: Hits,
}

impl Variant {
    fn new<R>(
        name: &'static str,
        call: impl Fn(u64, &str) -> R + Clone + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            hits: Box::new(move |keys, hits| draw(keys, hits, call.clone())),
        }
    }
}

const OWN: usize = 0;
const OWN_UNTAGGED: usize = 1;
const OWN_8_TAGS: usize = 2;
const OWN_ARC: usize = 3;
const HAND: usize = 4;
const HAND_ARC: usize = 5;

fn variants() -> Vec<Variant> {
    let clones: &'static ByHand<User> = Box::leak(Box::new(ByHand::new(2 * KEYS as usize)));
    let arcs: &'static ByHand<Arc<User>> = Box::leak(Box::new(ByHand::new(2 * KEYS as usize)));
    vec![
        Variant::new("own, 2 tags", |id, name| ready(cached::tagged(id, name))),
        Variant::new("own, no tag", |id, name| ready(cached::untagged(id, name))),
        Variant::new("own, 8 tags", |id, name| ready(cached::tagged_8(id, name))),
        Variant::new("own, 2 tags, Arc", |id, name| {
            ready(cached::shared(id, name))
        }),
        Variant::new("quick_cache", |id, name| ready(by_hand(clones, id, name))),
        Variant::new("quick_cache, Arc", |id, name| {
            ready(by_hand(arcs, id, name))
        }),
    ]
}

fn timed(run: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    run();
    begin.elapsed()
}

/// Two threads at once; the time of the slower.
fn on_two_threads(run: impl Fn() + Sync) -> Duration {
    let start = Barrier::new(2);
    let one = || {
        start.wait();
        let begin = Instant::now();
        run();
        begin.elapsed()
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(one);
        one().max(other.join().expect("no panic"))
    })
}

/// Nanoseconds per hit, one per round.
#[derive(Default)]
struct Rounds(Vec<f64>);

impl Rounds {
    fn add(&mut self, time: Duration, hits: u32) {
        self.0.push(time.as_secs_f64() * 1e9 / f64::from(hits));
        self.0.sort_by(f64::total_cmp);
    }

    fn median(&self) -> f64 {
        self.0[self.0.len() / 2]
    }

    fn best(&self) -> f64 {
        self.0[0]
    }
}

/// One column of the table: all variants on one load.
struct Column {
    title: &'static str,
    rounds: Vec<Rounds>,
}

impl Column {
    fn new(title: &'static str, variants: &[Variant]) -> Self {
        Self {
            title,
            rounds: variants.iter().map(|_| Rounds::default()).collect(),
        }
    }
}

fn measure(variants: &[Variant], rounds: u32, hits: u32) -> [Column; 3] {
    let keys = keys(KEYS);
    let hot = &keys[..1];
    let titles = ["10,000 keys", "1 key", "1 key, 2 threads"];
    let mut columns = titles.map(|title| Column::new(title, variants));
    let [uniform, single, double] = &mut columns;
    for variant in variants {
        // Loads everything: the draw of so many hits misses no key.
        (variant.hits)(&keys, 20 * KEYS);
    }
    for _ in 0..rounds {
        for (index, Variant { hits: run, .. }) in variants.iter().enumerate() {
            uniform.rounds[index].add(timed(|| run(&keys, hits)), hits);
            single.rounds[index].add(timed(|| run(hot, hits)), hits);
            double.rounds[index].add(on_two_threads(|| run(hot, hits)), hits);
        }
    }
    columns
}

fn compare(quick: bool) {
    let (rounds, hits) = if quick { (5, 20_000) } else { (31, 100_000) };
    let variants = variants();
    let columns = measure(&variants, rounds, hits);

    println!("ns per hit, median of {rounds} rounds of {hits} (best)");
    println!(
        "{:20}{}",
        "",
        columns
            .each_ref()
            .map(|c| format!("{:>20}", c.title))
            .concat()
    );
    for (index, variant) in variants.iter().enumerate() {
        let cells = columns.each_ref().map(|column| {
            let rounds = &column.rounds[index];
            format!(
                "{:>20}",
                format!("{:.1} ({:.1})", rounds.median(), rounds.best())
            )
        });
        println!("{:20}{}", variant.name, cells.concat());
    }

    println!("\nratio of medians (of the best)               goal");
    let [uniform, single, double] = &columns;
    for column in [uniform, single] {
        let of = |a: usize, b: usize| (&column.rounds[a], &column.rounds[b]);
        let title = column.title;
        ratio(
            &format!("P1 clone / quick_cache, {title}"),
            of(OWN, HAND),
            "<= 1.15",
        );
        ratio(
            &format!("P2 Arc / quick_cache, {title}"),
            of(OWN_ARC, HAND_ARC),
            "<= 1.6",
        );
        ratio(
            &format!("P6 8 tags / none, {title}"),
            of(OWN_8_TAGS, OWN_UNTAGGED),
            "<= 1.25",
        );
    }
    ratio(
        "P5 2 threads / 1, 1 key",
        (&double.rounds[OWN], &single.rounds[OWN]),
        "<= 1.3",
    );
    let (own, hand) = (&double.rounds[OWN], &double.rounds[HAND]);
    ratio("P5 quick_cache / clone, 2 threads", (hand, own), ">= 4");
    let hand = (&double.rounds[HAND], &single.rounds[HAND]);
    ratio("   quick_cache 2 threads / 1, 1 key", hand, "-");
}

fn ratio(name: &str, (left, right): (&Rounds, &Rounds), goal: &str) {
    let (median, best) = (left.median() / right.median(), left.best() / right.best());
    println!("{name:40}{median:5.2} ({best:.2})   {goal}");
}

/// Nothing but hits, for a tool that counts instructions.
fn callgrind_loop(value: &str, hits: u32) {
    let key = &keys(1);
    match value {
        "clone" => draw(key, hits, |id, name| ready(cached::tagged(id, name))),
        "arc" => draw(key, hits, |id, name| ready(cached::shared(id, name))),
        "trusted-clone" => {
            loaded(|(id, name)| cached::trusted(*id, name));
            draw(key, hits, |id, name| ready(cached::trusted(id, name)));
        }
        "trusted-arc" => {
            loaded(|(id, name)| cached::trusted_arc(*id, name));
            draw(key, hits, |id, name| ready(cached::trusted_arc(id, name)));
        }
        "quick_cache" => {
            let cache = ByHand::<User>::new(10);
            draw(key, hits, |id, name| ready(by_hand(&cache, id, name)));
        }
        "quick_cache-arc" => {
            let cache = ByHand::<Arc<User>>::new(10);
            draw(key, hits, |id, name| ready(by_hand(&cache, id, name)));
        }
        _ => panic!(
            "clone, arc, with trusted- or without, quick_cache or quick_cache-arc, not {value}"
        ),
    }
}

/// Loads the first key. What is shared is loaded with a runtime; hits need none.
fn loaded<'a, F: Future>(call: impl Fn(&'a (u64, String)) -> F) {
    let key: &'static (u64, String) = Box::leak(Box::new(keys(1)[0].clone()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    // Twice: the token that the first load made is pushed, and has the copy confirmed once.
    let twice = async {
        call(key).await;
        call(key).await;
    };
    runtime.expect("a runtime").block_on(twice);
}

/// Fills a process with entries of one kind and says what it took.
fn fill(what: &str) {
    let keys = keys(MANY);
    let before = resident();
    match what {
        // Key and value alone: a vector of them.
        "plain" => {
            let entries = keys
                .iter()
                .map(|(id, name)| (Owned(*id, name.as_str().into()), User::of(*id, name)));
            black_box(entries.collect::<Vec<_>>().leak());
        }
        "quick_cache" => {
            let cache = ByHand::<User>::new(MANY as usize);
            keys.iter()
                .for_each(|(id, name)| drop(ready(by_hand(&cache, *id, name))));
            std::mem::forget(cache);
        }
        "untagged" => keys
            .iter()
            .for_each(|(id, name)| drop(ready(cached::untagged(*id, name)))),
        "tagged" => keys
            .iter()
            .for_each(|(id, name)| drop(ready(cached::tagged(*id, name)))),
        _ => panic!("nothing is called {what}"),
    }
    println!("{}", (resident() - before) / u64::from(MANY));
}

/// Bytes of memory this process has, by the system's count.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.expect("the format of statm") * 4_096
}

/// Each kind in a process of its own, so that none reuses what another gave back.
fn memory() {
    let own_path = std::env::current_exe().expect("the path of this program");
    let bytes = |what| {
        let output = Command::new(&own_path)
            .args(["--fill", what])
            .output()
            .expect("this program");
        let text = String::from_utf8(output.stdout).expect("a number");
        text.trim().parse::<i64>().expect("a number")
    };
    let plain = bytes("plain");
    println!("bytes per entry, {MANY} entries; key and value alone: {plain}");
    for (what, goal) in [
        ("quick_cache", "-"),
        ("untagged", "P17 <= 120"),
        ("tagged", "- (one tag of its own per entry)"),
    ] {
        println!("{what:12} + {:4}   {goal}", bytes(what) - plain);
    }
}

fn main() {
    let args: Vec<_> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["--callgrind-loop", value] => callgrind_loop(value, 10_000),
        ["--callgrind-loop", value, hits] => callgrind_loop(value, hits.parse().expect("a number")),
        ["--fill", what] => fill(what),
        ["--memory"] => memory(),
        ["--quick"] => compare(true),
        [] => compare(false),
        _ => panic!("unknown arguments {args:?}, see the head of this file"),
    }
}
