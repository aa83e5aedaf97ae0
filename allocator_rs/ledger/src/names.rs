//! Names and their integers, assigned in order of registration and never taken back.
//!
//! | asked | answer |
//! | --- | --- |
//! | a new name | the next integer |
//! | a known name | its integer |
//! | an empty name, or one longer than `NAME_BYTES_MAX` | not acceptable |

use std::borrow::Borrow;
use std::hash::Hash;
use std::sync::Arc;

use hashbrown::HashMap;

/// One space of names.
#[derive(Debug)]
pub(crate) struct Names<T: ?Sized> {
    by_index: Vec<Arc<T>>,
    by_name: HashMap<Arc<T>, u32>,
}

impl<T: ?Sized + Eq + Hash> Names<T> {
    pub(crate) fn new() -> Self {
        Self {
            by_index: Vec::new(),
            by_name: HashMap::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_index.len()
    }

    pub(crate) fn knows(&self, index: u32) -> bool {
        (index as usize) < self.by_index.len()
    }

    pub(crate) fn name(&self, index: u32) -> Option<&Arc<T>> {
        self.by_index.get(index as usize)
    }

    pub(crate) fn index(&self, name: &T) -> Option<u32>
    where
        Arc<T>: Borrow<T>,
    {
        self.by_name.get(name).copied()
    }

    /// The integer that `name` has, or would get now. None: the integers ran out.
    pub(crate) fn index_or_next(&self, name: &T) -> Option<u32> {
        match self.index(name) {
            Some(index) => Some(index),
            None => u32::try_from(self.by_index.len()).ok(),
        }
    }

    /// Gives `name` the next integer, unless it has one.
    pub(crate) fn register(&mut self, name: Arc<T>) -> Option<u32> {
        let index = self.index_or_next(&name)?;
        if !self.knows(index) {
            self.by_index.push(Arc::clone(&name));
            self.by_name.insert(name, index);
        }
        Some(index)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        self.by_index.iter()
    }

    /// Both directions agree.
    pub(crate) fn is_consistent(&self) -> bool {
        self.by_index.len() == self.by_name.len()
            && (0u32..)
                .zip(&self.by_index)
                .all(|(index, name)| self.index(name) == Some(index))
    }
}
