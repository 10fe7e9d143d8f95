#[cfg(feature = "users")]
pub async fn load<D: Db>(
    db: &D,
    mut id: u64,
    name: &str,
) -> Result<Option<User>, DbError> {
    use ::cache_aside::__private as __k;
    let codec = || {
        let returns = __k::returns::<Result<Option<User>, DbError>>();
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
        let parts = __k::Cons(parts, __k::arg(name).part());
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
                let rules = rules.ttl(__k::Duration::from_millis(300000u64));
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
                return __k::never::<Result<Option<User>, DbError>>();
            }
            { db.find(id, name).await }
        };
        miss.run(codec, body).await
    }
        .await
}
#[cfg(feature = "users")]
/// The key under which `load` stores its answer.
#[must_use]
#[allow(unused_variables, clippy::all, clippy::pedantic)]
pub fn user_key(
    id: u64,
    name: &str,
) -> ::cache_aside::__private::Key<
    <<Result<
        Option<User>,
        DbError,
    > as ::cache_aside::__private::Layer<
        {
            #[allow(unused_imports)]
            use ::cache_aside::__private::Plain as _;
            ::cache_aside::__private::Probe::<
                Result<Option<User>, DbError>,
            >::CACHE_ASIDE_KIND
        },
    >>::Inner as ::cache_aside::__private::Layer<
        {
            if {
                #[allow(unused_imports)]
                use ::cache_aside::__private::Plain as _;
                ::cache_aside::__private::Probe::<
                    Result<Option<User>, DbError>,
                >::CACHE_ASIDE_KIND
            } == 1
                && {
                    #[allow(unused_imports)]
                    use ::cache_aside::__private::Plain as _;
                    ::cache_aside::__private::Probe::<
                        <Result<
                            Option<User>,
                            DbError,
                        > as ::cache_aside::__private::Layer<
                            {
                                #[allow(unused_imports)]
                                use ::cache_aside::__private::Plain as _;
                                ::cache_aside::__private::Probe::<
                                    Result<Option<User>, DbError>,
                                >::CACHE_ASIDE_KIND
                            },
                        >>::Inner,
                    >::CACHE_ASIDE_KIND
                } == 2
            {
                2
            } else {
                0
            }
        },
    >>::Inner,
> {
    use ::cache_aside::__private as __k;
    let site = {
        enum Here {}
        static SITE: __k::Site = __k::Site::new("load", __k::type_name::<Here>);
        &SITE
    };
    let parts = __k::Nil;
    let parts = __k::Cons(parts, __k::arg(&id).part());
    let parts = __k::Cons(parts, __k::arg(name).part());
    let parts = __k::scoped(site, || (), parts);
    __k::key_of(site, &parts)
}
