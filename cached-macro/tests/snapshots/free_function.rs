/// Finds a user.
#[must_use]
pub(crate) async fn load(
    db: &Db,
    id: u64,
    mut limit: u8,
) -> Result<Option<User>, DbError> {
    #![allow(unused)]
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
            static SITE: __k::Site = __k::Site::new("load", __k::type_name::<Here>)
                .prefix("user");
            &SITE
        };
        let parts = __k::Nil;
        let parts = __k::Cons(parts, __k::arg(&id).part());
        let parts = __k::Cons(parts, __k::arg(&limit).part());
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
            {
                limit += 1;
                db.find(id, limit).await
            }
        };
        miss.run(codec, body).await
    }
        .await
}
