//! The text of `#[cache_aside(..)]`: every option with the place where it stands.

mod grammar;
mod tiers;
mod value;

#[cfg(test)]
pub(crate) use grammar::Opt;
pub(crate) use grammar::{CACHE_ASIDE, CACHE_INVALIDATE};
pub(crate) use tiers::{Coherence, Local, SingleFlight};
pub(crate) use value::{Jitter, KeyFn, Number, TEMPLATES};

use proc_macro2::{Ident, TokenStream};
use syn::parse::ParseStream;
use syn::{Expr, LitStr, Path, TypePath};

use crate::crate_path;
use crate::duration::Time;
use crate::errors::Errors;
use crate::size::Size;
use grammar::options;

/// An option: its name as it was written, and its value.
#[derive(Clone)]
pub(crate) struct Given<T> {
    pub(crate) name: Ident,
    pub(crate) value: T,
}

/// The options of `#[cache_aside(..)]`.
#[derive(Default)]
pub(crate) struct Args {
    pub(crate) ttl: Option<Given<Time>>,
    pub(crate) ttl_with: Option<Given<Expr>>,
    pub(crate) prefix: Option<Given<LitStr>>,
    pub(crate) key: Option<Given<Vec<Expr>>>,
    pub(crate) skip: Option<Given<Vec<Ident>>>,
    pub(crate) key_fn: Option<Given<KeyFn>>,
    pub(crate) version: Option<Given<String>>,
    pub(crate) tags: Option<Given<Vec<Expr>>>,
    pub(crate) tags_with: Option<Given<Expr>>,
    pub(crate) jitter: Option<Given<Jitter>>,
    pub(crate) negative_ttl: Option<Given<Time>>,
    pub(crate) cache_if: Option<Given<Expr>>,
    pub(crate) stale_while_revalidate: Option<Given<Time>>,
    pub(crate) stale_if_error: Option<Given<Time>>,
    pub(crate) refresh_ahead: Option<Given<Number>>,
    pub(crate) early_expiry: Option<Given<Number>>,
    pub(crate) soft_timeout: Option<Given<Time>>,
    pub(crate) load_timeout: Option<Given<Time>>,
    pub(crate) single_flight: Option<Given<SingleFlight>>,
    pub(crate) lease: Option<Given<Time>>,
    pub(crate) lease_wait: Option<Given<Time>>,
    pub(crate) local: Option<Given<Local>>,
    pub(crate) coherence: Option<Given<Coherence>>,
    pub(crate) remote: Option<Given<bool>>,
    pub(crate) codec: Option<Given<TypePath>>,
    pub(crate) compress_above: Option<Given<Size>>,
    pub(crate) max_size: Option<Given<Size>>,
    pub(crate) cache: Option<Given<Expr>>,
    pub(crate) each: Option<Given<Ident>>,
    pub(crate) crate_path: Option<Given<Path>>,
    /// Every option that was meant, also where its value could not be read.
    meant: Vec<&'static str>,
}

