//! What the documents say, held against the code.

#[path = "docs/examples.rs"]
mod examples;
#[allow(dead_code, reason = "the tests with servers use all of it")]
#[path = "integration/support/obtain.rs"]
mod obtain;
#[path = "integration/support/unpack.rs"]
mod unpack;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Crates that open sockets, or whose only use is to be one's client.
const NETWORK: &[&str] = &[
    "async-std",
    "curl-sys",
    "h2",
    "hyper",
    "mio",
    "native-tls",
    "openssl-sys",
    "polling",
    "quinn",
    "redis",
    "reqwest",
    "ring",
    "rustls",
    "smol",
    "socket2",
];

/// Of the process alone, everything that is built counts.
const IN_PROCESS: usize = 39;
/// With Redis, what only build scripts use does not count.
const WITH_REDIS: usize = 90;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files below a folder that have this extension, generated ones left out.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![root().join(folder)]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                if !path.ends_with("target") && !path.ends_with(".git") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "no .{extension} in {folder}");
    found
}

fn name(path: &Path) -> String {
    let path = path.strip_prefix(root()).unwrap_or(path);
    path.display().to_string().replace('\\', "/")
}

fn cargo(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "cargo {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// The first column of the first table that has `option` for its first heading.
fn options(section: &str) -> BTreeSet<String> {
    let table = section
        .lines()
        .skip_while(|line| !line.starts_with("| option"))
        .take_while(|line| line.starts_with('|'));
    let mut options = BTreeSet::new();
    for row in table.skip(2) {
        let option = row.split('`').nth(1).expect("an option in backquotes");
        let option = option.split('(').next().unwrap_or(option).to_owned();
        assert!(options.insert(option), "two rows for one option: {row}");
    }
    assert!(!options.is_empty(), "no table of options");
    options
}

/// The doc comment above an attribute's entry point.
fn attribute_docs(attribute: &str) -> String {
    let source = read("cached-macro/src/lib.rs");
    let (before, _) = source
        .split_once(&format!("pub fn {attribute}("))
        .unwrap_or_else(|| panic!("no `{attribute}`"));
    let lines: Vec<&str> = before
        .lines()
        .rev()
        .map(str::trim)
        .skip_while(|line| !line.starts_with("///"))
        .take_while(|line| line.starts_with("///"))
        .collect();
    let lines = lines.iter().rev().map(|line| {
        let line = &line[3..];
        line.strip_prefix(' ').unwrap_or(line)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The options that the parser knows.
fn grammar(table: &str) -> BTreeSet<String> {
    let source = read("cached-macro/src/args/grammar.rs");
    let (_, table) = source
        .split_once(&format!("const {table}:"))
        .unwrap_or_else(|| panic!("no `{table}`"));
    let (table, _) = table.split_once("];").expect("an end");
    let rows = table.split("opt(").skip(1);
    rows.map(|row| row.split('"').nth(1).expect("a name").to_owned())
        .collect()
}

#[test]
fn readme_attribute_docs_and_parser_have_the_same_options() {
    let readme = read("README.md");
    for (attribute, table, count) in [
        ("cache_aside", "CACHE_ASIDE", 30),
        ("cache_invalidate", "CACHE_INVALIDATE", 9),
    ] {
        let parsed = grammar(table);
        assert_eq!(parsed.len(), count, "{parsed:?}");
        let heading = format!("\n### `#[{attribute}(..)]`");
        let (_, section) = readme
            .split_once(&heading)
            .expect("a heading per attribute");
        assert_eq!(options(section), parsed, "README, {attribute}");
        let documented = options(&attribute_docs(attribute));
        assert_eq!(documented, parsed, "documentation of {attribute}");
    }
}

/// The crates of a build of this one.
fn crates(features: &str, edges: &str) -> BTreeSet<String> {
    let tree = cargo(&[
        "tree",
        "--offline",
        "--package=cache-aside",
        "--no-default-features",
        &format!("--features={features}"),
        &format!("--edges={edges}"),
        "--prefix=none",
        "--format={p}",
    ]);
    let tree = String::from_utf8(tree.stdout).expect("UTF-8");
    let crates: BTreeSet<_> = tree
        .lines()
        .map(|line| line.trim_end_matches(" (*)").to_owned())
        .collect();
    assert!(crates.len() > 5, "is this a tree? {tree}");
    crates
}

#[test]
fn in_process_crates_are_few_and_none_opens_a_socket() {
    let crates = crates("macros", "no-dev");
    assert!(crates.len() <= IN_PROCESS, "{}: {crates:#?}", crates.len());
    for found in crates {
        let name = found.split(' ').next().unwrap_or(&found);
        assert!(!NETWORK.contains(&name), "{name} is in the graph");
    }
}

#[test]
fn crates_with_redis_are_few() {
    let crates = crates("macros,redis", "normal");
    assert!(crates.len() <= WITH_REDIS, "{}: {crates:#?}", crates.len());
    assert!(crates.iter().any(|found| found.starts_with("redis ")));
}

#[test]
fn settings_of_the_environment_are_those_of_the_code() {
    let source = "cached-runtime/src/config/environment.rs";
    let mut read_by_code = BTreeSet::new();
    for line in code(&root().join(source)) {
        let variables = line.split('"').filter(|text| text.starts_with("CACHE_"));
        read_by_code.extend(variables.map(str::to_owned));
    }
    assert!(read_by_code.len() > 5, "{read_by_code:?}");

    let table = |text: String| -> Vec<String> {
        let rows = text.lines().map(|line| line.trim_start_matches([' ', '/']));
        let rows = rows.filter(|line| line.starts_with("| `CACHE_"));
        rows.map(str::to_owned).collect()
    };
    let documented = table(read(source));
    let variables = documented.iter().filter_map(|row| row.split('`').nth(1));
    let variables: BTreeSet<_> = variables.map(str::to_owned).collect();
    assert_eq!(variables, read_by_code);
    assert_eq!(
        variables.len(),
        documented.len(),
        "two rows for one variable"
    );
    assert_eq!(table(read("docs/guide/redis.md")), documented);
}

/// What an enumeration in backquotes names, from behind its first backquote.
fn named_first(text: &str) -> Vec<&str> {
    let (mut named, mut rest) = (Vec::new(), text);
    while let Some((name, after)) = rest.split_once('`') {
        named.push(name);
        let joined = [", `", " and `", ", and `"];
        let Some(next) = joined.iter().find_map(|joint| after.strip_prefix(joint)) else {
            break;
        };
        rest = next;
    }
    named
}

#[test]
fn tests_that_documents_name_exist() {
    let mut defined = BTreeSet::new();
    for path in files(".", "rs") {
        let source = read(&path);
        for definition in source.split("fn ").skip(1) {
            defined.insert(definition.split(['(', '<']).next().unwrap_or("").to_owned());
        }
    }
    let mut mentions = 0;
    let documents = files(".", "md")
        .into_iter()
        .chain([root().join("src/lib.rs")]);
    for document in documents {
        let text = read(&document).replace("\n//!", "").replace('\n', " ");
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let one = words
            .split("test `")
            .skip(1)
            .map(|rest| &rest[..=rest.find('`').unwrap_or(0)]);
        let several = words.split("tests `").skip(1);
        for mention in one.chain(several) {
            for named in named_first(mention) {
                mentions += 1;
                let document = name(&document);
                assert!(defined.contains(named), "{document}: no test `{named}`");
            }
        }
    }
    assert!(mentions > 10, "{mentions} tests named");
}

#[test]
fn the_two_commands_are_those_of_the_readme() {
    let readme = read("README.md");
    assert!(readme.contains("\ncargo run --example quickstart "));
    assert!(readme.contains("\ncargo test --workspace "));
    let run = read(".ci/run");
    let commands: Vec<&str> = run
        .lines()
        .filter(|line| line.starts_with("cargo"))
        .collect();
    assert_eq!(commands, ["cargo test --workspace"]);
}

#[test]
fn every_folder_has_its_invariant() {
    let map = read("ARCHITECTURE.md");
    for krate in ["cached-runtime/src", "cached-macro/src"] {
        let folders = files(krate, "rs").into_iter().filter_map(|path| {
            let parent = path.parent()?.to_owned();
            (parent != root().join(krate)).then(|| name(&parent))
        });
        for folder in folders.collect::<BTreeSet<_>>() {
            let below = folder.strip_prefix(krate).unwrap_or(&folder);
            let (top, _) = below[1..].split_once('/').unwrap_or((&below[1..], ""));
            let heading = format!("`{krate}/{top}/`");
            let (_, section) = map
                .split_once(&format!("\n### {heading}"))
                .unwrap_or_else(|| panic!("ARCHITECTURE.md has no section {heading}"));
            let section = section.split("\n### ").next().unwrap_or("");
            assert!(section.contains("Invariant:"), "{heading} has no invariant");
        }
    }
}

/// A file of the runtime without comments and unit tests, line by line.
fn code(path: &Path) -> Vec<String> {
    let source = read(path);
    let source = source
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or("");
    let lines = source.lines().map(str::trim);
    let lines = lines.filter(|line| !line.starts_with("//"));
    lines.map(str::to_owned).collect()
}

/// Lines outside of `home` that contain one of the words.
fn strays(words: &[&str], home: &[&str]) -> Vec<String> {
    let mut strays = Vec::new();
    for path in files("cached-runtime/src", "rs") {
        let name = name(&path);
        let in_tests = name.ends_with("/tests.rs") || name.contains("/tests/");
        let at_home = home.iter().any(|home| {
            let home = format!("cached-runtime/src/{home}");
            name == home || (home.ends_with('/') && name.starts_with(&home))
        });
        if in_tests || at_home {
            continue;
        }
        let lines = code(&path).into_iter();
        let lines = lines.filter(|line| words.iter().any(|word| line.contains(word)));
        strays.extend(lines.map(|line| format!("{name}: {line}")));
    }
    strays
}

#[test]
fn only_the_clock_reads_the_time() {
    let words = ["Instant", "SystemTime", "clock_gettime", "UNIX_EPOCH"];
    assert_eq!(strays(&words, &["clock.rs"]), [""; 0]);
    assert_ne!(
        strays(&words, &[]),
        [""; 0],
        "the clock is somewhere else now"
    );
}

#[test]
fn only_the_background_spawns() {
    let strays = strays(
        &["spawn(", "spawn_blocking", "spawn_local", "thread::Builder"],
        &["background.rs", "background/"],
    );
    let strays: Vec<_> = strays
        .iter()
        .filter(|line| !line.contains("permit.spawn("))
        .collect();
    assert_eq!(strays, [""; 0]);
}

#[test]
fn only_one_place_bounds_values_by_serde() {
    let words = ["Deserialize", "DeserializeOwned"];
    assert_eq!(strays(&words, &["value.rs", "codec/"]), [""; 0]);
    // Keys are serialized; what is told of a cache and of a limiter can be, by those who show it.
    let homes = [
        "value.rs",
        "codec/",
        "key/",
        "observe.rs",
        "health.rs",
        "audit.rs",
        "breaker.rs",
        "rate_limit/limiter.rs",
    ];
    assert_eq!(strays(&["Serialize"], &homes), [""; 0]);
    let shown = strays(&["Serialize"], &["value.rs", "codec/", "key/"]);
    for line in shown {
        let derived = line.contains("derive(") || line.contains("use serde::Serialize;");
        assert!(derived, "a bound: {line}");
    }
}

#[test]
fn only_the_redis_folder_names_the_client() {
    let words = ["redis::", "RedisError", "MultiplexedConnection"];
    // Our own modules are called the same.
    let ours = ["remote::redis::", "redis::Choice"];
    let strays: Vec<_> = strays(&words, &["remote/redis/"])
        .into_iter()
        .filter(|line| {
            let others = ours
                .iter()
                .fold(line.clone(), |line, own| line.replace(own, ""));
            words.iter().any(|word| others.contains(word))
        })
        .collect();
    assert_eq!(strays, [""; 0]);
}
