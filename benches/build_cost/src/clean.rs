//! A program that depends on a cache with Redis, built from nothing: of this crate, and of others. And what this crate
//! depends on by itself, which is how far any crate with the same dependencies could come.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::process::Command;

use super::Outcome;
use super::builds::{Package, Took, median_and_best};
use super::record::{Goal, Record};
use super::root;

const GOAL: f64 = 0.75;

const MAIN: &str = "fn main() {}\n";

const OWN: &str = "cache-aside";
const WITHOUT_OWN: &str = "what cache-aside depends on";

/// More rounds than this say nothing new, and each takes minutes.
const MOST_ROUNDS: usize = 3;

/// By the name they are known under, and as somebody with Redis depends on them.
fn subjects() -> [(&'static str, String); 4] {
    [
        (
            OWN,
            format!("cache-aside = {{ path = '{}' }}\n", root().display()),
        ),
        (
            "cached 4.1",
            "cached = { version = \"4.1.0\", features = [\"async\", \"redis_tokio\"] }\n"
                .to_owned(),
        ),
        (
            "cachekit-rs 0.13",
            "cachekit-rs = { version = \"0.13.1\", default-features = false, \
             features = [\"l1\", \"macros\", \"redis\", \"reliability\"] }\n"
                .to_owned(),
        ),
        (
            "hitbox 0.2",
            "hitbox = \"0.2.4\"\nhitbox-fn = { version = \"0.2.1\", features = [\"derive\"] }\n\
             hitbox-moka = \"0.2.0\"\nhitbox-redis = \"0.2.1\"\n"
                .to_owned(),
        ),
    ]
}

/// The packages of a program that are built for it, besides itself and those of this checkout. What only the macro needs is
/// left out where no other macro needs it, so that they take rather less time than they do in the whole.
fn dependencies(package: &Package) -> Result<Vec<String>, Box<dyn Error>> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--prefix=none", "--format={p}"])
        .arg("--edges=normal,no-proc-macro")
        .current_dir(&package.folder)
        .output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let tree = String::from_utf8(output.stdout)?;
    // Such as `tokio v1.54.1`, with a path where it is not of a registry.
    let named = tree.lines().filter(|line| !line.contains('/'));
    let named: BTreeSet<_> = named
        .filter_map(|line| {
            let mut words = line.split(' ');
            let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
            Some(format!("--package={name}@{version}"))
        })
        .collect();
    Ok(named.into_iter().collect())
}

pub(crate) fn measure(rounds: usize) -> Outcome {
    // What everybody who caches asynchronous functions has besides.
    let common = "serde = { version = \"1\", features = [\"derive\"] }\n\
         tokio = { version = \"1\", features = [\"macros\", \"rt-multi-thread\"] }\n";
    let mut builds = Vec::new();
    for (name, dependency) in subjects() {
        let folder = format!("clean-{}", name.split(' ').next().unwrap_or(name));
        let package = Package::new(
            (&folder, "clean-target"),
            &format!("{dependency}{common}"),
            MAIN,
        )?;
        // Loads what is not there yet, so that no network is measured.
        package.cargo(&["fetch", "--quiet"])?;
        let without = (name == OWN).then(|| (package.clone(), dependencies(&package)));
        builds.push((name, package, Vec::new(), Vec::<Took>::new()));
        if let Some((package, only)) = without {
            builds.push((WITHOUT_OWN, package, only?, Vec::new()));
        }
    }
    for _ in 0..rounds.min(MOST_ROUNDS) {
        for (_, package, only, took) in &mut builds {
            if package.target.exists() {
                fs::remove_dir_all(&package.target)?;
            }
            let mut arguments = vec!["build", "--quiet", "--offline"];
            arguments.extend(only.iter().map(String::as_str));
            took.push(package.cargo(&arguments)?);
        }
    }
    let mut records = Vec::new();
    for (kind, of) in [
        ("time", (|took| took.wall) as fn(Took) -> f64),
        ("processor time", |took| took.processor),
    ] {
        let figures = builds.iter().map(|(name, _, _, took)| {
            let figures = median_and_best(took.iter().copied().map(of).collect());
            (*name, figures)
        });
        let figures: Vec<_> = figures.collect();
        for (name, (median, best)) in &figures[2..] {
            let gated = name.starts_with("cached ") && kind == "time";
            for (of, (own_median, own_best)) in &figures[..2] {
                let (what, goal) = match *of {
                    OWN if gated => ("with Redis", Goal::AtMost(GOAL)),
                    OWN => ("with Redis", Goal::None),
                    without => (without, Goal::None),
                };
                let record = Record::new(
                    if goal == Goal::None { "" } else { "P18" },
                    goal,
                    ["clean debug build", what, name, &format!("{kind} ratio")],
                    (own_median / median, own_best / best),
                );
                let (without, (floor, _)) = figures[1];
                records.push(record.beside(without, goal, floor / median));
            }
        }
        for (name, figures) in figures {
            let what = format!("seconds of {kind}");
            let row = ["clean debug build", name, "", &what];
            records.push(Record::new("", Goal::None, row, figures));
        }
    }
    Ok(records)
}
