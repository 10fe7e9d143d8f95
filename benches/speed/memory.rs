//! What an entry takes beyond its key and value, by the memory that the system counts for a process full of them.

use std::hint::black_box;
use std::process::Command;
use std::sync::Arc;

use cache_aside::Cache;

use crate::Effort;
use crate::by_hand::{ByHand, Owned, by_hand};
use crate::measure::at_once;
use crate::own::{filled, trusted};
use crate::record::{Goal, Record};
use crate::store::store;
use crate::subject::{Keys, User, keys, ready};

const ENTRIES: u32 = 200_000;
const FIRST: u32 = 4_000;

/// Key and value alone: a vector of them. A function that returns an `Arc` has one made for each value, cached or not.
const PLAIN: &str = "plain";
const PLAIN_ARC: &str = "plain-arc";
/// What is filled, its name, and whether it has a goal. Tags that entries share take nothing for each of them but their
/// mention; one of its own is a thing to be remembered for itself.
const FILLINGS: [(&str, &str, bool); 9] = [
    ("quick_cache", "quick_cache by hand", false),
    ("untagged", "clone, no tag", true),
    ("common-tags", "clone, 2 common tags", true),
    ("tagged", "clone, 1 common tag, 1 of its own", false),
    ("untagged-arc", "Arc, no tag", true),
    ("tagged-arc", "Arc, 1 common tag, 1 of its own", false),
    ("quick_cache-arc", "quick_cache by hand, Arc", false),
    ("shared", "copy of the server's, no tag", false),
    (
        "shared-tagged",
        "copy of the server's, 1 common tag, 1 of its own",
        false,
    ),
];

/// Fills this process with entries of one kind and says what each of them took: the first ones are not counted, with which
/// comes what there is once, the program itself among it.
pub(crate) fn fill(what: &str) {
    let keys: &'static Keys = Box::leak(keys(FIRST + ENTRIES));
    let (first, others) = keys.split_at(FIRST as usize);
    let fill = filling(what);
    fill(first);
    let before = resident();
    fill(others);
    println!("{}", (resident() - before) / u64::from(ENTRIES));
    all_are_there(&filled::caches());
}

type Fill = Box<dyn Fn(&'static Keys)>;

fn filling(what: &str) -> Fill {
    match what {
        PLAIN => Box::new(plain::<User>),
        PLAIN_ARC => Box::new(plain::<Arc<User>>),
        "quick_cache" => {
            let cache = by_hand_cache::<User>();
            each(|id, name| drop(ready(by_hand(cache, id, name))))
        }
        "quick_cache-arc" => {
            let cache = by_hand_cache::<Arc<User>>();
            each(|id, name| drop(ready(by_hand(cache, id, name))))
        }
        "untagged" => each(|id, name| drop(ready(filled::untagged(id, name)))),
        "common-tags" => each(|id, name| drop(ready(filled::common_tags(id, name)))),
        "tagged" => each(|id, name| drop(ready(filled::tagged(id, name)))),
        "untagged-arc" => each(|id, name| drop(ready(filled::untagged_arc(id, name)))),
        "tagged-arc" => each(|id, name| drop(ready(filled::tagged_arc(id, name)))),
        "shared" => Box::new(|keys| shared(keys, false)),
        "shared-tagged" => Box::new(|keys| shared(keys, true)),
        _ => panic!("nothing is called {what}"),
    }
}

fn plain<V: From<User> + 'static>(keys: &'static Keys) {
    let entries = keys.iter().map(|(id, name)| {
        let value = V::from(User::of(*id, name));
        (Owned(*id, name.as_str().into()), value)
    });
    black_box(entries.collect::<Vec<_>>().leak());
}

fn each(load: impl Fn(u64, &str) + 'static) -> Fill {
    Box::new(move |keys| keys.iter().for_each(|(id, name)| load(*id, name)))
}

fn by_hand_cache<V: Clone>() -> &'static ByHand<V> {
    Box::leak(Box::new(ByHand::new((FIRST + ENTRIES) as usize)))
}

/// Loads through a server, many at a time.
fn shared(keys: &'static Keys, is_tagged: bool) {
    const CALLERS: u64 = 64;
    let caches = trusted::caches();
    at_once(&store().runtime, CALLERS, move |caller| async move {
        let own = keys.iter().filter(|(id, _)| id % CALLERS == caller);
        for (id, name) in own {
            if is_tagged {
                trusted::tagged(*id, name).await;
            } else {
                trusted::untagged(*id, name).await;
            }
        }
    });
    all_are_there(&caches);
}

fn all_are_there(caches: &[&Cache]) {
    let evicted: u64 = caches.iter().map(|cache| cache.stats().evictions).sum();
    assert_eq!(evicted, 0, "all of them are there");
}

/// Bytes of memory this process has, by the system's count.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    let pages = statm.split(' ').nth(1);
    let pages: Option<u64> = pages.and_then(|pages| pages.parse().ok());
    pages.expect("the format of statm") * 4_096
}

/// In a process of its own, so that none reuses what another gave back.
fn bytes(what: &str) -> f64 {
    let own_path = std::env::current_exe().expect("the path of this program");
    let output = Command::new(own_path).args(["--fill", what]).output();
    let text = String::from_utf8(output.expect("this program").stdout).expect("a number");
    // Above it stands what server there was, if there was one.
    let last = text.lines().last().unwrap_or_default();
    last.parse().expect("a number")
}

/// Two processes of each kind, the one that took more and the one that took less.
pub(crate) fn run(_: Effort) -> Vec<Record> {
    let twice = |what: &str| {
        let both = [bytes(what), bytes(what)];
        (both[0].max(both[1]), both[0].min(both[1]))
    };
    let ((plain, _), (plain_arc, _)) = (twice(PLAIN), twice(PLAIN_ARC));
    println!(
        "bytes per entry, {ENTRIES} entries; key and value alone: {plain}, in an Arc {plain_arc}"
    );
    let records = FILLINGS.iter().flat_map(|(what, name, has_goal)| {
        let (most, least) = twice(what);
        let record = |(against, alone): (&str, f64), goal| {
            let what = ["memory", *name, against, "bytes more per entry"];
            let id = if *has_goal { "P17" } else { "" };
            Record::new(id, goal, what, (most - alone, least - alone))
        };
        let goal = if *has_goal {
            Goal::AtMost(120.0)
        } else {
            Goal::None
        };
        let value = ("key and value", plain);
        if what.ends_with("-arc") {
            // Besides, all that is there because the value is behind an `Arc`, whoever wanted that.
            let of_arc = record(("key and value, an Arc", plain_arc), goal);
            vec![of_arc, record(value, Goal::None)]
        } else {
            vec![record(value, goal)]
        }
    });
    records.collect()
}
