//! The request window: what was asked lately, and what came of it.
//!
//! | asked again | answer |
//! | --- | --- |
//! | within the retention, same fingerprint | the first outcomes |
//! | within the retention, another fingerprint | `RequestIdReused` |
//! | after the retention (in ledger time) | a new request |
//! | a new request at a bound (entries, bytes) | `RequestWindowFull`; nothing is forgotten early |
//!
//! Whether an entry still counts is a matter of time alone; it is removed only at journaled
//! moments, so that a replayed ledger removes the same ones. Entries lie in the order of their
//! time, a generation of them with their outcomes in one piece of memory that is used again. The index
//! is not told what is removed: a number below the first one's is gone, and dropped when in the way.

use std::collections::VecDeque;

use crate::chunked::Queue;
use crate::codec::decode_outcomes;
use crate::ids::RequestKey;
use crate::index::{by_page, Index};
use crate::key::KeyHasher;
use crate::limits::{Limits, REQUEST_ENTRY_BYTES};
use crate::outcome::ActOutcome;

/// Outcomes of one generation, in bytes.
const GENERATION_BYTES: usize = 64 << 10;

/// One remembered request.
#[derive(Clone, Copy, Debug)]
struct Entry {
    key: RequestKey,
    fingerprint: u64,
    at_ms: i64,
    /// Bytes of the outcomes of all entries ever before it: where its own begin.
    begins: u64,
    len: u32,
}

/// A remembered request, as others see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remembered<'a> {
    pub(crate) key: RequestKey,
    pub(crate) fingerprint: u64,
    pub(crate) at_ms: i64,
    /// As bytes: a third of the size, in one piece.
    pub(crate) outcomes: &'a [u8],
}

impl Remembered<'_> {
    /// The first outcomes, if that is what is asked again.
    pub(crate) fn answer(&self, fingerprint: u64) -> ActOutcome {
        if self.fingerprint != fingerprint {
            return ActOutcome::RequestIdReused;
        }
        let first = decode_outcomes(self.outcomes);
        assert!(first.is_ok(), "the request window reads what it wrote");
        ActOutcome::Done(first.unwrap_or_default())
    }
}

/// The outcomes of entries that came one after the other.
#[derive(Debug)]
struct Generation {
    /// Bytes of all outcomes ever before it.
    begins: u64,
    bytes: Vec<u8>,
}

/// The remembered requests.
#[derive(Debug, Default)]
pub(crate) struct Window {
    entries: Queue<Entry>,
    generations: VecDeque<Generation>,
    /// The memory of a generation that is gone, for the next one.
    spare: Vec<u8>,
    by_key: Index,
    hasher: KeyHasher,
    /// Bytes of the outcomes of all entries there ever were.
    bytes_ever: u64,
    /// The same, of those that are gone.
    bytes_gone: u64,
}

const fn is_over(at_ms: i64, now_ms: i64, keep_ms: i64) -> bool {
    now_ms.saturating_sub(at_ms) >= keep_ms
}

/// Entries by the low half of their number: there are never so many at once.
const fn low(number: u64) -> u32 {
    (number & 0x7fff_ffff) as u32
}

impl Window {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// What the index knows a request by.
    pub(crate) fn hash(&self, key: &RequestKey) -> u32 {
        self.hasher.hash(key)
    }

    /// Brings the slot of the index close that a request of this hash has.
    pub(crate) fn prefetch(&self, hash: u32) {
        self.by_key.prefetch(hash);
    }

    /// The entry with this low half of a number; none if it is gone.
    fn entry(&self, number: u32) -> Option<&Entry> {
        let first = self.entries.first_number();
        let offset = number.wrapping_sub(low(first)) & 0x7fff_ffff;
        self.entries.get(first + u64::from(offset))
    }

