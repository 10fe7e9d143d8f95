//! `docs/benchmarks.svg`: how many times as long each system takes as this library does, on a scale of logarithms.
//!
//! It follows the reader's choice of light or dark by a style alone.

use std::fmt::Write;

use crate::results::{Results, Timing};

/// Those paths that are drawn; the tables have all.
const PATHS: [&str; 8] = [
    "local hit, 10,000 keys, 1 thread",
    "local hit, 1 hot key, 2 threads",
    "1,000 callers of one load, runtime of all cores",
    "remote hit, 1 caller",
    "remote hit, 64 callers",
    "remote hit, 1024 callers",
    "cold miss, 1 caller",
    "batch of 100 remote hits, 1 caller",
];

const WIDTH: f64 = 860.0;
/// Where the scale begins and ends; names are before it, figures behind the last dot.
const LEFT: f64 = 270.0;
const RIGHT: f64 = 790.0;
const ROW: f64 = 18.0;
const TITLE: f64 = 34.0;
const TOP: f64 = 52.0;

const LINES: [f64; 10] = [0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0];

const STYLE: &str = "\
text { font: 12px system-ui, sans-serif; fill: #24292f; }
.title { font-weight: 600; }
.scale { fill: #57606a; }
.line { stroke: #d0d7de; }
.one { stroke: #0969da; stroke-width: 2; }
.bar { stroke: #8c959f; stroke-width: 3; }
.dot { fill: #57606a; }
.own .bar { stroke: #0969da; }
.own .dot { fill: #0969da; }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3; }
  .scale { fill: #9198a1; }
  .line { stroke: #3d444d; }
  .one { stroke: #4493f8; }
  .bar { stroke: #656c76; }
  .dot { fill: #9198a1; }
  .own .bar { stroke: #4493f8; }
  .own .dot { fill: #4493f8; }
}
";

/// From ratios to places.
struct Scale {
    low: f64,
    high: f64,
}

impl Scale {
    /// Whole steps between lines that hold all ratios.
    fn of(ratios: impl Iterator<Item = f64> + Clone) -> Self {
        let least = ratios.clone().fold(1.0, f64::min);
        let most = ratios.fold(1.0, f64::max);
        let low = LINES.into_iter().rev().find(|line| *line <= least);
        let high = LINES.into_iter().find(|line| *line >= most);
        Self {
            low: low.unwrap_or(LINES[0]).min(0.5),
            high: high.unwrap_or(LINES[LINES.len() - 1]).max(2.0),
        }
    }

    fn place(&self, ratio: f64) -> f64 {
        let part = (ratio / self.low).ln() / (self.high / self.low).ln();
        LEFT + part.clamp(0.0, 1.0) * (RIGHT - LEFT)
    }
}

pub(crate) fn draw(results: &Results) -> String {
    let drawn = results.paths().into_iter();
    let mut drawn: Vec<_> = drawn
        .filter(|path| PATHS.contains(&&*path[0].path))
        .collect();
    drawn.sort_by_key(|path| PATHS.iter().position(|known| *known == path[0].path));
    let ratio = |path: &[Timing], timing: &Timing| timing.median / path[0].median;
    let ratios = drawn
        .iter()
        .flat_map(|path| path.iter().map(move |timing| ratio(path, timing)));
    let scale = Scale::of(ratios);
    let mut rows = String::new();
    let mut y = TOP;
    for path in &drawn {
        y += TITLE;
        text(
            &mut rows,
            "title",
            12.0,
            y - ROW / 2.0,
            "start",
            &path[0].path,
        );
        for timing in &path[1..] {
            row(&mut rows, &scale, y, &timing.system, ratio(path, timing));
            y += ROW;
        }
    }
    let bottom = y + 6.0;
    let height = bottom + 12.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\" role=\"img\">\n\
         <title>Time per call against cache-aside</title>\n<style>\n{STYLE}</style>\n"
    );
    let head = "How many times as long as a call of cache-aside (medians; 1 is the same, to the right is slower)";
    text(&mut svg, "title", 12.0, 20.0, "start", head);
    for line in LINES
        .into_iter()
        .filter(|line| (scale.low..=scale.high).contains(line))
    {
        let x = scale.place(line);
        let class = if (line - 1.0).abs() < f64::EPSILON {
            "one"
        } else {
            "line"
        };
        let top = TOP - 4.0;
        let _ = writeln!(
            svg,
            "<line class=\"{class}\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" y2=\"{bottom}\"/>"
        );
        text(
            &mut svg,
            "scale",
            x,
            TOP - 10.0,
            "middle",
            &format!("{line} x"),
        );
    }
    svg.push_str(&rows);
    svg.push_str("</svg>\n");
    svg
}

fn row(to: &mut String, scale: &Scale, y: f64, name: &str, ratio: f64) {
    let class = if name.starts_with("cache-aside") {
        "own"
    } else {
        "other"
    };
    let (one, x) = (scale.place(1.0), scale.place(ratio));
    let base = y + 4.0;
    let _ = writeln!(to, "<g class=\"{class}\">");
    text(to, "name", LEFT - 12.0, base, "end", name);
    let _ = writeln!(
        to,
        "<line class=\"bar\" x1=\"{one:.1}\" x2=\"{x:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
    );
    let _ = writeln!(
        to,
        "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\"/>"
    );
    // Beside the dot, away from the bar.
    let (x, anchor) = if ratio < 1.0 {
        (x - 8.0, "end")
    } else {
        (x + 8.0, "start")
    };
    text(to, "figure", x, base, anchor, &format!("{ratio:.2}"));
    to.push_str("</g>\n");
}

fn text(to: &mut String, class: &str, x: f64, y: f64, anchor: &str, text: &str) {
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let _ = writeln!(
        to,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>"
    );
}
