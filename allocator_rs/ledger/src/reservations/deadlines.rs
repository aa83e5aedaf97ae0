//! Deadlines, earliest first; among equal ones, the one that was given first.
//!
//! | | |
//! | --- | --- |
//! | add | O(1): the end of one bucket |
//! | next due | O(1) amortized: an entry moves to a finer bucket at most 15 times, mostly 2 or 3 |
//! | a hold that ended, or got another deadline | its entry is stale: skipped when it comes up |
//! | three stale entries to a live one | swept, a chunk at a time |
//!
//! A radix heap: ledger time never goes back, so nothing is added before the last deadline that
//! came up. Buckets hold the deadlines that first differ from that one in a given digit.

use std::collections::VecDeque;

const DIGIT_BITS: u32 = 4;
const DIGITS: usize = 16;
const BUCKETS: usize = 16 * DIGITS;
/// Entries of one chunk.
const CHUNK: usize = 512;
/// After so many additions a chunk is swept, if that is due.
const SWEEP_EVERY: usize = 256;
/// Too few entries to sweep.
const FEW: usize = 65_536;

/// A deadline in ms of ledger time, and the slot of the reservation that has or had it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deadline {
    pub(crate) at_ms: i64,
    pub(crate) slot: u32,
    /// The low bits of its number among all deadlines: given twice, it is another one.
    pub(crate) given: u32,
}

/// Tells the deadlines apart that one slot ever had, but for four billion between two of them.
pub(super) const fn low(given: i64) -> u32 {
    (given & 0xffff_ffff) as u32
}

/// Entries in the order in which they were added.
type Chunks = VecDeque<Vec<Deadline>>;

#[derive(Debug)]
struct Bucket {
    chunks: Chunks,
    /// The earliest and the latest that were added since it was last empty.
    span: (i64, i64),
}

impl Default for Bucket {
    fn default() -> Self {
        Self {
            chunks: Chunks::new(),
            span: (i64::MAX, i64::MIN),
        }
    }
}

fn push(chunks: &mut Chunks, entry: Deadline) {
    match chunks.back_mut() {
        Some(chunk) if chunk.len() < CHUNK => chunk.push(entry),
        _ => {
            let mut chunk = Vec::with_capacity(if chunks.is_empty() { 4 } else { CHUNK });
            chunk.push(entry);
            chunks.push_back(chunk);
        }
    }
}

/// The deadlines of all holds, and stale ones.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    /// The last that came up; `due` has its like.
    last_ms: i64,
    due: Chunks,
    /// How many entries of the first chunk of `due` are done with.
    passed: usize,
    buckets: Vec<Bucket>,
    len: usize,
    added: usize,
    /// The next bucket and chunk to sweep.
    sweep: (usize, usize),
}

