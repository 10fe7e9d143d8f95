//! The program prints what its README says, each time.

use std::process::Command;

#[test]
fn the_tutorial_prints_what_its_readme_says() {
    let readme = include_str!("../README.md");
    let says = readme
        .split_once("## What it prints\n\n```text\n")
        .and_then(|(_, rest)| rest.split_once("```"));
    let (says, _) = says.expect("what it prints");
    for _ in 0..2 {
        let output = Command::new(env!("CARGO_BIN_EXE_tutorial")).output();
        let output = output.expect("it runs");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        let prints = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(prints.replace('\r', ""), says);
    }
}
