//! A first plan: facilities opened one after the other where each saves most.
#![expect(
    clippy::indexing_slicing,
    reason = "every index is a line or facility below the lengths checked by Problem::new"
)]

use crate::assign::{leave_cost, steps};
use crate::frame::Frame;
use crate::search::Search;

impl Search<'_> {
    /// Opens what saves most beside the best facility alone, again and again; then closes what
    /// has become superfluous.
    pub(crate) fn grow(&mut self, first: usize) {
        let problem = self.problem;
        let usable = std::mem::take(&mut self.memory.usable);
        let mut frame = self.frame(0);
        frame.clear(problem, 0);
        frame.take(problem, first);
        while let Some(facility) = self.best_beside(&frame, &usable) {
            frame.take(problem, facility);
        }
        let mut cost = self.price_set(&frame.opened);
        for position in (0..frame.opened.len()).rev() {
            if frame.opened.len() == 1 {
                break;
            }
            let facility = frame.opened.remove(position);
            let without = self.price_set(&frame.opened);
            if without > cost {
                frame.opened.insert(position, facility);
            } else {
                cost = without;
            }
        }
        self.memory.frames[0] = frame;
        self.memory.usable = usable;
    }

    /// What saves most beside what is open, if anything saves.
    fn best_beside(&mut self, frame: &Frame, facilities: &[usize]) -> Option<usize> {
        let problem = self.problem;
        let late = |facility: usize| problem.facilities[facility].late;
        let latest = frame.opened.iter().map(|f| late(*f)).max().unwrap_or(0);
        self.work += steps(facilities.len(), problem.lines);
        let mut best = None;
        let mut most = 0;
        for facility in facilities {
            if frame.clashes(problem, *facility) {
                continue;
            }
            let later = problem.late.of(latest.max(late(*facility))) - problem.late.of(latest);
            let net = frame.gain(problem, *facility) - self.opening(*facility) - later;
            if net > most {
                most = net;
                best = Some(*facility);
            }
        }
        best
    }

    /// Prices a set of facilities and gives its floor: no plan of exactly these costs less.
    fn price_set(&mut self, open: &[usize]) -> i64 {
        let problem = self.problem;
        self.work += steps(open.len() + 1, problem.lines);
        let least = |line: usize| {
            let costs = open.iter().map(|f| problem.row(*f)[line]);
            costs.fold(leave_cost(problem, line), i64::min)
        };
        let lines: i64 = (0..problem.lines).map(least).sum();
        let floor = self.groups(open) + lines;
        self.price(open, floor);
        floor
    }
}
