//! Lower bounds: dual ascent for the uncapacitated facility location problem (Bilde and Krarup
//! 1977, Erlenkotter 1978). Limits are relaxed; any dual vector within its slacks is valid.
#![expect(
    clippy::indexing_slicing,
    reason = "every index is a line or facility below the lengths checked by Problem::new"
)]

use crate::assign::steps;
use crate::problem::Problem;

/// Rounds in which each line rises by one breakpoint, before the lines rise as far as they can.
const BREAKPOINT_ROUNDS: usize = 6;

/// A facility that serves a line for less than the line's cap.
#[derive(Clone, Copy)]
struct Server {
    /// Place in `open`.
    position: usize,
    cost: i64,
}

/// Buffers of a dual ascent, kept between calls.
#[derive(Default)]
pub(crate) struct Ascent {
    /// Dual of each line.
    dual: Vec<i64>,
    /// What is left of the opening cost of each facility of `open`, in its order.
    pub(crate) slack: Vec<i64>,
    /// Work units spent since the last look.
    pub(crate) work: u64,
    order: Vec<(usize, usize)>,
    /// By line: those that can bind (others cost at least the cap), from `first` of the line on.
    servers: Vec<Server>,
    first: Vec<usize>,
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
        self.servers.clear();
        self.first.clear();
        for (line, cap) in cap.iter().enumerate() {
            self.first.push(self.servers.len());
            let mut least = *cap;
            for (position, facility) in open.iter().enumerate() {
                let cost = problem.costs[facility * problem.lines + line];
                if cost < *cap {
                    self.servers.push(Server { position, cost });
                    least = least.min(cost);
                }
            }
            self.dual.push(least);
            self.order
                .push((self.servers.len() - self.first[line], line));
        }
        self.first.push(self.servers.len());
        self.work += steps(open.len() + 1, problem.lines);
        // Lines with few choices first: raising them uses up few slacks that others need.
        self.order.sort_unstable();
        for _ in 0..BREAKPOINT_ROUNDS {
            let mut moved = false;
            for position in 0..self.order.len() {
                let line = self.order[position].1;
                moved |= self.raise(cap[line], line, true);
            }
            if !moved {
                break;
            }
        }
        for position in 0..self.order.len() {
            let line = self.order[position].1;
            self.raise(cap[line], line, false);
        }
        self.dual.iter().sum()
    }

    /// Raises the dual of a line as far as the slacks allow, at most to its next breakpoint if
    /// `to_breakpoint`. True if it rose.
    fn raise(&mut self, cap: i64, line: usize, to_breakpoint: bool) -> bool {
        let now = self.dual[line];
        let mut target = cap;
        if now >= target {
            return false;
        }
        let servers = &self.servers[self.first[line]..self.first[line + 1]];
        self.work += steps(servers.len(), 1);
        for Server { position, cost } in servers {
            target = target.min((*cost).max(now) + self.slack[*position]);
            if to_breakpoint && *cost > now {
                target = target.min(*cost);
            }
        }
        if target <= now {
            return false;
        }
        for Server { position, cost } in servers {
            self.slack[*position] -= (target - (*cost).max(now)).max(0);
        }
        self.dual[line] = target;
        true
    }
}
