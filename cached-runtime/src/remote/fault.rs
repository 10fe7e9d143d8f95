//! When the shared tier does not do what was asked.

use std::fmt;

/// Why an operation has no reply. The text holds no key, no value and no password.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// There is no connection that could be used; nothing was sent.
    #[error("the store cannot be used: {0}")]
    Unavailable(String),
    /// It was sent, and no reply came: it may have happened.
    #[error("the store did not answer: {0}")]
    Lost(String),
    /// The store said no; it did not happen, or only in part.
    #[error("the store refused: {0}")]
    Refused(String),
}

/// How a store does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// It can be used.
    Up,
    /// It can be used, but something it promises does not hold; the text says what.
    Degraded(String),
    /// It cannot be used; the text says why.
    Down(String),
}

impl Status {
    /// Whether operations have a chance.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !matches!(self, Self::Down(_))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up => f.write_str("up"),
            Self::Degraded(why) | Self::Down(why) => f.write_str(why),
        }
    }
}
