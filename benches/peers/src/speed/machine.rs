//! Where and with which versions it was measured.

use std::process::Command;
use std::thread::available_parallelism;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

const LOCKED: &str = include_str!("../../Cargo.lock");

/// Those that are compared, and what they stand on.
const PACKAGES: [&str; 14] = [
    "cache-aside",
    "amalgam-cache",
    "cached",
    "cachekit-rs",
    "fred",
    "hitbox",
    "hitbox-fn",
    "hitbox-moka",
    "hitbox-redis",
    "moka",
    "quick_cache",
    "redis",
    "rmp-serde",
    "tokio",
];

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// Such as `2026-01-31`, in UTC.
    pub(crate) date: String,
    pub(crate) cpu: String,
    pub(crate) cores: usize,
    pub(crate) kernel: String,
    pub(crate) compiler: String,
    /// Of the last minute.
    pub(crate) load_at_the_start: String,
    pub(crate) load_at_the_end: String,
    /// Such as `cached 4.1.0`.
    pub(crate) versions: Vec<String>,
}

impl Machine {
    pub(crate) fn now() -> Self {
        let information = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = information
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split(':').nth(1));
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            date: today(),
            cpu: model.unwrap_or("unknown").trim().to_owned(),
            cores: available_parallelism().map_or(0, usize::from),
            kernel: kernel.trim().to_owned(),
            compiler: compiler(),
            load_at_the_start: load_average(),
            load_at_the_end: String::new(),
            versions: PACKAGES.into_iter().flat_map(versions).collect(),
        }
    }
}

pub(crate) fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// What is on the path: cargo built this with the same one, in the same folder.
fn compiler() -> String {
    let said = Command::new("rustc").arg("--version").output();
    let said = said.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&said).trim().to_owned()
}

/// Every version of the package that is in the build.
fn versions(package: &str) -> Vec<String> {
    let head = format!("name = \"{package}\"\nversion = \"");
    let found = LOCKED.split(&head).skip(1);
    let version = |rest: &str| rest.split('"').next().unwrap_or_default().to_owned();
    found
        .map(|rest| format!("{package} {}", version(rest)))
        .collect()
}

fn today() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let mut days = since.map_or(0, |since| since.as_secs() / 86_400);
    let mut year = 1970;
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}
