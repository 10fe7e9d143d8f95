//! How many instructions a call takes, against the figures of `tests/instructions/expected.txt`: a change of more than
//! 5 % (10 % where it waits for the server) fails, in either direction, since a figure that is too high hides the next
//! growth.
//! `UPDATE_EXPECT=1 cargo test --test instructions` writes the figures.
//!
//! The program in `tests/instructions` is built as users build theirs (profile `gate`: that of releases), below
//! `target/tmp`, so that it waits for no other build. Callgrind counts what `measured` there calls: once with few
//! calls and once with many, and the difference is what one call takes. Everything runs on one thread.
//!
//! What the machine has to do with it: Valgrind shows programs a processor of its own, without AVX-512, and
//! `GLIBC_TUNABLES` takes away the choice of memory functions (0.5 % otherwise). The C library's own share, `malloc`
//! above all, is another one in another version (all of a hit grows by 19 % without the allocator's thread cache), so it counts
//! where the library is that of the file only; the instructions of the program itself and its allocations count
//! everywhere.

// Valgrind's way of counting, and the figures, are those of this platform.
#![cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]

#[path = "instructions/callgrind.rs"]
mod callgrind;
#[path = "instructions/figures.rs"]
mod figures;
#[path = "integration/support/obtain.rs"]
mod obtain;
#[path = "integration/support/place.rs"]
mod place;
#[allow(dead_code, reason = "other tests use all of it")]
#[path = "integration/support/process.rs"]
mod process;
#[allow(dead_code, reason = "other tests use all of it")]
#[path = "integration/support/server.rs"]
mod server;
#[path = "integration/support/unpack.rs"]
mod unpack;

use std::path::{Path, PathBuf};
use std::process::Command;

use callgrind::{Callgrind, Counts};
use figures::{Figures, PerCall};
use server::Server;

/// The program's variants, and how many calls are counted of each.
const VARIANTS: &[(&str, u32)] = &[
    ("clone", 10_000),
    ("arc", 10_000),
    ("joined", 10_000),
    ("trusted-clone", 10_000),
    ("trusted-arc", 10_000),
    ("remote-tagged", 500),
    ("cold-miss", 250),
    ("batch-of-100", 20),
];

const EXPECTED: &str = "tests/instructions/expected.txt";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Builds the counted program, whatever flags this build has.
fn build() -> PathBuf {
    let target = unpack::scratch().join("instructions");
    let output = Command::new(env!("CARGO"))
        .args([
            "build",
            "--offline",
            "--quiet",
            "--package=counted",
            "--profile=gate",
        ])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(root())
        // Nothing of the machine's processor, and no instrumentation.
        .env("CARGO_ENCODED_RUSTFLAGS", "")
        .env_remove("CARGO_BUILD_TARGET")
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "the counted program does not build: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    target.join("gate").join("counted")
}

/// Counts again what is not as expected, or everything where nothing is: trips are longer now and then, by a wake-up.
async fn count(
    callgrind: &Callgrind,
    program: &Path,
    server: &Server,
    expected: Option<&Figures>,
) -> Figures {
    let mut figures = Figures::of_this_machine();
    for &(variant, calls) in VARIANTS {
        for _ in 0..3 {
            let mut counts = [Counts::default(); 2];
            for (counts, more) in counts.iter_mut().zip([0, calls]) {
                server.flush().await;
                let calls = (calls / 10 + more).to_string();
                *counts = callgrind.count(program, &[variant.to_owned(), calls, server.url()]);
            }
            let [few, many] = counts;
            figures.add(variant, PerCall::between(few, many, calls));
            let as_expected = |expected| figures.differences_of(variant, expected).is_empty();
            if expected.is_some_and(as_expected) {
                break;
            }
        }
    }
    figures
}

#[tokio::test]
async fn calls_take_as_many_instructions_as_before() {
    let callgrind = Callgrind::obtain();
    let program = build();
    let server = Server::start().await;
    let path = root().join(EXPECTED);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let found = count(&callgrind, &program, &server, None).await;
        std::fs::write(&path, found.to_string()).expect("a file of the source tree");
        return;
    }
    let expected = std::fs::read_to_string(&path).expect("a file of the source tree");
    let expected = Figures::read(&expected).unwrap_or_else(|wrong| panic!("{EXPECTED}: {wrong}"));
    let found = count(&callgrind, &program, &server, Some(&expected)).await;
    println!("{found}");
    let differences = found.differences(&expected);
    assert!(
        differences.is_empty(),
        "the instructions of calls are not those of {EXPECTED}:\n  {}\n{}\
         Where the change is meant, `UPDATE_EXPECT=1 cargo test --test instructions` writes the new figures:\n{found}",
        differences.join("\n  "),
        found.another_compiler(&expected),
    );
}
