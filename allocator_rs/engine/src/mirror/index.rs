//! Numbers by key, for one writer and readers that never wait.
//!
//! Open addressing over a power of two of slots; a key that is in stays in. When half full it is
//! copied to one twice as large; who still reads the smaller one misses what came since.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

const NO_KEY: u64 = u64::MAX;

/// A number by key. A reader sees a key only after its value (release, acquire).
pub(super) struct Index {
    slots: Box<[(AtomicU64, AtomicU32)]>,
}

impl Index {
    pub(super) fn with_slots(count: usize) -> Self {
        let slots = (0..count)
            .map(|_| (AtomicU64::new(NO_KEY), AtomicU32::new(0)))
            .collect();
        Self { slots }
    }

    fn probe(&self, key: u64) -> impl Iterator<Item = &(AtomicU64, AtomicU32)> {
        let start =
            (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as usize & (self.slots.len() - 1);
        self.slots
            .iter()
            .skip(start)
            .chain(self.slots.iter().take(start))
    }

    pub(super) fn get(&self, key: u64) -> Option<u32> {
        for (slot_key, value) in self.probe(key) {
            match slot_key.load(Ordering::Acquire) {
                NO_KEY => return None,
                found if found == key => return Some(value.load(Ordering::Acquire)),
                _ => {}
            }
        }
        None
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Another number for a key that is there, or a key that is not, if there is room (see `grown`).
    pub(super) fn insert(&self, key: u64, number: u32) {
        for (slot_key, value) in self.probe(key) {
            let found = slot_key.load(Ordering::Relaxed);
            if found == key || found == NO_KEY {
                value.store(number, Ordering::Release);
                slot_key.store(key, Ordering::Release);
                return;
            }
        }
    }

    pub(super) fn grown(&self) -> Self {
        let larger = Self::with_slots(self.slots.len() * 2);
        for (key, value) in &self.slots {
            let key = key.load(Ordering::Relaxed);
            if key != NO_KEY {
                larger.insert(key, value.load(Ordering::Relaxed));
            }
        }
        larger
    }
}
