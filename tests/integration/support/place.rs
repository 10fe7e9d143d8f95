//! Where a server lives: a port and a folder.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering::SeqCst};

use super::unpack::scratch;

/// A port below those that the system gives to outgoing connections: nobody takes it while a server is down, and
/// nobody who connects to it then is connected to himself.
pub(crate) fn free_port() -> u16 {
    const FIRST: u16 = 20_000;
    const PORTS: u16 = 12_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);

    // Test binaries that run at the same time start at different places.
    let start = std::process::id().wrapping_mul(977) % u32::from(PORTS);
    let start = u16::try_from(start).expect("less than PORTS");
    for _ in 0..PORTS {
        let port = FIRST + (start + NEXT.fetch_add(1, SeqCst) % PORTS) % PORTS;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}

/// `target/tmp/run/<pid>-<n>`. Those of test binaries that were killed are cleared away.
pub(crate) fn new_folder() -> PathBuf {
    static RUN: OnceLock<PathBuf> = OnceLock::new();
    static COUNT: AtomicU32 = AtomicU32::new(0);

    let run = RUN.get_or_init(|| {
        let run = scratch().join("run");
        for left in fs::read_dir(&run).into_iter().flatten().flatten() {
            let name = left.file_name().to_string_lossy().into_owned();
            let owner = name.split('-').next().unwrap_or_default();
            if Path::new("/proc/self").exists() && !Path::new("/proc").join(owner).exists() {
                let _ = fs::remove_dir_all(left.path());
            }
        }
        run
    });
    let number = COUNT.fetch_add(1, SeqCst);
    let folder = run.join(format!("{}-{number}", std::process::id()));
    // The same process id may have been used before.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder below target/");
    folder
}
