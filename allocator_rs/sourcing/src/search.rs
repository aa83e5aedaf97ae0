//! Branch and bound over sets of open facilities.
//!
//! Rules that make the pruning exact:
//! - A facility whose largest possible saving does not pay its opening is dropped: its lines could
//!   go to a choice with room for all of them (`firm`), so the plan without it costs no more.
//!   Plans of one facility, and the plan that fills nothing, are priced apart, so "each group
//!   beyond the first" is charged exactly.
//! - A facility whose slack in the dual ascent lifts the bound to the best plan's cost is dropped.
//! - Lateness is enumerated: at level t only facilities ready by then are offered, and t is paid.
//! - The pickup store is chosen first, so the bound never mixes two of them.
#![expect(
    clippy::indexing_slicing,
    reason = "every index is a line or facility below the lengths checked by Problem::new"
)]

use crate::assign::{assign, leave_cost, steps};
use crate::bound::Ascent;
use crate::greedy::{has_limits, insertion};
use crate::problem::{Problem, CANNOT};
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
pub struct Kernel {
    ascent: Ascent,
}

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
        let mut search = Search::new(problem, work_limit, std::mem::take(&mut self.ascent));
        search.run();
        self.ascent = std::mem::take(&mut search.ascent);
        *found = search.finish();
    }
}

struct Search<'a> {
    problem: &'a Problem,
    ascent: Ascent,
    best_cost: i64,
    best: Vec<Option<usize>>,
    /// Least bound of what the work limit left unexplored.
    frontier: i64,
    /// Least bound of the classes that plans fall into: nothing, and by lateness and pickup store.
    root: i64,
    /// Bound on every plan with a group, lateness left aside, once it is known.
    everything: Option<i64>,
    work: u64,
    work_limit: u64,
    /// Price of the lateness level searched now.
    late: i64,
    /// Facilities that can serve a line at all, as given.
    usable: Vec<usize>,
}

/// A node of the search: what is open, and the cost of each line there.
struct Opened {
    facilities: Vec<usize>,
    fixed: i64,
    /// Cheapest choice of each line if room is ignored: for bounds.
    relaxed: Vec<i64>,
    /// Cheapest choice of each line that always has room: for dropping facilities.
    firm: Vec<i64>,
}

impl<'a> Search<'a> {
    fn new(problem: &'a Problem, work_limit: u64, ascent: Ascent) -> Self {
        let usable = (0..problem.facilities.len())
            .filter(|f| {
                problem.facilities[*f].capacity > 0
                    && problem.row(*f).iter().any(|cost| *cost < CANNOT)
            })
            .collect();
        let nothing = problem.unfilled.iter().sum();
        Self {
            problem,
            ascent,
            best_cost: nothing,
            best: vec![None; problem.lines],
            frontier: i64::MAX,
            root: nothing,
            everything: None,
            work: 0,
            work_limit,
            late: 0,
            usable,
        }
    }

    fn finish(self) -> Solution {
        let terms = Terms::of(self.problem, &self.best);
        assert_eq!(
            terms.total(),
            self.best_cost,
            "the plan's terms add up to its cost"
        );
        assert!(
            self.root <= self.best_cost,
            "no bound lies above a plan's cost"
        );
        let lower_bound = self.best_cost.min(self.frontier).max(self.root);
        Solution {
            assignment: self.best,
            cost: self.best_cost,
            terms,
            lower_bound,
            work: self.work,
            exact: lower_bound == self.best_cost,
        }
    }

    fn is_spent(&self) -> bool {
        self.work >= self.work_limit
    }

    fn run(&mut self) {
        if has_limits(self.problem, &self.usable) {
            self.insert(false);
            if !self.problem.twins.is_empty() {
                self.insert(true);
            }
        }
        for position in 0..self.usable.len() {
            let facility = [self.usable[position]];
            self.price(&facility);
            // What is not priced here is a plan of its level, and bounded there.
            if self.is_spent() {
                break;
            }
        }
        let mut levels: Vec<u32> = self
            .usable
            .iter()
            .map(|f| self.problem.facilities[*f].late)
            .collect();
        levels.sort_unstable();
        levels.dedup();
        if levels.len() > 1 {
            self.bound_of_everything();
        }
        for level in levels {
            self.late = self.problem.late.of(level);
            let known = self.everything.map(|least| least + self.late);
            if known.is_some_and(|bound| bound >= self.best_cost) || self.is_spent() {
                return self.leave_from_here();
            }
            self.search_level(level);
        }
    }

