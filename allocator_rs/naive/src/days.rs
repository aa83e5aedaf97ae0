//! What is and will be there, recomputed from the lists for each day that matters.

use std::collections::BTreeSet;

use bopis_ledger::{CellKey, CellView, DayPlan, Line, ReservationState};

use super::{asked_of, cells_of, fits, Naive, Promise};

/// What there is of a cell now, and what changes it on which day.
pub(super) struct Course {
    now: i128,
    later: Vec<(i32, i128)>,
}

impl Course {
    /// The days of the changes, and the one before all of them.
    pub(super) fn days(&self) -> BTreeSet<i32> {
        let days = self.later.iter().map(|(day, _)| *day);
        days.chain(std::iter::once(-1)).collect()
    }

    /// What there is once that day is over.
    pub(super) fn by(&self, day: i32) -> i128 {
        let by_then = self.later.iter().filter(|(on, _)| *on <= day);
        self.now + by_then.map(|(_, units)| units).sum::<i128>()
    }
}

impl Naive {
    fn promised(&self, cell: CellKey, counts: impl Fn(&Promise) -> bool) -> i128 {
        let of = |promise: &Promise| asked_of(&promise.lines, cell);
        self.promises
            .iter()
            .filter(|promise| counts(promise))
            .map(of)
            .sum()
    }

    /// What comes to the cell and goes, by its day, of the promises that count.
    fn dated(&self, cell: CellKey, counts: impl Fn(&Promise) -> bool) -> Course {
        let supplies = self.supplies.iter().filter(|((of, _), _)| *of == cell);
        let comes = supplies.map(|((_, day), units)| (*day, i128::from(*units)));
        let promises = self.promises.iter().filter(|promise| counts(promise));
        let goes = promises.filter_map(|p| Some((p.day?, -asked_of(&p.lines, cell))));
        Course {
            now: 0,
            later: comes.chain(goes.filter(|(_, units)| *units != 0)).collect(),
        }
    }

    /// What is on hand at the end of each day if nothing else is promised.
    pub(super) fn course(&self, cell: CellKey, now_ms: i64) -> Course {
        let (on_hand, unavailable) = self.physical.get(&cell).copied().unwrap_or_default();
        let lives = |p: &Promise| p.state != ReservationState::Held || p.deadline_ms > now_ms;
        let undated = |p: &Promise| p.day.is_none() && lives(p);
        let free = i128::from(on_hand) - i128::from(unavailable) - i128::from(self.buffer(cell));
        Course {
            now: free - self.promised(cell, undated),
            ..self.dated(cell, lives)
        }
    }

    /// The least that is projected from that day on.
    pub fn atp_of_day(&self, cell: CellKey, day: i32, now_ms: i64) -> i128 {
        let course = self.course(cell, now_ms);
        let mut days = course.days().split_off(&day);
        days.insert(day);
        days.into_iter().map(|day| course.by(day)).min().unwrap()
    }

    /// In holds without a day, and what days lack; due holds count until their expiry is told.
    pub(super) fn held(&self, cell: CellKey) -> i128 {
        let held = |p: &Promise| p.state == ReservationState::Held && p.day.is_none();
        let dated = self.dated(cell, |_| true);
        let lacking = dated.days().into_iter().map(|day| -dated.by(day));
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
        let days = self.dated(cell, |_| true).days().into_iter().map(planned);
        days.filter(|one| one.supply + one.demand > 0).collect()
    }
}
