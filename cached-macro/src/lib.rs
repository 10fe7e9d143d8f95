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
mod size;
mod template;
mod tokens;

use proc_macro2::TokenStream;

use args::{Args, InvalidateArgs};
use errors::Errors;
use fallback::fallback;
use function::Function;

/// Gives an `async fn` a cache: what it returned for some arguments is returned again for the same
/// ones, until it is too old or invalidated.
///
/// ```
/// # use cache_aside::cache_aside;
/// # struct Db;
/// # struct DbError;
/// # impl Db { async fn name_of(&self, _: u64) -> Result<Option<String>, DbError> { Ok(None) } }
/// #[cache_aside(ttl = "5m", prefix = "user_name", tags = ["user:{id}"], skip(db))]
/// async fn user_name(db: &Db, id: u64) -> Result<Option<String>, DbError> {
///     db.name_of(id).await
/// }
/// ```
///
/// The function keeps its signature, attributes, docs and visibility, and its future is `Send`
/// where it was before. Attributes below this one wrap the cached call: they see hits too.
///
/// # Options
///
/// | option | form | default | meaning |
/// |---|---|---|---|
/// | `ttl` | duration | required, or `ttl_with` | How long an answer is fresh. |
/// | `ttl_with` | closure `\|value: &T\| -> Duration` | – | The same, decided by the value. |
/// | `prefix` | string | path of the function | First part of the key, and the name in statistics. Required on methods. |
/// | `key(..)` | expressions | all arguments not skipped | What identifies a call: `key(id, filter.page)`. `key()` is one entry for all calls. |
/// | `skip(..)` | argument names | – | Arguments that are not part of the key: `skip(self, db)`. |
/// | `key_fn` | name, or `name -> Type` | – | Also generates `fn name(..) -> Key<T>`, see below. |
/// | `version` | integer or string | – | Part of the key: change it to abandon what is stored. |
/// | `tags` | `["user:{id}"]` | `[]` | Names to invalidate by, see below. |
/// | `tags_with` | closure `\|value: &T\|` to tags | – | More tags, made from the value: one for each element of a list, say. |
/// | `jitter` | `"10%"` or duration | `"10%"` | Shortens each stored life at random, so that entries do not expire together. `0` is off. |
/// | `negative_ttl` | duration | a tenth of `ttl`, at most 30 s | How long a `None` is stored; `0` stores none. |
/// | `cache_if` | closure `\|value: &T\| -> bool` | – | `false`: the value is returned and not stored. |
/// | `stale_while_revalidate` | duration | off | For this long after `ttl` the old value is returned at once, while one caller refreshes it in the background. |
/// | `stale_if_error` | duration | off | For this long after `ttl` the old value is returned where the load fails. |
/// | `refresh_ahead` | fraction such as `0.8`, or a constant | off | From this part of the `ttl` on, one caller refreshes in the background. |
/// | `early_expiry` | number such as `1.0`, or a constant | off | Refreshes early at random, the likelier the nearer the end and the slower the load. Excludes `refresh_ahead`. |
/// | `soft_timeout` | duration | off | A load that takes longer goes on in the background, and the old value is returned. Needs a stale option. |
/// | `load_timeout` | duration | off | A load that takes longer fails, see below. |
/// | `single_flight` | `cluster`, `local` or `off` | `cluster` | Who shares one load of a key: the callers of all processes that share a remote tier, those of this process, nobody. Without a remote tier `cluster` is the same as `local`. |
/// | `lease` | duration | `"3s"` | How long a crashed loader can hold others up. It is renewed at a third, so it is at least 300 ms. |
/// | `lease_wait` | duration | `"30s"` | How long to wait for another process's load that is alive; then load alone, without storing. |
/// | `local` | `true`, `false` or duration | `true` | Whether, and how long, to keep answers in this process. |
/// | `coherence` | `strict` or duration literal | that of the cache | How closely copies in this process follow what other processes invalidate, see below. |
/// | `remote` | `true` or `false` | `true` | `false`: answers are kept in this process only, yet invalidated through the shared tier like everything else. |
/// | `codec` | path of a type that implements `Codec` | `MessagePack` with field names | How values become bytes for the remote tier, see below. |
/// | `compress_above` | size, `0` = off | off | Compresses larger payloads. |
/// | `max_size` | size | `"1MiB"` | Larger payloads are returned, not stored in any tier, and counted. Without a remote tier, what the codec would make of a value. |
/// | `cache` | expression | the installed cache | A `Cache`, or a reference or `Arc` of one: `cache = self.cache`. |
/// | `each` | argument name | – | Makes the function a batch, see below. |
/// | `crate` | absolute path | `::cache_aside` | Where the library is, if it was renamed or re-exported. |
///
/// A duration is a string such as `"250ms"`, `"5m"` or `"1h30m"` (units `ms`, `s`, `m`, `h`, `d`,
/// larger ones first), an integer of seconds, or any expression of type `Duration`. Expressions may
/// use the arguments; they are evaluated when there is no fresh answer in this process, before the
/// body takes the arguments. No literal may be longer than a year.
///
/// `coherence` is the exception: a hit in this process has to know it, so it is a literal.
///
/// A size is a string such as `"4KiB"` or `"1MiB"` (units `B`, `KB`, `KiB`, `MB`, `MiB`, `GB`, `GiB`)
/// or an integer of bytes, at most 256 MiB.
///
/// The closures become function pointers, so they capture nothing. They are given the value inside
/// `Result` and `Option`.
///
/// # Which functions
///
/// Any `async fn`: free ones, methods by `&self`, `self` or `self: Arc<Self>`, those of trait impls
/// (also under `#[async_trait]`), generic ones. Arguments may be borrowed, `mut`, `impl Trait` or
/// have a `#[cfg]`. The returned type has to be named and owned; of `Result` and `Option` the
/// inside is stored. An `Err` never is, and a `None` for the `negative_ttl`. The stored type is
/// `Serialize + DeserializeOwned + Clone + Send + Sync + 'static`.
///
/// Refused are functions that are not async, `const`, `unsafe` or `extern` ones, those that return
/// nothing, a borrow, `impl Trait` or `Option<Result<..>>`, and `&mut` arguments that are not
/// skipped.
///
/// # The key
///
/// Every argument is part of the key unless it is skipped, `self` too: two tenants never share an
/// entry because somebody forgot an argument. Arguments have to be `Serialize`. Type and const
/// parameters are part of the key too, unless only skipped arguments have them; those of a generic
/// impl always are.
///
/// `key_fn = user_key` generates a function beside this one, for
/// [`cache_invalidate`](macro@cache_invalidate) and for use by hand. It takes the arguments that
/// are part of the key, by value as they are declared, and `&self` if that is part of it. Where the
/// return type names a type parameter, of the function or of the impl, the type of the value has to
/// be given: `key_fn = user_key -> User`. In the impl of a trait there is no place for it.
///
/// ```
/// # use cache_aside::{Key, cache_aside};
/// #[cache_aside(ttl = "5m", prefix = "square", key_fn = square_key)]
/// async fn square(n: u64) -> u64 {
///     n * n
/// }
///
/// assert_eq!(square_key(4), Key::<u64>::new("square", &(4,)));
/// ```
///
/// # Tags
///
/// A template names arguments, fields of arguments, and what was returned: `{id}`, `{user.id}`,
/// `{self.tenant}`, `{result}`, `{result.org_id}`. What it names is checked by the compiler, and
/// has to be `Display`. `{{` and `}}` are plain braces. Tags over the result are written when there
/// is one: a stored `None` has the others only.
///
/// # Loads in the background
///
/// With `stale_while_revalidate`, `refresh_ahead` or `soft_timeout` a load may outlive the call. It
/// then works on clones of the borrowed arguments, skipped ones too, one clone for each load and
/// none for a hit. So `&T` needs a `T: Clone + Send + Sync + 'static` (`&str`, `&[T]` and `&Path`
/// are fine), the future has to be `Send`, and the body cannot name a lifetime of the signature.
/// For `Option<&str>` or `&dyn Trait` take an owned value or an `Arc`.
///
/// # The remote tier
///
/// `lease`, `lease_wait`, `codec`, `compress_above`, `max_size` and `single_flight = cluster` say how
/// processes share answers and loads. They have no effect in a cache without a remote tier, and are
/// refused next to `remote = false`; the leases also next to another `single_flight`.
///
/// A codec whose bytes do not say which field is which (`SELF_DESCRIBING = false`, as that of
/// postcard) could read those of an older type as wrong values. It therefore needs a `version`, to be
/// changed together with the type.
///
/// # Coherence
///
/// What this process invalidates is gone from its own copies at once. What others invalidate reaches
/// them as a rule at once, too, and at the latest within the time of the cache (a second, unless
/// `CacheBuilder::coherence` says otherwise), also where this process is cut off, unless
/// `CacheBuilder::local_on_down` allows more. `coherence = "500ms"` asks for less for the answers of
/// one function. With `coherence = strict` each hit is confirmed by the store: a small round trip,
/// and nothing is given that was invalidated before the call. Of what is asked for by the cache, by
/// the function that stored a copy and by the one that reads it, the closest holds. The time
/// is at least 100 ms; the server gives signs of life four times in that of the *cache*, so below
/// about a third of it most hits ask. Without a remote tier it makes no difference, and next to `local = false` it is
/// refused: there are no copies.
///
/// # Time-outs
///
/// `load_timeout` drops a load that takes too long. The function then fails, so its error has to
/// implement `From<cache_aside::LoadTimeout>`. With `stale_if_error` it does not have to; without
/// such an error only a load with an old value at hand is cut.
///
/// # Batches
///
/// ```
/// # use std::collections::HashMap;
/// # use cache_aside::cache_aside;
/// # struct Db;
/// # struct DbError;
/// # impl Db { async fn names(&self, _: Vec<u64>) -> Result<HashMap<u64, String>, DbError> { Ok(HashMap::new()) } }
/// #[cache_aside(ttl = "5m", prefix = "user_name", each = ids, skip(db), tags = ["user:{ids}"])]
/// async fn user_names(db: &Db, ids: Vec<u64>) -> Result<HashMap<u64, String>, DbError> {
///     db.names(ids).await
/// }
/// ```
///
/// looks up every element of `ids`, runs the body once with those that are missing, stores what it
/// returns for them, and returns all. What it leaves out is stored as "not found". `ids` is a
/// `Vec`, slice, `VecDeque`, `HashSet` or `BTreeSet`; the result a `HashMap` or `BTreeMap` from
/// elements to values, plain or in a `Result`. In templates and in the `key_fn` the argument is one
/// element, and `result` one value, so that a batch shares its entries with a function of the same
/// prefix that takes one. `key`, `single_flight`, `stale_while_revalidate`, `refresh_ahead`,
/// `early_expiry` and `soft_timeout` are for single calls.
#[proc_macro_attribute]
pub fn cache_aside(
    args: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    cached(args.into(), item.into()).into()
}