impl Deadlines {
    /// All entries, stale ones included; those that are alike in the order in which they come up.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Deadline> {
        let later = self.buckets.iter().flat_map(|b| b.chunks.iter().flatten());
        self.due.iter().flatten().skip(self.passed).chain(later)
    }

    /// Those that are not stale, in the order in which they come up.
    pub(crate) fn in_order<'a>(
        &'a self,
        is_live: impl Fn(&Deadline) -> bool + Copy + 'a,
    ) -> impl Iterator<Item = Deadline> + 'a {
        // Buckets are in the order of their deadlines, so one at a time is sorted.
        let sorted = move |entries: &mut dyn Iterator<Item = &'a Deadline>| {
            let live = entries.copied().filter(|entry| is_live(entry));
            let mut live: Vec<_> = live.collect();
            live.sort_by_key(|entry| entry.at_ms);
            live
        };
        let due = sorted(&mut self.due.iter().flatten().skip(self.passed));
        let later = self.buckets.iter();
        let later = later.flat_map(move |bucket| sorted(&mut bucket.chunks.iter().flatten()));
        due.into_iter().chain(later)
    }

    /// Shows the entries up to a bound, stale ones included, in no order. `see` answers with the
    /// bound from then on.
    pub(crate) fn visit(&self, until_ms: i64, mut see: impl FnMut(&Deadline) -> i64) {
        let mut show = |entries: &mut dyn Iterator<Item = &Deadline>, until_ms: i64| {
            let early = |bound_ms, entry: &Deadline| match entry.at_ms <= bound_ms {
                true => see(entry),
                false => bound_ms,
            };
            entries.fold(until_ms, early)
        };
        let mut due = self.due.iter().flatten().skip(self.passed);
        let mut bound_ms = show(&mut due, until_ms);
        for bucket in &self.buckets {
            if bucket.span.0 <= bound_ms {
                bound_ms = show(&mut bucket.chunks.iter().flatten(), bound_ms);
            }
        }
    }

    /// Without any, and none to come that is earlier than this or than one that is added next.
    pub(crate) fn starting_at(now_ms: i64) -> Self {
        Self {
            last_ms: now_ms,
            ..Self::default()
        }
    }

    /// No deadline is earlier. None: there is none at all.
    pub(crate) fn earliest_ms(&self) -> Option<i64> {
        let due = self.due.iter().flatten().nth(self.passed);
        let later = || self.buckets.iter().find(|b| !b.chunks.is_empty());
        due.map(|due| due.at_ms)
            .or_else(|| later().map(|b| b.span.0))
    }

    /// Adds a deadline. `is_live` tells stale entries, `live` how many are not.
    pub(crate) fn add(
        &mut self,
        entry: Deadline,
        live: usize,
        is_live: impl Fn(&Deadline) -> bool,
    ) {
        self.put(entry);
        self.len += 1;
        self.added += 1;
        if self.added >= SWEEP_EVERY {
            self.added = 0;
            if self.len > FEW && self.len / 4 > live {
                self.sweep(is_live);
            }
        }
    }

    fn put(&mut self, entry: Deadline) {
        let differ = key(entry.at_ms) ^ key(self.last_ms);
        if differ == 0 || entry.at_ms < self.last_ms {
            push(&mut self.due, entry);
            return;
        }
        let digit = (63 - differ.leading_zeros()) / DIGIT_BITS;
        let value = (key(entry.at_ms) >> (digit * DIGIT_BITS)) as usize % DIGITS;
        if self.buckets.is_empty() {
            self.buckets.resize_with(BUCKETS, Bucket::default);
        }
        if let Some(bucket) = self.buckets.get_mut(digit as usize * DIGITS + value) {
            let (earliest, latest) = bucket.span;
            bucket.span = (earliest.min(entry.at_ms), latest.max(entry.at_ms));
            push(&mut bucket.chunks, entry);
        }
    }

    /// The earliest entry that is not stale, if it is due. It stays until it is stale.
    pub(crate) fn next_due(
        &mut self,
        now_ms: i64,
        is_live: impl Fn(&Deadline) -> bool,
    ) -> Option<Deadline> {
        loop {
            while let Some(chunk) = self.due.front() {
                let Some(entry) = chunk.get(self.passed).copied() else {
                    self.due.pop_front();
                    self.passed = 0;
                    continue;
                };
                if is_live(&entry) {
                    return (entry.at_ms <= now_ms).then_some(entry);
                }
                self.passed += 1;
                self.len -= 1;
            }
            let first = self.buckets.iter_mut().find(|b| !b.chunks.is_empty())?;
            if first.span.0 > now_ms {
                return None;
            }
            let Bucket { chunks, span } = std::mem::take(first);
            self.last_ms = span.0;
            if span.0 == span.1 {
                self.due = chunks;
            } else {
                for entry in chunks.into_iter().flatten() {
                    self.put(entry);
                }
            }
        }
    }

    /// Drops the stale entries of one chunk. Those that are due are dropped as they come up.
    fn sweep(&mut self, is_live: impl Fn(&Deadline) -> bool) {
        let (mut at, mut chunk) = self.sweep;
        for _ in 0..BUCKETS {
            if self.buckets.get(at).is_some_and(|b| chunk < b.chunks.len()) {
                break;
            }
            (at, chunk) = ((at + 1) % BUCKETS, 0);
        }
        self.sweep = (at, chunk + 1);
        let bucket = self.buckets.get_mut(at);
        if let Some(entries) = bucket.and_then(|bucket| bucket.chunks.get_mut(chunk)) {
            let before = entries.len();
            entries.retain(is_live);
            self.len -= before - entries.len();
        }
    }
}

