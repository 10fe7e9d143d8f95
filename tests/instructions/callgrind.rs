//! Counts instructions and allocations of a program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::unpack::{debian_packages, on_path, once, scratch};

/// The same memory functions on all processors. Names that a C library does not know are without effect.
const TUNABLES: &str = "glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM";

/// What the counted function is called in the program; the marks stand for what a compiler adds.
const MEASURED: &str = "*counted*measured*";

/// A Valgrind that starts here: the one in `CACHE_ASIDE_VALGRIND`, on `PATH`, or out of Debian's package.
pub(crate) struct Callgrind {
    path: PathBuf,
    /// Where its tools are, if not where it was built for.
    tools: Option<PathBuf>,
}

/// What one run took below the counted function; allocations are those of the whole run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Of the program itself.
    pub(crate) program: u64,
    /// With those of the libraries that it calls.
    pub(crate) all: u64,
    pub(crate) allocations: u64,
}

impl Callgrind {
    /// Fails the test where there is none. May take as long as a download.
    pub(crate) fn obtain() -> Self {
        if let Some(path) = std::env::var_os("CACHE_ASIDE_VALGRIND") {
            let named = Self::checked(path.into(), None);
            return named.unwrap_or_else(|reason| {
                panic!("CACHE_ASIDE_VALGRIND must be the path of valgrind: {reason}")
            });
        }
        let found = on_path("valgrind").and_then(|path| Self::checked(path, None));
        found
            .or_else(|first| {
                let unpack = |folder: &Path| debian_packages(folder, &["valgrind"]);
                once("tools", "valgrind-debian", unpack, Self::in_folder)
                    .map_err(|second| format!("{first}; {second}"))
            })
            .unwrap_or_else(|reasons| {
                panic!("install valgrind, or set CACHE_ASIDE_VALGRIND to its path: {reasons}")
            })
    }

    /// Out of a package: not the script that Debian has in the place of the program, which asks for other folders.
    fn in_folder(folder: &Path) -> Result<Self, String> {
        let path = folder.join("usr/bin/valgrind.bin");
        Self::checked(path, Some(folder.join("usr/libexec/valgrind")))
    }

    fn checked(path: PathBuf, tools: Option<PathBuf>) -> Result<Self, String> {
        let callgrind = Self { path, tools };
        let shown = callgrind.path.display();
        let output = callgrind
            .command()
            .args(["--callgrind-out-file=/dev/null", "true"])
            .output();
        let output = output.map_err(|error| format!("{shown} does not start: {error}"))?;
        let told = String::from_utf8_lossy(&output.stderr);
        if output.status.success() && told.contains("Callgrind") {
            Ok(callgrind)
        } else {
            Err(format!("{shown} is no valgrind with a callgrind: {told}"))
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.arg("--tool=callgrind").stdin(Stdio::null());
        if let Some(tools) = &self.tools {
            command.env("VALGRIND_LIB", tools);
        }
        command
    }

    /// Runs the program, which must succeed.
    pub(crate) fn count(&self, program: &Path, arguments: &[String]) -> Counts {
        let file = scratch().join(format!("callgrind-{}.out", std::process::id()));
        let mut out = std::ffi::OsString::from("--callgrind-out-file=");
        out.push(&file);
        let output = self
            .command()
            .arg(out)
            .args(["--compress-strings=no", "--compress-pos=no"])
            .args([
                "--collect-atstart=no",
                &format!("--toggle-collect={MEASURED}"),
            ])
            .arg(program)
            .args(arguments)
            .env("GLIBC_TUNABLES", TUNABLES)
            .env_remove("MALLOC_ARENA_MAX")
            .env_remove("LD_PRELOAD")
            .output()
            .expect("it started before");
        assert!(
            output.status.success(),
            "{} {arguments:?}: {}",
            program.display(),
            String::from_utf8_lossy(&output.stderr)
        );
        let profile = fs::read_to_string(&file).expect("what callgrind wrote");
        let _ = fs::remove_file(&file);
        let program = program.to_str().expect("a path in UTF-8");
        let counts = read(&profile, program);
        assert!(
            counts.program > 0,
            "nothing was counted: is `measured` gone?"
        );
        counts
    }
}

/// Reads a profile whose names and positions are not compressed.
fn read(profile: &str, program: &str) -> Counts {
    let mut counts = Counts::default();
    let (mut own, mut callee) = (false, "");
    let mut lines = profile.lines();
    while let Some(line) = lines.next() {
        if let Some(object) = line.strip_prefix("ob=") {
            own = object == program;
        } else if let Some(function) = line.strip_prefix("cfn=") {
            callee = function.split('\'').next().unwrap_or(function);
        } else if let Some(call) = line.strip_prefix("calls=") {
            let times = call
                .split(' ')
                .next()
                .and_then(|times| times.parse::<u64>().ok());
            if own && matches!(callee, "malloc" | "calloc" | "realloc" | "posix_memalign") {
                counts.allocations += times.expect("a count of calls");
            }
            // What the callee took, which is counted where it stands for itself.
            lines.next();
        } else if line.starts_with(|first: char| first.is_ascii_digit()) {
            let cost = line.split(' ').nth(1).map_or(Ok(0), str::parse::<u64>);
            let cost = cost.expect("a line and its cost");
            counts.all += cost;
            counts.program += if own { cost } else { 0 };
        }
    }
    counts
}

#[test]
fn a_profile_is_read() {
    let profile = "# callgrind format\npositions: line\nevents: Ir\nsummary: 130\n\n\
        ob=/program\nfl=???\nfn=counted::measured\n0 100\ncob=/libc\ncfi=malloc.c\ncfn=malloc\n\
        calls=3 7 \n0 30\ncfn=free\ncalls=2 7 \n0 5\n\n\
        ob=/libc\nfl=malloc.c\nfn=malloc\n7 20\n8 10\ncfn=realloc\ncalls=9 7 \n8 4\n";
    let expected = Counts {
        program: 100,
        all: 130,
        allocations: 3,
    };
    assert_eq!(read(profile, "/program"), expected);
}
