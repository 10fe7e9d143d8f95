//! Brings the options and the function together. Every rejection of what is well formed by itself
//! stands here, so that the expansion cannot fail.

mod background;
mod each;
mod function;
mod generics;
mod key;
mod key_fn;
mod options;
mod steady;
mod tags;
mod tiers;

pub(crate) use background::Kept;
pub(crate) use function::{attributes, returned_opaque};
pub(crate) use key::{Key, Part, PartKind};
pub(crate) use options::exclude;
pub(crate) use tags::{Tag, TagPiece, resolve as resolve_tags};

use proc_macro2::{Ident, TokenStream};

use crate::args::Args;
use crate::crate_path;
use crate::errors::{Errors, did_you_mean, quoted};
use crate::function::Function;

/// All that the expansion of `#[cache_aside]` needs to know.
pub(crate) struct Plan {
    /// The library's private module, as the body of the function names it.
    pub(crate) k: TokenStream,
    /// Brings that name into scope.
    pub(crate) import: TokenStream,
    /// The path of that module.
    pub(crate) private: TokenStream,
    pub(crate) args: Args,
    pub(crate) function: Function,
    pub(crate) key: Key,
    pub(crate) tags: Vec<Tag>,
    pub(crate) load: Load,
}

/// How the body is run.
pub(crate) enum Load {
    /// In the caller, with its arguments.
    InPlace,
    /// Perhaps longer than the call, with clones of what is borrowed.
    Kept(Vec<Kept>),
    /// With the elements of this argument that are missing.
    Each(Ident),
}

impl Plan {
    /// Only to be expanded if no error was found.
    pub(crate) fn new(args: Args, function: Function, errors: &mut Errors) -> Self {
        function::check(&args, &function, errors);
        options::check(&args, errors);
        tiers::check(&args, &function, errors);
        let key = Key::new(&args, &function, errors);
        each::check(&args, &function, errors);
        key_fn::check(&args, &function, errors);
        let templates = args.tags.as_ref().map_or(&[][..], |tags| &tags.value);
        let tags = tags::resolve(templates, &function, errors);
        let load = if let Some(each) = &args.each {
            Load::Each(each.value.clone())
        } else if let Some(option) = background::option(&args) {
            Load::Kept(background::kept(option, &function, errors))
        } else {
            Load::InPlace
        };
        let path = args.crate_path.as_ref().map(|path| path.value.clone());
        Self {
            k: crate_path::alias(),
            import: crate_path::import(path.as_ref()),
            private: crate_path::private(path.as_ref()),
            args,
            function,
            key,
            tags,
            load,
        }
    }
}

/// "no argument `dbb` to skip; did you mean `db`? arguments are `id`, `db`".
fn no_argument(name: &str, purpose: &str, function: &Function) -> String {
    let receiver = function.receiver.as_ref().map(|_| "self".to_owned());
    let arguments: Vec<String> = receiver
        .into_iter()
        .chain(function.arguments().map(ToString::to_string))
        .collect();
    let names = || arguments.iter().map(String::as_str);
    if arguments.is_empty() {
        return format!(
            "no argument `{name}` {purpose}; `{}` has none",
            function.sig.ident
        );
    }
    let hint = did_you_mean(name, names());
    let sentence = if hint.is_empty() { ";" } else { "" };
    format!(
        "no argument `{name}` {purpose}{hint}{sentence} arguments are {}",
        quoted(names())
    )
}

#[cfg(test)]
mod tests;
