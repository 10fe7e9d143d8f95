async fn publish(minutes: u64) {
    use ::cache_aside::__private as __k;
    let shape = {
        let returns = __k::returns::<()>();
        {
            use __k::shapes::*;
            (&&&&returns).shape()
        }
    };
    #[allow(clippy::used_underscore_binding)]
    let write = {
        let place = __k::installed();
        let write = __k::invalidation(place, shape);
        let write = write.tag([__k::Piece::text("news")]);
        let length: __k::Duration = patience(minutes);
        let write = write.soft(length);
        write
    };
    write
        .run(async move {
            if false {
                return __k::never::<()>();
            }
            { write(minutes).await }
        })
        .await
}
