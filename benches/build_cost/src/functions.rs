//! A program with a hundred annotated functions against the same without the attribute.

use std::fmt::Write;

use super::Outcome;
use super::builds::{Package, Took, median_and_best};
use super::record::{Goal, Record};
use super::root;

const FUNCTIONS: u32 = 100;
const GOAL_IN_MS: f64 = 40.0;

/// What the functions look like: the ways in which those of one program differ.
const SHAPES: [(&str, &str, &str); 4] = [
    (
        "ttl = \"5m\", tags = [\"user:{id}\", \"users\"]",
        "id: u64, name: &str",
        "(7, \"Ada\")",
    ),
    ("ttl = \"1h\"", "id: u64", "(7)"),
    (
        "ttl = \"1m\", tags = [\"user:{id}\"], skip(db)",
        "db: &Db, id: u64, limit: u8",
        "(&db, 7, 3)",
    ),
    (
        "ttl = \"30s\", negative_ttl = \"5s\", prefix = \"PREFIX\"",
        "name: &str, active: bool",
        "(\"Ada\", true)",
    ),
];

/// Ten types of values, and every function called once, so that nothing is left out.
fn program(annotated: bool) -> String {
    let mut text = String::from(
        "#![allow(unused, clippy::all)]\nuse serde::{Deserialize, Serialize};\n\
         pub struct Db;\n#[derive(Debug, Clone)]\npub struct Failed(String);\n",
    );
    if annotated {
        text.push_str("use cache_aside::cache_aside;\n");
    }
    for value in 0..10 {
        let _ = writeln!(
            text,
            "#[derive(Clone, Debug, Serialize, Deserialize)]\n\
             pub struct Value{value} {{ id: u64, name: String, email: String }}\n\
             async fn fetch{value}(id: u64) -> Result<Value{value}, Failed> {{\n    \
             if id == 0 {{ return Err(Failed(\"none\".into())); }}\n    \
             Ok(Value{value} {{ id, name: id.to_string(), email: String::new() }})\n}}"
        );
    }
    let mut calls = String::new();
    for (number, shape) in (0..FUNCTIONS).zip((0..4).cycle()) {
        let (options, parameters, arguments) = SHAPES[shape];
        let value = number % 10;
        let options = options.replace("PREFIX", &format!("prefix-{number}"));
        let (returns, body) = match shape {
            1 => (
                format!("Value{value}"),
                format!("fetch{value}(id).await.expect(\"some\")"),
            ),
            3 => (
                format!("Result<Option<Value{value}>, Failed>"),
                format!(
                    "if active {{ Ok(Some(fetch{value}(name.len() as u64).await?)) }} else {{ Ok(None) }}"
                ),
            ),
            _ => (
                format!("Result<Value{value}, Failed>"),
                format!("fetch{value}(id).await"),
            ),
        };
        if annotated {
            let _ = writeln!(text, "#[cache_aside({options})]");
        }
        let _ = writeln!(
            text,
            "pub async fn load{number}({parameters}) -> {returns} {{\n    {body}\n}}"
        );
        let _ = writeln!(calls, "    let _ = load{number}{arguments}.await;");
    }
    let _ = writeln!(
        text,
        "#[tokio::main(flavor = \"current_thread\")]\nasync fn main() {{\n    let db = Db;\n{calls}}}"
    );
    text
}

pub(crate) fn measure(rounds: usize) -> Outcome {
    let dependencies = format!(
        "cache-aside = {{ path = '{}' }}\n\
         serde = {{ version = \"1\", features = [\"derive\"] }}\n\
         tokio = {{ version = \"1\", features = [\"macros\", \"rt\", \"time\"] }}\n",
        root().display()
    );
    let package =
        |name, annotated| Package::new((name, "target"), &dependencies, &program(annotated));
    let packages = [package("plain", false)?, package("annotated", true)?];
    let mut records = Vec::new();
    for (command, what) in [
        (["build", "--quiet"].as_slice(), "debug build"),
        (&["check", "--quiet"], "check"),
    ] {
        let mut differences: [Vec<Took>; 2] = Default::default();
        // The first round builds what both depend on, and is none.
        for round in 0..=rounds {
            for (package, differences) in packages.iter().zip(&mut differences) {
                package.forget()?;
                let took = package.cargo(command)?;
                if round > 0 {
                    differences.push(took);
                }
            }
        }
        let [plain, annotated] = differences;
        for (kind, of) in [
            ("time", (|took| took.wall) as fn(Took) -> f64),
            ("processor time", |took| took.processor),
        ] {
            let figures = |all: &[Took]| median_and_best(all.iter().copied().map(of).collect());
            let (plain, annotated) = (figures(&plain), figures(&annotated));
            let each = |with: f64, without: f64| (with - without) * 1_000.0 / f64::from(FUNCTIONS);
            let gated = what == "debug build" && kind == "time";
            records.push(Record::new(
                if gated { "P18" } else { "" },
                if gated {
                    Goal::AtMost(GOAL_IN_MS)
                } else {
                    Goal::None
                },
                [
                    what,
                    "one annotated function",
                    "the same without the attribute",
                    &format!("ms of {kind}, {FUNCTIONS} functions"),
                ],
                (each(annotated.0, plain.0), each(annotated.1, plain.1)),
            ));
        }
    }
    Ok(records)
}