/// Deadlines as bits that compare alike.
const fn key(at_ms: i64) -> u64 {
    at_ms.cast_unsigned() ^ (1 << 63)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{Deadline, Deadlines, CHUNK, FEW, SWEEP_EVERY};

    proptest! {
        #[test]
        fn deadlines_come_up_in_order_and_like_ones_in_the_order_of_adding(
            steps in prop::collection::vec(
                (0_i64..40, prop::option::of(1_i64..1 << 40), any::<bool>()), 0..200
            )
        ) {
            let mut deadlines = Deadlines::default();
            // By (deadline, order of adding), which is the slot.
            let mut naive: BTreeMap<(i64, u32), ()> = BTreeMap::new();
            let mut now_ms = 0;
            let mut slot = 0;
            for (after_ms, ttl_ms, ends_one) in steps {
                now_ms += after_ms;
                if let Some(ttl_ms) = ttl_ms {
                    let at_ms = now_ms + if ends_one { ttl_ms % 50 + 1 } else { ttl_ms };
                    naive.insert((at_ms, slot), ());
                    deadlines.add(Deadline { at_ms, slot, given: 0 }, naive.len(), |_| true);
                    slot += 1;
                }
                if ends_one {
                    naive.pop_last();
                }
                let earliest_ms = deadlines.earliest_ms().unwrap_or(i64::MAX);
                let is_no_later = naive.keys().next().is_none_or(|first| earliest_ms <= first.0);
                prop_assert!(is_no_later);
                loop {
                    let is_live = |d: &Deadline| naive.contains_key(&(d.at_ms, d.slot));
                    let due = deadlines.next_due(now_ms, is_live).map(|d| (d.at_ms, d.slot));
                    let first = naive.keys().next().copied().filter(|d| d.0 <= now_ms);
                    prop_assert_eq!(due, first);
                    let Some(due) = due else { break };
                    naive.remove(&due);
                }
            }
        }
    }

    #[test]
    fn stale_deadlines_are_swept_and_live_ones_keep_their_order() {
        let mut deadlines = Deadlines::default();
        let is_live = |d: &Deadline| d.slot.is_multiple_of(100);
        let count = u32::try_from(20 * FEW).unwrap_or(u32::MAX);
        for slot in 0..count {
            let at_ms = 1_000_000 + i64::from(slot % 7) * 100;
            deadlines.add(
                Deadline {
                    at_ms,
                    slot,
                    given: 0,
                },
                slot as usize / 100,
                is_live,
            );
        }
        let bound = FEW + 4 * (count as usize / 100) + 7 * CHUNK + SWEEP_EVERY;
        assert_eq!(deadlines.iter().count(), deadlines.len);
        assert!(deadlines.len < 2 * bound, "{} of {count}", deadlines.len);
        let mut expected: Vec<_> = (0..count).step_by(100).collect();
        expected.sort_by_key(|slot| (slot % 7, *slot));
        let mut came = Vec::new();
        let last = std::cell::Cell::new(None);
        while let Some(due) =
            deadlines.next_due(i64::MAX, |d| is_live(d) && Some(d.slot) != last.get())
        {
            last.set(Some(due.slot));
            came.push(due.slot);
        }
        assert_eq!(came, expected);
    }
}
