//! What went wrong with TLS, in words of ours: texts of the other side are not passed on.

use std::error::Error as StdError;
use std::io;
use std::sync::Arc;

use ::redis::RedisError;
use tokio_rustls::rustls::{AlertDescription, CertificateError, Error};

/// Nothing where the error has nothing to do with TLS.
pub(in super::super) fn in_words(error: &RedisError) -> Option<&'static str> {
    let cause = error.source()?;
    // The client shares what it was given.
    let shared = cause.downcast_ref::<Arc<dyn StdError + Send + Sync>>();
    let io = match shared {
        Some(shared) => shared.downcast_ref::<io::Error>(),
        None => cause.downcast_ref::<io::Error>(),
    };
    io?.get_ref()?.downcast_ref::<Error>().map(said)
}

fn said(error: &Error) -> &'static str {
    match error {
        Error::InvalidCertificate(why) => of_the_server(why),
        Error::NoCertificatesPresented => "TLS: the server shows no certificate",
        Error::AlertReceived(alert) => of_this_process(*alert),
        Error::PeerIncompatible(_) => "TLS: the server has no version or cipher in common with us",
        Error::InvalidMessage(_) => "TLS: the server does not speak it at this port",
        _ => "TLS: the connection failed",
    }
}

fn of_the_server(why: &CertificateError) -> &'static str {
    use CertificateError as Why;
    match why {
        Why::UnknownIssuer => {
            "TLS: the server's certificate is signed by nobody who is trusted here (`tls_ca`)"
        }
        Why::NotValidForName | Why::NotValidForNameContext { .. } => {
            "TLS: the server's certificate is for another host name than that in the URL"
        }
        Why::Expired | Why::ExpiredContext { .. } => "TLS: the server's certificate has expired",
        Why::NotValidYet | Why::NotValidYetContext { .. } => {
            "TLS: the server's certificate is not valid yet"
        }
        Why::Revoked => "TLS: the server's certificate was revoked",
        _ => "TLS: the server's certificate is not accepted",
    }
}

/// What the server says about us.
fn of_this_process(alert: AlertDescription) -> &'static str {
    use AlertDescription as Alert;
    match alert {
        Alert::CertificateRequired => {
            "TLS: the server wants a certificate of this process (`tls_client_cert`)"
        }
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateExpired
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied
        | Alert::DecryptError => "TLS: the server does not accept the certificate of this process",
        Alert::HandshakeFailure | Alert::ProtocolVersion | Alert::InsufficientSecurity => {
            "TLS: the server has no version or cipher in common with us"
        }
        _ => "TLS: the server ended the connection",
    }
}
