//! The committed figures: how they are written, read and compared.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::process::Command;

use super::callgrind::Counts;

/// Of the committed figure. Hits in the process do not vary at all.
const TOLERANCE: f64 = 0.05;
/// Of one that waits for another process: how often it looks whether there is an answer has to do with the machine.
const TOLERANCE_OF_TRIPS: f64 = 0.1;
/// Allocations are few: in small numbers a whole one matters.
const HALF_AN_ALLOCATION: f64 = 0.5;

const TRIPS: &[&str] = &["remote-tagged", "cold-miss", "batch-of-100"];

/// What one call takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct PerCall {
    program: f64,
    all: f64,
    allocations: f64,
}

/// Those of all variants, and what they were taken with.
#[derive(Debug, PartialEq)]
pub(crate) struct Figures {
    compiler: String,
    c_library: String,
    variants: BTreeMap<String, PerCall>,
}

impl PerCall {
    /// Two runs, the second with so many calls more.
    pub(crate) fn between(few: Counts, many: Counts, calls: u32) -> Self {
        let per_call = |few: u64, many: u64| {
            let more = many.saturating_sub(few);
            #[expect(clippy::cast_precision_loss, reason = "fewer than 2^52 instructions")]
            let per_call = more as f64 / f64::from(calls);
            per_call
        };
        Self {
            program: per_call(few.program, many.program),
            all: per_call(few.all, many.all),
            allocations: per_call(few.allocations, many.allocations),
        }
    }
}

impl Figures {
    pub(crate) fn of_this_machine() -> Self {
        let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
        let said = |program: &str, argument: &str| {
            let output = Command::new(program).arg(argument).output();
            let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        };
        let compiler = said(&rustc, "--version");
        // `rustc 1.95.0 (59807616e 2026-04-14)`, `glibc 2.36`
        let compiler = compiler.split(" (").next().unwrap_or_default();
        Self {
            compiler: compiler.to_owned(),
            c_library: said("getconf", "GNU_LIBC_VERSION"),
            variants: BTreeMap::new(),
        }
    }

    /// Of several counts of one variant the least is kept: what disturbs a call makes it longer.
    pub(crate) fn add(&mut self, variant: &str, figures: PerCall) {
        let kept = self.variants.entry(variant.to_owned()).or_insert(figures);
        if figures.program < kept.program {
            *kept = figures;
        }
    }

    /// The opposite of `Display`.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let taken = text
            .lines()
            .find_map(|line| line.strip_prefix("# Taken with "));
        let (compiler, c_library) = taken
            .and_then(|taken| taken.trim_end_matches('.').split_once(" and "))
            .ok_or("does not say what it was taken with")?;
        let mut variants = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let wrong = || format!("`{line}` is no variant with three figures");
            let [variant, figures @ ..] = &line.split_whitespace().collect::<Vec<_>>()[..] else {
                return Err(wrong());
            };
            let figures = figures.iter().map(|figure| figure.parse()).collect();
            let figures: Vec<f64> = Result::map_err(figures, |_| wrong())?;
            let [program, all, allocations] = figures[..] else {
                return Err(wrong());
            };
            let figures = PerCall {
                program,
                all,
                allocations,
            };
            variants.insert((*variant).to_owned(), figures);
        }
        Ok(Self {
            compiler: compiler.to_owned(),
            c_library: c_library.to_owned(),
            variants,
        })
    }

    /// One line for each figure that is too far from the expected one.
    pub(crate) fn differences(&self, expected: &Self) -> Vec<String> {
        let variants = self.variants.keys();
        let mut differences: Vec<_> = variants
            .flat_map(|variant| self.differences_of(variant, expected))
            .collect();
        for variant in expected.variants.keys() {
            if !self.variants.contains_key(variant) {
                differences.push(format!("{variant} is no variant any more"));
            }
        }
        differences
    }

    pub(crate) fn differences_of(&self, variant: &str, expected: &Self) -> Vec<String> {
        let of = |figures: &Self| figures.variants.get(variant).copied();
        let (Some(found), Some(before)) = (of(self), of(expected)) else {
            return vec![format!("{variant} has no figures")];
        };
        let mut compared = vec![
            ("of the program", found.program, before.program, 0.0),
            (
                "allocations",
                found.allocations,
                before.allocations,
                HALF_AN_ALLOCATION,
            ),
        ];
        if self.c_library == expected.c_library {
            compared.push(("with the C library", found.all, before.all, 0.0));
        }
        let tolerance = if TRIPS.contains(&variant) {
            TOLERANCE_OF_TRIPS
        } else {
            TOLERANCE
        };
        compared.retain(|(_, found, before, least)| {
            (found - before).abs() > (before * tolerance).max(*least)
        });
        let line = |(what, found, before, _): (&str, f64, f64, f64)| {
            let percent = 100.0 * (found - before) / before.max(1.0);
            format!("{variant}: {before:.1} -> {found:.1} {what} ({percent:+.1} %)")
        };
        compared.into_iter().map(line).collect()
    }

    /// What explains differences, if it is so.
    pub(crate) fn another_compiler(&self, expected: &Self) -> String {
        if self.compiler == expected.compiler {
            return String::new();
        }
        format!(
            "The figures are those of {}, and this is {}: compare with the compiler of the figures first.\n",
            expected.compiler, self.compiler
        )
    }
}

