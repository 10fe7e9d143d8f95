async fn load(user: UserRef, r#type: u8) -> Option<User> {
    use ::cache_aside::__private as __k;
    let codec = || {
        let returns = __k::returns::<Option<User>>();
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
        let parts = __k::Cons(parts, __k::arg(&user).part());
        let parts = __k::Cons(parts, __k::arg(&r#type).part());
        let parts = __k::scoped(site, || (), parts);
        let place = __k::installed();
        let look = __k::look(site, place, &parts);
        if let __k::Some(hit) = look.hit(codec()) {
            return hit.answer(codec());
        }
        look.join(codec)
            .rules(|| {
                let codec = codec();
                let rules = __k::rules(codec);
                let rules = rules.ttl_with(|user: &User| user.ttl());
                let rules = rules.tags_with(|user| user.groups());
                let rules = rules
                    .tag([__k::Piece::text("user:"), __k::Piece::arg(&user.id)]);
                let rules = rules
                    .tag([
                        __k::Piece::text("org:"),
                        __k::Piece::result(|result, out| __k::write(out, &result.org_id)),
                    ]);
                let rules = rules
                    .tag([__k::Piece::result(|result, out| __k::write(out, result))]);
                let rules = rules.tag([__k::Piece::text("all")]);
                let rules = rules
                    .tag([
                        __k::Piece::text("{"),
                        __k::Piece::arg(&r#type),
                        __k::Piece::text("}"),
                    ]);
                rules
            })
    };
    async move {
        let miss = match miss.await {
            __k::Ok(answer) => return answer,
            __k::Err(miss) => miss,
        };
        let codec = codec();
        let body = async move {
            if false {
                return __k::never::<Option<User>>();
            }
            { user.load(r#type).await }
        };
        miss.run(codec, body).await
    }
        .await
}
