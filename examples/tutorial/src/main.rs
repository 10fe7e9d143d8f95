//! Runs the six scenarios of the tutorial. Each prints its steps, and asserts what it prints.
//!
//! `cargo run -p tutorial`

mod scenarios;

use std::error::Error;

/// On one thread, so that each run prints the same.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    scenarios::the_four_steps().await?;
    scenarios::invalidation().await?;
    scenarios::expiry_and_eviction().await?;
    scenarios::two_instances().await?;
    scenarios::a_thousand_callers().await?;
    scenarios::statistics().await
}
