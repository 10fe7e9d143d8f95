//! What a cache is asked with: a key that may not be written down yet.

use std::cell::Cell;

use super::canonical::Unkeyable;
use super::hash::{HashSink, hasher};
use super::head::{Head, Named};
use super::part::Parts;
use super::raw::RawKey;
use super::sink::{BytesSink, EqualSink, Sink, tag};

/// Something that names an entry.
pub(crate) trait Ident {
    /// The hash, equal to that of the encoded key.
    fn hash(&self) -> Result<u64, Unkeyable>;
    /// Whether its key begins with this head.
    fn is_under(&self, head: &Head) -> bool;
    /// Whether its key has this encoding after the head.
    fn goes_on_with(&self, rest: &[u8]) -> bool;
    /// The key, written down.
    fn encode(&self) -> Result<RawKey, Unkeyable>;
    /// The prefix, as the function or the key was given it.
    fn prefix(&self) -> &str;
}

/// The key of a call by reference to its arguments.
///
/// `X` is the element of a batch that is meant, see [`Identity::element`]. A hit has it made, and few
/// words of it are made fast.
pub(crate) struct Identity<'a, P, X: ?Sized = ()> {
    head: &'a Named<'a>,
    parts: &'a P,
    element: &'a X,
}

thread_local! {
    /// Where keys are written before it is known how long they are.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The longest key whose memory is used again.
const KEPT: usize = 1_024;

impl<P, X: ?Sized> Clone for Identity<'_, P, X> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<P, X: ?Sized> Copy for Identity<'_, P, X> {}

impl<'a, P> Identity<'a, P> {
    #[inline]
    pub(crate) fn new(head: &'a Named<'a>, parts: &'a P) -> Self {
        Identity {
            head,
            parts,
            element: &(),
        }
    }
}

impl<'a, P, X: ?Sized> Identity<'a, P, X> {
    /// The key of the same call for one element of its batch.
    #[inline]
    pub(crate) fn element<Y: ?Sized>(self, element: &'a Y) -> Identity<'a, P, Y> {
        let Identity { head, parts, .. } = self;
        Identity {
            head,
            parts,
            element,
        }
    }
}

impl<P: Parts<X>, X: ?Sized> Identity<'_, P, X> {
    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "the sink then lives in registers, which halves the time of a comparison"
    )]
    fn feed<S: Sink>(&self, sink: &mut S) -> Result<(), Unkeyable> {
        self.parts.feed(self.element, sink)?;
        sink.tag(tag::END)
    }
}

impl<P: Parts<X>, X: ?Sized> Ident for Identity<'_, P, X> {
    #[inline(always)]
    #[allow(
        clippy::inline_always,
        reason = "what is known of the arguments then stays in registers"
    )]
    fn hash(&self) -> Result<u64, Unkeyable> {
        let mut sink = HashSink::new(hasher(self.head.hash()));
        self.feed(&mut sink)?;
        Ok(sink.finish())
    }

    #[inline]
    fn is_under(&self, head: &Head) -> bool {
        self.head.is(head)
    }

    #[inline]
    fn goes_on_with(&self, rest: &[u8]) -> bool {
        let mut sink = EqualSink::new(rest);
        self.feed(&mut sink).is_ok() && sink.finished()
    }

    fn encode(&self) -> Result<RawKey, Unkeyable> {
        // Taken, not borrowed: an argument may be written by whatever its author likes.
        let mut sink = BytesSink(SCRATCH.take());
        sink.0.clear();
        self.head.feed(&mut sink)?;
        let head = (self.head.hash(), sink.0.len());
        self.feed(&mut sink)?;
        let key = RawKey::from_head(head, &sink.0);
        if sink.0.capacity() <= KEPT {
            SCRATCH.set(sink.0);
        }
        key
    }

    #[inline]
    fn prefix(&self) -> &str {
        self.head.prefix()
    }
}

impl Ident for RawKey {
    #[inline]
    fn hash(&self) -> Result<u64, Unkeyable> {
        Ok(RawKey::hash(self))
    }

    #[inline]
    fn is_under(&self, head: &Head) -> bool {
        self.head() == head.encoded()
    }

    #[inline]
    fn goes_on_with(&self, rest: &[u8]) -> bool {
        self.rest() == rest
    }

    #[inline]
    fn encode(&self) -> Result<RawKey, Unkeyable> {
        Ok(self.clone())
    }

    #[inline]
    fn prefix(&self) -> &str {
        RawKey::prefix(self)
    }
}
