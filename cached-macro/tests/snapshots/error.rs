::core::compile_error! {
    "unknown option `ttll`; did you mean `ttl`? options are `ttl`, `ttl_with`, `prefix`, `key`, `skip`, `key_fn`, `version`, `tags`, `tags_with`, `jitter`, `negative_ttl`, `cache_if`, `stale_while_revalidate`, `stale_if_error`, `refresh_ahead`, `early_expiry`, `soft_timeout`, `load_timeout`, `single_flight`, `lease`, `lease_wait`, `local`, `coherence`, `remote`, `codec`, `compress_above`, `max_size`, `cache`, `each`, `crate`"
}
::core::compile_error! {
    "`prefix` may not contain `:` or whitespace: they separate key parts"
}
::core::compile_error! {
    "`#[cache_aside]` is given twice"
}
::core::compile_error! {
    "only `async fn` can be cached; add `async`"
}
::core::compile_error! {
    "cannot return a borrow from the cache; return an owned value such as `String`"
}
::core::compile_error! {
    "no argument `uid` in `load`; did you mean `id`? arguments are `id`"
}
#[must_use]
fn load(id: u64) -> &str {
    find(id)
}
