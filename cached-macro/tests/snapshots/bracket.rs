async fn rename(db: &Db, id: u64) -> Result<User, DbError> {
    let shape = {
        let returns = ::cache_aside::__private::returns::<Result<User, DbError>>();
        {
            #[allow(unused_imports)]
            use ::cache_aside::__private::shapes::*;
            let shape = (&&&&returns).shape();
            shape
        }
    };
    let write = {
        let place = ::cache_aside::__private::installed();
        let place = ::cache_aside::__private::as_cache(place);
        let write = ::cache_aside::__private::invalidation(place, shape);
        #[allow(clippy::used_underscore_binding)]
        let write = write
            .tag([
                ::cache_aside::__private::Piece::text("user:"),
                ::cache_aside::__private::Piece::arg(&id),
            ]);
        #[allow(clippy::used_underscore_binding)]
        let write = write
            .tag([
                ::cache_aside::__private::Piece::text("org:"),
                ::cache_aside::__private::Piece::result(|result, out| ::cache_aside::__private::write(
                    out,
                    &result.org_id,
                )),
            ]);
        let write = write.bracket();
        let write = write.settled();
        write
    };
    write
        .run(async move {
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
            { db.rename(id).await }
        })
        .await
}
