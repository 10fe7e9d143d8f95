async fn load(db: &Db, tenant: u64, ids: &[u64]) -> Result<HashMap<u64, User>, DbError> {
    let codec = {
        let returns = ::cache_aside::__private::returns::<
            Result<HashMap<u64, User>, DbError>,
        >();
        let shape = {
            #[allow(unused_imports)]
            use ::cache_aside::__private::shapes::*;
            let shape = (&&returns).batch();
            let shape = (&&shape).errors();
            shape
        };
        ::cache_aside::__private::batch_codec(shape)
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
                .version("2")
                .coherence(
                    ::cache_aside::__private::Coherence::Bounded(
                        ::cache_aside::__private::Duration::from_millis(2000u64),
                    ),
                );
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
            ::cache_aside::__private::arg(&tenant).part(),
        );
        #[allow(clippy::used_underscore_binding)]
        let parts = ::cache_aside::__private::Cons(
            parts,
            ::cache_aside::__private::Element,
        );
        let place = ::cache_aside::__private::installed();
        let place = ::cache_aside::__private::as_cache(place);
        let look = ::cache_aside::__private::look_each(site, place, &ids, &parts, codec);
        let miss = match look {
            ::cache_aside::__private::LookEach::Hit(hit) => return hit,
            ::cache_aside::__private::LookEach::Miss(miss) => miss,
        };
        miss.rules(|element| {
            #[allow(
                unused_variables,
                clippy::no_effect_underscore_binding,
                clippy::shadow_reuse,
                clippy::shadow_same,
                clippy::shadow_unrelated
            )]
            let ids = element;
            let rules = ::cache_aside::__private::rules(codec);
            let rules = rules
                .ttl(::cache_aside::__private::Duration::from_millis(300000u64));
            let rules = rules
                .coherence(
                    ::cache_aside::__private::Coherence::Bounded(
                        ::cache_aside::__private::Duration::from_millis(2000u64),
                    ),
                );
            let rules = ::cache_aside::__private::encoded::<_, Compact>(rules);
            #[allow(clippy::used_underscore_binding)]
            let rules = rules
                .tag([
                    ::cache_aside::__private::Piece::text("user:"),
                    ::cache_aside::__private::Piece::arg(&ids),
                ]);
            rules
        })
    };
    let body = miss
        .body(
            codec,
            move |rest| async move {
                #[allow(
                    unused_variables,
                    clippy::no_effect_underscore_binding,
                    clippy::shadow_reuse,
                    clippy::shadow_same,
                    clippy::shadow_unrelated
                )]
                let mut ids: &[u64] = &rest;
                #[allow(
                    unreachable_code,
                    clippy::diverging_sub_expression,
                    clippy::empty_loop,
                    clippy::let_unit_value,
                    clippy::needless_return,
                    clippy::unreachable
                )]
                if false {
                    let anchor: Result<HashMap<u64, User>, DbError> = loop {};
                    return anchor;
                }
                { db.find(tenant, ids).await }
            },
        );
    let again = {
        #[allow(unused_imports)]
        use ::cache_aside::__private::{ByClone as _, Never as _};
        let again = ::cache_aside::__private::Again(&body);
        (&&again).again()
    };
    miss.run(codec, body, again).await
}
/// The key under which `load` stores its answer.
#[must_use]
#[allow(
    unused_variables,
    clippy::needless_pass_by_value,
    clippy::ptr_arg,
    clippy::too_many_arguments,
    clippy::trivially_copy_pass_by_ref
)]
fn user_key(
    tenant: u64,
    ids: <&[u64] as ::cache_aside::__private::Each>::Key,
) -> ::cache_aside::__private::Key<
    <<Result<
        HashMap<u64, User>,
        DbError,
    > as ::cache_aside::__private::Layer<
        {
            #[allow(unused_imports)]
            use ::cache_aside::__private::Plain as _;
            ::cache_aside::__private::Probe::<
                Result<HashMap<u64, User>, DbError>,
            >::CACHE_ASIDE_KIND
        },
    >>::Inner as ::cache_aside::__private::Answers>::Value,
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
            })
            .prefix("user")
            .version("2")
            .coherence(
                ::cache_aside::__private::Coherence::Bounded(
                    ::cache_aside::__private::Duration::from_millis(2000u64),
                ),
            );
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
        ::cache_aside::__private::arg(&tenant).part(),
    );
    #[allow(clippy::used_underscore_binding)]
    let parts = ::cache_aside::__private::Cons(
        parts,
        ::cache_aside::__private::arg(&ids).part(),
    );
    ::cache_aside::__private::key_of(site, &parts)
}
