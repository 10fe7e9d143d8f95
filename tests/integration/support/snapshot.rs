//! What a server has, set aside and brought back.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use redis::{RedisResult, cmd};
use tokio::time::{Instant, sleep};

use super::process::LIMIT;
use super::server::Server;

/// What a server had at a moment.
pub(crate) struct Snapshot(PathBuf);

impl Server {
    pub(crate) async fn save_snapshot(&self) -> Snapshot {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mut admin = self.admin().await;
        let give_up = Instant::now() + LIMIT;
        loop {
            let saved: RedisResult<()> = cmd("SAVE").query_async(&mut admin).await;
            match saved {
                Ok(()) => break,
                // For a replica.
                Err(error)
                    if error.to_string().contains("already in progress")
                        && Instant::now() < give_up =>
                {
                    sleep(Duration::from_millis(20)).await;
                }
                Err(error) => panic!("SAVE: {error}"),
            }
        }
        let number = COUNT.fetch_add(1, SeqCst);
        let aside = self.folder.join(format!("snapshot-{number}.rdb"));
        fs::rename(self.folder.join("dump.rdb"), &aside).expect("SAVE made it");
        Snapshot(aside)
    }

    /// Crashes and comes back with what it had then.
    pub(crate) async fn restore_snapshot(&self, snapshot: &Snapshot) {
        self.kill();
        let launched = self.launch(Some(&snapshot.0)).await;
        assert!(launched, "port {} was taken", self.port);
    }
}
