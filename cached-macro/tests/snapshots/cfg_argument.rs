async fn load(id: u64, #[cfg(feature = "f")] v: &str) -> u64 {
    let codec = {
        let returns = ::cache_aside::__private::returns::<u64>();
        let shape = {
            #[allow(unused_imports)]
            use ::cache_aside::__private::shapes::*;
            let shape = (&&&&returns).shape();
            let shape = (&&shape).errors();
            shape
        };
        ::cache_aside::__private::codec(shape)
    };
    let miss = {
        let site = {
            #[allow(dead_code)]
            struct Here;
            static SITE: ::cache_aside::__private::Site = ::cache_aside::__private::Site::new(::cache_aside::__private::Origin {
                path: ::cache_aside::__private::type_name::<Here>,
                module: ::core::module_path!(),
                name: "load",
                file: ::core::file!(),
                line: ::core::line!(),
            });
            &SITE
        };
        let parts = ::cache_aside::__private::scoped(
            site,
            || (),
            ::cache_aside::__private::Nil,
        );
        #[allow(clippy::used_underscore_binding)]
        let parts = ::cache_aside::__private::Cons(
            parts,
            ::cache_aside::__private::arg(&id).part(),
        );
        #[cfg(feature = "f")]
        #[allow(clippy::used_underscore_binding)]
        let parts = ::cache_aside::__private::Cons(
            parts,
            ::cache_aside::__private::arg(v).part(),
        );
        let place = ::cache_aside::__private::installed();
        let place = ::cache_aside::__private::as_cache(place);
        let look = ::cache_aside::__private::look(site, place, &parts);
        if let ::cache_aside::__private::Some(hit) = look.hit(codec) {
            return hit.answer(codec);
        }
        let miss = look.miss(codec);
        let rules = ::cache_aside::__private::rules(codec);
        let rules = rules.ttl(::cache_aside::__private::Duration::from_millis(60000u64));
        let rules = rules
            .stale_while_revalidate(
                ::cache_aside::__private::Duration::from_millis(60000u64),
            );
        #[cfg(feature = "f")]
        #[allow(clippy::used_underscore_binding)]
        let rules = rules
            .tag([
                ::cache_aside::__private::Piece::text("v:"),
                ::cache_aside::__private::Piece::arg(&v),
            ]);
        miss.rules(rules)
    };
    miss.run_owned(
            codec,
            move || {
                #[cfg(feature = "f")]
                #[allow(
                    clippy::shadow_reuse,
                    clippy::shadow_same,
                    clippy::shadow_unrelated,
                    clippy::used_underscore_binding
                )]
                let v = {
                    #[allow(unused_imports)]
                    use ::cache_aside::__private::ToOwned as _;
                    ::cache_aside::__private::keepable(v);
                    v.to_owned()
                };
                async move {
                    #[cfg(feature = "f")]
                    #[allow(
                        unused_variables,
                        clippy::no_effect_underscore_binding,
                        clippy::shadow_reuse,
                        clippy::shadow_same,
                        clippy::shadow_unrelated,
                        clippy::used_underscore_binding
                    )]
                    let v: &str = &v;
                    #[allow(
                        unreachable_code,
                        clippy::diverging_sub_expression,
                        clippy::empty_loop,
                        clippy::let_unit_value,
                        clippy::needless_return,
                        clippy::unreachable
                    )]
                    if false {
                        let anchor: u64 = loop {};
                        return anchor;
                    }
                    { id }
                }
            },
        )
        .await
}