    /// The entry, if it still counts.
    pub(crate) fn find(
        &self,
        key: &RequestKey,
        now_ms: i64,
        keep_ms: i64,
    ) -> Option<Remembered<'_>> {
        self.find_with(self.hash(key), key, now_ms, keep_ms)
    }

    /// The same, of a request whose hash is known.
    pub(crate) fn find_with(
        &self,
        hash: u32,
        key: &RequestKey,
        now_ms: i64,
        keep_ms: i64,
    ) -> Option<Remembered<'_>> {
        let entry = self.entry(self.number_with(hash, key)?)?;
        (!is_over(entry.at_ms, now_ms, keep_ms)).then(|| self.remembered(entry))
    }

    fn remembered(&self, entry: &Entry) -> Remembered<'_> {
        let after = self
            .generations
            .partition_point(|generation| generation.begins <= entry.begins);
        let outcomes = self
            .generations
            .get(after.wrapping_sub(1))
            .and_then(|generation| {
                let from = usize::try_from(entry.begins - generation.begins).ok()?;
                generation
                    .bytes
                    .get(from..from.checked_add(entry.len as usize)?)
            });
        Remembered {
            key: entry.key,
            fingerprint: entry.fingerprint,
            at_ms: entry.at_ms,
            outcomes: outcomes.unwrap_or_default(),
        }
    }

    /// How many entries still count.
    pub(crate) fn count(&self, now_ms: i64, keep_ms: i64) -> usize {
        self.len() - self.over(now_ms, keep_ms)
    }

    /// Whether `more` entries would pass a bound, with what still counts.
    pub(crate) fn is_full(&self, more: usize, now_ms: i64, limits: &Limits) -> bool {
        // Nearly always even what no longer counts has room.
        if Self::has_room(self.len() + more, self.bytes_ever - self.bytes_gone, limits) {
            return false;
        }
        let over = self.over(now_ms, limits.request_window_ms);
        let count = (self.len() - over).saturating_add(more);
        let oldest = self.entries.get(self.entries.first_number() + over as u64);
        let outcomes = oldest.map_or(0, |oldest| self.bytes_ever - oldest.begins);
        !Self::has_room(count, outcomes, limits)
    }

    fn has_room(count: usize, outcomes: u64, limits: &Limits) -> bool {
        let bytes = REQUEST_ENTRY_BYTES.saturating_mul(count as u64);
        count <= limits.request_window_max
            && bytes.saturating_add(outcomes) <= limits.request_window_bytes_max
    }

    fn over(&self, now_ms: i64, keep_ms: i64) -> usize {
        let first = self.entries.first_number();
        let is_over = |offset: usize| {
            let entry = self.entries.get(first + offset as u64);
            entry.is_some_and(|entry| is_over(entry.at_ms, now_ms, keep_ms))
        };
        if !is_over(0) {
            return 0;
        }
        let (mut over, mut counts) = (0, self.len());
        while counts - over > 1 {
            let middle = over + (counts - over) / 2;
            if is_over(middle) {
                over = middle;
            } else {
                counts = middle;
            }
        }
        over + 1
    }

    /// Remembers a request. Its key must be free: what no longer counts is removed before.
    pub(crate) fn insert(
        &mut self,
        key: RequestKey,
        fingerprint: u64,
        at_ms: i64,
        outcomes: &[u8],
    ) {
        self.insert_with(self.hash(&key), (key, fingerprint), at_ms, outcomes);
    }

    /// The same, of a request whose hash is known.
    pub(crate) fn insert_with(
        &mut self,
        hash: u32,
        request: (RequestKey, u64),
        at_ms: i64,
        outcomes: &[u8],
    ) {
        let number = self.add(request, at_ms, outcomes);
        let first = low(self.entries.first_number());
        let len = low(self.len() as u64);
        let is_there = |number: u32| number.wrapping_sub(first) & 0x7fff_ffff < len;
        self.by_key.insert_among(hash, low(number), is_there);
    }

    /// The same without the index; the entry's number.
    pub(crate) fn add(
        &mut self,
        (key, fingerprint): (RequestKey, u64),
        at_ms: i64,
        outcomes: &[u8],
    ) -> u64 {
        let is_full =
            |last: &Generation| last.bytes.len().saturating_add(outcomes.len()) > GENERATION_BYTES;
        if self.generations.back().is_none_or(is_full) {
            let mut bytes = std::mem::take(&mut self.spare);
            if !self.generations.is_empty() {
                bytes.reserve_exact(GENERATION_BYTES);
            }
            self.generations.push_back(Generation {
                begins: self.bytes_ever,
                bytes,
            });
        }
        if let Some(generation) = self.generations.back_mut() {
            generation.bytes.extend_from_slice(outcomes);
        }
        let number = self.entries.push(Entry {
            key,
            fingerprint,
            at_ms,
            begins: self.bytes_ever,
            len: u32::try_from(outcomes.len()).unwrap_or(u32::MAX),
        });
        self.bytes_ever += outcomes.len() as u64;
        number
    }

    /// Makes the index anew, of all entries.
    ///
    /// # Errors
    /// The first entry, counted from the oldest on, whose key was there before.
    pub(crate) fn index_all(&mut self) -> Result<(), usize> {
        let hashes = self
            .entries
            .iter()
            .map(|entry| self.hasher.hash(&entry.key));
        let hashes: Vec<u32> = hashes.collect();
        let first = self.entries.first_number();
        let key = |number: u64| self.entries.get(number).map(|entry| entry.key);
        let (mut index, mut twice) = (Index::with_room(hashes.len() as u64), None);
        by_page(&hashes, |hash, offset| {
            let number = first + u64::from(offset);
            let is = |low| self.entry(low).map(|entry| entry.key) == key(number);
            if index.get(hash, is).is_some() {
                twice = Some(twice.map_or(offset, |one: u32| one.min(offset)));
            } else {
                index.insert(hash, low(number));
            }
        });
        self.by_key = index;
        twice.map_or(Ok(()), |offset| Err(offset as usize))
    }

    fn number_of(&self, key: &RequestKey) -> Option<u32> {
        self.number_with(self.hash(key), key)
    }

    fn number_with(&self, hash: u32, key: &RequestKey) -> Option<u32> {
        let is = |number| self.entry(number).is_some_and(|entry| entry.key == *key);
        self.by_key.get(hash, is)
    }

    /// Removes what no longer counts.
    pub(crate) fn evict(&mut self, now_ms: i64, keep_ms: i64) {
        let is_over = |oldest: &Entry| is_over(oldest.at_ms, now_ms, keep_ms);
        while self.entries.first().is_some_and(is_over) {
            if let Some(oldest) = self.entries.pop() {
                self.bytes_gone = oldest.begins + u64::from(oldest.len);
            }
        }
        let is_over = |generation: &Generation| {
            generation.begins + generation.bytes.len() as u64 <= self.bytes_gone
        };
        while self.generations.len() > 1 && self.generations.front().is_some_and(is_over) {
            let gone = self.generations.pop_front();
            self.spare = gone.map(|gone| gone.bytes).unwrap_or_default();
            self.spare.clear();
        }
    }

    /// Oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Remembered<'_>> {
        self.entries.iter().map(|entry| self.remembered(entry))
    }

    /// The index has every entry, the entries are in order of time, their bytes one piece.
    pub(crate) fn is_consistent(&self) -> bool {
        let mut begins = self.entries.first().map_or(self.bytes_ever, |e| e.begins);
        let follows = |entry: &Entry| {
            let is_next = entry.begins == begins;
            begins += u64::from(entry.len);
            let found = self.number_of(&entry.key).and_then(|n| self.entry(n));
            is_next
                && found.is_some_and(|found| found.begins == entry.begins)
                && self.remembered(entry).outcomes.len() == entry.len as usize
        };
        self.by_key.len() >= self.len()
            && self.entries.iter().is_sorted_by_key(|entry| entry.at_ms)
            && self.entries.iter().all(follows)
            && begins == self.bytes_ever
            && self.entries.first().map_or(self.bytes_ever, |e| e.begins) == self.bytes_gone
    }
}
