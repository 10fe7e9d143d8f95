//! Functions that can and cannot be cached.

use quote::quote;

use super::check;

#[test]
fn functions_that_cannot_be_cached() {
    let args = || quote!(ttl = 5);
    for (item, expected) in [
        (
            quote!(
                struct T;
            ),
            "`#[cache_aside]` goes on an `async fn`",
        ),
        (
            quote!(
                async fn f() -> u8;
            ),
            "nothing to cache: this method has no body; put the attribute on the impl",
        ),
        (
            quote!(
                fn f() -> u8 {
                    1
                }
            ),
            "only `async fn` can be cached; add `async`",
        ),
        (
            quote!(
                fn f() -> Pin<Box<dyn Future<Output = u8> + Send>> {
                    g()
                }
            ),
            "this function returns a boxed future, as inside `#[async_trait]`; put \
             `#[cache_aside]` on an inherent `async fn` and call that",
        ),
        (
            quote!(
                const fn f() -> u8 {
                    1
                }
            ),
            "a `const fn` cannot be cached; only an `async fn` can",
        ),
        (
            quote!(
                async unsafe fn f() -> u8 {
                    1
                }
            ),
            "an `unsafe fn` cannot be cached: a hit would skip what the caller promises",
        ),
        (
            quote!(
                async extern "C" fn f() -> u8 {
                    1
                }
            ),
            "an `extern fn` cannot be cached; only a plain `async fn` can",
        ),
        (
            quote!(
                async fn f() {}
            ),
            "nothing to cache: the function returns nothing",
        ),
        (
            quote!(
                async fn f() -> () {}
            ),
            "nothing to cache: the function returns nothing",
        ),
        (
            quote!(
                async fn f() -> ! {
                    loop {}
                }
            ),
            "a function that never returns cannot be cached",
        ),
        (
            quote!(
                async fn f() -> impl Display {
                    1
                }
            ),
            "name the returned type: a cached value is decoded from bytes, so its type must be \
             known",
        ),
        (
            quote!(
                async fn f(id: u8) -> Result<Cow<'_, str>, E> {
                    g()
                }
            ),
            "cannot return a borrow from the cache; return an owned value such as `String`",
        ),
        (
            quote!(
                async fn f() -> Option<Result<u8, E>> {
                    None
                }
            ),
            "an `Err` inside of `Some` would be stored; return `Result<Option<_>, _>`, with \
             `transpose()`",
        ),
        (
            quote!(
                async fn f((a, b): (u8, u8)) -> u8 {
                    a
                }
            ),
            "cannot key on an unnamed argument; give it a name, or list what to key on with \
             `key(..)`",
        ),
        (
            quote!(
                async fn f(buf: &mut Buf) -> u8 {
                    1
                }
            ),
            "`&mut` argument: on a hit the body does not run and nothing is changed; return the \
             change, or `skip(buf)` if it does not matter",
        ),
        (
            quote!(
                async fn load(&self) -> u8 {
                    1
                }
            ),
            "methods need `prefix`: the macro cannot see which type this impl is for, so two \
             `load` methods would share entries",
        ),
        (
            quote!(
                async fn load(id: u8) -> u8 {
                    vec![Self::find(id)][0]
                }
            ),
            "methods need `prefix`: the macro cannot see which type this impl is for, so two \
             `load` methods would share entries",
        ),
        (
            quote!(
                #[cache_aside::cache_aside(ttl = 5)]
                async fn f() -> u8 {
                    1
                }
            ),
            "`#[cache_aside]` is given twice",
        ),
        (
            quote!(
                #[cache_invalidate(tags = ["a"])]
                async fn f() -> u8 {
                    1
                }
            ),
            "a cached function cannot invalidate: on a hit nothing runs; split the function",
        ),
    ] {
        check(args(), item, &[expected]);
    }
}

#[test]
fn functions_that_can_be_cached() {
    for (args, item) in [
        (
            quote!(ttl = 5),
            quote!(
                async fn f() -> Cow<'static, str> {
                    g()
                }
            ),
        ),
        (
            quote!(ttl = 5, key(a)),
            quote!(
                async fn f((a, _): (u8, u8)) -> u8 {
                    a
                }
            ),
        ),
        (
            quote!(ttl = 5, skip(buf)),
            quote!(
                async fn f(id: u8, buf: &mut Buf) -> u8 {
                    1
                }
            ),
        ),
        (
            quote!(ttl = 5, key()),
            quote!(
                async fn f(id: u8) -> u8 {
                    1
                }
            ),
        ),
        (
            quote!(ttl = 5),
            quote!(
                async fn f() -> u8 {
                    impl A {
                        fn a(&self) -> Self {
                            A
                        }
                    }
                    1
                }
            ),
        ),
        (
            quote!(ttl = 5, key(LIMIT, f(id))),
            quote!(
                async fn f(id: u8) -> u8 {
                    1
                }
            ),
        ),
        (
            quote!(ttl = 5, refresh_ahead = 0.5),
            quote!(
                async fn f(a: Arc<dyn Db>, b: &Arc<dyn Db>, c: &[u8], d: &str) -> u8 {
                    1
                }
            ),
        ),
    ] {
        check(args, item, &[]);
    }
}
