//! A task manager: tasks in `SQLite` behind a web server, cached and limited by all its processes together.
//!
//! `settings` - what the environment says; `database` - the source of truth; `tasks` - the same with
//! a cache around it, and what each write invalidates; `web` - the endpoints; `limits` - how often
//! anybody may ask. `README.md` has the endpoints and how to try them.

mod database;
mod limits;
mod settings;
mod tasks;
mod web;

#[path = "../../support/serve.rs"]
mod serve;

use std::error::Error;

use cache_aside::Cache;

use crate::database::Database;
use crate::limits::Limits;
use crate::serve::Server;
use crate::settings::Settings;
use crate::tasks::Tasks;
use crate::web::App;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings::from_env()?;
    let cache = Cache::builder().namespace("tasks").overridden_by_env()?;
    let cache = cache.build().await?;
    cache.install()?; // before the first call of a cached function
    let database = Database::open(&settings.database, settings.report_time)?;
    let app = App {
        tasks: Tasks::new(database),
        limits: Limits::new(&cache, &settings)?,
        cache: cache.clone(),
    };

    let server = Server::bind(settings.address).await?;
    server.run(web::routes(app)).await?;

    // What Redis has not been told yet is told now.
    cache.close().await?;
    println!("ended in order");
    Ok(())
}
