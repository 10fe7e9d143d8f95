async fn load(db: &Db, tenant: u64, ids: &[u64]) -> Result<HashMap<u64, User>, DbError> {
    use ::cache_aside::__private as __k;
    let codec = {
        let returns = __k::returns::<Result<HashMap<u64, User>, DbError>>();
        {
            use __k::shapes::*;
            __k::batch_codec((&&__k::Answers::shape((&&returns).batch())).errors())
        }
    };
    #[allow(clippy::used_underscore_binding)]
    let miss = {
        let site = {
            enum Here {}
            static SITE: __k::Site = __k::Site::new("load", __k::type_name::<Here>)
                .prefix("user")
                .version("2")
                .coherence(__k::Coherence::Bounded(__k::Duration::from_millis(2000u64)));
            &SITE
        };
        let parts = __k::Nil;
        let parts = __k::Cons(parts, __k::arg(&tenant).part());
        let parts = __k::Cons(parts, __k::Element);
        let parts = __k::scoped(site, || (), parts);
        let place = __k::installed();
        let elements = __k::Each::itself(&ids);
        let look = __k::look_each(site, place, elements, &parts, codec);
        let miss = match look {
            __k::LookEach::Hit(hit) => return hit,
            __k::LookEach::Miss(miss) => miss,
        };
        miss.rules(|element| {
            #[allow(unused_variables, clippy::pedantic, clippy::restriction)]
            let ids = element;
            let rules = __k::rules(codec);
            let rules = rules.ttl(__k::Duration::from_millis(300000u64));
            let rules = rules
                .coherence(__k::Coherence::Bounded(__k::Duration::from_millis(2000u64)));
            let rules = __k::encoded::<_, Compact>(rules);
            let rules = rules.tag([__k::Piece::text("user:"), __k::Piece::arg(&ids)]);
            rules
        })
    };
    let again = {
        #[allow(unused_imports)]
        use __k::again::{ByClone as _, Never as _};
        let again = __k::again::Can;
        let again = (&&__k::Again(&tenant)).and(again);
        again
    };
    let body = miss
        .body(
            codec,
            move |rest| {
                let _ = &tenant;
                async move {
                    #[allow(unused_variables, clippy::pedantic, clippy::restriction)]
                    let mut ids: &[u64] = &rest;
                    if false {
                        return __k::never::<Result<HashMap<u64, User>, DbError>>();
                    }
                    { db.find(tenant, ids).await }
                }
            },
        );
    let again = __k::again::Second::of(again, &body);
    miss.run(codec, body, again).await
}
/// The key under which `load` stores its answer.
#[must_use]
#[allow(unused_variables, clippy::all, clippy::pedantic)]
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
    use ::cache_aside::__private as __k;
    let site = {
        enum Here {}
        static SITE: __k::Site = __k::Site::new("load", __k::type_name::<Here>)
            .prefix("user")
            .version("2")
            .coherence(__k::Coherence::Bounded(__k::Duration::from_millis(2000u64)));
        &SITE
    };
    let parts = __k::Nil;
    let parts = __k::Cons(parts, __k::arg(&tenant).part());
    let parts = __k::Cons(parts, __k::arg(&ids).part());
    let parts = __k::scoped(site, || (), parts);
    __k::key_of(site, &parts)
}
