//! Numbers by key, for one writer and readers that never wait. Keys stay with their owners.
//!
//! | | |
//! | --- | --- |
//! | a slot | half of a key's hash, and a number: the owner says whether that number has the key |
//! | a key that is in | stays in |
//! | five eighths full | copied to one twice as large; who still reads the smaller misses what comes |

use std::sync::atomic::{AtomicU64, Ordering};

/// Numbers by the hashes of their keys: open addressing over a power of two of slots.
pub(super) struct Index {
    slots: Box<[AtomicU64]>,
}

const fn hash(key: u64) -> u64 {
    key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32
}

/// A hash above, a number plus one below; 0 is an empty slot.
const fn slot(hash: u64, number: u32) -> u64 {
    (hash << 32) | (number as u64 + 1)
}

const fn number_of(slot: u64) -> u32 {
    ((slot & 0xffff_ffff) as u32).wrapping_sub(1)
}

impl Index {
    pub(super) fn with_slots(count: usize) -> Self {
        let slots = (0..count).map(|_| AtomicU64::new(0)).collect();
        Self { slots }
    }

    fn probe(&self, hash: u64) -> impl Iterator<Item = &AtomicU64> {
        let start = hash as usize & (self.slots.len() - 1);
        let (before, from) = self.slots.split_at(start);
        from.iter().chain(before)
    }

    /// The number with this key, as `is` says.
    pub(super) fn get(&self, key: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = hash(key);
        // Acquire: whoever sees a number sees what was stored under it before.
        let found = self.probe(hash).map(|slot| slot.load(Ordering::Acquire));
        found
            .take_while(|slot| *slot != 0)
            .find(|slot| slot >> 32 == hash && is(number_of(*slot)))
            .map(number_of)
    }

    /// Whether one of so many keys more would be too many.
    pub(super) fn is_too_small_for(&self, count: usize) -> bool {
        count * 8 > self.slots.len() * 5
    }

    /// Adds a key that is not in, if there is room.
    pub(super) fn insert(&self, key: u64, number: u32) {
        let hash = hash(key);
        let mut places = self.probe(hash);
        if let Some(free) = places.find(|place| place.load(Ordering::Relaxed) == 0) {
            free.store(slot(hash, number), Ordering::Release);
        }
    }

    pub(super) fn grown(&self) -> Self {
        let larger = Self::with_slots(self.slots.len() * 2);
        for slot in &self.slots {
            let slot = slot.load(Ordering::Relaxed);
            if slot != 0 {
                let free = larger.probe(slot >> 32);
                let mut free = free.skip_while(|place| place.load(Ordering::Relaxed) != 0);
                if let Some(place) = free.next() {
                    place.store(slot, Ordering::Relaxed);
                }
            }
        }
        larger
    }
}
