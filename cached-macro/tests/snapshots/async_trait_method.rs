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
            use ::cache_aside::__private as __k;
            let codec = || {
                let returns = __k::returns::<Result<User, DbError>>();
                {
                    use __k::shapes::*;
                    __k::codec((&&(&&&&returns).shape()).errors())
                }
            };
            #[allow(clippy::used_underscore_binding)]
            let miss = {
                let site = {
                    enum Here {}
                    static SITE: __k::Site = __k::Site::new(
                            "load",
                            __k::type_name::<Here>,
                        )
                        .prefix("user");
                    &SITE
                };
                let parts = __k::Nil;
                let parts = __k::Cons(parts, __k::arg(self).part());
                let parts = __k::Cons(parts, __k::arg(&id).part());
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
                        let rules = rules.ttl(__k::Duration::from_millis(60000u64));
                        let rules = rules
                            .tag([__k::Piece::text("user:"), __k::Piece::arg(&id)]);
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
                        return __k::never::<Result<User, DbError>>();
                    }
                    {
                        let __self = self;
                        let id = id;
                        let __ret: Result<User, DbError> = { __self.db.find(id).await };
                        __ret
                    }
                };
                miss.run(codec, body).await
            }
                .await
        })
    }
}
