//! The attributes of the `cache-aside` crate. Depend on that crate, not on this one.

mod args;
mod crate_path;
mod duration;
mod errors;
mod expand;
mod fallback;
mod function;
mod invalidate;
mod plan;
mod rewrite;
mod template;
mod tokens;

use proc_macro2::TokenStream;

use args::{Args, InvalidateArgs};
use errors::Errors;
use fallback::fallback;
use function::Function;

/// Caches.
#[proc_macro_attribute]
pub fn cache_aside(
    args: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    cached(args.into(), item.into()).into()
}

/// Invalidates.
#[proc_macro_attribute]
pub fn cache_invalidate(
    args: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    invalidating(args.into(), item.into()).into()
}

fn cached(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let args = Args::parse(args, &mut errors);
    let function = errors.keep(Function::parse("cache_aside", item.clone()));
    let plan = function.map(|function| plan::Plan::new(args, function, &mut errors));
    match (errors.finish(), plan) {
        (None, Some(plan)) => expand::expand(&plan),
        (None, None) => item,
        (Some(error), _) => fallback(item, &error),
    }
}

fn invalidating(args: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::new();
    let args = InvalidateArgs::parse(args, &mut errors);
    let function = errors.keep(Function::parse("cache_invalidate", item.clone()));
    let plan = function.map(|function| invalidate::Plan::new(args, function, &mut errors));
    match (errors.finish(), plan) {
        (None, Some(plan)) => invalidate::expand(&plan),
        (None, None) => item,
        (Some(error), _) => fallback(item, &error),
    }
}
