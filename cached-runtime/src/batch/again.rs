//! A second body for a batch.
//!
//! A body can run twice if all that it takes along can be cloned. Arguments are asked one by one: what a
//! closure captures is known only after its function, and so after every choice that hangs on that.

use std::fmt;

/// Asks an argument whether it can be cloned.
pub struct Again<'a, A>(pub &'a A);

impl<A> fmt::Debug for Again<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Again")
    }
}

/// All arguments so far can be cloned.
#[derive(Debug)]
pub struct Can;

/// One of them cannot.
#[derive(Debug)]
pub struct Cannot;

/// Found first, because it is implemented for one more reference level.
pub trait ByClone {
    /// What is known of the other arguments.
    fn and<P>(&self, others: P) -> P;
}

impl<A: Clone> ByClone for &Again<'_, A> {
    fn and<P>(&self, others: P) -> P {
        others
    }
}

/// For arguments that cannot be cloned.
pub trait Never {
    /// Whatever is known of the other arguments.
    fn and<P>(&self, others: P) -> Cannot;
}

impl<A> Never for Again<'_, A> {
    fn and<P>(&self, _: P) -> Cannot {
        Cannot
    }
}

/// What follows for a body with these arguments.
pub trait Second<B> {
    /// How a second body is made, if it can be.
    fn of(self, body: &B) -> Option<fn(&B) -> B>;
}

impl<B: Clone> Second<B> for Can {
    fn of(self, _: &B) -> Option<fn(&B) -> B> {
        Some(B::clone)
    }
}

impl<B> Second<B> for Cannot {
    fn of(self, _: &B) -> Option<fn(&B) -> B> {
        None
    }
}