impl Args {
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut args = Self::default();
        let take = |name, input: ParseStream<'_>| args.take(name, input);
        args.meant = options(tokens, CACHE_ASIDE, errors, take);
        args
    }

    /// The options that are lengths of time and nothing else.
    pub(crate) fn times(&self) -> [Option<&Given<Time>>; 8] {
        [
            self.ttl.as_ref(),
            self.negative_ttl.as_ref(),
            self.stale_while_revalidate.as_ref(),
            self.stale_if_error.as_ref(),
            self.soft_timeout.as_ref(),
            self.load_timeout.as_ref(),
            self.lease.as_ref(),
            self.lease_wait.as_ref(),
        ]
    }

    pub(crate) fn meant(&self, option: &str) -> bool {
        self.meant.contains(&option)
    }

    /// Reads the value of one option; `input` stands behind the `=` or inside the parentheses.
    fn take(&mut self, name: Ident, input: ParseStream<'_>) -> syn::Result<()> {
        let option = name.to_string();
        let option = option.as_str();
        match option {
            "ttl" => self.ttl = given(name, value::time(option, input)?),
            "ttl_with" => self.ttl_with = given(name, input.parse()?),
            "prefix" => self.prefix = given(name, value::prefix(input)?),
            "key" => self.key = given(name, value::expressions(input)?),
            "skip" => self.skip = given(name, value::names(input)?),
            "key_fn" => self.key_fn = given(name, value::key_fn(input)?),
            "version" => self.version = given(name, value::version(input)?),
            "tags" => self.tags = given(name, value::templates(input)?),
            "tags_with" => self.tags_with = given(name, input.parse()?),
            "jitter" => self.jitter = given(name, value::jitter(input)?),
            "negative_ttl" => self.negative_ttl = given(name, value::negative_ttl(input)?),
            "cache_if" => self.cache_if = given(name, input.parse()?),
            "stale_while_revalidate" => {
                self.stale_while_revalidate = given(name, value::time(option, input)?);
            }
            "stale_if_error" => self.stale_if_error = given(name, value::time(option, input)?),
            "refresh_ahead" => self.refresh_ahead = given(name, value::share(input)?),
            "early_expiry" => self.early_expiry = given(name, value::beta(input)?),
            "soft_timeout" => self.soft_timeout = given(name, value::time(option, input)?),
            "load_timeout" => self.load_timeout = given(name, value::time(option, input)?),
            "single_flight" => self.single_flight = given(name, tiers::single_flight(input)?),
            "lease" => self.lease = given(name, value::time(option, input)?),
            "lease_wait" => self.lease_wait = given(name, value::time(option, input)?),
            "local" => self.local = given(name, tiers::local(input)?),
            "coherence" => self.coherence = given(name, tiers::coherence(input)?),
            "remote" => self.remote = given(name, value::switch(option, "false", input)?),
            "codec" => self.codec = given(name, tiers::codec(input)?),
            "compress_above" => {
                self.compress_above = given(name, tiers::compress_above(input)?);
            }
            "max_size" => self.max_size = given(name, tiers::max_size(input)?),
            "cache" => self.cache = given(name, input.parse()?),
            "each" => self.each = given(name, value::each(input)?),
            _ => self.crate_path = given(name, crate_path::parse(input)?),
        }
        Ok(())
    }
}

/// The options of `#[cache_invalidate(..)]`.
#[derive(Default)]
pub(crate) struct InvalidateArgs {
    pub(crate) tags: Option<Given<Vec<Expr>>>,
    pub(crate) keys: Option<Given<Vec<Expr>>>,
    pub(crate) prefixes: Option<Given<Vec<Expr>>>,
    pub(crate) cache: Option<Given<Expr>>,
    pub(crate) bracket: Option<Given<bool>>,
    pub(crate) settled: Option<Given<bool>>,
    pub(crate) soft: Option<Given<Time>>,
    pub(crate) on_failure: Option<Given<()>>,
    pub(crate) crate_path: Option<Given<Path>>,
    /// As in [`Args`].
    meant: Vec<&'static str>,
}

impl InvalidateArgs {
    pub(crate) fn parse(tokens: TokenStream, errors: &mut Errors) -> Self {
        let mut args = Self::default();
        let take = |name, input: ParseStream<'_>| args.take(name, input);
        args.meant = options(tokens, CACHE_INVALIDATE, errors, take);
        args
    }

    pub(crate) fn meant(&self, option: &str) -> bool {
        self.meant.contains(&option)
    }

    /// Is there anything to invalidate?
    pub(crate) fn has_target(&self) -> bool {
        self.has_group() || self.has("keys", self.keys.as_ref())
    }

    /// Is there anything that many entries have in common?
    pub(crate) fn has_group(&self) -> bool {
        self.has("tags", self.tags.as_ref()) || self.has("prefixes", self.prefixes.as_ref())
    }

    /// A list with a mistake may have elements.
    fn has<T>(&self, option: &str, list: Option<&Given<Vec<T>>>) -> bool {
        self.meant(option) && list.is_none_or(|list| !list.value.is_empty())
    }

    fn take(&mut self, name: Ident, input: ParseStream<'_>) -> syn::Result<()> {
        let option = name.to_string();
        let option = option.as_str();
        match option {
            "tags" => self.tags = given(name, value::templates(input)?),
            "keys" => {
                self.keys = given(name, value::keys(input)?);
            }
            "prefixes" => self.prefixes = given(name, value::prefixes(input)?),
            "cache" => self.cache = given(name, input.parse()?),
            "bracket" => self.bracket = given(name, value::switch(option, "true", input)?),
            "settled" => self.settled = given(name, value::switch(option, "true", input)?),
            "soft" => self.soft = given(name, value::time(option, input)?),
            "on_failure" => self.on_failure = given(name, value::on_failure(input)?),
            _ => self.crate_path = given(name, crate_path::parse(input)?),
        }
        Ok(())
    }
}

#[allow(
    clippy::unnecessary_wraps,
    reason = "always assigned to an optional field"
)]
fn given<T>(name: Ident, value: T) -> Option<Given<T>> {
    Some(Given { name, value })
}

#[cfg(test)]
mod tests;
