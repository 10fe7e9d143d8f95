//! Several processes, one server, and what happens to them: what is promised of a fleet, with real
//! processes, real servers, and real signals.

mod clocks;
mod coherence;
mod depot;
mod invalidation;
mod loss;
mod member;
mod one_load;
mod outage;
mod runtimes;
mod stale;
mod wire;

pub(crate) use member::serve;
pub(crate) use runtimes::two_runtimes;

use std::time::Duration;

use tokio::task::JoinSet;

use crate::support::eventually;
use crate::support::server::Server;
use depot::Depot;
use member::Member;

/// For what has to happen in the end; no measure of anything.
const PATIENCE: Duration = Duration::from_secs(20);
const MS: Duration = Duration::from_millis(1);

/// Processes that share a server and a source.
struct Fleet {
    server: Server,
    depot: Depot,
    members: Vec<Member>,
}

impl Fleet {
    async fn of(processes: usize) -> Self {
        let server = Server::start().await;
        let depot = Depot::new();
        let mut starting = JoinSet::new();
        for _ in 0..processes {
            let (url, depot) = (server.url(), depot.path());
            starting.spawn(async move { Member::join(&url, &depot, &[]).await });
        }
        Self {
            server,
            depot,
            members: starting.join_all().await,
        }
    }

    async fn hold(&mut self) {
        for member in &mut self.members {
            member.hold().await;
        }
    }

    async fn let_go(&mut self) {
        for member in &mut self.members {
            member.let_go().await;
        }
    }
}

/// The members by name.
fn all<const N: usize>(members: &mut [Member]) -> &mut [Member; N] {
    members.try_into().expect("so many members")
}

/// The lease of the only key that is loaded: 8 bytes, and 8 for each process that waits for its end.
async fn lease(server: &Server) -> Option<Vec<u8>> {
    let key = server.keys("fleet:l:*").await.pop()?;
    let mut admin = server.admin().await;
    redis::cmd("GET")
        .arg(key)
        .query_async(&mut admin)
        .await
        .unwrap()
}

/// Waits until so many processes wait for the load of another.
async fn until_waiting(server: &Server, processes: usize) {
    eventually("processes wait for the load of another", async || {
        lease(server)
            .await
            .is_some_and(|lease| lease.len() == 8 + 8 * processes)
    })
    .await;
}
