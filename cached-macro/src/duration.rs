//! Lengths of time: `"5m"`, `"1h30m"`, a number of seconds, or an expression.

use std::time::Duration;

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Expr, Lit, UnOp};

/// No entry lives longer than this; a longer one is taken for a slip.
pub(crate) const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A duration option.
#[derive(Clone)]
pub(crate) enum Time {
    /// Known now, with the literal it was written as.
    Fixed { length: Duration, literal: Lit },
    /// An expression of type `Duration`.
    Computed(Expr),
}

impl Time {
    /// Reads the value of the option `name`.
    pub(crate) fn new(name: &str, expr: Expr) -> syn::Result<Self> {
        let literal = match peel(expr) {
            Expr::Lit(literal) => literal.lit,
            Expr::Unary(unary)
                if matches!(unary.op, UnOp::Neg(_)) && matches!(*unary.expr, Expr::Lit(_)) =>
            {
                return Err(syn::Error::new_spanned(
                    unary,
                    format!("`{name}` cannot be negative; write `{name} = \"5m\"`"),
                ));
            }
            computed => return Ok(Self::Computed(computed)),
        };
        let length = match &literal {
            Lit::Str(text) => parse(&text.value()),
            Lit::Int(number) if has_unit(number.suffix()) => Err(format!(
                "a unit belongs in a string; write `{name} = \"{number}\"`"
            )),
            Lit::Int(seconds) => seconds
                .base10_parse()
                .map(Duration::from_secs)
                .map_err(|_| too_long(name)),
            Lit::Float(_) => {
                Err("durations are whole numbers; write `\"1500ms\"` or `\"1h30m\"`".to_owned())
            }
            _ => Err(format!(
                "`{name}` takes a duration; write `{name} = \"5m\"`"
            )),
        };
        match length {
            Ok(length) if length > YEAR => Err(syn::Error::new_spanned(literal, too_long(name))),
            Ok(length) => Ok(Self::Fixed { length, literal }),
            Err(message) => Err(syn::Error::new_spanned(literal, message)),
        }
    }

    /// The length, if it is known now.
    pub(crate) fn length(&self) -> Option<Duration> {
        match self {
            Self::Fixed { length, .. } => Some(*length),
            Self::Computed(_) => None,
        }
    }

    /// An expression of type `Duration`, with the user's span.
    pub(crate) fn expand(&self, k: &TokenStream) -> TokenStream {
        match self {
            Self::Fixed { length, literal } => {
                let span = Span::mixed_site().located_at(literal.span());
                // A year is far below the limit.
                let millis = Literal::u64_suffixed(u64::try_from(length.as_millis()).unwrap_or(0));
                quote_spanned! {span=> #k::Duration::from_millis(#millis) }
            }
            Self::Computed(expr) => expr.to_token_stream(),
        }
    }
}

impl ToTokens for Time {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Fixed { literal, .. } => literal.to_tokens(tokens),
            Self::Computed(expr) => expr.to_tokens(tokens),
        }
    }
}

/// Is the suffix of a number none that Rust knows?
pub(crate) fn has_unit(suffix: &str) -> bool {
    const TYPES: [&str; 14] = [
        "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
        "f32", "f64",
    ];
    !suffix.is_empty() && !TYPES.contains(&suffix)
}

/// What a `macro_rules` hands on as one fragment stands in an invisible group.
pub(crate) fn peel(expr: Expr) -> Expr {
    match expr {
        Expr::Group(group) => peel(*group.expr),
        other => other,
    }
}

fn too_long(name: &str) -> String {
    format!("`{name}` is longer than a year; was that meant?")
}

