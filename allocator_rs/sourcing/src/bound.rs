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
    pub(crate) dual: Vec<i64>,
    /// What is left of the opening cost of each facility of `open`, in its order.
    pub(crate) slack: Vec<i64>,
    /// Work units spent since the last look.
    pub(crate) work: u64,
    /// Lines that may rise still, with the number of facilities that could serve them.
    rising: Vec<(usize, usize)>,
    /// By line: those that can bind (others cost at least the cap), from `first` of the line on.
    servers: Vec<Server>,
    first: Vec<usize>,
}

impl Ascent {
    /// Least cost of serving all lines at `cap` (already paid for) or by opening some of `open`;
    /// each costs its fixed cost and one extra group, a pickup store `toll` more. `start`: duals
    /// that are valid for these facilities under a higher cap, or none. What reaches `enough` is
    /// not raised further.
    pub(crate) fn bound(
        &mut self,
        problem: &Problem,
        open: impl Iterator<Item = usize> + Clone,
        cap: &[i64],
        start: &[i64],
        enough: i64,
        toll: i64,
    ) -> i64 {
        self.slack.clear();
        let opening = |facility: usize| {
            let place = &problem.facilities[facility];
            let toll = if place.is_pickup() { toll } else { 0 };
            place.fixed + problem.extra_group + toll
        };
        self.slack.extend(open.clone().map(opening));
        self.dual.clear();
        self.rising.clear();
        self.servers.clear();
        self.first.clear();
        let mut total = 0;
        for (line, cap) in cap.iter().enumerate() {
            let first = self.servers.len();
            let mut least = *cap;
            for (position, facility) in open.clone().enumerate() {
                let cost = problem.costs[facility * problem.lines + line];
                if cost < *cap {
                    self.servers.push(Server { position, cost });
                    least = least.min(cost);
                }
            }
            if let Some(start) = start.get(line) {
                least = least.max(*start.min(cap));
                for server in &self.servers[first..] {
                    self.slack[server.position] -= (least - server.cost).max(0);
                }
            }
            self.first.push(first);
            self.dual.push(least);
            total += least;
            if least < *cap {
                self.rising.push((self.servers.len() - first, line));
            }
        }
        self.first.push(self.servers.len());
        self.work += steps(self.slack.len() + 1, problem.lines);
        // Lines with few choices first: raising them uses up few slacks that others need.
        self.rising.sort_unstable();
        let mut rising = std::mem::take(&mut self.rising);
        let mut round = 0;
        while total < enough && round <= BREAKPOINT_ROUNDS && !rising.is_empty() {
            let to_breakpoint = round < BREAKPOINT_ROUNDS;
            rising.retain(|(_, line)| {
                let before = self.dual[*line];
                let more = self.raise(cap[*line], *line, to_breakpoint);
                total += self.dual[*line] - before;
                more
            });
            round += 1;
        }
        self.rising = rising;
        total
    }

    /// Raises the dual of a line as far as the slacks allow, at most to its next breakpoint if
    /// `to_breakpoint`. False if it can rise no more, ever.
    fn raise(&mut self, cap: i64, line: usize, to_breakpoint: bool) -> bool {
        let servers = &self.servers[self.first[line]..self.first[line + 1]];
        let now = self.dual[line];
        let mut target = cap;
        self.work += steps(servers.len(), 1);
        for Server { position, cost } in servers {
            target = target.min((*cost).max(now) + self.slack[*position]);
            let breakpoint = if to_breakpoint && *cost > now {
                *cost
            } else {
                cap
            };
            target = target.min(breakpoint);
        }
        if target <= now {
            return false;
        }
        for Server { position, cost } in servers {
            self.slack[*position] -= (target - (*cost).max(now)).max(0);
        }
        self.dual[line] = target;
        target < cap
    }
}
