//! Runs cargo, and says how long it took.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Processor time comes in these.
const TICKS_PER_SECOND: f64 = 100.0;

/// Seconds of one build.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Took {
    /// As they passed.
    pub(crate) wall: f64,
    /// Of all processors, for cargo and what it started.
    pub(crate) processor: f64,
}

/// A crate that was written to be built.
#[derive(Clone, Debug)]
pub(crate) struct Package {
    name: String,
    pub(crate) folder: PathBuf,
    /// Where it is built.
    pub(crate) target: PathBuf,
}

impl Package {
    /// Written anew; what was built of it before stays. Packages with one `target` share what they depend on.
    pub(crate) fn new(
        (name, target): (&str, &str),
        dependencies: &str,
        main: &str,
    ) -> Result<Self, Box<dyn Error>> {
        let below = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/build-cost");
        let folder = below.join(name);
        fs::create_dir_all(folder.join("src"))?;
        let manifest = format!(
            "[workspace]\n\n[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\n{dependencies}"
        );
        fs::write(folder.join("Cargo.toml"), manifest)?;
        fs::write(folder.join("src/main.rs"), main)?;
        let target = below.join(target);
        Ok(Self {
            name: name.to_owned(),
            folder,
            target,
        })
    }

    /// The crate itself is to be built from nothing; what it depends on stays. Where a file is only
    /// written anew, what was built before is used again, and nearly nothing is measured.
    pub(crate) fn forget(&self) -> Result<(), Box<dyn Error>> {
        self.cargo(&["clean", "--quiet", "--package", &self.name])?;
        Ok(())
    }

    pub(crate) fn cargo(&self, arguments: &[&str]) -> Result<Took, Box<dyn Error>> {
        let (began, before) = (Instant::now(), processor_time_of_children()?);
        let output = Command::new(env!("CARGO"))
            .args(arguments)
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", &self.target)
            // As most people build: with what is written when only a part is built again.
            .env_remove("CARGO_INCREMENTAL")
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .stdin(Stdio::null())
            .output()?;
        let wall = began.elapsed().as_secs_f64();
        if !output.status.success() {
            let told = String::from_utf8_lossy(&output.stderr);
            return Err(format!("cargo {arguments:?} in {}: {told}", self.folder.display()).into());
        }
        let processor = processor_time_of_children()? - before;
        Ok(Took { wall, processor })
    }
}

/// Seconds of all processes that were started and have ended; the system counts them when they are waited for.
fn processor_time_of_children() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")
        .map_err(|error| format!("processor time is read where Linux has it: {error}"))?;
    // The name of the program is in parentheses and may have spaces.
    let (_, fields) = stat.rsplit_once(") ").ok_or("the format of stat")?;
    let mut fields = fields.split(' ').skip(13);
    let mut ticks = || -> Result<f64, Box<dyn Error>> {
        Ok(fields.next().ok_or("the format of stat")?.parse::<f64>()?)
    };
    Ok((ticks()? + ticks()?) / TICKS_PER_SECOND)
}

/// The one in the middle, and the least.
pub(crate) fn median_and_best(mut values: Vec<f64>) -> (f64, f64) {
    values.sort_by(f64::total_cmp);
    (values[values.len() / 2], values[0])
}
