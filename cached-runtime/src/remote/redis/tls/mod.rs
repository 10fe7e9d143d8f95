//! TLS, with the feature `tls-rustls`. Whom we connect to is always verified: there is no setting
//! that turns it off.
//!
//! - `pem` - certificates and keys as they are given. `trust` - from those to whom is trusted, and who
//!   we are; read once. `secure` - from an address to a stream. `words` - what went wrong, in words.
//!
//! Invariant: the provider of cryptography is the process's own where it has one, and else one that
//! nobody else sees: nothing is installed for the process.

mod pem;
mod secure;
#[cfg(test)]
mod tests;
mod trust;
mod words;

pub use self::pem::Pem;
pub(super) use self::secure::Secure;
pub(super) use self::trust::Trust;
pub(super) use self::words::in_words;
