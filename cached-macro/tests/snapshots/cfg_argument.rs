async fn load(id: u64, #[cfg(feature = "f")] v: &str) -> u64 {
    use ::cache_aside::__private as __k;
    let codec = || {
        let returns = __k::returns::<u64>();
        {
            use __k::shapes::*;
            __k::codec((&&(&&&&returns).shape()).errors())
        }
    };
    #[allow(clippy::used_underscore_binding)]
    let miss = {
        let site = {
            enum Here {}
            static SITE: __k::Site = __k::Site::new("load", __k::type_name::<Here>);
            &SITE
        };
        let parts = __k::Nil;
        let parts = __k::Cons(parts, __k::arg(&id).part());
        #[cfg(feature = "f")]
        let parts = __k::Cons(parts, __k::arg(v).part());
        let parts = __k::scoped(site, || (), parts);
        let place = __k::installed();
        let look = __k::look(site, place, &parts);
        if let __k::Some(hit) = look.hit(codec()) {
            return hit.answer(codec());
        }
        let codec = codec();
        let miss = look.miss(codec);
        let rules = __k::rules(codec);
        let rules = rules.ttl(__k::Duration::from_millis(60000u64));
        let rules = rules.stale_while_revalidate(__k::Duration::from_millis(60000u64));
        #[cfg(feature = "f")]
        let rules = rules.tag([__k::Piece::text("v:"), __k::Piece::arg(&v)]);
        miss.rules(rules)
    };
    let codec = codec();
    let body = move || {
        #[allow(unused_imports)]
        use __k::ToOwned as _;
        #[cfg(feature = "f")]
        #[allow(clippy::pedantic, clippy::restriction)]
        let v = __k::keepable(v).to_owned();
        async move {
            #[cfg(feature = "f")]
            #[allow(unused_variables, clippy::pedantic, clippy::restriction)]
            let v: &str = &v;
            if false {
                return __k::never::<u64>();
            }
            { id }
        }
    };
    miss.run_owned(codec, body).await
}
