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

use crate::assign::{assign, leave_cost};
use crate::bound::Ascent;
use crate::problem::{Problem, CANNOT};
use crate::solution::{Solution, Terms};

/// Solves an order exactly, or as far as `work_limit` work units reach (a work unit is a bound
/// over the open facilities, or a leaf). The plan is always feasible; `lower_bound <= cost`.
#[must_use]
pub fn solve(problem: &Problem, work_limit: u64) -> Solution {
    let mut search = Search::new(problem, work_limit);
    search.run();
    search.finish()
}

struct Search<'a> {
    problem: &'a Problem,
    ascent: Ascent,
    best_cost: i64,
    best: Vec<Option<usize>>,
    /// Least bound of what the work limit left unexplored.
    frontier: i64,
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
    fn new(problem: &'a Problem, work_limit: u64) -> Self {
        let usable = (0..problem.facilities.len())
            .filter(|f| {
                problem.facilities[*f].capacity > 0
                    && problem.row(*f).iter().any(|cost| *cost < CANNOT)
            })
            .collect();
        Self {
            problem,
            ascent: Ascent::default(),
            best_cost: problem.unfilled.iter().sum(),
            best: vec![None; problem.lines],
            frontier: i64::MAX,
            work: 0,
            work_limit,
            late: 0,
            usable,
        }
    }

    fn finish(self) -> Solution {
        let terms = Terms::of(self.problem, &self.best);
        let lower_bound = self.best_cost.min(self.frontier);
        assert_eq!(
            terms.total(),
            self.best_cost,
            "the plan's terms add up to its cost"
        );
        assert!(
            lower_bound <= self.best_cost,
            "no bound lies above a plan's cost"
        );
        Solution {
            assignment: self.best,
            cost: self.best_cost,
            terms,
            lower_bound,
            work: self.work,
            exact: self.frontier >= self.best_cost,
        }
    }

    fn run(&mut self) {
        for position in 0..self.usable.len() {
            let facility = [self.usable[position]];
            if self.floor_of(&facility) < self.best_cost {
                self.price(&facility);
            }
        }
        let mut levels: Vec<u32> = self
            .usable
            .iter()
            .map(|f| self.problem.facilities[*f].late)
            .collect();
        levels.sort_unstable();
        levels.dedup();
        let everything = if levels.len() > 1 {
            self.bound_of_everything()
        } else {
            i64::MIN
        };
        for level in levels {
            let late = self.problem.late_step * i64::from(level);
            if everything.saturating_add(late) >= self.best_cost {
                break;
            }
            self.late = late;
            self.search_level(level);
        }
    }

    /// No plan with at least one group costs less, lateness left aside.
    fn bound_of_everything(&mut self) -> i64 {
        let cap: Vec<i64> = (0..self.problem.lines)
            .map(|l| leave_cost(self.problem, l))
            .collect();
        self.work += 1;
        self.ascent.bound(self.problem, &self.usable, &cap) - self.problem.extra_group
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
            let opened = self.opened(choice.1);
            let open = self.without_conflicts(&ships, choice.1);
            choice.0 = self.bound(&opened, &open);
        }
        choices.sort_unstable();
        for (bound, pickup) in choices {
            if bound >= self.best_cost {
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
        self.work += 1;
        let lines = self.ascent.bound(self.problem, open, &opened.relaxed);
        self.late + opened.fixed - self.problem.extra_group + lines
    }

    fn explore(&mut self, opened: &Opened, mut open: Vec<usize>) {
        open.retain(|f| self.saving(&opened.firm, *f) > self.opening(*f));
        loop {
            let bound = self.bound(opened, &open);
            if bound >= self.best_cost {
                return;
            }
            if self.work >= self.work_limit {
                self.frontier = self.frontier.min(bound);
                return;
            }
            let mut position = 0;
            let (slack, best) = (&self.ascent.slack, self.best_cost);
            open.retain(|_| {
                position += 1;
                bound + slack[position - 1] < best
            });
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
        self.work += 1;
        let budget = self.work_limit.saturating_sub(self.work);
        let leaf = assign(self.problem, open, budget);
        self.work += leaf.work;
        if !leaf.exact {
            self.frontier = self.frontier.min(self.floor_of(open));
        }
        if leaf.cost >= CANNOT {
            return;
        }
        let terms = Terms::of(self.problem, &leaf.assignment);
        let serves_any = leaf.assignment.iter().any(Option::is_some);
        if serves_any && terms.total() < self.best_cost {
            self.best_cost = terms.total();
            self.best = leaf.assignment;
        }
    }

    /// No plan on these facilities alone costs less (room and shared cells ignored).
    fn floor_of(&self, open: &[usize]) -> i64 {
        let mut floor = -self.problem.extra_group;
        let mut late = 0;
        for facility in open {
            floor += self.opening(*facility);
            late = late.max(self.problem.facilities[*facility].late);
        }
        floor += self.problem.late_step * i64::from(late);
        for line in 0..self.problem.lines {
            floor += open
                .iter()
                .map(|f| self.problem.row(*f)[line])
                .fold(leave_cost(self.problem, line), i64::min);
        }
        floor
    }
}
