async fn load(user: UserRef, r#type: u8) -> Option<User> {
    let codec = {
        let returns = ::cache_aside::__private::returns::<Option<User>>();
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
            ::cache_aside::__private::arg(&user).part(),
        );
        #[allow(clippy::used_underscore_binding)]
        let parts = ::cache_aside::__private::Cons(
            parts,
            ::cache_aside::__private::arg(&r#type).part(),
        );
        let place = ::cache_aside::__private::installed();
        let place = ::cache_aside::__private::as_cache(place);
        let look = ::cache_aside::__private::look(site, place, &parts);
        if let ::cache_aside::__private::Some(hit) = look.hit(codec) {
            return hit.answer(codec);
        }
        let miss = look.miss(codec);
        let rules = ::cache_aside::__private::rules(codec);
        let rules = rules.ttl_with(|user: &User| user.ttl());
        let rules = rules.tags_with(|user| user.groups());
        #[allow(clippy::used_underscore_binding)]
        let rules = rules
            .tag([
                ::cache_aside::__private::Piece::text("user:"),
                ::cache_aside::__private::Piece::arg(&user.id),
            ]);
        #[allow(clippy::used_underscore_binding)]
        let rules = rules
            .tag([
                ::cache_aside::__private::Piece::text("org:"),
                ::cache_aside::__private::Piece::result(|result, out| ::cache_aside::__private::write(
                    out,
                    &result.org_id,
                )),
            ]);
        #[allow(clippy::used_underscore_binding)]
        let rules = rules
            .tag([
                ::cache_aside::__private::Piece::result(|result, out| ::cache_aside::__private::write(
                    out,
                    result,
                )),
            ]);
        #[allow(clippy::used_underscore_binding)]
        let rules = rules.tag([::cache_aside::__private::Piece::text("all")]);
        #[allow(clippy::used_underscore_binding)]
        let rules = rules
            .tag([
                ::cache_aside::__private::Piece::text("{"),
                ::cache_aside::__private::Piece::arg(&r#type),
                ::cache_aside::__private::Piece::text("}"),
            ]);
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
                    let anchor: Option<User> = loop {};
                    return anchor;
                }
                { user.load(r#type).await }
            },
        )
        .await
}
