//! Sizes in bytes: `"4KiB"`, or a number of bytes.

use syn::{Expr, Lit, LitStr};

use crate::duration::{has_unit, peel};

/// The most that the payload of an entry can have.
const LARGEST: u64 = 256 << 20;

/// A size option.
#[derive(Clone)]
pub(crate) struct Size {
    pub(crate) bytes: u64,
    pub(crate) literal: Lit,
}

impl Size {
    /// Reads the value of the option `name`; `example` is one of its values.
    pub(crate) fn new(name: &str, example: &str, expr: Expr) -> syn::Result<Self> {
        let write = || format!("`{name}` takes a size; write `{name} = {example}`");
        let literal = match peel(expr) {
            Expr::Lit(literal) => literal.lit,
            other => return Err(syn::Error::new_spanned(other, write())),
        };
        let bytes = match &literal {
            Lit::Str(text) => parse(text),
            Lit::Int(number) if has_unit(number.suffix()) => Err(format!(
                "a unit belongs in a string; write `{name} = \"{number}\"`"
            )),
            // What does not fit is too large.
            Lit::Int(number) => Ok(number.base10_parse().unwrap_or(u64::MAX)),
            _ => Err(write()),
        };
        match bytes {
            Ok(bytes) if bytes > LARGEST => Err(syn::Error::new_spanned(
                literal,
                format!("`{name}` is above `256MiB`, the most that is ever stored in one entry"),
            )),
            Ok(bytes) => Ok(Self { bytes, literal }),
            Err(message) => Err(syn::Error::new_spanned(literal, message)),
        }
    }
}

/// As the sizes in the environment are read; what does not fit is the largest there is.
fn parse(text: &LitStr) -> Result<u64, String> {
    const WHOLE: &str = "a size is a whole number with a unit; write `\"4KiB\"` or `\"1MiB\"`";
    let text = text.value();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err(WHOLE.to_owned());
    }
    let unit: u64 = match unit.trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        other if other.chars().all(char::is_alphabetic) => {
            return Err(format!(
                "unknown unit `{other}`; use `B`, `KB`, `KiB`, `MB`, `MiB`, `GB` or `GiB`"
            ));
        }
        _ => return Err(WHOLE.to_owned()),
    };
    let number: u64 = number.parse().unwrap_or(u64::MAX);
    Ok(number.saturating_mul(unit))
}

#[cfg(test)]
mod tests {
    use super::Size;
    use syn::parse_str;

    fn read(value: &str) -> Result<u64, String> {
        Size::new(
            "max_size",
            "\"1MiB\"",
            parse_str(value).expect("an expression"),
        )
        .map(|size| size.bytes)
        .map_err(|error| error.to_string())
    }

    #[test]
    fn units_are_those_of_the_environment() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("4_096u32", 4096),
            ("\"4096\"", 4096),
            ("\"7B\"", 7),
            ("\"4KiB\"", 4 << 10),
            ("\"4 KiB\"", 4 << 10),
            ("\"4KB\"", 4_000),
            ("\"4kB\"", 4_000),
            ("\"3MB\"", 3_000_000),
            ("\"256MiB\"", 256 << 20),
        ] {
            assert_eq!(read(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_says_what_to_write() {
        const WHOLE: &str = "a size is a whole number with a unit; write `\"4KiB\"` or `\"1MiB\"`";
        const TAKES: &str = "`max_size` takes a size; write `max_size = \"1MiB\"`";
        const ABOVE: &str =
            "`max_size` is above `256MiB`, the most that is ever stored in one entry";
        for (text, message) in [
            ("\"\"", WHOLE),
            ("\"KiB\"", WHOLE),
            ("\"1.5MiB\"", WHOLE),
            ("\"-1\"", WHOLE),
            ("\"1MiB2\"", WHOLE),
            ("LIMIT", TAKES),
            ("-1", TAKES),
            ("4.5", TAKES),
            ("false", TAKES),
            (
                "4KiB",
                "a unit belongs in a string; write `max_size = \"4KiB\"`",
            ),
            (
                "\"4K\"",
                "unknown unit `K`; use `B`, `KB`, `KiB`, `MB`, `MiB`, `GB` or `GiB`",
            ),
            (
                "\"4mb\"",
                "unknown unit `mb`; use `B`, `KB`, `KiB`, `MB`, `MiB`, `GB` or `GiB`",
            ),
            ("268435457", ABOVE),
            ("\"1GiB\"", ABOVE),
            ("\"99999999999999999999GB\"", ABOVE),
            ("99999999999999999999", ABOVE),
        ] {
            assert_eq!(read(text), Err(message.to_owned()), "{text}");
        }
    }
}
