/// Finds a user.
#[must_use]
pub(crate) async fn load(
    db: &Db,
    id: u64,
    mut limit: u8,
) -> Result<Option<User>, DbError> {
    #![allow(unused)]
    let codec = {
        let returns = ::cache_aside::__private::returns::<
            Result<Option<User>, DbError>,
        >();
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
                .prefix("user");
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
        #[allow(clippy::used_underscore_binding)]
        let parts = ::cache_aside::__private::Cons(
            parts,
            ::cache_aside::__private::arg(&limit).part(),
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
                    let anchor: Result<Option<User>, DbError> = loop {};
                    return anchor;
                }
                {
                    limit += 1;
                    db.find(id, limit).await
                }
            },
        )
        .await
}
