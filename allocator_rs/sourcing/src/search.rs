//! Branch and bound over sets of open facilities: the root.
//!
//! | step | what it does |
//! | --- | --- |
//! | plans of one group | all priced in one pass over the table, which also gives each line's least cost |
//! | drop | a facility with which two groups and each line's least cost reach the best plan's cost |
//! | a first plan | grown from the best of one group; where limits bind, lines inserted one by one too |
//! | levels (`level`) | at level t of lateness only facilities ready by then are offered, one of them is that late, and t is paid |
//! | choices | what is collected is chosen first, so no bound mixes two stores |
//! | below | `explore`: what else is opened |
#![expect(
    clippy::indexing_slicing,
    reason = "every index is a line or facility below the lengths checked by Problem::new"
)]

use crate::assign::{assign, cheapest, steps};
use crate::bound::Ascent;
use crate::fit::{Fit, Fitted};
use crate::frame::{Candidate, Frame};
use crate::greedy::{has_limits, insertion};
use crate::pairs::Pairs;
use crate::problem::{Facility, Problem, CANNOT};
use crate::rooms;
use crate::solution::{Solution, Terms};

/// Far more than daily orders need; about 50 ms (a work unit takes 1 to 5 ns).
pub const WORK_LIMIT: u64 = 10_000_000;
/// One leaf spends at most this part of what is left: the others get their turn.
const LEAF_PART: u64 = 16;

/// Solves an order exactly, or as far as `work_limit` work units reach (a work unit is one look at
/// one line's cost at one facility, so the limit bounds time). The plan is always feasible;
/// `lower_bound <= cost`. Who solves many orders keeps a [`Kernel`].
#[must_use]
pub fn solve(problem: &Problem, work_limit: u64) -> Solution {
    Kernel::default().solve(problem, work_limit)
}

/// Solves one order after the other in the same memory. What it finds depends on the order alone.
#[derive(Default)]
pub struct Kernel(Memory);

impl Kernel {
    /// As [`solve`].
    #[must_use]
    pub fn solve(&mut self, problem: &Problem, work_limit: u64) -> Solution {
        let mut found = Solution::default();
        self.solve_into(problem, work_limit, &mut found);
        found
    }

    /// As [`solve`], into a solution whose memory is used again.
    pub fn solve_into(&mut self, problem: &Problem, work_limit: u64, found: &mut Solution) {
        let mut search = Search::new(problem, (work_limit, i64::MAX), &mut self.0);
        search.run();
        search.finish(found);
    }

    /// As [`Kernel::solve_into`], for whoever knows a plan that costs `below` and wants one that costs
    /// less. False: there is none, or none was found; `found` then has the bound and the work, and
    /// a plan of no worth. The nearer `below` is to the least cost, the less is looked at.
    pub fn solve_below(
        &mut self,
        problem: &Problem,
        (work_limit, below): (u64, i64),
        found: &mut Solution,
    ) -> bool {
        let mut search = Search::new(problem, (work_limit, below), &mut self.0);
        search.run();
        if search.is_below(below) {
            search.finish(found);
            return true;
        }
        found.lower_bound = below.min(search.frontier);
        found.exact = search.frontier >= below;
        found.work = search.work;
        false
    }
}

/// What a search needs memory for.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) ascent: Ascent,
    /// By depth of the search.
    pub(crate) frames: Vec<Frame>,
    /// Least cost of each line at any facility looked at.
    pub(crate) columns: Vec<i64>,
    pub(crate) sorted: Vec<i64>,
    /// Facilities that can serve a line at all, as given; then those not dropped.
    pub(crate) usable: Vec<usize>,
    /// Those offered at a level; those of them that are shipped, and the others.
    pub(crate) offered: Vec<usize>,
    pub(crate) ships: Vec<Candidate>,
    pub(crate) collected: Vec<Candidate>,
    /// Duals of the level's bound.
    pub(crate) dual: Vec<i64>,
    pub(crate) levels: Vec<u32>,
    /// By line: what doing it earlier costs more.
    pub(crate) more: Vec<i64>,
    /// The best plan so far: its facilities if limits do not bind, else its assignment.
    best_set: Vec<usize>,
    best: Vec<Option<usize>>,
    used: Vec<usize>,
    fit: Fit,
}

