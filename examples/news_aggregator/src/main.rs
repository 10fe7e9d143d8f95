//! A news aggregator: articles from a slow source behind a web server, cached by all its processes together.
//!
//! `settings` - what the environment says; `source` - what is slow; `news` - the same with a cache
//! around it; `page` - a page that is cached as a whole; `web` - the endpoints; `counters` - what they
//! tell of the cache. `README.md` has the endpoints and how to try them.

mod counters;
mod news;
mod page;
mod settings;
mod source;
mod web;

#[path = "../../support/serve.rs"]
mod serve;

use std::error::Error;

use cache_aside::Cache;

use crate::news::News;
use crate::serve::Server;
use crate::settings::Settings;
use crate::source::Source;
use crate::web::App;

/// A limit in bytes, so that they are counted.
const MEMORY: usize = 64 << 20;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings::from_env()?;
    let cache = Cache::builder()
        .namespace("news")
        .local_capacity_bytes(MEMORY);
    let cache = cache.overridden_by_env()?.build().await?;
    cache.install()?; // before the first call of a cached function
    let source = Source::new(settings.source_time)?;
    let app = App {
        news: News::new(source, settings.trending_life),
        cache: cache.clone(),
    };

    let server = Server::bind(settings.address).await?;
    server.run(web::routes(app)).await?;

    // What Redis has not been told yet is told now.
    cache.close().await?;
    println!("ended in order");
    Ok(())
}
