//! What the attributes accept and refuse, and the words in which they refuse it.
//!
//! `TRYBUILD=overwrite cargo test --test ui` accepts new output.

/// The `.stderr` files hold the words of this compiler.
const COMPILER: &str = "rustc 1.95";

#[test]
fn accepted_uses_compile_and_run() {
    trybuild::TestCases::new().pass("tests/ui/pass/*.rs");
}

#[test]
fn wrong_uses_are_refused_in_our_words() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = std::process::Command::new(rustc)
        .arg("--version")
        .output()
        .expect("rustc runs");
    let version = String::from_utf8_lossy(&version.stdout).into_owned();
    assert!(
        version.starts_with(COMPILER),
        "the expected messages are those of {COMPILER}, and this is {version}; \
         run the suite with that toolchain, or accept the new words with TRYBUILD=overwrite"
    );
    let cases = trybuild::TestCases::new();
    for folder in ["arguments", "functions", "types", "invalidate"] {
        cases.compile_fail(format!("tests/ui/{folder}/*.rs"));
    }
}
