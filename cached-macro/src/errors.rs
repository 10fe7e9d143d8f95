//! Collects errors, so that one compile shows all of them.

use std::fmt::Display;

use proc_macro2::Span;
use quote::ToTokens;

/// Every error found so far. It has to be read with [`Errors::finish`]: dropping it unread panics,
/// so that an error cannot be forgotten.
#[derive(Debug)]
pub(crate) struct Errors {
    found: Vec<syn::Error>,
    read: bool,
}

impl Errors {
    pub(crate) fn new() -> Self {
        Self {
            found: Vec::new(),
            read: false,
        }
    }

    pub(crate) fn push(&mut self, error: syn::Error) {
        self.found.extend(error);
    }

    /// An error that underlines all of `tokens`.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    pub(crate) fn at_span(&mut self, span: Span, message: impl Display) {
        self.push(syn::Error::new(span, message));
    }

    /// The value of a step that may fail.
    pub(crate) fn keep<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// All errors in the order of the source, if there are any.
    pub(crate) fn finish(mut self) -> Option<syn::Error> {
        self.read = true;
        let mut found = std::mem::take(&mut self.found);
        found.sort_by_key(|error| position(error.span()));
        found.into_iter().reduce(|mut all, error| {
            all.combine(error);
            all
        })
    }
}

impl Drop for Errors {
    fn drop(&mut self) {
        assert!(
            self.read || std::thread::panicking(),
            "errors were collected and never read"
        );
    }
}

/// Outside of a compilation, as in unit tests, spans have no position.
pub(crate) fn position(span: Span) -> (usize, usize) {
    if proc_macro::is_available() {
        let span = span.unwrap();
        (span.line(), span.column())
    } else {
        (0, 0)
    }
}

/// The candidate that was probably meant, as `; did you mean ..?`, or nothing.
pub(crate) fn did_you_mean<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> String {
    let limit = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| format!("; did you mean `{candidate}`?"))
        .unwrap_or_default()
}

/// The names as `a`, `b`, `c`, in backquotes.
pub(crate) fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names
        .into_iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// How many characters have to be put in, left out, replaced, or swapped with their neighbour.
fn distance(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut before_last = vec![0; to.len() + 1];
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1; to.len() + 1];
        for (j, b) in to.iter().enumerate() {
            row[j + 1] = (last[j] + usize::from(a != b))
                .min(last[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                row[j + 1] = row[j + 1].min(before_last[j - 1] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::{Errors, did_you_mean, distance, quoted};
    use proc_macro2::Span;

    #[test]
    fn distance_counts_edits_and_swaps() {
        for (from, to, edits) in [
            ("ttl", "ttl", 0),
            ("ttll", "ttl", 1),
            ("tlt", "ttl", 1),
            ("", "abc", 3),
            ("prefx", "prefix", 1),
            ("jitter", "tags", 5),
        ] {
            assert_eq!(distance(from, to), edits, "{from} -> {to}");
            assert_eq!(distance(to, from), edits, "{to} -> {from}");
        }
    }

    #[test]
    fn only_a_near_name_is_suggested() {
        let options = ["ttl", "ttl_with", "prefix", "tags"];
        assert_eq!(did_you_mean("ttll", options), "; did you mean `ttl`?");
        assert_eq!(did_you_mean("perfix", options), "; did you mean `prefix`?");
        assert_eq!(did_you_mean("expires", options), "");
    }

    #[test]
    fn names_are_listed_in_backquotes() {
        assert_eq!(quoted(["a", "b"]), "`a`, `b`");
        assert_eq!(quoted([]), "");
    }

    #[test]
    fn all_errors_are_kept() {
        let mut errors = Errors::new();
        errors.at_span(Span::call_site(), "one");
        errors.at_span(Span::call_site(), "two");
        let all: Vec<_> = errors
            .finish()
            .into_iter()
            .flatten()
            .map(|e| e.to_string())
            .collect();
        assert_eq!(all, ["one", "two"]);
    }

    #[test]
    fn no_errors_is_none() {
        assert!(Errors::new().finish().is_none());
    }

    #[test]
    #[should_panic(expected = "never read")]
    fn forgetting_the_errors_panics() {
        drop(Errors::new());
    }
}
