//! A second body for a batch.

use std::fmt;

/// Asks a body whether it can run twice: it can if what it captures can be cloned.
pub struct Again<'a, B>(pub &'a B);

impl<B> fmt::Debug for Again<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Again")
    }
}

/// Found first, because it is implemented for one more reference level.
pub trait ByClone<B> {
    /// How a second body is made, if it can be.
    fn again(&self) -> Option<fn(&B) -> B>;
}

impl<B: Clone> ByClone<B> for &Again<'_, B> {
    fn again(&self) -> Option<fn(&B) -> B> {
        Some(B::clone)
    }
}

/// For bodies that take something along which cannot be cloned.
pub trait Never<B> {
    /// How a second body is made, if it can be.
    fn again(&self) -> Option<fn(&B) -> B>;
}

impl<B> Never<B> for Again<'_, B> {
    fn again(&self) -> Option<fn(&B) -> B> {
        None
    }
}
