//! Records in the order of their coming.

use std::collections::VecDeque;

use super::sought::Record;

/// So many are in one piece of memory.
const PIECE: usize = 512;

/// Grows piece by piece: whoever adds to a long one does not wait until all of it has been copied, and
/// there is little room to spare.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// None is empty, and all but the first and the last are full.
    pieces: VecDeque<VecDeque<Record>>,
    len: usize,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn push_back(&mut self, record: Record) {
        self.len += 1;
        match self.pieces.back_mut() {
            Some(last) if last.len() < PIECE => last.push_back(record),
            last => {
                // A short queue takes no more than it needs.
                let room = last.map_or(1, |_| PIECE);
                let mut piece = VecDeque::with_capacity(room);
                piece.push_back(record);
                self.pieces.push_back(piece);
            }
        }
    }

    pub(super) fn pop_front(&mut self) -> Option<Record> {
        let first = self.pieces.front_mut()?;
        let record = first.pop_front()?;
        if first.is_empty() {
            self.pieces.pop_front();
        }
        self.len -= 1;
        Some(record)
    }

    /// Drops all that do not stand; the others stay in their order.
    pub(super) fn retain(&mut self, mut stands: impl FnMut(Record) -> bool) {
        for _ in 0..self.len {
            if let Some(record) = self.pop_front().filter(|record| stands(*record)) {
                self.push_back(record);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_queue(steps: Vec<(u16, u16)>) {
            let (mut queue, mut expected) = (Queue::default(), VecDeque::new());
            let mut next = 0_u64;
            for (pushes, pops) in steps {
                for _ in 0..pushes % 1_500 {
                    let record = Record::of(next, 0);
                    next += 1;
                    queue.push_back(record);
                    expected.push_back(record);
                }
                for _ in 0..pops % 1_500 {
                    prop_assert_eq!(queue.pop_front(), expected.pop_front());
                }
                let stands = |record: Record| !record.place().is_multiple_of(7);
                queue.retain(stands);
                expected.retain(|record| stands(*record));
                prop_assert_eq!((queue.len(), queue.is_empty()), (expected.len(), expected.is_empty()));
                prop_assert!(queue.pieces.iter().all(|piece| !piece.is_empty() && piece.capacity() <= PIECE));
            }
            while let Some(record) = expected.pop_front() {
                prop_assert_eq!(queue.pop_front(), Some(record));
            }
            prop_assert_eq!(queue.pop_front(), None);
        }
    }
}
