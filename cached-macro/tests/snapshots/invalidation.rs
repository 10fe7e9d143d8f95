async fn rename(state: &State, id: u64, name: String) -> Result<User, DbError> {
    let shape = {
        let returns = ::shop::cache::__private::returns::<Result<User, DbError>>();
        {
            #[allow(unused_imports)]
            use ::shop::cache::__private::shapes::*;
            let shape = (&&&&returns).shape();
            shape.propagating()
        }
    };
    let write = {
        #[allow(clippy::used_underscore_binding)]
        let place = &(state.cache);
        let place = ::shop::cache::__private::as_cache(place);
        let write = ::shop::cache::__private::invalidation(place, shape);
        #[allow(clippy::used_underscore_binding)]
        let write = write
            .tag([
                ::shop::cache::__private::Piece::text("user:"),
                ::shop::cache::__private::Piece::arg(&id),
            ]);
        #[allow(clippy::used_underscore_binding)]
        let write = write
            .tag([
                ::shop::cache::__private::Piece::text("org:"),
                ::shop::cache::__private::Piece::result(|result, out| ::shop::cache::__private::write(
                    out,
                    &result.org_id,
                )),
            ]);
        #[allow(clippy::used_underscore_binding)]
        let write = write.key(user_key(id));
        #[allow(clippy::used_underscore_binding)]
        let write = write.prefix("user_list");
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
            { state.db.rename(id, name).await }
        })
        .await
}
