impl Service {
    fn load<'life0, 'async_trait>(
        &'life0 self,
        id: u64,
    ) -> ::core::pin::Pin<
        Box<
            dyn ::core::future::Future<
                Output = Result<User, DbError>,
            > + ::core::marker::Send + 'async_trait,
        >,
    >
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            let codec = {
                let returns = ::cache_aside::__private::returns::<
                    Result<User, DbError>,
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
                    ::cache_aside::__private::arg(self).part(),
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
                    .ttl(::cache_aside::__private::Duration::from_millis(60000u64));
                #[allow(clippy::used_underscore_binding)]
                let rules = rules
                    .tag([
                        ::cache_aside::__private::Piece::text("user:"),
                        ::cache_aside::__private::Piece::arg(&id),
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
                            let anchor: Result<User, DbError> = loop {};
                            return anchor;
                        }
                        {
                            let __self = self;
                            let id = id;
                            let __ret: Result<User, DbError> = {
                                __self.db.find(id).await
                            };
                            __ret
                        }
                    },
                )
                .await
        })
    }
}
