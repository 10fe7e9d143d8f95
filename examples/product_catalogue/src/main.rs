//! A product catalogue: products and their categories in `SQLite` behind a web server, cached by all its
//! processes together.
//!
//! `settings` - what the environment says; `database` - the source of truth; `catalogue` - the same
//! with a cache around it, and what each write invalidates; `web` - the endpoints. `README.md` has
//! the endpoints and how to try them.

mod catalogue;
mod database;
mod settings;
mod web;

#[path = "../../support/serve.rs"]
mod serve;

use std::error::Error;

use cache_aside::Cache;

use crate::catalogue::Catalogue;
use crate::database::Database;
use crate::serve::Server;
use crate::settings::Settings;
use crate::web::App;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings::from_env()?;
    let cache = Cache::builder()
        .namespace("catalogue")
        .overridden_by_env()?;
    let cache = cache.build().await?;
    cache.install()?; // before the first call of a cached function
    let database = Database::open(&settings.database)?;
    let app = App {
        catalogue: Catalogue::new(database),
        cache: cache.clone(),
    };

    let server = Server::bind(settings.address).await?;
    server.run(web::routes(app)).await?;

    // What Redis has not been told yet is told now.
    cache.close().await?;
    println!("ended in order");
    Ok(())
}
