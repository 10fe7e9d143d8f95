//! `#[cache_invalidate(..)]`: what a write makes untrue.
//!
//! ```text
//! async fn rename(db: &Db, id: u64) -> Result<(), DbError> { BODY }
//! ```
//!
//! becomes
//!
//! ```text
//! async fn rename(db: &Db, id: u64) -> Result<(), DbError> {
//!     let shape = ..;                  // which outcome is a success
//!     let write = invalidation(cache, shape).tag(..).key(..).prefix(..); // .bracket(), ..
//!     write.run(async move { BODY }).await
//! }
//! ```

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Expr, Type};

use crate::args::{Given, InvalidateArgs};
use crate::crate_path;
use crate::errors::Errors;
use crate::expand::{pieces, place, set_time, typed_body};
use crate::function::{Function, peel};
use crate::plan::{Tag, TagPiece, attributes, exclude, resolve_tags, returned_opaque};
use crate::tokens::placed;

/// All that the expansion needs to know.
pub(crate) struct Plan {
    k: TokenStream,
    import: TokenStream,
    args: InvalidateArgs,
    function: Function,
    tags: Vec<Tag>,
}

impl Plan {
    /// Only to be expanded if no error was found.
    pub(crate) fn new(args: InvalidateArgs, function: Function, errors: &mut Errors) -> Self {
        check(&args, &function, errors);
        let templates = args.tags.as_ref().map_or(&[][..], |tags| &tags.value);
        let tags = resolve_tags(templates, &function, errors);
        bracket(&args, &tags, errors);
        soft(&args, errors);
        let import = crate_path::import(args.crate_path.as_ref().map(|path| &path.value));
        Self {
            k: crate_path::alias(),
            import,
            args,
            function,
            tags,
        }
    }
}

fn check(args: &InvalidateArgs, function: &Function, errors: &mut Errors) {
    attributes("cache_invalidate", function, errors);
    if !args.has_target() {
        errors.at_span(
            Span::call_site(),
            "nothing to invalidate; write `tags = [\"user:{id}\"]`, `keys = [user_key(id)]` or \
             `prefixes = [\"user_list\"]`",
        );
    }
    let sig = &function.sig;
    if let Some(constness) = &sig.constness {
        errors.at(
            constness,
            "a `const fn` cannot invalidate; only an `async fn` can",
        );
    } else if sig.asyncness.is_none() && !function.is_boxed() {
        if function.returns_boxed_future() {
            errors.at(
                &sig.output,
                "this function returns a boxed future, as inside `#[async_trait]`; put \
                 `#[cache_invalidate]` on an inherent `async fn` and call that",
            );
        } else {
            errors.at(sig.fn_token, "only `async fn` can invalidate; add `async`");
        }
        return;
    }
    if let Some(abi) = &sig.abi {
        errors.at(
            abi,
            "an `extern fn` cannot invalidate; only a plain `async fn` can",
        );
    }
    if let Some(ty) = &function.output
        && let Type::Never(never) = peel(ty)
    {
        errors.at(never, "a function that never returns invalidates nothing");
    }
    returned_opaque(
        function,
        "whether the write succeeded is read off it",
        errors,
    );
}

/// It stands on the tags before the body runs, so one of them has to be known then.
fn bracket(args: &InvalidateArgs, tags: &[Tag], errors: &mut Errors) {
    let Some(bracket) = args.bracket.as_ref().filter(|bracket| bracket.value) else {
        return;
    };
    if let Some(soft) = &args.soft {
        let reason = "a bracket leaves nothing older to be given";
        exclude(&bracket.name, &soft.name, reason, errors);
    }
    let of_result = |piece: &TagPiece| matches!(piece, TagPiece::Result { .. });
    let known = tags.iter().any(|tag| !tag.pieces.iter().any(of_result));
    // A template with an error may be the one that is known.
    let written = args.tags.as_ref().map(|templates| templates.value.len());
    let unread = args.meant("tags") && written != Some(tags.len());
    if !known && !unread {
        errors.at(
            &bracket.name,
            "a bracket covers tags that are known before the write, and here is none; add one \
             such as `tags = [\"user:{id}\"]`, or remove `bracket`",
        );
    }
}

fn soft(args: &InvalidateArgs, errors: &mut Errors) {
    if let Some(Given { value, .. }) = &args.soft
        && value.length() == Some(Duration::ZERO)
    {
        errors.at(
            value,
            "`soft` must be longer than zero; leave it out to have none",
        );
    }
    if let Some(Given { name, .. }) = &args.soft
        && args.has_target()
        && !args.has_group()
    {
        errors.at(
            name,
            "`soft` is for tags and prefixes: what is stored under a key is removed; name a tag or \
             a prefix, or remove `soft`",
        );
    }
}

pub(crate) fn expand(plan: &Plan) -> TokenStream {
    let Plan {
        k,
        import,
        args,
        function,
        tags,
    } = plan;
    let here = Span::mixed_site();
    let shape = shape(plan);
    let place = place(args.cache.as_ref(), k);
    let tags = tags.iter().map(|tag| {
        let cfgs = &tag.cfgs;
        let pieces = pieces(tag, k);
        quote_spanned! {here=>
            #(#cfgs)*
            let write = write.tag(#pieces);
        }
    });
    let add = |method: &str, option: &Option<Given<Vec<Expr>>>| -> TokenStream {
        let method = Ident::new(method, here);
        let values = option.as_ref().map_or(&[][..], |option| &option.value);
        let statement = |value: &Expr| {
            let cfgs = function.cfgs_for(value);
            quote_spanned! {here=>
                #(#cfgs)*
                let write = write.#method(#value);
            }
        };
        values.iter().map(statement).collect()
    };
    let keys = add("key", &args.keys);
    let prefixes = add("prefix", &args.prefixes);
    let manner = manner(args, k);
    let body = typed_body(k, function, &function.body.block());
    let statements = quote_spanned! {here=>
        #import
        #shape
        #[allow(clippy::used_underscore_binding)]
        let write = {
            #place
            let write = #k::invalidation(place, shape);
            #(#tags)*
            #keys
            #prefixes
            #(#manner)*
            write
        };
        write.run(async move { #body }).await
    };
    let function = function.with_body(&function.sig, statements);
    quote! { #function }
}

/// How the targets are invalidated.
fn manner(args: &InvalidateArgs, k: &TokenStream) -> Vec<TokenStream> {
    let here = Span::mixed_site();
    let switches = [&args.bracket, &args.settled].into_iter().flatten();
    let mut manner: Vec<_> = switches
        .filter(|switch| switch.value)
        .map(|Given { name, .. }| {
            let method = Ident::new(&name.to_string(), here);
            quote_spanned! {here=> let write = write.#method(); }
        })
        .collect();
    let soft = args.soft.as_ref();
    manner.extend(soft.map(|soft| set_time("write", &Ident::new("soft", here), &soft.value, k)));
    manner
}

/// The probe of the return type, named outside of the block with the `use`, which would shadow it.
fn shape(plan: &Plan) -> TokenStream {
    let Plan {
        k, args, function, ..
    } = plan;
    let output = function.output_type();
    let at_output = function.output_span();
    let k = placed(k, at_output);
    let propagating = args
        .on_failure
        .as_ref()
        .map(|_| quote_spanned! {at_output=> .propagating() });
    quote_spanned! {at_output=>
        let shape = {
            let returns = #k::returns::<#output>();
            {
                use #k::shapes::*;
                (&&&&returns).shape()#propagating
            }
        };
    }
}
