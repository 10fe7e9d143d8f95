async fn load<'a, D: Db, T, const N: usize>(db: &'a D, id: T, by: &impl Order) -> [u8; N]
where
    T: Serialize + Send + Sync,
{
    use ::cache_aside::__private as __k;
    let codec = || {
        let returns = __k::returns::<[u8; N]>();
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
        let parts = __k::types::<T>().constant(&N);
        let parts = __k::Cons(parts, __k::arg(&id).part());
        let parts = __k::Cons(parts, __k::arg(by).part_of_type());
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
                let rules = rules.not_remote();
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
                return __k::never::<[u8; N]>();
            }
            { db.find(id, by).await }
        };
        miss.run(codec, body).await
    }
        .await
}
