//! The holds that expire next.
//!
//! | | |
//! | --- | --- |
//! | order | by deadline, those that are alike by id |
//! | cost | the entries of the buckets of deadlines that hold some of them, read in a row |

use std::collections::BinaryHeap;

use super::{is_live, Reservations};
use crate::ids::ReservationId;

impl Reservations {
    /// The first `limit` holds behind `after` whose deadline is at most `until_ms`.
    pub(crate) fn next_to_expire(
        &self,
        after: Option<(i64, ReservationId)>,
        until_ms: i64,
        limit: usize,
    ) -> Vec<(i64, ReservationId)> {
        let mut first = BinaryHeap::new();
        if limit == 0 || self.held == 0 {
            return Vec::new();
        }
        let passed_ms = after.map_or(i64::MIN, |(deadline_ms, _)| deadline_ms);
        self.deadlines.visit(until_ms, |entry| {
            if entry.at_ms >= passed_ms && is_live(&self.slots, entry) {
                let id = self.at(entry.slot).map(|found| (entry.at_ms, found.id));
                first.extend(id.filter(|one| after.is_none_or(|after| *one > after)));
                if first.len() > limit {
                    first.pop();
                }
            }
            match first.peek() {
                Some((latest_ms, _)) if first.len() == limit => *latest_ms,
                _ => until_ms,
            }
        });
        first.into_sorted_vec()
    }
}
