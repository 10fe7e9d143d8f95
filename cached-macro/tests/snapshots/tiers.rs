async fn load(id: u64) -> User {
    use ::cache_aside::__private as __k;
    let codec = || {
        let returns = __k::returns::<User>();
        {
            use __k::shapes::*;
            __k::codec((&&(&&&&returns).shape()).errors())
        }
    };
    #[allow(clippy::used_underscore_binding)]
    let miss = {
        let site = {
            enum Here {}
            static SITE: __k::Site = __k::Site::new("load", __k::type_name::<Here>)
                .coherence(__k::Coherence::Bounded(__k::Duration::from_millis(500u64)));
            &SITE
        };
        let parts = __k::Nil;
        let parts = __k::Cons(parts, __k::arg(&id).part());
        let parts = __k::scoped(site, || (), parts);
        let place = __k::installed();
        let look = __k::look(site, place, &parts);
        if let __k::Some(hit) = look.hit(codec()) {
            return hit.answer(codec());
        }
        let codec = codec();
        let miss = look.miss(codec);
        let rules = __k::rules(codec);
        let rules = rules.ttl(__k::Duration::from_millis(300000u64));
        let rules = rules.lease(__k::Duration::from_millis(5000u64));
        let length: __k::Duration = patience(id);
        let rules = rules.lease_wait(length);
        let rules = rules.single_flight(__k::SingleFlight::Cluster);
        let rules = rules
            .coherence(__k::Coherence::Bounded(__k::Duration::from_millis(500u64)));
        let rules = __k::encoded::<_, formats::Compact>(rules);
        __k::without_version::<
            formats::Compact,
            {
                #[allow(unused_imports)]
                use __k::NoCodec as _;
                __k::Described::<formats::Compact>::SELF_DESCRIBING_CODEC
            },
        >();
        let rules = rules.compress_above(4096);
        let rules = rules.max_size(65536);
        miss.rules(rules)
    };
    let codec = codec();
    let body = async move {
        if false {
            return __k::never::<User>();
        }
        { find(id).await }
    };
    miss.run(codec, body).await
}
