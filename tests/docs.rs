//! What the documents say, held against the code.

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

const MOST_CRATES: usize = 40;

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
        ("cache_aside", "CACHE_ASIDE", 29),
        ("cache_invalidate", "CACHE_INVALIDATE", 6),
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

#[test]
fn in_process_crates_are_few_and_none_opens_a_socket() {
    let tree = cargo(&[
        "tree",
        "--offline",
        "--package=cache-aside",
        "--no-default-features",
        "--features=macros",
        "--edges=no-dev",
        "--prefix=none",
        "--format={p}",
    ]);
    let tree = String::from_utf8(tree.stdout).expect("UTF-8");
    let crates: BTreeSet<&str> = tree
        .lines()
        .map(|line| line.trim_end_matches(" (*)"))
        .collect();
    assert!(crates.len() > 5, "is this a tree? {tree}");
    assert!(crates.len() < MOST_CRATES, "{}: {crates:#?}", crates.len());
    for found in crates {
        let name = found.split(' ').next().unwrap_or(found);
        assert!(!NETWORK.contains(&name), "{name} is in the graph");
    }
}

#[test]
fn examples_print_what_their_index_says() {
    let index = read("examples/README.md");
    let mut listed = BTreeSet::new();
    for section in index.split("\n## ").skip(1) {
        let (example, rest) = section.split_once('\n').expect("a name");
        let says = rest
            .split_once("```text\n")
            .and_then(|(_, rest)| rest.split_once("```"));
        let (says, _) = says.expect("what is printed");
        let command = format!("`cargo run --example {example}`");
        assert!(
            index.contains(&command),
            "{example} has no row with its command"
        );
        let output = cargo(&["run", "--quiet", "--offline", "--example", example]);
        let prints = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(prints.replace('\r', ""), says, "{example}");
        listed.insert(format!("examples/{example}.rs"));
    }
    let present = files("examples", "rs")
        .iter()
        .map(|path| name(path))
        .collect();
    assert_eq!(listed, present);
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
        for mention in words.split("test `").skip(1) {
            let named = mention.split('`').next().unwrap_or("");
            mentions += 1;
            assert!(
                defined.contains(named),
                "{}: no test `{named}`",
                name(&document)
            );
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
        &["background.rs"],
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
    // Keys are serialized; `Stats` and `Health` can be, by those who show them.
    let homes = ["value.rs", "codec/", "key/", "observe.rs", "health.rs"];
    assert_eq!(strays(&["Serialize"], &homes), [""; 0]);
    let shown = strays(&["Serialize"], &["value.rs", "codec/", "key/"]);
    for line in shown {
        let derived = line.contains("derive(") || line.contains("use serde::Serialize;");
        assert!(derived, "a bound: {line}");
    }
}
