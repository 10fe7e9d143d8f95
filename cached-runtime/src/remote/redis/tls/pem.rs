//! Certificates and keys, as they are given.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::Error;

/// Certificates, or a key, in PEM: in a file, or as they are. Never shown.
///
/// Text is the path of a file, unless it has a line `-----BEGIN ..` in it; bytes are PEM.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::remote::redis::Pem;
///
/// let in_a_file = Pem::from("/etc/ssl/private/cache-ca.pem");
/// let at_hand = Pem::from(b"-----BEGIN CERTIFICATE-----\n..");
/// assert_eq!(format!("{in_a_file:?} {at_hand:?}"), "Pem(..) Pem(..)");
/// ```
#[derive(Clone)]
pub struct Pem(Source);

#[derive(Clone)]
enum Source {
    File(PathBuf),
    Bytes(Vec<u8>),
}

impl Pem {
    /// `setting` is who is named when it cannot be read. The path is not: it may be a key that was
    /// taken for one.
    pub(super) fn read(&self, setting: &str) -> Result<Cow<'_, [u8]>, Error> {
        match &self.0 {
            Source::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
            Source::File(path) => std::fs::read(path).map(Cow::Owned).map_err(|error| {
                let why = format!("{setting}: the file cannot be read: {}", error.kind());
                Error::config(why).because(error)
            }),
        }
    }
}

impl From<&str> for Pem {
    fn from(text: &str) -> Self {
        Self(if text.contains("-----BEGIN ") {
            Source::Bytes(text.into())
        } else {
            Source::File(text.into())
        })
    }
}

impl From<String> for Pem {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&Path> for Pem {
    fn from(path: &Path) -> Self {
        Self(Source::File(path.to_owned()))
    }
}

impl From<PathBuf> for Pem {
    fn from(path: PathBuf) -> Self {
        Self(Source::File(path))
    }
}

impl From<&[u8]> for Pem {
    fn from(bytes: &[u8]) -> Self {
        Self(Source::Bytes(bytes.to_owned()))
    }
}

impl<const N: usize> From<&[u8; N]> for Pem {
    fn from(bytes: &[u8; N]) -> Self {
        Self::from(&bytes[..])
    }
}

impl From<Vec<u8>> for Pem {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Source::Bytes(bytes))
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pem(..)")
    }
}
