//! The request window: what was asked lately, and what came of it.
//!
//! | asked again | answer |
//! | --- | --- |
//! | within the retention, same fingerprint | the first outcomes |
//! | within the retention, another fingerprint | `RequestIdReused` |
//! | after the retention (in ledger time) | a new request |
//! | a new request at the bound | `RequestWindowFull`; nothing is forgotten early |
//!
//! Whether an entry still counts is a matter of time alone; it is removed only at journaled
//! moments, so that a replayed ledger removes the same ones.

use std::collections::VecDeque;

use hashbrown::HashMap;

use crate::codec::{decode_outcomes, encode_outcomes, CodecError};
use crate::ids::RequestKey;
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

    /// The first outcomes. An error is impossible for bytes that nothing else wrote.
    pub(crate) fn outcomes(&self) -> Result<Vec<Outcome>, CodecError> {
        decode_outcomes(&self.outcomes)
    }
}

/// The remembered requests.
#[derive(Debug, Default)]
pub(crate) struct Window {
    by_key: HashMap<RequestKey, Entry>,
    by_age: VecDeque<(i64, RequestKey)>,
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
        let over = self
            .by_age
            .partition_point(|(at_ms, _)| is_over(*at_ms, now_ms, keep_ms));
        self.by_age.len() - over
    }

    /// Remembers a request. Its key must be free.
    pub(crate) fn insert(&mut self, key: RequestKey, entry: Entry) {
        self.by_age.push_back((entry.at_ms, key));
        self.by_key.insert(key, entry);
    }

    /// Removes what no longer counts.
    pub(crate) fn evict(&mut self, now_ms: i64, keep_ms: i64) {
        while let Some((at_ms, key)) = self.by_age.front().copied() {
            if !is_over(at_ms, now_ms, keep_ms) {
                break;
            }
            self.by_age.pop_front();
            self.by_key.remove(&key);
        }
    }

    /// In no particular order: sort before anything can see it.
    pub(crate) fn iter_unordered(&self) -> impl Iterator<Item = (&RequestKey, &Entry)> {
        self.by_key.iter()
    }

    /// Both indexes hold the same entries, oldest first.
    pub(crate) fn is_consistent(&self) -> bool {
        self.by_key.len() == self.by_age.len()
            && self.by_age.iter().is_sorted_by_key(|(at_ms, _)| *at_ms)
            && self
                .by_age
                .iter()
                .all(|(at_ms, key)| self.by_key.get(key).is_some_and(|e| e.at_ms == *at_ms))
    }
}
