//! From settings to whom is trusted, and who we are.

use std::sync::Arc;

use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::pem::Pem;
use crate::error::Error;

const CA: &str = "`tls_ca` (`CACHE_TLS_CA`)";
const CERT: &str = "`tls_client_cert` (`CACHE_TLS_CERT`)";
const KEY: &str = "the key of `tls_client_cert` (`CACHE_TLS_KEY`)";

/// What was said about certificates.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Trust<'a> {
    pub(in super::super) ca: Option<&'a Pem>,
    pub(in super::super) cert: Option<&'a Pem>,
    pub(in super::super) key: Option<&'a Pem>,
}

impl Trust<'_> {
    pub(in super::super) fn is_default(self) -> bool {
        self.ca.is_none() && self.cert.is_none() && self.key.is_none()
    }

    /// Reads what there is to read. Messages name the setting, and nothing that was in it.
    pub(super) fn config(self) -> Result<ClientConfig, Error> {
        let roots = match self.ca {
            Some(ca) => private_roots(ca)?,
            None => roots_of_the_system()?,
        };
        let config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| {
                let why = "the installed provider of cryptography has neither TLS 1.2 nor TLS 1.3";
                Error::config(why).because(error)
            })?
            .with_root_certificates(roots);
        let (cert, key) = match (self.cert, self.key) {
            (Some(cert), Some(key)) => (cert, key),
            (None, None) => return Ok(config.with_no_client_auth()),
            (Some(_), None) => return Err(Error::config(format!("{CERT} needs a key"))),
            (None, Some(_)) => return Err(Error::config(format!("{KEY} needs a certificate"))),
        };
        let cert = certificates(cert, CERT)?;
        // Its error may show bytes of a key: it is not passed on.
        let key = PrivateKeyDer::from_pem_slice(&key.read(KEY)?).map_err(|_| {
            Error::config(format!(
                "{KEY} is no private key in PEM (PKCS#8, PKCS#1 or SEC1, not encrypted)"
            ))
        })?;
        config.with_client_auth_cert(cert, key).map_err(|_| {
            Error::config(format!(
                "{CERT} and its key do not belong together, or the key is of a kind that is not known"
            ))
        })
    }
}

/// That of the process if there is one, such as one that was certified.
fn provider() -> Arc<CryptoProvider> {
    let installed = CryptoProvider::get_default().cloned();
    installed.unwrap_or_else(|| Arc::new(ring::default_provider()))
}

fn private_roots(ca: &Pem) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(ca, CA)? {
        roots.add(certificate).map_err(|error| {
            Error::config(format!("{CA} has a certificate that cannot be read")).because(error)
        })?;
    }
    Ok(roots)
}

fn roots_of_the_system() -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    // Systems have some that nobody can read, and live with it.
    let (taken, _) = roots.add_parsable_certificates(found.certs);
    if taken == 0 {
        return Err(Error::config(format!(
            "this system has no root certificates to verify the server with; install them (`ca-certificates`), or give the server's CA with {CA}"
        )));
    }
    Ok(roots)
}

fn certificates(pem: &Pem, setting: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let bytes = pem.read(setting)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(Error::config(format!(
            "{setting} has no certificate in PEM"
        ))),
    }
}
