async fn load(id: u64) -> User {
    let codec = {
        let returns = ::cache_aside::__private::returns::<User>();
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
                })
                .coherence(
                    ::cache_aside::__private::Coherence::Bounded(
                        ::cache_aside::__private::Duration::from_millis(500u64),
                    ),
                );
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
        let place = ::cache_aside::__private::installed();
        let place = ::cache_aside::__private::as_cache(place);
        let look = ::cache_aside::__private::look(site, place, &parts);
        if let ::cache_aside::__private::Some(hit) = look.hit(codec) {
            return hit.answer(codec);
        }
        let miss = look.miss(codec);
        let rules = ::cache_aside::__private::rules(codec);
        let rules = rules
            .ttl(::cache_aside::__private::Duration::from_millis(300000u64));
        let rules = rules
            .lease(::cache_aside::__private::Duration::from_millis(5000u64));
        #[allow(clippy::used_underscore_binding)]
        let length: ::cache_aside::__private::Duration = patience(id);
        let rules = rules.lease_wait(length);
        let rules = rules.single_flight(::cache_aside::__private::SingleFlight::Cluster);
        let rules = rules
            .coherence(
                ::cache_aside::__private::Coherence::Bounded(
                    ::cache_aside::__private::Duration::from_millis(500u64),
                ),
            );
        let rules = ::cache_aside::__private::encoded::<_, formats::Compact>(rules);
        ::cache_aside::__private::without_version::<
            formats::Compact,
            {
                #[allow(unused_imports)]
                use ::cache_aside::__private::NoCodec as _;
                ::cache_aside::__private::Described::<
                    formats::Compact,
                >::SELF_DESCRIBING_CODEC
            },
        >();
        let rules = rules.compress_above(4096);
        let rules = rules.max_size(65536);
        miss.rules(rules)
    };
    miss.run(
            codec,
            async move {
                #[allow(
                    unreachable_code,
                    clippy::diverging_sub_expression,
                    clippy::empty_loop,
                    clippy::let_unit_value,
                    clippy::needless_return,
                    clippy::unreachable
                )]
                if false {
                    let anchor: User = loop {};
                    return anchor;
                }
                { find(id).await }
            },
        )
        .await
}
