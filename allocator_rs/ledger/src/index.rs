//! From the hash of a key to the number of what has that key. Keys stay with their owners.
//!
//! | | |
//! | --- | --- |
//! | look up | one page of slots, from the hash's low bits on; the owner confirms the key |
//! | a page that is five eighths full | drops the numbers that are gone |
//! | if these were few | it is split in two by one more of the hash's high bits |
//! | growth | a page at a time: never a pause, whatever the size |
//!
//! Extendible hashing. A directory of twice as many entries is a copy of some kilobytes. Nothing
//! outside can depend on the order of slots.

mod bulk;

use prefetch_index::prefetch_index;

pub(crate) use bulk::by_page;

/// Slots of one page: 4 KiB.
const SLOTS: usize = 512;
const SPLIT_AT: u16 = 320;
/// A full page with so few numbers that are not gone is not split.
const ENOUGH_GONE: u16 = 208;
/// Numbers of one page that is made ahead, at most and on average: so few that few are split.
const ROOM_OF_PAGE: u64 = 310;
/// More pages than memory has room for.
const DEPTH_MAX: u32 = 22;

/// A hash above, a number plus one below; 0 is an empty slot.
type Slot = u64;

fn slot(hash: u32, number: u32) -> Slot {
    (u64::from(hash) << 32) | (u64::from(number) + 1)
}

const fn hash_of(slot: Slot) -> u32 {
    (slot >> 32) as u32
}

const fn number_of(slot: Slot) -> u32 {
    ((slot & 0xffff_ffff) as u32).wrapping_sub(1)
}

#[derive(Debug)]
struct Page {
    slots: Box<[Slot; SLOTS]>,
    used: u16,
    /// How many high bits of the hash all of it has in common.
    depth: u32,
}

impl Page {
    fn new(depth: u32) -> Self {
        Self {
            slots: Box::new([0; SLOTS]),
            used: 0,
            depth,
        }
    }

    /// The slot at a place; places go round.
    fn at(&self, place: usize) -> Slot {
        self.slots.get(place % SLOTS).copied().unwrap_or(0)
    }

    fn put(&mut self, slot: Slot) {
        let home = hash_of(slot) as usize;
        let free = (home..home + SLOTS).find(|place| self.at(*place) == 0);
        if let Some(place) = free {
            self.set(place, slot);
            self.used += 1;
        }
    }

    fn find(&self, wanted: Slot) -> Option<usize> {
        let home = hash_of(wanted) as usize;
        for place in home..home + SLOTS {
            match self.at(place) {
                0 => return None,
                slot if slot == wanted => return Some(place % SLOTS),
                _ => {}
            }
        }
        None
    }

    /// Empties the slot at `gap`, and moves those up that were put behind it for want of room.
    fn take_out(&mut self, mut gap: usize) {
        self.used -= 1;
        let mut at = gap;
        for _ in 1..SLOTS {
            at = (at + 1) % SLOTS;
            let moved = self.at(at);
            if moved == 0 {
                break;
            }
            let home = hash_of(moved) as usize % SLOTS;
            let from_home = (at + SLOTS - home) % SLOTS;
            let from_gap = (at + SLOTS - gap) % SLOTS;
            if from_home >= from_gap {
                self.set(gap, moved);
                gap = at;
            }
        }
        self.set(gap, 0);
    }

    /// Drops the numbers that are not there any more.
    fn retain(&mut self, is_there: impl Fn(u32) -> bool) {
        let is_kept = |slot: &Slot| *slot != 0 && is_there(number_of(*slot));
        if self.slots.iter().filter(|slot| is_kept(slot)).count() == usize::from(self.used) {
            return;
        }
        let full = std::mem::replace(self, Self::new(self.depth));
        for slot in full.slots.iter().filter(|slot| is_kept(slot)) {
            self.put(*slot);
        }
    }