pub(crate) struct Search<'a> {
    pub(crate) problem: &'a Problem,
    pub(crate) memory: &'a mut Memory,
    pub(crate) best_cost: i64,
    /// Least bound of what the work limit left unexplored.
    pub(crate) frontier: i64,
    pub(crate) work: u64,
    /// Whether anything but costs limits what facilities serve.
    pub(crate) limited: bool,
    work_limit: u64,
}

impl<'a> Search<'a> {
    /// Plans that cost `below` or more are not looked for.
    fn new(problem: &'a Problem, (work_limit, below): (u64, i64), memory: &'a mut Memory) -> Self {
        let serves_any = |f: &usize| {
            problem.facilities[*f].capacity > 0 && problem.row(*f).iter().any(|c| *c < CANNOT)
        };
        memory.usable.clear();
        let usable = (0..problem.facilities.len()).filter(serves_any);
        memory.usable.extend(usable);
        memory.best_set.clear();
        memory.best.clear();
        let limited = has_limits(problem, &memory.usable);
        let nothing: i64 = problem.unfilled.iter().sum();
        Self {
            problem,
            memory,
            best_cost: nothing.min(below),
            frontier: i64::MAX,
            work: 0,
            limited,
            work_limit,
        }
    }

    /// Whether there is a plan that costs less; that of doing nothing counts.
    fn is_below(&self, below: i64) -> bool {
        let has_plan = !self.memory.best_set.is_empty() || !self.memory.best.is_empty();
        has_plan || self.problem.unfilled.iter().sum::<i64>() < below
    }

    fn finish(self, found: &mut Solution) {
        let memory = self.memory;
        if memory.best.is_empty() {
            cheapest(self.problem, &memory.best_set, &mut found.assignment);
        } else {
            found.assignment.clone_from(&memory.best);
        }
        found.terms = Terms::of(self.problem, &found.assignment, &mut memory.used);
        found.cost = found.terms.total();
        assert!(
            found.cost <= self.best_cost,
            "the plan's terms add up to its cost"
        );
        found.lower_bound = found.cost.min(self.frontier);
        found.work = self.work;
        found.exact = found.lower_bound == found.cost;
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.work >= self.work_limit
    }

    pub(crate) fn opening(&self, facility: usize) -> i64 {
        self.problem.facilities[facility].fixed + self.problem.extra_group
    }

    fn run(&mut self) {
        let Some(first) = self.price_alone() else {
            return;
        };
        self.drop_by_first_pairs();
        if self.memory.usable.is_empty() {
            return;
        }
        self.find_levels();
        self.grow(first);
        let twins = !self.problem.twins.is_empty();
        if twins || (self.limited && self.leaves_lines()) {
            self.insert(false);
        }
        if twins {
            self.insert(true);
        }
        self.drop_by_first_pairs();
        for position in 0..self.memory.levels.len() {
            let level = self.memory.levels[position];
            let is_at_level = |f: &usize| self.problem.facilities[*f].late == level;
            if !self.memory.usable.iter().any(is_at_level) {
                continue;
            }
            if self.is_spent() {
                self.leave_from(level);
                break;
            }
            self.search_level(level);
        }
    }

    /// Prices every plan of one group and finds the least cost of each line. Gives the facility
    /// that costs least alone if room is ignored.
    fn price_alone(&mut self) -> Option<usize> {
        let problem = self.problem;
        let usable = std::mem::take(&mut self.memory.usable);
        let mut frame = self.frame(0);
        frame.clear(problem, 0);
        let mut columns = std::mem::take(&mut self.memory.columns);
        columns.clone_from(&frame.relaxed);
        let mut first = (i64::MAX, None);
        for facility in &usable {
            let place = &problem.facilities[*facility];
            let mut lines = 0;
            let leave = frame.relaxed.iter().zip(&mut columns);
            for (cost, (leave, least)) in problem.row(*facility).iter().zip(leave) {
                lines += *cost.min(leave);
                *least = *cost.min(least);
            }
            let floor = place.fixed + problem.visit(place) + problem.late.of(place.late) + lines;
            first = first.min((floor, Some(*facility)));
            self.price(&[*facility], floor);
        }
        self.work += steps(usable.len(), problem.lines);
        self.memory.columns = columns;
        self.memory.frames[0] = frame;
        self.memory.usable = usable;
        first.1
    }