    fn insert(&mut self, small_first: bool) {
        let (assignment, work) = insertion(self.problem, &self.usable, small_first);
        self.work += work;
        let whole = assignment.iter().all(Option::is_some);
        if whole || !self.problem.all_or_nothing {
            self.keep(assignment);
        }
    }

    /// No plan with at least one group costs less, lateness left aside.
    fn bound_of_everything(&mut self) -> i64 {
        if let Some(known) = self.everything {
            return known;
        }
        let cap: Vec<i64> = (0..self.problem.lines)
            .map(|l| leave_cost(self.problem, l))
            .collect();
        let lines = self.ascent.bound(self.problem, &self.usable, &cap);
        self.work += std::mem::take(&mut self.ascent.work);
        *self.everything.insert(lines - self.problem.extra_group)
    }

    /// Takes over the bound of this lateness level and the later ones, unexplored.
    fn leave_from_here(&mut self) {
        let bound = self.bound_of_everything() + self.late;
        self.root = self.root.min(bound);
        self.frontier = self.frontier.min(bound);
    }

    fn search_level(&mut self, level: u32) {
        let in_time = |f: &&usize| self.problem.facilities[**f].late <= level;
        let ships: Vec<usize> = self
            .usable
            .iter()
            .filter(in_time)
            .filter(|f| !self.problem.facilities[**f].pickup)
            .copied()
            .collect();
        let mut choices: Vec<(i64, Option<usize>)> = vec![(0, None)];
        choices.extend(
            self.usable
                .iter()
                .filter(in_time)
                .filter(|f| self.problem.facilities[**f].pickup)
                .map(|f| (0, Some(*f))),
        );
        for choice in &mut choices {
            if self.is_spent() {
                choice.0 = self.bound_of_everything() + self.late;
                continue;
            }
            let opened = self.opened(choice.1);
            let open = self.without_conflicts(&ships, choice.1);
            choice.0 = self.bound(&opened, &open);
        }
        choices.sort_unstable();
        let least = choices.first().map_or(i64::MAX, |choice| choice.0);
        self.root = self.root.min(least);
        for (bound, pickup) in choices {
            if bound >= self.best_cost {
                break;
            }
            if self.is_spent() {
                self.frontier = self.frontier.min(bound);
                break;
            }
            let opened = self.opened(pickup);
            let open = self.without_conflicts(&ships, pickup);
            self.explore(&opened, open);
        }
    }

    /// The state in which only a pickup store is open, or nothing.
    fn opened(&self, pickup: Option<usize>) -> Opened {
        let leave: Vec<i64> = (0..self.problem.lines)
            .map(|l| leave_cost(self.problem, l))
            .collect();
        let nothing = Opened {
            facilities: Vec::new(),
            fixed: 0,
            relaxed: leave.clone(),
            firm: leave,
        };
        match pickup {
            None => nothing,
            Some(facility) => self.with(&nothing, facility),
        }
    }

    fn without_conflicts(&self, open: &[usize], opened: Option<usize>) -> Vec<usize> {
        let node = opened.map(|f| self.problem.facilities[f].node);
        open.iter()
            .filter(|f| Some(self.problem.facilities[**f].node) != node)
            .copied()
            .collect()
    }

    fn with(&self, opened: &Opened, facility: usize) -> Opened {
        let problem = self.problem;
        let row = problem.row(facility);
        let roomy = problem.facilities[facility].capacity as usize >= problem.lines;
        let mut facilities = opened.facilities.clone();
        facilities.push(facility);
        let relaxed = opened
            .relaxed
            .iter()
            .zip(row)
            .map(|(old, new)| *old.min(new))
            .collect();
        let firm = opened
            .firm
            .iter()
            .zip(row)
            .zip(&problem.is_twin)
            .map(|((old, new), twin)| if roomy && !twin { *old.min(new) } else { *old })
            .collect();
        let fixed = opened.fixed + problem.facilities[facility].fixed + problem.extra_group;
        Opened {
            facilities,
            fixed,
            relaxed,
            firm,
        }
    }