    fn set(&mut self, at: usize, slot: Slot) {
        if let Some(place) = self.slots.get_mut(at % SLOTS) {
            *place = slot;
        }
    }
}

/// Numbers by hash.
#[derive(Debug)]
pub(crate) struct Index {
    /// By the hash's `depth` high bits: which page.
    directory: Vec<u32>,
    depth: u32,
    pages: Vec<Page>,
    len: usize,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            directory: vec![0],
            depth: 0,
            pages: vec![Page::new(0)],
            len: 0,
        }
    }
}

impl Index {
    /// Empty, in as many pages as so many numbers need, which are there already: few are split.
    pub(crate) fn with_room(count: u64) -> Self {
        let pages = count.div_ceil(ROOM_OF_PAGE);
        let depth = pages.next_power_of_two().trailing_zeros();
        Self {
            directory: (0..1 << depth).collect(),
            depth,
            pages: (0..1 << depth).map(|_| Page::new(depth)).collect(),
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    fn page_number(&self, hash: u32) -> usize {
        // A shift by all 32 bits leaves nothing: the only entry.
        let entry = hash.checked_shr(32 - self.depth).unwrap_or(0);
        self.directory
            .get(entry as usize)
            .map_or(0, |page| *page as usize)
    }

    /// The number with this hash that `is` the one.
    pub(crate) fn get(&self, hash: u32, mut is: impl FnMut(u32) -> bool) -> Option<u32> {
        let page = self.pages.get(self.page_number(hash))?;
        let home = hash as usize;
        for place in home..home + SLOTS {
            let slot = page.at(place);
            if slot == 0 {
                return None;
            }
            if hash_of(slot) == hash && is(number_of(slot)) {
                return Some(number_of(slot));
            }
        }
        None
    }

    /// Brings what `get` will look at close, without waiting for it.
    pub(crate) fn prefetch(&self, hash: u32) {
        if let Some(page) = self.pages.get(self.page_number(hash)) {
            prefetch_index(page.slots.as_slice(), hash as usize % SLOTS);
        }
    }

    /// The first number with this hash: nearly always the one that is meant, if it is there.
    pub(crate) fn candidate(&self, hash: u32) -> Option<u32> {
        self.get(hash, |_| true)
    }

    /// Adds a number, which must be below `u32::MAX`, under a key that has none.
    pub(crate) fn insert(&mut self, hash: u32, number: u32) {
        self.insert_among(hash, number, |_| true);
    }

    /// Adds a number under a key that has none, or one that is gone: numbers may be left in the index
    /// that `is_there` denies, and are dropped when their page is full.
    pub(crate) fn insert_among(&mut self, hash: u32, number: u32, is_there: impl Fn(u32) -> bool) {
        let mut at = self.page_number(hash);
        if self.pages.get(at).is_some_and(|page| page.used >= SPLIT_AT) {
            self.make_room(at, hash, is_there);
            at = self.page_number(hash);
        }
        if let Some(page) = self.pages.get_mut(at) {
            page.put(slot(hash, number));
            self.len += 1;
        }
    }

    #[cold]
    fn make_room(&mut self, mut at: usize, hash: u32, is_there: impl Fn(u32) -> bool) {
        if let Some(page) = self.pages.get_mut(at) {
            let before = page.used;
            page.retain(is_there);
            self.len -= usize::from(before - page.used);
        }
        let mut enough = ENOUGH_GONE;
        while self
            .pages
            .get(at)
            .is_some_and(|page| page.used > enough && page.depth < DEPTH_MAX)
        {
            self.split(at, hash);
            at = self.page_number(hash);
            enough = SPLIT_AT - 1;
        }
    }

    /// Takes a number out.
    pub(crate) fn remove(&mut self, hash: u32, number: u32) {
        let at = self.page_number(hash);
        let Some(page) = self.pages.get_mut(at) else {
            return;
        };
        if let Some(gap) = page.find(slot(hash, number)) {
            page.take_out(gap);
            self.len -= 1;
        }
    }

    /// Puts another number in the place of one.
    pub(crate) fn replace(&mut self, hash: u32, old: u32, new: u32) {
        let at = self.page_number(hash);
        let Some(page) = self.pages.get_mut(at) else {
            return;
        };
        if let Some(place) = page.find(slot(hash, old)) {
            page.set(place, slot(hash, new));
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let slots = self.pages.iter().flat_map(|page| page.slots.iter());
        slots
            .filter(|slot| **slot != 0)
            .map(|slot| number_of(*slot))
    }

    /// Divides a page between itself and a new one.
    fn split(&mut self, at: usize, hash: u32) {
        let Ok(new) = u32::try_from(self.pages.len()) else {
            return;
        };
        let Some(page) = self.pages.get_mut(at) else {
            return;
        };
        let depth = page.depth + 1;
        let bit = 1_u32 << (32 - depth);
        let full = std::mem::replace(page, Page::new(depth));
        let mut other = Page::new(depth);
        for slot in full.slots.iter().filter(|slot| **slot != 0) {
            let half = if hash_of(*slot) & bit == 0 {
                &mut *page
            } else {
                &mut other
            };
            half.put(*slot);
        }
        self.pages.push(other);
        if depth > self.depth {
            self.directory = self.directory.iter().flat_map(|page| [*page; 2]).collect();
            self.depth = depth;
        }
        // The entries of the old page are those that begin as the hash does; the new page gets the
        // half of them in which the next bit is set.
        let entries = 1_usize << (self.depth - depth);
        let begins = hash.checked_shr(32 - depth).unwrap_or(0) | 1;
        let first = begins as usize * entries;
        for entry in self.directory.iter_mut().skip(first).take(entries) {
            *entry = new;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::Index;

    /// Few enough hashes that they collide, in high bits, in low bits and altogether.
    fn any_hash() -> impl Strategy<Value = u32> {
        prop_oneof![
            any::<u32>(),
            (0_u32..64).prop_map(|high| high << 26),
            0_u32..64,
        ]
    }

    proptest! {
        #[test]
        fn an_index_finds_what_is_in_it_and_nothing_else(
            steps in prop::collection::vec((any_hash(), 0_u8..5), 0..4_000)
        ) {
            let mut index = Index::default();
            let mut keys: Vec<u32> = Vec::new();
            let mut naive: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
            for (hash, kind) in steps {
                let same = naive.entry(hash).or_default();
                if kind == 0 && !same.is_empty() {
                    let number = same.swap_remove(hash as usize % same.len());
                    index.remove(hash, number);
                } else if same.len() < 5 {
                    let number = u32::try_from(keys.len()).unwrap_or(0);
                    keys.push(hash);
                    same.push(number);
                    index.insert(hash, number);
                }
            }
            let live: usize = naive.values().map(Vec::len).sum();
            prop_assert_eq!(index.len(), live);
            prop_assert_eq!(index.iter().count(), live);
            for (hash, numbers) in naive {
                for number in &numbers {
                    prop_assert_eq!(index.get(hash, |found| found == *number), Some(*number));
                }
                let mut asked = 0;
                prop_assert_eq!(index.get(hash, |_| { asked += 1; false }), None);
                prop_assert_eq!(asked, numbers.len());
            }
        }
    }

    #[test]
    fn a_million_numbers_are_found_after_every_split() {
        let mut index = Index::default();
        let hash = |n: u32| n.wrapping_mul(0x9E37_79B9).rotate_left(7) ^ n;
        for n in 0..1_000_000 {
            index.insert(hash(n), n);
        }
        for n in 0..1_000_000 {
            assert_eq!(index.get(hash(n), |found| found == n), Some(n));
        }
        for n in 0..1_000_000 {
            index.replace(hash(n), n, n + 1_000_000);
            index.remove(hash(n), n + 1_000_000);
        }
        assert_eq!((index.len(), index.iter().count()), (0, 0));
    }
}
