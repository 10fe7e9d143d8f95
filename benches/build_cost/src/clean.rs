//! A program that depends on a cache with Redis, built from nothing: of this crate, and of others.

use std::fs;

use super::Outcome;
use super::builds::{Package, Took, median_and_best};
use super::record::{Goal, Record};
use super::root;

const GOAL: f64 = 0.75;

/// More rounds than this say nothing new, and each takes minutes.
const MOST_ROUNDS: usize = 3;

/// By the name they are known under, and as somebody with Redis depends on them.
fn subjects() -> [(&'static str, String); 4] {
    [
        (
            "cache-aside",
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
            "fn main() {}\n",
        )?;
        // Loads what is not there yet, so that no network is measured.
        package.cargo(&["fetch", "--quiet"])?;
        builds.push((name, package, Vec::<Took>::new()));
    }
    for _ in 0..rounds.min(MOST_ROUNDS) {
        for (_, package, took) in &mut builds {
            if package.target.exists() {
                fs::remove_dir_all(&package.target)?;
            }
            took.push(package.cargo(&["build", "--quiet", "--offline"])?);
        }
    }
    let mut records = Vec::new();
    for (kind, of) in [
        ("time", (|took| took.wall) as fn(Took) -> f64),
        ("processor time", |took| took.processor),
    ] {
        let figures = builds.iter().map(|(name, _, took)| {
            let figures = median_and_best(took.iter().copied().map(of).collect());
            (*name, figures)
        });
        let figures: Vec<_> = figures.collect();
        let (_, own) = figures[0];
        for (name, (median, best)) in &figures[1..] {
            let gated = name.starts_with("cached ") && kind == "time";
            records.push(Record::new(
                if gated { "P18" } else { "" },
                if gated {
                    Goal::AtMost(GOAL)
                } else {
                    Goal::None
                },
                [
                    "clean debug build",
                    "with Redis",
                    name,
                    &format!("{kind} ratio"),
                ],
                (own.0 / median, own.1 / best),
            ));
        }
        for (name, figures) in figures {
            let what = format!("seconds of {kind}");
            let row = ["clean debug build", name, "", &what];
            records.push(Record::new("", Goal::None, row, figures));
        }
    }
    Ok(records)
}
