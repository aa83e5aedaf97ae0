//! What is and will be there, recomputed from the lists for each day that matters.

use std::collections::BTreeSet;

use bopis_ledger::{CellKey, CellView, DayPlan, Line, ReservationState};

use super::{asked_of, cells_of, fits, Naive, Promise};

impl Naive {
    fn promised(&self, cell: CellKey, counts: impl Fn(&Promise) -> bool) -> i128 {
        let of = |promise: &Promise| asked_of(&promise.lines, cell);
        self.promises
            .iter()
            .filter(|promise| counts(promise))
            .map(of)
            .sum()
    }

    /// Supply less demand up to that day, of the promises that count.
    fn until(&self, cell: CellKey, day: i32, counts: &impl Fn(&Promise) -> bool) -> i128 {
        let own = self.supplies.iter();
        let supply: i128 = own
            .filter(|((of, due), _)| *of == cell && *due <= day)
            .map(|(_, units)| i128::from(*units))
            .sum();
        let by_then = |p: &Promise| p.day.is_some_and(|leaves| leaves <= day) && counts(p);
        supply - self.promised(cell, by_then)
    }

    /// The days on which anything comes or goes, and the one before all of them.
    pub(super) fn days_of(&self, cell: CellKey) -> BTreeSet<i32> {
        let supplies = self.supplies.keys().filter(|(of, _)| *of == cell);
        let promises = self.promises.iter().filter_map(|promise| promise.day);
        let days = supplies.map(|(_, day)| *day).chain(promises);
        days.chain(std::iter::once(-1)).collect()
    }

    /// On hand at the end of that day if nothing else is promised.
    pub(super) fn projected(&self, cell: CellKey, day: i32, now_ms: i64) -> i128 {
        let (on_hand, unavailable) = self.physical.get(&cell).copied().unwrap_or_default();
        let lives = |p: &Promise| p.state != ReservationState::Held || p.deadline_ms > now_ms;
        let undated = |p: &Promise| p.day.is_none() && lives(p);
        i128::from(on_hand) - i128::from(unavailable) - i128::from(self.buffer(cell))
            + self.until(cell, day, &lives)
            - self.promised(cell, undated)
    }

    /// The least that is projected from that day on.
    pub fn atp_of_day(&self, cell: CellKey, day: i32, now_ms: i64) -> i128 {
        let mut days = self.days_of(cell).split_off(&day);
        days.insert(day);
        days.into_iter()
            .map(|day| self.projected(cell, day, now_ms))
            .min()
            .unwrap()
    }

    /// In holds without a day, and what days lack; due holds count until their expiry is told.
    pub(super) fn held(&self, cell: CellKey) -> i128 {
        let held = |p: &Promise| p.state == ReservationState::Held && p.day.is_none();
        let days = self.days_of(cell);
        let lacking = days
            .into_iter()
            .map(|day| -self.until(cell, day, &|_| true));
        self.promised(cell, held) + lacking.max().unwrap().max(0)
    }

    fn committed(&self, cell: CellKey) -> i128 {
        let committed = |p: &Promise| p.state == ReservationState::Committed && p.day.is_none();
        self.promised(cell, committed)
    }

    /// What is promised of the cells of these lines can be counted.
    pub(super) fn counts_fit(&self, lines: &[Line]) -> bool {
        let cells = cells_of(lines).into_iter();
        cells
            .flat_map(|cell| [self.held(cell), self.committed(cell)])
            .all(fits)
    }

    pub fn view(&self, cell: CellKey) -> CellView {
        let (on_hand, unavailable) = self.physical.get(&cell).copied().unwrap_or_default();
        CellView {
            on_hand,
            held: i64::try_from(self.held(cell)).unwrap(),
            committed: i64::try_from(self.committed(cell)).unwrap(),
            unavailable,
            safety_stock: self.buffer(cell),
        }
    }

    fn buffer(&self, cell: CellKey) -> i64 {
        self.buffers.get(&cell).copied().unwrap_or_default()
    }

    /// The days on which something of the cell comes or goes.
    pub fn plan(&self, cell: CellKey) -> Vec<DayPlan> {
        let planned = |day| DayPlan {
            day,
            supply: self.supplies.get(&(cell, day)).copied().unwrap_or_default(),
            demand: i64::try_from(self.promised(cell, |p| p.day == Some(day))).unwrap(),
        };
        let days = self.days_of(cell).into_iter().map(planned);
        days.filter(|one| one.supply + one.demand > 0).collect()
    }
}