impl Display for Figures {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# Instructions per call, counted by callgrind: `UPDATE_EXPECT=1 cargo test --test instructions` writes them."
        )?;
        writeln!(f, "# Taken with {} and {}.", self.compiler, self.c_library)?;
        writeln!(
            f,
            "# {:18}{:>12}{:>12}{:>14}",
            "variant", "program", "with libc", "allocations"
        )?;
        for (variant, figures) in &self.variants {
            let PerCall {
                program,
                all,
                allocations,
            } = figures;
            writeln!(
                f,
                "{variant:20}{program:>12.0}{all:>12.0}{allocations:>14.1}"
            )?;
        }
        Ok(())
    }
}

#[test]
fn only_what_changes_by_more_than_the_tolerance_is_a_difference() {
    let of = |variant: &str, program: f64, all: f64, allocations: f64, c_library: &str| Figures {
        compiler: "rustc 1.95.0".to_owned(),
        c_library: c_library.to_owned(),
        variants: BTreeMap::from([(
            variant.to_owned(),
            PerCall {
                program,
                all,
                allocations,
            },
        )]),
    };
    let figures =
        |program, all, allocations, c_library| of("arc", program, all, allocations, c_library);
    let expected = figures(300.0, 400.0, 0.0, "glibc 2.36");
    let differences = |found: Figures| found.differences(&expected).len();
    assert_eq!(Figures::read(&expected.to_string()).as_ref(), Ok(&expected));
    assert_eq!(differences(figures(314.0, 419.0, 0.1, "glibc 2.36")), 0);
    assert_eq!(differences(figures(316.0, 400.0, 0.0, "glibc 2.36")), 1);
    assert_eq!(differences(figures(284.0, 400.0, 0.0, "glibc 2.36")), 1);
    assert_eq!(differences(figures(300.0, 421.0, 0.0, "glibc 2.36")), 1);
    assert_eq!(differences(figures(300.0, 421.0, 0.0, "glibc 2.41")), 0);
    assert_eq!(differences(figures(300.0, 400.0, 1.0, "glibc 2.41")), 1);
    let trip = |program| of("cold-miss", program, 400.0, 0.0, "glibc 2.36");
    let trips = |program| trip(program).differences(&trip(300.0)).len();
    assert_eq!((trips(329.0), trips(331.0)), (0, 1));
    assert!(Figures::read("arc 300 400 0").is_err(), "by nothing");
    assert!(Figures::read("# Taken with a and b.\narc 300 many 0").is_err());
}
