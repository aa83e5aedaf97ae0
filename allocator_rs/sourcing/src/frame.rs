//! A node of the search: what is open there, and what may still be opened.
#![expect(
    clippy::indexing_slicing,
    reason = "every index is a line or facility below the lengths checked by Problem::new"
)]

use crate::assign::leave_cost;
use crate::problem::Problem;

#[derive(Default)]
pub(crate) struct Frame {
    /// What is open.
    pub(crate) opened: Vec<usize>,
    /// Opening that, and the level's lateness; one extra group is taken off.
    pub(crate) base: i64,
    /// No plan from here on costs less.
    pub(crate) bound: i64,
    /// The level if nothing open is as late as that.
    pub(crate) level: Option<u32>,
    /// Duals of the last bound.
    pub(crate) dual: Vec<i64>,
    /// Cheapest choice of each line if room is ignored: for bounds.
    pub(crate) relaxed: Vec<i64>,
    /// Cheapest choice of each line that always has room: for dropping facilities.
    pub(crate) firm: Vec<i64>,
    /// What may be opened beside it.
    pub(crate) open: Vec<usize>,
    /// What each of `open` saves on the lines at most.
    pub(crate) gains: Vec<i64>,
}

impl Frame {
    /// Nothing is open and nothing can be opened.
    pub(crate) fn clear(&mut self, problem: &Problem, level: u32) {
        self.opened.clear();
        self.level = Some(level);
        self.dual.clear();
        self.base = problem.late.of(level) - problem.extra_group;
        self.bound = i64::MIN;
        self.relaxed.clear();
        let leave = (0..problem.lines).map(|line| leave_cost(problem, line));
        self.relaxed.extend(leave);
        self.firm.clone_from(&self.relaxed);
        self.open.clear();
    }

    /// Opens a facility: it takes over each line that costs less there.
    pub(crate) fn take(&mut self, problem: &Problem, facility: usize) {
        let place = &problem.facilities[facility];
        let row = problem.row(facility);
        self.opened.push(facility);
        self.level = self.level.filter(|level| *level != place.late);
        self.base += place.fixed + problem.extra_group;
        for (old, new) in self.relaxed.iter_mut().zip(row) {
            *old = *new.min(old);
        }
        if place.capacity as usize >= problem.lines {
            let lines = self.firm.iter_mut().zip(row).zip(&problem.is_twin);
            for ((old, new), twin) in lines {
                *old = if *twin { *old } else { *new.min(old) };
            }
        }
    }

    /// What follows if a facility of `parent` is opened, too.
    pub(crate) fn follow(&mut self, problem: &Problem, parent: &Self, facility: usize) {
        self.opened.clone_from(&parent.opened);
        self.base = parent.base;
        self.bound = parent.bound;
        self.level = parent.level;
        self.dual.clone_from(&parent.dual);
        self.relaxed.clone_from(&parent.relaxed);
        self.firm.clone_from(&parent.firm);
        self.take(problem, facility);
        self.offer(problem, &parent.open, Some(facility));
    }

    /// Offers `facilities`, those of one facility's node left out.
    pub(crate) fn offer(&mut self, problem: &Problem, facilities: &[usize], of: Option<usize>) {
        let node = of.map(|facility| problem.facilities[facility].node);
        let others = facilities
            .iter()
            .filter(|f| Some(problem.facilities[**f].node) != node);
        self.open.clear();
        self.open.extend(others);
    }

    /// Whether a facility cannot be opened beside the others.
    pub(crate) fn clashes(&self, problem: &Problem, facility: usize) -> bool {
        let place = &problem.facilities[facility];
        self.opened.iter().any(|opened| {
            let opened = &problem.facilities[*opened];
            opened.node == place.node || (opened.pickup && place.pickup)
        })
    }

    /// What a facility saves on the lines if room is ignored.
    pub(crate) fn gain(&self, problem: &Problem, facility: usize) -> i64 {
        let lines = self.relaxed.iter().zip(problem.row(facility));
        lines.map(|(old, new)| (old - new).max(0)).sum()
    }
}
