//! Lower bounds: dual ascent for the uncapacitated facility location problem (Bilde and Krarup
//! 1977, Erlenkotter 1978). Limits are relaxed; any dual vector within its slacks is valid.
#![expect(
    clippy::indexing_slicing,
    reason = "every index is a line or facility below the lengths checked by Problem::new"
)]

use crate::problem::Problem;

/// Rounds in which each line rises by one breakpoint, before the lines rise as far as they can.
const BREAKPOINT_ROUNDS: usize = 6;

/// Buffers of a dual ascent, kept between calls.
#[derive(Default)]
pub(crate) struct Ascent {
    /// Dual of each line.
    dual: Vec<i64>,
    /// What is left of the opening cost of each facility of `open`, in its order.
    pub(crate) slack: Vec<i64>,
    order: Vec<(usize, usize)>,
}

impl Ascent {
    /// Least cost of serving all lines at `cap` (already paid for) or by opening some of `open`;
    /// each costs its fixed cost and one extra group.
    pub(crate) fn bound(&mut self, problem: &Problem, open: &[usize], cap: &[i64]) -> i64 {
        self.slack.clear();
        self.slack.extend(
            open.iter()
                .map(|f| problem.facilities[*f].fixed + problem.extra_group),
        );
        self.dual.clear();
        self.order.clear();
        for (line, cap) in cap.iter().enumerate() {
            let (mut least, mut count) = (*cap, 0);
            for facility in open {
                let cost = problem.costs[facility * problem.lines + line];
                count += usize::from(cost < *cap);
                least = least.min(cost);
            }
            self.dual.push(least);
            self.order.push((count, line));
        }
        // Lines with few choices first: raising them uses up few slacks that others need.
        self.order.sort_unstable();
        for _ in 0..BREAKPOINT_ROUNDS {
            let mut moved = false;
            for position in 0..self.order.len() {
                moved |= self.raise(problem, open, cap, self.order[position].1, true);
            }
            if !moved {
                break;
            }
        }
        for position in 0..self.order.len() {
            self.raise(problem, open, cap, self.order[position].1, false);
        }
        self.dual.iter().sum()
    }

    /// Raises the dual of a line as far as the slacks allow, at most to its next breakpoint if
    /// `to_breakpoint`. True if it rose.
    fn raise(
        &mut self,
        problem: &Problem,
        open: &[usize],
        cap: &[i64],
        line: usize,
        to_breakpoint: bool,
    ) -> bool {
        let now = self.dual[line];
        let mut target = cap[line];
        if now >= target {
            return false;
        }
        for (facility, slack) in open.iter().zip(&self.slack) {
            let cost = problem.costs[facility * problem.lines + line];
            let reach = cost.max(now) + slack;
            target = target.min(reach);
            if to_breakpoint && cost > now {
                target = target.min(cost);
            }
        }
        if target <= now {
            return false;
        }
        for (facility, slack) in open.iter().zip(&mut self.slack) {
            let cost = problem.costs[facility * problem.lines + line];
            *slack -= (target - cost.max(now)).max(0);
        }
        self.dual[line] = target;
        true
    }
}
