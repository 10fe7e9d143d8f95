//! What is read and refused, and what a stream is like, against a server in this process.

use std::sync::Arc;

use ::redis::io::tcp::socket2::SockRef;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::*;
use crate::remote::redis::RedisSettings;
use crate::remote::redis::settings::Way;

const SECRET: &str = "hunter2";

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn settings(change: impl FnOnce(&mut RedisSettings)) -> RedisSettings {
    let mut settings = RedisSettings::new("rediss://:hunter2@localhost:7000", "app");
    change(&mut settings);
    settings
}

fn refusal(change: impl FnOnce(&mut RedisSettings)) -> String {
    let error = settings(change).check().unwrap_err();
    let shown = format!("{error:?}");
    assert!(!shown.contains(SECRET), "{shown}");
    error.to_string()
}

#[test]
fn what_is_wrong_with_a_certificate_or_a_key_is_named_and_not_shown() {
    let ca = authority();
    let (cert, key) = (ca.pem(), ca.key().serialize_pem());
    let other = KeyPair::generate().unwrap().serialize_pem();
    let garbled = "-----BEGIN CERTIFICATE-----\naHVudGVyMg==\n-----END CERTIFICATE-----\n";
    let (with_ca, ours) = (Pem::from(&*cert), Pem::from(&*cert));
    let client = |s: &mut RedisSettings, cert: Option<Pem>, key: Option<Pem>| {
        s.tls_ca = Some(with_ca.clone());
        (s.tls_cert, s.tls_key) = (cert, key);
    };
    for (refused, named) in [
        (
            refusal(|s| s.tls_ca = Some("/no/hunter2.pem".into())),
            "`tls_ca` (`CACHE_TLS_CA`)",
        ),
        (
            refusal(|s| s.tls_ca = Some(b"hunter2".into())),
            "`tls_ca` (`CACHE_TLS_CA`)",
        ),
        (
            refusal(|s| s.tls_ca = Some(garbled.into())),
            "`tls_ca` (`CACHE_TLS_CA`)",
        ),
        (
            refusal(|s| s.tls_ca = Some(key.clone().into())),
            "`tls_ca` (`CACHE_TLS_CA`)",
        ),
        (
            refusal(|s| client(s, Some(b"hunter2".into()), Some(key.clone().into()))),
            "`tls_client_cert` (`CACHE_TLS_CERT`)",
        ),
        (
            refusal(|s| client(s, Some(ours.clone()), Some(b"hunter2".into()))),
            "`CACHE_TLS_KEY`",
        ),
        (
            refusal(|s| client(s, Some(ours.clone()), Some("/no/hunter2".into()))),
            "`CACHE_TLS_KEY`",
        ),
        (
            refusal(|s| client(s, Some(ours.clone()), Some(other.into()))),
            "do not belong together",
        ),
        (
            refusal(|s| client(s, Some(ours.clone()), None)),
            "needs a key",
        ),
        (
            refusal(|s| client(s, None, Some(key.clone().into()))),
            "needs a certificate",
        ),
        (
            refusal(|s| {
                s.url = "redis://:hunter2@localhost".into();
                s.tls_ca = Some(ours.clone());
            }),
            "does not ask for it",
        ),
        (
            refusal(|s| s.url = "rediss://:hunter2@localhost#insecure".into()),
            "always verified",
        ),
        (
            refusal(|s| s.url = "valkeys://:hunter2@a_b%20c".into()),
            "Redis URL",
        ),
        (
            refusal(|s| s.url = "rediss:///run/hunter2.sock".into()),
            "Redis URL",
        ),
    ] {
        assert!(refused.contains(named), "{refused}");
        assert!(!refused.contains(SECRET), "{refused}");
    }
}

#[test]
fn what_asks_for_tls_has_no_plain_way() {
    let ca = authority().pem();
    for url in [
        "rediss://127.0.0.1:7000/3",
        "valkeys://[::1]:7000",
        "rediss://ann:p@cache.example:7000",
    ] {
        let checked = settings(|s| {
            s.url = url.into();
            s.tls_ca = Some(ca.clone().into());
        });
        let checked = checked.check().unwrap();
        assert!(matches!(checked.way(), Way::Secure(_)), "{url}");
        assert!(checked.address().ends_with(":7000"));
    }
}

#[tokio::test]
async fn a_stream_is_encrypted_and_its_socket_is_set_up_as_others_are() {
    let ca = authority();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let cert = params.signed_by(&key, &ca).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![cert.der().clone()],
            PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        )
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = async {
        let (stream, _) = listener.accept().await.unwrap();
        TlsAcceptor::from(Arc::new(config))
            .accept(stream)
            .await
            .unwrap()
    };

    let checked = settings(|s| {
        s.url = format!("rediss://localhost:{port}");
        s.tls_ca = Some(ca.pem().into());
    });
    let checked = checked.check().unwrap();
    let Way::Secure(secure) = checked.way() else {
        panic!("plain");
    };
    let client = async {
        let stream = secure.connect().await.unwrap();
        let (socket, session) = stream.get_ref();
        assert!(session.protocol_version().is_some());
        assert!(socket.nodelay().unwrap());
        let socket = SockRef::from(socket);
        assert!(socket.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        {
            let second = std::time::Duration::from_secs(1);
            assert_eq!(socket.tcp_keepalive_time().unwrap(), second * 5);
            assert_eq!(socket.tcp_keepalive_interval().unwrap(), second * 2);
            assert_eq!(socket.tcp_user_timeout().unwrap(), Some(second * 5));
        }
    };
    let (_, ()) = tokio::join!(server, client);
    assert!(
        CryptoProvider::get_default().is_none(),
        "it is for the application to install one"
    );
}
