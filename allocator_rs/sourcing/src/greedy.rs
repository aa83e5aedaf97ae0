//! A first plan for orders with limits (room, shared cells): lines one after the other, each where
//! it adds least. The search starts from it; without limits its own first dive is as good.
#![expect(
    clippy::indexing_slicing,
    reason = "every index is a line or facility below the lengths checked by Problem::new"
)]

use std::cmp::Reverse;

use crate::assign::{leave_cost, steps};
use crate::problem::{Problem, Room, CANNOT};

struct Insertion<'a> {
    problem: &'a Problem,
    usable: &'a [usize],
    is_open: Vec<bool>,
    is_shut: Vec<bool>,
    room: Vec<usize>,
    /// Lines not placed yet that a facility could serve.
    waiting: Vec<usize>,
    /// Units left by group of twins and facility.
    left: Vec<Vec<i64>>,
    /// Seconds left by shared room.
    seconds: Vec<i64>,
    late: u32,
}

/// Whether anything but costs limits what facilities serve.
pub(crate) fn has_limits(problem: &Problem, usable: &[usize]) -> bool {
    let is_small = |f: &usize| (problem.facilities[*f].capacity as usize) < problem.lines;
    !problem.twins.is_empty() || !problem.rooms.is_empty() || usable.iter().any(is_small)
}

/// An assignment that keeps every limit, and the work units spent on it. Twins with large
/// quantities come first, which packs them well, or with `small_first` last, which serves more of
/// them where units are short.
pub(crate) fn insertion(
    problem: &Problem,
    usable: &[usize],
    small_first: bool,
) -> (Vec<Option<usize>>, u64) {
    let count = problem.facilities.len();
    let mut state = Insertion {
        problem,
        usable,
        is_open: vec![false; count],
        is_shut: vec![false; count],
        room: problem
            .facilities
            .iter()
            .map(|f| f.capacity as usize)
            .collect(),
        waiting: (0..count)
            .map(|f| problem.row(f).iter().filter(|c| **c < CANNOT).count())
            .collect(),
        left: problem.twins.iter().map(|t| t.available.clone()).collect(),
        seconds: problem.rooms.iter().map(|room| room.seconds).collect(),
        late: 0,
    };
    let mut assignment = vec![None; problem.lines];
    for (line, twin) in in_order(problem, small_first) {
        let choice = state.cheapest(line, twin);
        for facility in usable {
            let serves = problem.row(*facility)[line] < CANNOT;
            state.waiting[*facility] -= usize::from(serves);
        }
        if let Some(facility) = choice {
            state.take(facility, twin);
            assignment[line] = Some(facility);
        }
    }
    (assignment, steps(3 * usable.len() + 1, problem.lines))
}

/// A line's group of twins and its units.
type Twin = Option<(usize, i64)>;

/// Twins first, by quantity, then the other lines.
fn in_order(problem: &Problem, small_first: bool) -> Vec<(usize, Twin)> {
    let mut order: Vec<(usize, Twin)> = Vec::with_capacity(problem.lines);
    for (group, twins) in problem.twins.iter().enumerate() {
        let pairs = twins.lines.iter().zip(&twins.quantities);
        order.extend(pairs.map(|(line, quantity)| (*line, Some((group, *quantity)))));
    }
    order.sort_by_key(|(_, twin)| Reverse(twin.map(|(_, quantity)| quantity)));
    if small_first {
        order.reverse();
    }
    let others = (0..problem.lines).filter(|line| !problem.is_twin[*line]);
    order.extend(others.map(|line| (line, None)));
    order
}

impl Insertion<'_> {
    /// The facility where a line adds least, if that is less than leaving it.
    fn cheapest(&self, line: usize, twin: Twin) -> Option<usize> {
        let mut best = (leave_cost(self.problem, line), None);
        for facility in self.usable {
            let added = self.added(*facility, line, twin);
            if added.is_some_and(|cost| cost < best.0) {
                best = (added.unwrap_or(best.0), Some(*facility));
            }
        }
        best.1
    }

    /// What a line adds at a facility; opening it is shared among the lines that it may get.
    fn added(&self, facility: usize, line: usize, twin: Twin) -> Option<i64> {
        let cost = self.problem.row(facility)[line];
        let rooms = self.problem.rooms.iter().zip(&self.seconds);
        let fits = |(room, left): (&Room, &i64)| room.share(facility) <= *left;
        let shut = self.is_shut[facility] || self.room[facility] == 0;
        if shut || cost >= CANNOT || !rooms.into_iter().all(fits) {
            return None;
        }
        let mut lines = self.room[facility].min(self.waiting[facility]).max(1);
        let mut together = 0;
        if let Some((group, quantity)) = twin {
            let twins = &self.problem.twins[group];
            let (available, left) = (twins.available[facility], self.left[group][facility]);
            if left < quantity {
                return None;
            }
            let used = available - left;
            together = twins.tiers.charge(available, used + quantity)
                - twins.tiers.charge(available, used)
                - twins.tiers.charge(available, quantity);
            let fit = usize::try_from(left / quantity).unwrap_or(usize::MAX);
            lines = lines.min(fit.max(1));
        }
        let place = &self.problem.facilities[facility];
        let price = self.problem.late;
        let later = price.of(place.late.max(self.late)) - price.of(self.late);
        let opening = if self.is_open[facility] {
            0
        } else {
            place.fixed + self.problem.extra_group + later
        };
        let share = opening / i64::try_from(lines).unwrap_or(i64::MAX);
        Some(cost + together + share)
    }

    fn take(&mut self, facility: usize, twin: Twin) {
        self.room[facility] -= 1;
        for (left, room) in self.seconds.iter_mut().zip(&self.problem.rooms) {
            *left -= room.share(facility);
        }
        if let Some((group, quantity)) = twin {
            self.left[group][facility] -= quantity;
        }
        if std::mem::replace(&mut self.is_open[facility], true) {
            return;
        }
        let opened = self.problem.facilities[facility];
        self.late = self.late.max(opened.late);
        for other in self.usable.iter().filter(|other| **other != facility) {
            let place = &self.problem.facilities[*other];
            let clash = place.node == opened.node || opened.is_apart(place);
            self.is_shut[*other] |= clash;
        }
    }
}
