//! Which policies serve values of a type.

use super::{Policy, Untyped};
use crate::value::Cacheable;

/// A policy that can be used for values of type `T`: a `Policy`, or a `Policy<T>`.
pub trait PolicyFor<T>: sealed::Sealed<T> {}

impl<T, P: sealed::Sealed<T>> PolicyFor<T> for P {}

pub(crate) mod sealed {
    use super::{Cacheable, Policy, Untyped};
    use crate::coherence::Coherence;

    pub trait Sealed<T> {
        fn for_value(&self) -> Policy<T>;

        fn coherence(&self) -> Option<Coherence>;
    }

    impl<T: Cacheable> Sealed<T> for Policy<Untyped> {
        fn for_value(&self) -> Policy<T> {
            self.clone().typed()
        }

        fn coherence(&self) -> Option<Coherence> {
            self.options.coherence
        }
    }

    impl<T: Cacheable> Sealed<T> for Policy<T> {
        fn for_value(&self) -> Policy<T> {
            self.clone()
        }

        fn coherence(&self) -> Option<Coherence> {
            self.options.coherence
        }
    }
}
