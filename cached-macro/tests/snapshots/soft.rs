async fn publish(minutes: u64) {
    let shape = {
        let returns = ::cache_aside::__private::returns::<()>();
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
        let write = write.tag([::cache_aside::__private::Piece::text("news")]);
        #[allow(clippy::used_underscore_binding)]
        let length: ::cache_aside::__private::Duration = patience(minutes);
        let write = write.soft(length);
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
                let anchor: () = loop {};
                return anchor;
            }
            { write(minutes).await }
        })
        .await
}
