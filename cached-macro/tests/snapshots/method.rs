impl Service {
    async fn load(&self, id: u64) -> Result<User, DbError> {
        let codec = {
            let returns = ::cache_aside::__private::returns::<Result<User, DbError>>();
            let shape = {
                #[allow(unused_imports)]
                use ::cache_aside::__private::shapes::*;
                let shape = (&&&&returns).shape();
                let shape = (&&shape).errors();
                let shape = (&&shape).timeouts_if_any();
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
                    .prefix("user")
                    .version("2");
                &SITE
            };
            let parts = ::cache_aside::__private::scoped(
                site,
                || (),
                ::cache_aside::__private::Nil,
            );
            #[allow(clippy::used_underscore_binding)]
            let part = &(self.tenant);
            let parts = ::cache_aside::__private::Cons(
                parts,
                ::cache_aside::__private::arg(part).part(),
            );
            #[allow(clippy::used_underscore_binding)]
            let part = &(id);
            let parts = ::cache_aside::__private::Cons(
                parts,
                ::cache_aside::__private::arg(part).part(),
            );
            #[allow(clippy::used_underscore_binding)]
            let place = &(self.cache);
            let place = ::cache_aside::__private::as_cache(place);
            let look = ::cache_aside::__private::look(site, place, &parts);
            if let ::cache_aside::__private::Some(hit) = look.hit(codec) {
                return hit.answer(codec);
            }
            let miss = look.miss(codec);
            let rules = ::cache_aside::__private::rules(codec);
            #[allow(clippy::used_underscore_binding)]
            let length: ::cache_aside::__private::Duration = Duration::from_secs(id);
            let rules = rules.ttl(length);
            let rules = rules
                .negative_ttl(::cache_aside::__private::Duration::from_millis(10000u64));
            let rules = rules
                .stale_if_error(
                    ::cache_aside::__private::Duration::from_millis(60000u64),
                );
            let rules = rules
                .load_timeout(::cache_aside::__private::Duration::from_millis(2000u64));
            let rules = rules.cache_if(|user| user.active);
            let rules = rules.jitter(0.05f64);
            let rules = rules.single_flight(::cache_aside::__private::SingleFlight::Off);
            let rules = rules
                .local_for(::cache_aside::__private::Duration::from_millis(10000u64));
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
                        let anchor: Result<User, DbError> = loop {};
                        return anchor;
                    }
                    { self.db.find(id).await }
                },
            )
            .await
    }
}
