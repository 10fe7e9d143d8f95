//! Prices of a slow supplier, behind a cache that is filled before anybody asks, and kept so.
//!
//! `supplier` - the source; `prices` - the same with a cache around it; `rounds` - every key, so many
//! at a time; `keeper` - the first round, and those after it; `bar` - how far a round is; `web` - the
//! endpoints; `settings` - what the environment says. `README.md` has how to try them.

mod bar;
mod keeper;
mod prices;
mod rounds;
mod settings;
mod supplier;
mod web;

#[path = "../../support/serve.rs"]
mod serve;

use std::error::Error;

use cache_aside::Cache;

use crate::bar::Bar;
use crate::keeper::Keeper;
use crate::prices::Prices;
use crate::serve::Server;
use crate::settings::Settings;
use crate::supplier::Supplier;
use crate::web::App;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings::from_env()?;
    let cache = Cache::builder().namespace("prices").overridden_by_env()?;
    let cache = cache.build().await?;
    let supplier = Supplier::new(settings.articles, settings.fetch_time, settings.broken);
    let prices = Prices::new(&cache, &supplier, settings.ttl);
    let keeper = Keeper::new(&cache, &prices, settings.at_once);
    let app = App {
        cache: cache.clone(),
        keeper: keeper.clone(),
        prices,
        supplier,
    };

    let server = Server::bind(settings.address).await?;
    // Requests are answered meanwhile; `/health` says when they should come.
    let keeping = tokio::spawn(async move {
        keeper.warm(settings.articles, &mut Bar::on_stdout()).await;
        keeper.keep(settings.articles, settings.every).await;
    });
    server.run(web::routes(app)).await?;

    keeping.abort();
    cache.close().await?;
    println!("ended in order");
    Ok(())
}