/// Invalidates what an `async fn` makes untrue, once it has succeeded.
///
/// ```
/// # use cache_aside::{cache_aside, cache_invalidate};
/// # struct Db;
/// # struct DbError;
/// # impl Db { async fn rename(&self, _: u64, _: &str) -> Result<(), DbError> { Ok(()) } }
/// #[cache_invalidate(tags = ["user:{id}"], prefixes = ["user_list"])]
/// async fn rename(db: &Db, id: u64, name: &str) -> Result<(), DbError> {
///     db.rename(id, name).await
/// }
/// ```
///
/// Nothing is invalidated where the function returns `Err`. Where the caller goes away before the
/// body has returned it is invalidated all the same, for the write may have happened.
///
/// | option | form | default | meaning |
/// |---|---|---|---|
/// | `tags` | `["user:{id}"]` | `[]` | Templates as those of [`cache_aside`](macro@cache_aside), `{result..}` included. |
/// | `keys` | `[user_key(id)]` | `[]` | Single keys, as a `key_fn` makes them. |
/// | `prefixes` | `["user_list"]` | `[]` | Everything under these prefixes: whole ones, so `user` is not `user_list`. |
/// | `cache` | expression | the installed cache | A `Cache`, or a reference or `Arc` of one. |
/// | `bracket` | `true` or `false` | `false` | Marks the tags before the body runs, see below. |
/// | `settled` | `true` or `false` | `false` | The function returns when no process can have an older copy any more, see below. |
/// | `soft` | duration | off | Lets functions with stale windows give for this long what was invalidated, see below. |
/// | `on_failure` | `propagate` | logged | A failed invalidation becomes the error of the function, which has to implement `From<cache_aside::Error>`. |
/// | `crate` | absolute path | `::cache_aside` | Where the library is, if it was renamed or re-exported. |
///
/// # Before, after and meanwhile
///
/// What is named is invalidated when the body has returned. Between the moment at which the write
/// takes effect and that, others may be given what was true before; where the process dies in
/// between, for as long as they keep it.
///
/// `bracket = true` closes this gap for those `tags` that are known before the body, of which there
/// has to be one. An intent is put on them in the store first, and what carries them is neither
/// stored nor given until the write is over, whether it succeeds or not. So from the moment at which
/// it takes effect nobody is given anything older, apart from copies that other processes trust (see
/// below), also if the process dies in between: the intent runs out by itself, within
/// 30 s. That covers a write that takes no more than 30 s, or 15 s where the process dies. Copies in
/// other processes go away by a push, and within the time of
/// [`coherence`](macro@cache_aside#coherence) if they are cut off: with `settled = true` the body
/// waits for that. Where the store takes no intent the body does not run, if `on_failure =
/// propagate` gives that error to the caller; else it runs without, which is logged. Tags over the
/// result, keys and prefixes are invalidated after the body, as ever. Of two brackets at the same
/// time, also of one inside the other, neither ends the other's: their tags stay hidden until 30 s
/// after the later one began.
///
/// With `settled = true` the function returns when no process can have an older copy any more, but
/// for those that are cut off and were built with `local_on_down`. That takes the time of coherence;
/// with `bracket` the same before the body, and after it only if there is something left to invalidate.
///
/// With `soft = "30s"` functions with `stale_while_revalidate` or `stale_if_error` may give for that
/// long what was invalidated by tag or prefix, while one caller refreshes it or where that fails;
/// other functions never do. A bracket leaves nothing older to be given, so the two exclude each
/// other.
///
/// The expressions are evaluated before the body, which may then take the arguments: clone what
/// both need, as in `keys = [name_key(name.clone())]`. At least one of `tags`, `keys` and
/// `prefixes` has to be given.
///
/// The functions are those that can be cached, and also those that return nothing or a borrow, or
/// that take `&mut` arguments.
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
        (Some(error), _) => fallback(&item, &error),
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
        (Some(error), _) => fallback(&item, &error),
    }
}

#[cfg(test)]
mod tests;
