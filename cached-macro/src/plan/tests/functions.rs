//! Functions that can and cannot be cached.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::{check, refusals};

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

/// What `#[async_trait]` makes of a method whose second argument is called `name`, and `moved` into
/// the future.
fn boxed(name: &Ident, moved: &TokenStream) -> TokenStream {
    quote! {
        fn load<'life0, 'async_trait>(&'life0 self, #name: Path<u64>) -> ::core::pin::Pin<Box<
            dyn ::core::future::Future<Output = u8> + ::core::marker::Send + 'async_trait,
        >> {
            Box::pin(async move {
                if let ::core::option::Option::Some(__ret) = ::core::option::Option::None::<u8> {
                    #[allow(unreachable_code)]
                    return __ret;
                }
                let __self = self;
                #moved
                let __ret: u8 = { BODY };
                #[allow(unreachable_code)]
                __ret
            })
        }
    }
}

#[test]
fn patterns_under_async_trait_are_those_of_the_signature() {
    let name = format_ident!("__arg1");
    for moved in [
        quote!(let Path(id) = __arg1;),
        quote!(let Path(id) = { let __arg1 = __arg1; __arg1 };),
        quote!(#[cfg(feature = "a")] let Path(id) = { let __arg1 = __arg1; __arg1 };),
    ] {
        let item = boxed(&name, &moved);
        let args = quote!(ttl = 5, prefix = "p", key(id), tags = ["p:{id}"]);
        let expansion = crate::cached(args, item.clone());
        assert_eq!(refusals(&expansion), [""; 0], "{moved}");
        let text = expansion.to_string();
        let statement = text.find(&moved.to_string()).expect("the statement");
        assert!(Some(statement) < text.find("look"), "{text}");
        assert_eq!(text.matches("let Path").count(), 1, "{text}");
        assert!(
            crate::invalidating(quote!(tags = ["p:{id}"]), item.clone())
                .to_string()
                .contains("let Path")
        );
        check(
            quote!(ttl = 5, prefix = "p"),
            item.clone(),
            &[
                "cannot key on an unnamed argument; give it a name, or list what to key on with \
               `key(..)`",
            ],
        );
        check(
            quote!(ttl = 5, prefix = "p", skip(id)),
            item.clone(),
            &["`id` is a part of an argument; name the argument to skip all of it"],
        );
        check(
            quote!(ttl = 5, prefix = "p", key(uid)),
            item,
            &["no argument `uid` in `load`; did you mean `id`? arguments are `self`, `id`"],
        );
    }
}

#[test]
fn an_argument_without_a_name_is_refused_under_async_trait_too() {
    let unnamed = "cannot key on an unnamed argument; give it a name, or list what to key on with \
                   `key(..)`";
    let wild = boxed(&format_ident!("__arg1"), &quote!(let __arg1 = __arg1;));
    check(quote!(ttl = 5, prefix = "p"), wild.clone(), &[unnamed]);
    check(quote!(ttl = 5, prefix = "p", key(self.id)), wild, &[]);
    // A name that only looks like one of those: it has another place.
    let named = boxed(&format_ident!("__arg2"), &quote!(let __arg2 = __arg2;));
    check(quote!(ttl = 5, prefix = "p"), named, &[]);
    let other = boxed(
        &format_ident!("id"),
        &quote!(let id = id; let __arg1 = __arg1;),
    );
    check(quote!(ttl = 5, prefix = "p"), other, &[]);
}
