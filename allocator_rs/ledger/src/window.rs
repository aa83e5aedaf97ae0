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
//! moments, so that a replayed ledger removes the same ones.

use std::collections::VecDeque;

use hashbrown::HashMap;

use crate::codec::{decode_outcomes, encode_outcomes, CodecError};
use crate::ids::RequestKey;
use crate::limits::{Limits, REQUEST_ENTRY_BYTES};
use crate::outcome::Outcome;

/// One remembered request.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) fingerprint: u64,
    pub(crate) at_ms: i64,
    /// As bytes: a third of the size, in one piece.
    pub(crate) outcomes: Box<[u8]>,
}

impl Entry {
    pub(crate) fn new(fingerprint: u64, at_ms: i64, outcomes: &[Outcome]) -> Self {
        Self {
            fingerprint,
            at_ms,
            outcomes: encode_outcomes(outcomes),
        }
    }

    /// What it takes, for the bound on the whole.
    fn bytes(&self) -> u64 {
        REQUEST_ENTRY_BYTES.saturating_add(self.outcomes.len() as u64)
    }

    /// The first outcomes. An error is impossible for bytes that nothing else wrote.
    pub(crate) fn outcomes(&self) -> Result<Vec<Outcome>, CodecError> {
        decode_outcomes(&self.outcomes)
    }
}

/// The remembered requests.
#[derive(Debug, Default)]
pub(crate) struct Window {
    by_key: HashMap<RequestKey, Entry>,
    by_age: VecDeque<Aged>,
    /// Bytes of all entries there ever were.
    bytes_ever: u64,
}

/// An entry's place in the order of time.
#[derive(Debug)]
struct Aged {
    at_ms: i64,
    key: RequestKey,
    /// Bytes of all entries before it.
    bytes_before: u64,
}

const fn is_over(at_ms: i64, now_ms: i64, keep_ms: i64) -> bool {
    now_ms.saturating_sub(at_ms) >= keep_ms
}

impl Window {
    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// The entry, if it still counts.
    pub(crate) fn find(&self, key: &RequestKey, now_ms: i64, keep_ms: i64) -> Option<&Entry> {
        self.by_key
            .get(key)
            .filter(|entry| !is_over(entry.at_ms, now_ms, keep_ms))
    }

    /// How many entries still count.
    pub(crate) fn count(&self, now_ms: i64, keep_ms: i64) -> usize {
        self.by_age.len() - self.over(now_ms, keep_ms)
    }

    /// Whether `more` entries would pass a bound, with what still counts.
    pub(crate) fn is_full(&self, more: usize, now_ms: i64, limits: &Limits) -> bool {
        let over = self.over(now_ms, limits.request_window_ms);
        let count = (self.by_age.len() - over).saturating_add(more);
        let more_bytes = REQUEST_ENTRY_BYTES.saturating_mul(more as u64);
        let bytes = self.by_age.get(over).map_or(0, |oldest| {
            self.bytes_ever.saturating_sub(oldest.bytes_before)
        });
        count > limits.request_window_max
            || bytes.saturating_add(more_bytes) > limits.request_window_bytes_max
    }

    fn over(&self, now_ms: i64, keep_ms: i64) -> usize {
        // Nearly always the oldest still counts, and a search of all would miss every cache.
        let oldest = self.by_age.front();
        if oldest.is_none_or(|aged| !is_over(aged.at_ms, now_ms, keep_ms)) {
            return 0;
        }
        self.by_age
            .partition_point(|aged| is_over(aged.at_ms, now_ms, keep_ms))
    }

    /// Remembers a request. Its key must be free.
    pub(crate) fn insert(&mut self, key: RequestKey, entry: Entry) {
        self.by_age.push_back(Aged {
            at_ms: entry.at_ms,
            key,
            bytes_before: self.bytes_ever,
        });
        self.bytes_ever = self.bytes_ever.saturating_add(entry.bytes());
        self.by_key.insert(key, entry);
    }

    /// Removes what no longer counts.
    pub(crate) fn evict(&mut self, now_ms: i64, keep_ms: i64) {
        while let Some(oldest) = self.by_age.front() {
            if !is_over(oldest.at_ms, now_ms, keep_ms) {
                break;
            }
            self.by_key.remove(&oldest.key);
            self.by_age.pop_front();
        }
    }

    /// In no particular order: sort before anything can see it.
    pub(crate) fn iter_unordered(&self) -> impl Iterator<Item = (&RequestKey, &Entry)> {
        self.by_key.iter()
    }

    /// Both indexes hold the same entries, oldest first, and their bytes add up.
    pub(crate) fn is_consistent(&self) -> bool {
        let mut bytes_before = self
            .by_age
            .front()
            .map_or(self.bytes_ever, |a| a.bytes_before);
        let follows = |aged: &Aged| {
            let entry = self.by_key.get(&aged.key);
            let agrees = aged.bytes_before == bytes_before
                && entry.is_some_and(|entry| entry.at_ms == aged.at_ms);
            bytes_before = bytes_before.saturating_add(entry.map_or(0, Entry::bytes));
            agrees
        };
        self.by_key.len() == self.by_age.len()
            && self.by_age.iter().is_sorted_by_key(|aged| aged.at_ms)
            && self.by_age.iter().all(follows)
            && bytes_before == self.bytes_ever
    }
}
