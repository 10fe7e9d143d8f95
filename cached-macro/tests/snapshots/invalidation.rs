async fn rename(state: &State, id: u64, name: String) -> Result<User, DbError> {
    use ::shop::cache::__private as __k;
    let shape = {
        let returns = __k::returns::<Result<User, DbError>>();
        {
            use __k::shapes::*;
            (&&&&returns).shape().propagating()
        }
    };
    #[allow(clippy::used_underscore_binding)]
    let write = {
        let place = &(state.cache);
        let place = __k::as_cache(place);
        let write = __k::invalidation(place, shape);
        let write = write.tag([__k::Piece::text("user:"), __k::Piece::arg(&id)]);
        let write = write
            .tag([
                __k::Piece::text("org:"),
                __k::Piece::result(|result, out| __k::write(out, &result.org_id)),
            ]);
        let write = write.key(user_key(id));
        let write = write.prefix("user_list");
        write
    };
    write
        .run(async move {
            if false {
                return __k::never::<Result<User, DbError>>();
            }
            { state.db.rename(id, name).await }
        })
        .await
}
