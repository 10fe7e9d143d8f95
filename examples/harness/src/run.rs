//! A program that ends by itself.

use std::process::ExitStatus;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::app::{PATIENCE, follow, piped};
use crate::process::Process;

/// How it ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Whether it succeeded.
    pub status: ExitStatus,
    /// What it printed.
    pub printed: String,
    /// What it printed to its standard error.
    pub errors: String,
}

/// Runs `binary`, which is `env!("CARGO_BIN_EXE_..")`, to its end, with these variables and none of the
/// cache's own that are set by chance.
pub async fn run(binary: &'static str, settings: Vec<(String, String)>) -> Finished {
    let running = tokio::task::spawn_blocking(move || to_its_end(binary, &settings));
    running.await.expect("the program ends")
}

fn to_its_end(binary: &str, settings: &[(String, String)]) -> Finished {
    let mut child = piped(binary, settings);
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut process = Process::new(child);
    let (printed, errors) = <(Arc<Mutex<String>>, Arc<Mutex<String>>)>::default();
    let followers = [
        follow(stdout.expect("piped"), &printed, None),
        follow(stderr.expect("piped"), &errors, None),
    ];
    let told = |text: &Mutex<String>| text.lock().expect("no panic inside").clone();
    for _ in 0..PATIENCE.as_millis() / 5 {
        let Some(status) = process.ended() else {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        for follower in followers {
            follower.join().expect("no panic inside");
        }
        return Finished {
            status,
            printed: told(&printed),
            errors: told(&errors),
        };
    }
    panic!("{binary} does not end; it printed:\n{}", told(&printed));
}
