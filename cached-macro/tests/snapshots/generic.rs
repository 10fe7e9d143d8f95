async fn load<'a, D: Db, T, const N: usize>(db: &'a D, id: T, by: &impl Order) -> [u8; N]
where
    T: Serialize + Send + Sync,
{
    let codec = {
        let returns = ::cache_aside::__private::returns::<[u8; N]>();
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
            ::cache_aside::__private::types::<T>().constant(&N),
        );
        #[allow(clippy::used_underscore_binding)]
        let parts = ::cache_aside::__private::Cons(
            parts,
            ::cache_aside::__private::arg(&id).part(),
        );
        #[allow(clippy::used_underscore_binding)]
        let parts = ::cache_aside::__private::Cons(
            parts,
            ::cache_aside::__private::arg(by).part_of_type(),
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
        let rules = rules.not_remote();
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
                    let anchor: [u8; N] = loop {};
                    return anchor;
                }
                { db.find(id, by).await }
            },
        )
        .await
}
