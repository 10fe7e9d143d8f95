//! Which functions' callers may join a load with no policy of their own, and which elements of a batch share one.

use proc_macro2::Ident;
use syn::Expr;

use super::{Load, Plan, Tag, TagPiece};
use crate::args::{Args, Jitter, Local};
use crate::duration::Time;
use crate::function::Param;

impl Plan {
    /// Whether calls with one key have one policy, and wait for another's load for as long as it
    /// takes: lengths of time are known now, and tags are over what the key is made of.
    pub(crate) fn is_steady(&self) -> bool {
        let Self { args, .. } = self;
        matches!(self.load, Load::InPlace)
            && args.key.is_none()
            && args.load_timeout.is_none()
            && args.single_flight.is_none()
            && is_known_now(args)
            && self.tags.iter().all(|tag| self.is_of_the_key(tag))
    }

    /// Whether the elements of a batch have one policy: what is known now, and no tag over an element.
    pub(crate) fn is_one_for_each(&self, each: &Ident) -> bool {
        let is_over_each =
            |piece: &TagPiece| matches!(piece, TagPiece::Argument { name, .. } if name == each);
        is_known_now(&self.args)
            && !self
                .tags
                .iter()
                .flat_map(|tag| &tag.pieces)
                .any(is_over_each)
    }

    /// Whether all arguments in a tag are part of the key.
    fn is_of_the_key(&self, tag: &Tag) -> bool {
        let counts = |argument: &Ident| {
            let of = |param: &Param| param.bound.iter().any(|name| name == argument);
            let mut params = self.function.params.iter().zip(&self.key.params);
            (argument == "self" && self.key.receiver)
                || params.any(|(param, counts)| *counts && of(param))
        };
        tag.pieces.iter().all(|piece| match piece {
            TagPiece::Argument { name, .. } => counts(name),
            TagPiece::Text(_) | TagPiece::Result { .. } => true,
        })
    }
}

/// Whether lengths of time are literals, and what is asked of values is a function, which can capture nothing.
fn is_known_now(args: &Args) -> bool {
    let functions = [&args.ttl_with, &args.cache_if, &args.tags_with];
    let mut functions = functions.into_iter().flatten();
    times(args).all(|time| time.length().is_some())
        && functions.all(|given| matches!(given.value, Expr::Closure(_) | Expr::Path(_)))
}

/// All lengths of time in the options.
fn times(args: &Args) -> impl Iterator<Item = &Time> {
    let local = args.local.as_ref().and_then(|local| match &local.value {
        Local::For(time) => Some(time),
        Local::Whole | Local::Not => None,
    });
    let jitter = args.jitter.as_ref().and_then(|jitter| match &jitter.value {
        Jitter::By(time) => Some(time),
        Jitter::Fraction(_) => None,
    });
    let others = args.times().into_iter().flatten().map(|time| &time.value);
    others.chain(local).chain(jitter)
}
