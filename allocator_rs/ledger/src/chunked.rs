//! Lists that grow without ever moving what they hold: no pause at any size.
//!
//! | | |
//! | --- | --- |
//! | [`Chunked`] | numbered from 0, only grows |
//! | [`Queue`] | first in, first out; its items are numbered from the first one ever |

use std::collections::VecDeque;

use prefetch_index::prefetch_index;

/// A chunk's items: some pages of memory, and a shift away from any number.
const CHUNK: usize = 1 << 10;

/// A list that only grows.
#[derive(Debug)]
pub(crate) struct Chunked<T> {
    chunks: Vec<Vec<T>>,
    len: usize,
}

impl<T> Default for Chunked<T> {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            len: 0,
        }
    }
}

impl<T> Chunked<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Adds an item; its number.
    pub(crate) fn push(&mut self, item: T) -> usize {
        let number = self.len;
        if number.is_multiple_of(CHUNK) {
            // The first chunk grows as it is filled: most lists of a test stay small.
            let room = if number == 0 { 0 } else { CHUNK };
            self.chunks.push(Vec::with_capacity(room));
        }
        if let Some(chunk) = self.chunks.last_mut() {
            chunk.push(item);
            self.len += 1;
        }
        number
    }

    pub(crate) fn get(&self, number: usize) -> Option<&T> {
        self.chunks.get(number / CHUNK)?.get(number % CHUNK)
    }

    /// Brings an item close, without waiting for it.
    pub(crate) fn prefetch(&self, number: usize) {
        if let Some(chunk) = self.chunks.get(number / CHUNK) {
            prefetch_index(chunk, number % CHUNK);
        }
    }

    pub(crate) fn get_mut(&mut self, number: usize) -> Option<&mut T> {
        self.chunks.get_mut(number / CHUNK)?.get_mut(number % CHUNK)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.chunks.iter().flatten()
    }
}

/// A queue.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    chunks: VecDeque<Vec<T>>,
    /// An emptied chunk, for the next one that is needed.
    spare: Vec<T>,
    /// How many items were ever taken out.
    taken: u64,
    len: usize,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            chunks: VecDeque::new(),
            spare: Vec::new(),
            taken: 0,
            len: 0,
        }
    }
}

impl<T: Copy> Queue<T> {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The number of the oldest item, or of the next one if there is none.
    pub(crate) fn first_number(&self) -> u64 {
        self.taken
    }

    /// Adds an item; its number.
    pub(crate) fn push(&mut self, item: T) -> u64 {
        let number = self.taken + self.len as u64;
        if self.chunks.back().is_none_or(|chunk| chunk.len() == CHUNK) {
            let mut chunk = std::mem::take(&mut self.spare);
            if !self.chunks.is_empty() {
                chunk.reserve_exact(CHUNK);
            }
            self.chunks.push_back(chunk);
        }
        if let Some(chunk) = self.chunks.back_mut() {
            chunk.push(item);
            self.len += 1;
        }
        number
    }

    /// The item with that number, unless it was taken out or is still to come.
    pub(crate) fn get(&self, number: u64) -> Option<&T> {
        let offset = usize::try_from(number.checked_sub(self.taken)?).ok()?;
        if offset >= self.len {
            return None;
        }
        let at = self.offset_of_first() + offset;
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)
    }

    pub(crate) fn first(&self) -> Option<&T> {
        self.get(self.taken)
    }

    pub(crate) fn pop(&mut self) -> Option<T> {
        let item = *self.first()?;
        self.taken += 1;
        self.len -= 1;
        if self.offset_of_first() == 0 {
            self.spare = self.chunks.pop_front().unwrap_or_default();
            self.spare.clear();
        } else if self.len == 0 {
            // An empty queue starts at a chunk's start again.
            self.chunks.clear();
            self.taken = self.taken.next_multiple_of(CHUNK as u64);
        }
        Some(item)
    }

    /// The oldest items.
    pub(crate) fn iter_from_first(&self, count: usize) -> impl Iterator<Item = &T> {
        let numbers = self.taken..self.taken.saturating_add(count as u64);
        numbers.map_while(|number| self.get(number))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let first = self.offset_of_first();
        self.chunks.iter().flatten().skip(first)
    }

    /// Where the oldest item lies in its chunk.
    fn offset_of_first(&self) -> usize {
        // A remainder by a chunk's length fits.
        usize::try_from(self.taken % CHUNK as u64).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::{Chunked, Queue, CHUNK};

    #[test]
    fn numbers_find_what_was_pushed() {
        let mut list = Chunked::default();
        for item in 0..3 * CHUNK {
            assert_eq!(list.push(item), item);
        }
        assert_eq!(list.get(2 * CHUNK + 1), Some(&(2 * CHUNK + 1)));
        assert_eq!(list.get(3 * CHUNK), None);
        assert!(list.iter().copied().eq(0..3 * CHUNK));
    }

    proptest! {
        #[test]
        fn a_queue_gives_what_it_took_in_order(
            steps in prop::collection::vec((0..3 * CHUNK, 0..3 * CHUNK), 1..8)
        ) {
            let mut queue = Queue::default();
            let mut naive = VecDeque::new();
            let mut next = 0_usize;
            for (pushes, pops) in steps {
                for _ in 0..pushes {
                    let number = queue.push(next);
                    prop_assert_eq!(queue.get(number), Some(&next));
                    naive.push_back((number, next));
                    next += 1;
                }
                for _ in 0..pops {
                    prop_assert_eq!(queue.pop(), naive.pop_front().map(|(_, item)| item));
                }
                prop_assert_eq!(queue.len(), naive.len());
                prop_assert!(queue.iter().eq(naive.iter().map(|(_, item)| item)));
                if let Some((number, item)) = naive.front() {
                    prop_assert_eq!(queue.first_number(), *number);
                    prop_assert_eq!(queue.first(), Some(item));
                }
                for (number, item) in naive.iter().step_by(97) {
                    prop_assert_eq!(queue.get(*number), Some(item));
                }
            }
        }
    }
}
