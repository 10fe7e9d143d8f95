async fn rename(db: &Db, id: u64) -> Result<User, DbError> {
    use ::cache_aside::__private as __k;
    let shape = {
        let returns = __k::returns::<Result<User, DbError>>();
        {
            use __k::shapes::*;
            (&&&&returns).shape()
        }
    };
    #[allow(clippy::used_underscore_binding)]
    let write = {
        let place = __k::installed();
        let write = __k::invalidation(place, shape);
        let write = write.tag([__k::Piece::text("user:"), __k::Piece::arg(&id)]);
        let write = write
            .tag([
                __k::Piece::text("org:"),
                __k::Piece::result(|result, out| __k::write(out, &result.org_id)),
            ]);
        let write = write.bracket();
        let write = write.settled();
        write
    };
    write
        .run(async move {
            if false {
                return __k::never::<Result<User, DbError>>();
            }
            { db.rename(id).await }
        })
        .await
}
