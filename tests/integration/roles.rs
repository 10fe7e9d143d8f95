//! What child processes of tests do: one arm and one function for each role.

use crate::support::process::{Child, Parent};
use crate::support::server::Server;

/// Not a test: where a process starts that `Child::spawn` started.
#[test]
#[ignore = "the entry of child processes"]
fn child_process() {
    let Some(parent) = Parent::of_this_process() else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        match parent.role().as_str() {
            "echo" => echo(parent).await,
            "owner" => owner(parent).await,
            #[cfg(feature = "redis")]
            "oracle" => crate::oracle::child(parent).await,
            #[cfg(feature = "redis")]
            "schedules" => crate::oracle::schedules(parent).await,
            #[cfg(feature = "redis")]
            "member" => crate::fleet::serve(parent).await,
            #[cfg(feature = "redis")]
            "holder" => crate::soak::holder(parent).await,
            #[cfg(feature = "redis")]
            "two_runtimes" => crate::fleet::two_runtimes(parent).await,
            #[cfg(all(feature = "redis", feature = "tls-rustls"))]
            "tls_member" => crate::tls::member(parent).await,
            #[cfg(all(feature = "redis", feature = "tls-rustls"))]
            "tls_provider" => crate::tls::provider(parent).await,
            other => panic!("there is no role `{other}`"),
        }
    });
}

/// Says what it is told, with a greeting, between lines that are none of the parent's business.
async fn echo(mut parent: Parent) {
    let greeting = parent.env("GREETING");
    parent.send("ready");
    loop {
        println!("said by a library");
        let line = parent.receive().await;
        match line.as_str() {
            "end" => return,
            "fail" => panic!("as it was told"),
            _ => {
                print!("half a line");
                parent.send(&format!("{greeting} {line}"));
            }
        }
    }
}

/// Has a server that is stopped and a child, and waits to be killed.
async fn owner(mut parent: Parent) {
    let server = Server::start().await;
    server.stop();
    parent.send(&format!("server {}", server.pid()));
    let child = Child::spawn("echo", &[("GREETING", "")]).await;
    child.stop();
    parent.send(&format!("child {}", child.pid()));
    parent.expect("never said").await;
}
