//! A node of the search: what is open there, and what may still be opened.
#![expect(
    clippy::indexing_slicing,
    reason = "every index is a line or facility below the lengths checked by Problem::new"
)]

use crate::assign::leave_cost;
use crate::pairs::Pairs;
use crate::problem::Problem;

/// A facility that may be opened.
#[derive(Clone, Copy)]
pub(crate) struct Candidate {
    pub(crate) facility: usize,
    /// What opening it adds to the bound that its node had promised.
    pub(crate) slack: i64,
    /// What it saves on the lines at most.
    pub(crate) gain: i64,
}

#[derive(Default)]
pub(crate) struct Frame {
    /// What is open.
    pub(crate) opened: Vec<usize>,
    /// Opening that, and the level's lateness; one extra group is taken off.
    pub(crate) base: i64,
    /// No plan from here on costs less than this and the slacks of what it opens.
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
    pub(crate) open: Vec<Candidate>,
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
        if place.capacity as usize >= problem.lines && !problem.is_shared(facility) {
            let lines = self.firm.iter_mut().zip(row).zip(&problem.is_twin);
            for ((old, new), twin) in lines {
                *old = if *twin { *old } else { *new.min(old) };
            }
        }
    }

    /// What follows if a candidate of `parent` is opened, too.
    pub(crate) fn follow(&mut self, problem: &Problem, parent: &Self, candidate: Candidate) {
        self.opened.clone_from(&parent.opened);
        self.base = parent.base;
        self.bound = parent.bound + candidate.slack;
        self.level = parent.level;
        self.dual.clone_from(&parent.dual);
        self.relaxed.clone_from(&parent.relaxed);
        self.firm.clone_from(&parent.firm);
        self.take(problem, candidate.facility);
        self.offer(problem, &parent.open, Some(candidate.facility));
    }

    /// Offers candidates, those of one facility's node left out.
    pub(crate) fn offer(&mut self, problem: &Problem, open: &[Candidate], of: Option<usize>) {
        let node = of.map(|facility| problem.facilities[facility].node);
        let node_of = |candidate: &&Candidate| problem.facilities[candidate.facility].node;
        self.open.clear();
        self.open
            .extend(open.iter().filter(|one| Some(node_of(one)) != node));
    }

    /// Keeps the candidates that, at these prices and with the least other one, stay below a limit.
    pub(crate) fn retain_pairs(
        &mut self,
        problem: &Problem,
        price: impl Fn(usize, &Candidate) -> i64,
        below: i64,
    ) {
        let place = |candidate: &Candidate| &problem.facilities[candidate.facility];
        let mut pairs = Pairs::new(self.level);
        for (position, candidate) in self.open.iter().enumerate() {
            pairs.see(position, place(candidate), price(position, candidate));
        }
        let mut position = 0;
        self.open.retain(|candidate| {
            let price = price(position, candidate);
            position += 1;
            pairs.least(position - 1, place(candidate), price) < below
        });
    }

    /// Whether a facility cannot be opened beside the others.
    pub(crate) fn clashes(&self, problem: &Problem, facility: usize) -> bool {
        let place = &problem.facilities[facility];
        self.opened.iter().any(|opened| {
            let opened = &problem.facilities[*opened];
            opened.node == place.node || opened.is_apart(place)
        })
    }

    /// What a facility saves on the lines if room is ignored.
    pub(crate) fn gain(&self, problem: &Problem, facility: usize) -> i64 {
        let lines = self.relaxed.iter().zip(problem.row(facility));
        lines.map(|(old, new)| (old - new).max(0)).sum()
    }
}
