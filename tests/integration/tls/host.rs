//! A server that takes connections over TLS at one port, and those of the test at another.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::certificates::{Authority, Identity};
use crate::support::obtain::{Binary, Flavor, obtain};
use crate::support::place::{free_port, new_folder};
use crate::support::server::Server;

pub(super) struct Host {
    pub(super) server: Server,
    pub(super) port: u16,
    folder: PathBuf,
}

impl Host {
    /// `clients` is who is asked for a certificate: `no` or `yes`, which must be one of `ca`.
    pub(super) async fn start(ca: &Authority, identity: &Identity, clients: &str) -> Self {
        let folder = new_folder();
        let file = |name: &str, pem: &str| {
            let path = folder.join(name);
            fs::write(&path, pem).expect("a file below target/");
            path.to_str().expect("a path in UTF-8").to_owned()
        };
        let [ca, cert, key] = [
            file("ca.pem", &ca.pem()),
            file("cert.pem", &identity.cert),
            file("key.pem", &identity.key),
        ];
        let port = free_port();
        let flavor = tokio::task::spawn_blocking(capable).await;
        let server = Server::options()
            .flavor(flavor.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())))
            .args([
                "--tls-port",
                &port.to_string(),
                "--tls-auth-clients",
                clients,
            ])
            .args(["--tls-cert-file", &cert, "--tls-key-file", &key])
            .args(["--tls-ca-cert-file", &ca])
            .start()
            .await;
        Self {
            server,
            port,
            folder,
        }
    }

    /// By address, as certificates name it.
    pub(super) fn url(&self) -> String {
        url_at(self.port)
    }

    /// What is in the folder of the server.
    pub(super) fn path(&self, name: &str) -> String {
        let path = self.folder.join(name);
        path.to_str().expect("a path in UTF-8").to_owned()
    }

    /// How many clients there are at the port with TLS, and at the other.
    pub(super) async fn clients(&self) -> (usize, usize) {
        let mut admin = self.server.admin().await;
        let told: String = redis::cmd("CLIENT")
            .arg("LIST")
            .query_async(&mut admin)
            .await
            .expect("CLIENT LIST");
        let at = |port: u16| {
            let local = format!(" laddr=127.0.0.1:{port} ");
            told.lines()
                .filter(|client| client.contains(&local))
                .count()
        };
        (at(self.port), at(self.server.port()))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

pub(super) fn url_at(port: u16) -> String {
    format!("rediss://127.0.0.1:{port}/0")
}

/// The one that other tests use, if it was built with TLS, or else Redis.
fn capable() -> Flavor {
    static FOUND: OnceLock<Flavor> = OnceLock::new();
    *FOUND.get_or_init(|| {
        for flavor in [Flavor::Any, Flavor::Redis] {
            if has_tls(&obtain(flavor)) {
                return flavor;
            }
        }
        panic!(
            "no server here was built with TLS: install a redis-server or valkey-server that was, or set CACHE_ASIDE_REDIS_BIN to the path of one"
        );
    })
}

/// It ends at once, for the value is none: with TLS it names the good ones, without it knows no such setting.
fn has_tls(binary: &Binary) -> bool {
    let mut command = Command::new(&binary.path);
    if let Some(libraries) = &binary.libraries {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    command.args(["--port", "0", "--tls-auth-clients", "neither"]);
    let output = command.stdin(Stdio::null()).output().expect("it starts");
    let told = [output.stdout, output.stderr].concat();
    !String::from_utf8_lossy(&told).contains("Bad directive")
}