    /// Drops facilities that no plan of two or more groups below the best plan's cost uses.
    fn drop_by_first_pairs(&mut self) {
        let problem = self.problem;
        let lines: i64 = self.memory.columns.iter().sum();
        let below = self.best_cost - lines + problem.extra_group;
        let opening = |place: &Facility| place.fixed + problem.extra_group;
        let mut pairs = Pairs::new(None);
        for facility in &self.memory.usable {
            let place = &problem.facilities[*facility];
            pairs.see(*facility, place, opening(place));
        }
        self.memory.usable.retain(|facility| {
            let place = &problem.facilities[*facility];
            let least = pairs.least(*facility, place, opening(place));
            least.saturating_add(problem.late.of(place.late)) < below
        });
    }

    /// What opening these facilities costs, lateness included.
    pub(crate) fn groups(&self, open: &[usize]) -> i64 {
        let mut cost = -self.problem.extra_group;
        let (mut late, mut visit) = (0, 0);
        for facility in open {
            let place = &self.problem.facilities[*facility];
            cost += self.opening(*facility);
            late = late.max(place.late);
            visit = visit.max(self.problem.visit(place));
        }
        cost + visit + self.problem.late.of(late)
    }

    /// Prices the best plan on exactly these facilities and keeps it if it is the best; none of
    /// them costs less than `floor`.
    pub(crate) fn price(&mut self, open: &[usize], floor: i64) {
        if floor >= self.best_cost {
            return;
        }
        if !self.limited {
            self.best_cost = floor;
            self.memory.best_set.clear();
            self.memory.best_set.extend(open);
            return;
        }
        let below = self.best_cost - self.groups(open);
        let shares = rooms::can_bind(self.problem, open);
        if self.problem.twins.is_empty() && !shares && self.fit(open, below) {
            return;
        }
        let budget = self.work_limit.saturating_sub(self.work) / LEAF_PART;
        let leaf = if shares {
            rooms::assign(self.problem, open, below, budget)
        } else {
            assign(self.problem, open, below, budget)
        };
        self.work += leaf.work;
        if !leaf.exact {
            self.frontier = self.frontier.min(floor);
        }
        if leaf.cost < CANNOT {
            self.keep(&leaf.assignment);
        }
    }

    /// Prices a set without flow if it can be; false if it cannot.
    fn fit(&mut self, open: &[usize], below: i64) -> bool {
        let mut fit = std::mem::take(&mut self.memory.fit);
        self.work += steps(open.len() + 1, self.problem.lines);
        let fitted = fit.run(self.problem, open);
        if matches!(fitted, Fitted::Best(cost) if cost < below) {
            self.keep(&fit.assignment);
        }
        self.memory.fit = fit;
        matches!(fitted, Fitted::Best(_))
            || matches!(fitted, Fitted::AtLeast(cost) if cost >= below)
    }

    /// Keeps an assignment if it is the best.
    fn keep(&mut self, assignment: &[Option<usize>]) {
        let memory = &mut *self.memory;
        let cost = Terms::of(self.problem, assignment, &mut memory.used).total();
        let serves_any = assignment.iter().any(Option::is_some);
        if serves_any && cost < self.best_cost {
            self.best_cost = cost;
            memory.best.clear();
            memory.best.extend_from_slice(assignment);
        }
    }

    fn insert(&mut self, small_first: bool) {
        let (assignment, work) = insertion(self.problem, &self.memory.usable, small_first);
        self.work += work;
        let whole = assignment.iter().all(Option::is_some);
        if whole || !self.problem.all_or_nothing {
            self.keep(&assignment);
        }
    }

    /// Whether the best plan so far leaves a line, where limits bind.
    fn leaves_lines(&self) -> bool {
        self.memory.best.is_empty() || self.memory.best.iter().any(Option::is_none)
    }

    /// Takes over the bound of a lateness level and the later ones, unexplored.
    fn leave_from(&mut self, level: u32) {
        let mut frame = self.frame(0);
        frame.clear(self.problem, level);
        let memory = &mut *self.memory;
        let ascent = &mut memory.ascent;
        let open = memory.usable.iter().copied();
        let lines = ascent.bound(self.problem, open, &frame.relaxed, &[], i64::MAX, 0);
        self.work += std::mem::take(&mut ascent.work);
        self.frontier = self.frontier.min(frame.base + lines);
        memory.frames[0] = frame;
    }
}
