//! Many numbers at once, in the order in which their pages lie: each page is fetched from memory
//! once, and not for every number anew.

/// The high bits of a hash that tell one heap from the next: the pages of a heap fit the near caches
/// whatever the size of the index.
const HEAP_BITS: u32 = 10;
/// Heaps that are made at once, out of all: what they need is used again for the next.
const HEAPS: u32 = 1 << 7;

const fn heap(hash: u32) -> u32 {
    hash >> (u32::BITS - HEAP_BITS)
}

/// Visits the numbers from 0 on, with their hashes: in heaps of alike high bits, and in their own
/// order within each.
pub(crate) fn by_page(hashes: &[u32], mut visit: impl FnMut(u32, u32)) {
    let mut sorted = Vec::new();
    for first in (0..1 << HEAP_BITS).step_by(HEAPS as usize) {
        sort(hashes, first, &mut sorted);
        for (hash, number) in &sorted {
            visit(*hash, *number);
        }
    }
}

/// The heaps from `first` on.
fn sort(hashes: &[u32], first: u32, sorted: &mut Vec<(u32, u32)>) {
    let place = |hash: u32| heap(hash).wrapping_sub(first) as usize;
    let mut ends = [0_usize; HEAPS as usize];
    for hash in hashes {
        if let Some(count) = ends.get_mut(place(*hash)) {
            *count += 1;
        }
    }
    let mut sum = 0;
    for end in &mut ends {
        sum += std::mem::replace(end, sum);
    }
    sorted.resize(sum, (0, 0));
    for (number, hash) in (0u32..).zip(hashes) {
        if let Some(end) = ends.get_mut(place(*hash)) {
            if let Some(place) = sorted.get_mut(*end) {
                *place = (*hash, number);
            }
            *end += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{by_page, heap};

    proptest! {
        #[test]
        fn all_numbers_come_by_heap_and_in_their_own_order_within(
            hashes in prop::collection::vec(any::<u32>(), 0..3_000)
        ) {
            let mut expected: Vec<(u32, u32)> = hashes.iter().copied().zip(0..).collect();
            expected.sort_by_key(|(hash, number)| (heap(*hash), *number));
            let mut visited = Vec::new();
            by_page(&hashes, |hash, number| visited.push((hash, number)));
            prop_assert_eq!(visited, expected);
        }
    }
}