/// `"1h30m"`. At most a year is meant to come out; anything that fits is returned.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    const WHOLE: &str = "a duration is whole numbers with units; write `\"250ms\"` or `\"1h30m\"`";
    let mut total = Duration::ZERO;
    let mut previous = Duration::MAX;
    let mut rest = text;
    if text.is_empty() {
        return Err(WHOLE.to_owned());
    }
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = rest.split_at(digits);
        let letters = after.len() - after.trim_start_matches(char::is_alphabetic).len();
        let (unit, after) = after.split_at(letters);
        if number.is_empty() || (unit.is_empty() && !after.is_empty()) {
            return Err(WHOLE.to_owned());
        }
        if unit.is_empty() {
            return Err(match text.parse::<u64>() {
                Ok(_) => format!("durations need a unit; write `\"{text}s\"` or `\"5m\"`"),
                Err(_) => WHOLE.to_owned(),
            });
        }
        let unit = match unit {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(60 * 60),
            "d" => Duration::from_secs(24 * 60 * 60),
            other => {
                return Err(format!(
                    "unknown unit `{other}`; use `ms`, `s`, `m`, `h` or `d`"
                ));
            }
        };
        if unit >= previous {
            return Err("larger units come first, each once; write `\"1h30m\"`".to_owned());
        }
        previous = unit;
        let part = number
            .parse::<u32>()
            .ok()
            .and_then(|number| unit.checked_mul(number));
        total = part
            .and_then(|part| total.checked_add(part))
            .ok_or_else(|| format!("`{text}` is longer than a year; was that meant?"))?;
        rest = after;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::{Duration, Time, parse};
    use syn::parse_quote;

    #[test]
    fn units_add_up() {
        for (text, millis) in [
            ("0s", 0),
            ("250ms", 250),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("1d2h3m4s5ms", 93_784_005),
            ("90s", 90_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_says_what_to_write() {
        for (text, message) in [
            (
                "",
                "a duration is whole numbers with units; write `\"250ms\"` or `\"1h30m\"`",
            ),
            (
                "m",
                "a duration is whole numbers with units; write `\"250ms\"` or `\"1h30m\"`",
            ),
            (
                "1.5h",
                "a duration is whole numbers with units; write `\"250ms\"` or `\"1h30m\"`",
            ),
            (
                "5 m",
                "a duration is whole numbers with units; write `\"250ms\"` or `\"1h30m\"`",
            ),
            (
                "-5m",
                "a duration is whole numbers with units; write `\"250ms\"` or `\"1h30m\"`",
            ),
            (
                "1h30",
                "a duration is whole numbers with units; write `\"250ms\"` or `\"1h30m\"`",
            ),
            ("300", "durations need a unit; write `\"300s\"` or `\"5m\"`"),
            (
                "5mins",
                "unknown unit `mins`; use `ms`, `s`, `m`, `h` or `d`",
            ),
            (
                "30m1h",
                "larger units come first, each once; write `\"1h30m\"`",
            ),
            (
                "1m1m",
                "larger units come first, each once; write `\"1h30m\"`",
            ),
            (
                "99999999999d",
                "`99999999999d` is longer than a year; was that meant?",
            ),
        ] {
            assert_eq!(parse(text), Err(message.to_owned()), "{text}");
        }
    }

    fn error(expr: syn::Expr) -> String {
        Time::new("ttl", expr).err().expect("refused").to_string()
    }

    #[test]
    fn integers_are_seconds_and_the_rest_is_an_expression() {
        let length = |expr| Time::new("ttl", expr).expect("accepted").length();
        assert_eq!(length(parse_quote!(60u64)), Some(Duration::from_secs(60)));
        assert_eq!(length(parse_quote!(60)), Some(Duration::from_secs(60)));
        assert_eq!(length(parse_quote!("1m")), Some(Duration::from_secs(60)));
        assert_eq!(length(parse_quote!(Duration::from_secs(id))), None);
        assert_eq!(length(parse_quote!(TTL)), None);
    }

    #[test]
    fn other_literals_are_refused() {
        assert!(error(parse_quote!(1.5)).starts_with("durations are whole numbers"));
        assert_eq!(
            error(parse_quote!(5h)),
            "a unit belongs in a string; write `ttl = \"5h\"`"
        );
        assert!(error(parse_quote!(true)).starts_with("`ttl` takes a duration"));
        assert!(error(parse_quote!(-5)).starts_with("`ttl` cannot be negative"));
        assert_eq!(
            error(parse_quote!("366d")),
            "`ttl` is longer than a year; was that meant?"
        );
        assert_eq!(
            error(parse_quote!(99999999999999999999999)),
            "`ttl` is longer than a year; was that meant?"
        );
    }
}
