#[cfg(feature = "users")]
pub async fn load<D: Db>(
    db: &D,
    mut id: u64,
    name: &str,
) -> Result<Option<User>, DbError> {
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
            ::cache_aside::__private::arg(&id).part(),
        );
        #[allow(clippy::used_underscore_binding)]
        let parts = ::cache_aside::__private::Cons(
            parts,
            ::cache_aside::__private::arg(name).part(),
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
                { db.find(id, name).await }
            },
        )
        .await
}
#[cfg(feature = "users")]
/// The key under which `load` stores its answer.
#[must_use]
#[allow(
    unused_variables,
    clippy::needless_pass_by_value,
    clippy::ptr_arg,
    clippy::too_many_arguments,
    clippy::trivially_copy_pass_by_ref
)]
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
        ::cache_aside::__private::arg(&id).part(),
    );
    #[allow(clippy::used_underscore_binding)]
    let parts = ::cache_aside::__private::Cons(
        parts,
        ::cache_aside::__private::arg(name).part(),
    );
    ::cache_aside::__private::key_of(site, &parts)
}
