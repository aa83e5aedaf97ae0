//! A plan, and what it costs by term.

use crate::assign::shared_charge;
use crate::problem::Problem;

/// What a plan costs, term by term (micro-units).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Opening the groups, and collecting where they are collected.
    pub fixed: i64,
    /// The lines at their facilities.
    pub lines: i64,
    /// Beyond the lines alone: what twin lines cost together.
    pub shared: i64,
    /// Groups beyond the first.
    pub extra_groups: i64,
    /// Lateness of the latest group.
    pub late: i64,
    /// Lines left unfilled.
    pub unfilled: i64,
}

impl Terms {
    /// Their sum.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.fixed + self.lines + self.shared + self.extra_groups + self.late + self.unfilled
    }

    /// Prices an assignment from the problem alone, `open` being memory to work in.
    pub(crate) fn of(
        problem: &Problem,
        assignment: &[Option<usize>],
        open: &mut Vec<usize>,
    ) -> Self {
        let mut terms = Self::default();
        open.clear();
        let choices = assignment.iter().zip(&problem.unfilled).enumerate();
        for (line, (choice, unfilled)) in choices {
            match choice {
                None => terms.unfilled += unfilled,
                Some(facility) => {
                    terms.lines += problem.row(*facility).get(line).copied().unwrap_or(0);
                    if !open.contains(facility) {
                        open.push(*facility);
                    }
                }
            }
        }
        let (mut late, mut visit) = (0, 0);
        for facility in open.iter().filter_map(|f| problem.facilities.get(*f)) {
            terms.fixed += facility.fixed;
            late = late.max(facility.late);
            visit = visit.max(problem.visit(facility));
        }
        terms.fixed += visit;
        terms.late = problem.late.of(late);
        let extra = i64::try_from(open.len().saturating_sub(1)).unwrap_or(i64::MAX);
        terms.extra_groups = problem.extra_group * extra;
        terms.shared = shared_charge(problem, assignment).unwrap_or(0);
        terms
    }
}

/// The best plan found and what is proven about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Solution {
    /// Index of the facility of each line; none: unfilled.
    pub assignment: Vec<Option<usize>>,
    /// What it costs (micro-units).
    pub cost: i64,
    /// The same by term.
    pub terms: Terms,
    /// No plan of this problem costs less.
    pub lower_bound: i64,
    /// Work units spent: looks at one line's cost at one facility.
    pub work: u64,
    /// Whether the search ended by itself; if not, `lower_bound` is the frontier's.
    pub exact: bool,
}

impl Solution {
    /// Facilities that serve at least one line, in rising order.
    #[must_use]
    pub fn open_facilities(&self) -> Vec<usize> {
        let mut open: Vec<usize> = self.assignment.iter().flatten().copied().collect();
        open.sort_unstable();
        open.dedup();
        open
    }
}
