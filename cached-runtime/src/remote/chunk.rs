//! Bytes as they came, and lists that are mostly short: what a batch of answers is made of without
//! asking for memory for each of them.

use std::fmt;
use std::ops::{Deref, DerefMut, Range};
use std::sync::Arc;

/// Bytes that were read. Those of one answer stand in the memory of all of it, which goes away with
/// the last of them.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::remote::Chunk;
/// use std::sync::Arc;
///
/// let answer: Arc<[u8]> = Arc::from(*b"one two");
/// assert_eq!(&*Chunk::new(&answer, 4..7), b"two");
/// assert_eq!(Chunk::from(b"two".to_vec()), Chunk::new(&answer, 4..7));
/// ```
#[derive(Clone)]
pub struct Chunk {
    memory: Arc<[u8]>,
    range: Range<usize>,
}

impl Chunk {
    /// What stands there; nothing, if not all of it is there.
    #[must_use]
    pub fn new(memory: &Arc<[u8]>, range: Range<usize>) -> Self {
        let memory = Arc::clone(memory);
        Self { memory, range }
    }
}

impl From<Vec<u8>> for Chunk {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            range: 0..bytes.len(),
            memory: bytes.into(),
        }
    }
}

impl Deref for Chunk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.memory.get(self.range.clone()).unwrap_or_default()
    }
}

impl PartialEq for Chunk {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Chunk {}

impl PartialEq<Vec<u8>> for Chunk {
    fn eq(&self, other: &Vec<u8>) -> bool {
        **self == **other
    }
}

/// Values are not shown.
impl fmt::Debug for Chunk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}

/// A list in which up to `N` need no memory of their own.
///
/// ```
/// # use cached_runtime as cache_aside;
/// use cache_aside::remote::Few;
///
/// let mut few: Few<u8, 2> = [1, 2].into_iter().collect();
/// few.push(3);
/// assert_eq!(few[..], [1, 2, 3]);
/// ```
#[derive(Clone)]
pub struct Few<T, const N: usize> {
    here: [T; N],
    /// How many of those are in it; all of the list is in `more` once that has any.
    len: usize,
    more: Vec<T>,
}

impl<T: Default, const N: usize> Few<T, N> {
    /// An empty list, with room for so many.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            here: std::array::from_fn(|_| T::default()),
            len: 0,
            more: match capacity {
                few if few <= N => Vec::new(),
                many => Vec::with_capacity(many),
            },
        }
    }

    /// Adds one at the end.
    pub fn push(&mut self, one: T) {
        if self.len < N && self.more.capacity() == 0 {
            self.here[self.len] = one;
            self.len += 1;
            return;
        }
        let here = self.here[..self.len].iter_mut().map(std::mem::take);
        self.more.extend(here);
        self.len = 0;
        self.more.push(one);
    }
}

impl<T: Default, const N: usize> Default for Few<T, N> {
    fn default() -> Self {
        Self::with_capacity(0)
    }
}

impl<T: Default, const N: usize> FromIterator<T> for Few<T, N> {
    fn from_iter<I: IntoIterator<Item = T>>(all: I) -> Self {
        let all = all.into_iter();
        let mut few = Self::with_capacity(all.size_hint().0);
        all.for_each(|one| few.push(one));
        few
    }
}

impl<T: Default, const N: usize> From<Vec<T>> for Few<T, N> {
    fn from(all: Vec<T>) -> Self {
        Self {
            more: all,
            ..Self::default()
        }
    }
}

impl<T, const N: usize> IntoIterator for Few<T, N> {
    type Item = T;
    type IntoIter =
        std::iter::Chain<std::iter::Take<std::array::IntoIter<T, N>>, std::vec::IntoIter<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.here.into_iter().take(self.len).chain(self.more)
    }
}

impl<'a, T, const N: usize> IntoIterator for &'a Few<T, N> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<T, const N: usize> Deref for Few<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self.len {
            0 => &self.more,
            len => &self.here[..len],
        }
    }
}

impl<T, const N: usize> DerefMut for Few<T, N> {
    fn deref_mut(&mut self) -> &mut [T] {
        match self.len {
            0 => &mut self.more,
            len => &mut self.here[..len],
        }
    }
}

impl<T: PartialEq, const N: usize> PartialEq for Few<T, N> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: fmt::Debug, const N: usize> fmt::Debug for Few<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn few(count: u8) -> Few<u8, 3> {
        (0..count).collect()
    }

    #[test]
    fn a_list_is_the_same_wherever_it_stands() {
        for count in 0..6 {
            let all: Vec<_> = (0..count).collect();
            let mut pushed = Few::<u8, 3>::default();
            for one in &all {
                pushed.push(*one);
            }
            for mut list in [few(count), Few::from(all.clone()), pushed] {
                assert_eq!(list[..], all[..]);
                assert_eq!(list, few(count));
                assert_eq!(list.clone().into_iter().collect::<Vec<_>>(), all);
                list.iter_mut().for_each(|one| *one += 1);
                list.push(9);
                let later = (1..=count).chain([9]).collect::<Vec<_>>();
                assert_eq!(list[..], later[..]);
            }
        }
    }

    #[test]
    fn what_is_not_all_there_is_nothing() {
        let memory: Arc<[u8]> = Arc::from([1, 2, 3]);
        assert_eq!(&*Chunk::new(&memory, 1..3), [2, 3]);
        assert!(Chunk::new(&memory, 1..4).is_empty());
        assert_eq!(format!("{:?}", Chunk::new(&memory, 1..3)), "2 bytes");
    }
}