    /// Bound on every plan that opens all of `opened` and any of `open`, at this lateness level.
    fn bound(&mut self, opened: &Opened, open: &[usize]) -> i64 {
        let lines = self.ascent.bound(self.problem, open, &opened.relaxed);
        self.work += std::mem::take(&mut self.ascent.work);
        self.late + opened.fixed - self.problem.extra_group + lines
    }

    fn explore(&mut self, opened: &Opened, mut open: Vec<usize>) {
        self.work += steps(open.len(), self.problem.lines);
        open.retain(|f| self.saving(&opened.firm, *f) > self.opening(*f));
        loop {
            let bound = self.bound(opened, &open);
            if bound >= self.best_cost {
                return;
            }
            if self.is_spent() {
                self.frontier = self.frontier.min(bound);
                return;
            }
            let mut position = 0;
            let (slack, best) = (&self.ascent.slack, self.best_cost);
            open.retain(|_| {
                position += 1;
                bound + slack[position - 1] < best
            });
            self.work += steps(open.len(), self.problem.lines);
            let Some(next) = open.iter().copied().max_by_key(|f| {
                (
                    self.saving(&opened.relaxed, *f) - self.opening(*f),
                    usize::MAX - f,
                )
            }) else {
                return;
            };
            let child = self.with(opened, next);
            self.price(&child.facilities);
            let rest = self.without_conflicts(&open, Some(next));
            self.explore(&child, rest);
            open.retain(|f| *f != next);
        }
    }

    fn opening(&self, facility: usize) -> i64 {
        self.problem.facilities[facility].fixed + self.problem.extra_group
    }

    /// The most that opening a facility can save against the given cost of each line: as many
    /// lines as it has room for.
    fn saving(&self, against: &[i64], facility: usize) -> i64 {
        let row = self.problem.row(facility);
        let room = self.problem.facilities[facility].capacity as usize;
        let gains = against.iter().zip(row).map(|(old, new)| (old - new).max(0));
        if room >= self.problem.lines {
            return gains.sum();
        }
        let mut gains: Vec<i64> = gains.collect();
        gains.sort_unstable_by(|a, b| b.cmp(a));
        gains.iter().take(room).sum()
    }

    /// Prices the best plan on exactly these facilities and keeps it if it is the best.
    fn price(&mut self, open: &[usize]) {
        let floor = self.floor_of(open);
        self.work += steps(open.len() + 1, self.problem.lines);
        if floor.total() >= self.best_cost {
            return;
        }
        let budget = self.work_limit.saturating_sub(self.work) / LEAF_PART;
        let below = self.best_cost - floor.groups;
        let leaf = assign(self.problem, open, below, budget);
        self.work += leaf.work;
        if !leaf.exact {
            self.frontier = self.frontier.min(floor.total());
        }
        if leaf.cost >= CANNOT {
            return;
        }
        self.keep(leaf.assignment);
    }

    /// Keeps an assignment if it is the best.
    fn keep(&mut self, assignment: Vec<Option<usize>>) {
        let cost = Terms::of(self.problem, &assignment).total();
        let serves_any = assignment.iter().any(Option::is_some);
        if serves_any && cost < self.best_cost {
            self.best_cost = cost;
            self.best = assignment;
        }
    }

    /// No plan that uses all of these facilities and no other costs less (room and shared cells
    /// ignored).
    fn floor_of(&self, open: &[usize]) -> Floor {
        let mut groups = -self.problem.extra_group;
        let mut late = 0;
        for facility in open {
            groups += self.opening(*facility);
            late = late.max(self.problem.facilities[*facility].late);
        }
        groups += self.problem.late.of(late);
        let least = |line: usize| {
            open.iter()
                .map(|f| self.problem.row(*f)[line])
                .fold(leave_cost(self.problem, line), i64::min)
        };
        let lines = (0..self.problem.lines).map(least).sum();
        Floor { groups, lines }
    }
}

/// What a set of facilities costs at least.
struct Floor {
    /// Opening them all, lateness included.
    groups: i64,
    /// The lines, each where it is cheapest.
    lines: i64,
}

impl Floor {
    fn total(&self) -> i64 {
        self.groups + self.lines
    }
}
