impl Service {
    async fn load<'a>(&'a self, name: &'a str, owned: String) -> Result<User, DbError> {
        let codec = {
            let returns = ::cache_aside::__private::returns::<Result<User, DbError>>();
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
                    .prefix("user")
                    .coherence(::cache_aside::__private::Coherence::Strict);
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
                ::cache_aside::__private::arg(self).part(),
            );
            #[allow(clippy::used_underscore_binding)]
            let parts = ::cache_aside::__private::Cons(
                parts,
                ::cache_aside::__private::arg(name).part(),
            );
            #[allow(clippy::used_underscore_binding)]
            let parts = ::cache_aside::__private::Cons(
                parts,
                ::cache_aside::__private::arg(&owned).part(),
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
                .stale_while_revalidate(
                    ::cache_aside::__private::Duration::from_millis(60000u64),
                );
            let rules = rules
                .soft_timeout(::cache_aside::__private::Duration::from_millis(200u64));
            let rules = rules.coherence(::cache_aside::__private::Coherence::Strict);
            miss.rules(rules)
        };
        miss.run_owned(
                codec,
                move || {
                    #[allow(
                        clippy::shadow_reuse,
                        clippy::shadow_same,
                        clippy::shadow_unrelated,
                        clippy::used_underscore_binding
                    )]
                    let this = {
                        #[allow(unused_imports)]
                        use ::cache_aside::__private::ToOwned as _;
                        ::cache_aside::__private::keepable(self);
                        self.to_owned()
                    };
                    #[allow(
                        clippy::shadow_reuse,
                        clippy::shadow_same,
                        clippy::shadow_unrelated,
                        clippy::used_underscore_binding
                    )]
                    let name = {
                        #[allow(unused_imports)]
                        use ::cache_aside::__private::ToOwned as _;
                        ::cache_aside::__private::keepable(name);
                        name.to_owned()
                    };
                    async move {
                        #[allow(
                            unused_variables,
                            clippy::no_effect_underscore_binding,
                            clippy::shadow_reuse,
                            clippy::shadow_same,
                            clippy::shadow_unrelated,
                            clippy::used_underscore_binding
                        )]
                        let this: &Self = &this;
                        #[allow(
                            unused_variables,
                            clippy::no_effect_underscore_binding,
                            clippy::shadow_reuse,
                            clippy::shadow_same,
                            clippy::shadow_unrelated,
                            clippy::used_underscore_binding
                        )]
                        let mut name: &str = &name;
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
                        {
                            println!("{this:?} {}", this.db);
                            name = name.trim();
                            this.db.find(name, owned).await
                        }
                    }
                },
            )
            .await
    }
}
