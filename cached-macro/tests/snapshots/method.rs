impl Service {
    async fn load(&self, id: u64) -> Result<User, DbError> {
        use ::cache_aside::__private as __k;
        let codec = || {
            let returns = __k::returns::<Result<User, DbError>>();
            {
                use __k::shapes::*;
                __k::codec((&&(&&(&&&&returns).shape()).errors()).timeouts_if_any())
            }
        };
        #[allow(clippy::used_underscore_binding)]
        let miss = {
            let site = {
                enum Here {}
                static SITE: __k::Site = __k::Site::new("load", __k::type_name::<Here>)
                    .prefix("user")
                    .version("2");
                &SITE
            };
            let parts = __k::Nil;
            let part = &(self.tenant);
            let parts = __k::Cons(parts, __k::arg(part).part());
            let part = &(id);
            let parts = __k::Cons(parts, __k::arg(part).part());
            let parts = __k::scoped(site, || (), parts);
            let place = &(self.cache);
            let place = __k::as_cache(place);
            let look = __k::look(site, place, &parts);
            if let __k::Some(hit) = look.hit(codec()) {
                return hit.answer(codec());
            }
            let codec = codec();
            let miss = look.miss(codec);
            let rules = __k::rules(codec);
            let length: __k::Duration = Duration::from_secs(id);
            let rules = rules.ttl(length);
            let rules = rules.negative_ttl(__k::Duration::from_millis(10000u64));
            let rules = rules.stale_if_error(__k::Duration::from_millis(60000u64));
            let rules = rules.load_timeout(__k::Duration::from_millis(2000u64));
            let rules = rules.cache_if(|user| user.active);
            let rules = rules.jitter(0.05f64);
            let rules = rules.single_flight(__k::SingleFlight::Off);
            let rules = rules.local_for(__k::Duration::from_millis(10000u64));
            miss.rules(rules)
        };
        let codec = codec();
        let body = async move {
            if false {
                return __k::never::<Result<User, DbError>>();
            }
            { self.db.find(id).await }
        };
        miss.run(codec, body).await
    }
}
