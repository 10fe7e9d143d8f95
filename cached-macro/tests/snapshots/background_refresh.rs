impl Service {
    async fn load<'a>(&'a self, name: &'a str, owned: String) -> Result<User, DbError> {
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
                static SITE: __k::Site = __k::Site::new("load", __k::type_name::<Here>)
                    .prefix("user")
                    .coherence(__k::Coherence::Strict);
                &SITE
            };
            let parts = __k::Nil;
            let parts = __k::Cons(parts, __k::arg(self).part());
            let parts = __k::Cons(parts, __k::arg(name).part());
            let parts = __k::Cons(parts, __k::arg(&owned).part());
            let parts = __k::scoped(site, || (), parts);
            let place = __k::installed();
            let look = __k::look(site, place, &parts);
            if let __k::Some(hit) = look.hit(codec()) {
                return hit.answer(codec());
            }
            let codec = codec();
            let miss = look.miss(codec);
            let rules = __k::rules(codec);
            let rules = rules.ttl(__k::Duration::from_millis(300000u64));
            let rules = rules
                .stale_while_revalidate(__k::Duration::from_millis(60000u64));
            let rules = rules.soft_timeout(__k::Duration::from_millis(200u64));
            let rules = rules.coherence(__k::Coherence::Strict);
            miss.rules(rules)
        };
        let codec = codec();
        let body = move || {
            #[allow(unused_imports)]
            use __k::ToOwned as _;
            #[allow(clippy::pedantic, clippy::restriction)]
            let this = __k::keepable(self).to_owned();
            #[allow(clippy::pedantic, clippy::restriction)]
            let name = __k::keepable(name).to_owned();
            async move {
                #[allow(unused_variables, clippy::pedantic, clippy::restriction)]
                let this: &Self = &this;
                #[allow(unused_variables, clippy::pedantic, clippy::restriction)]
                let mut name: &str = &name;
                if false {
                    return __k::never::<Result<User, DbError>>();
                }
                {
                    println!("{this:?} {}", this.db);
                    name = name.trim();
                    this.db.find(name, owned).await
                }
            }
        };
        miss.run_owned(codec, body).await
    }
}
