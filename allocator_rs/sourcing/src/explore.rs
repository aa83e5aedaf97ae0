//! Branch and bound over sets of open facilities: below the root.
//!
//! Rules that make the pruning exact:
//! - A facility whose largest possible saving does not pay its opening is dropped: its lines could
//!   go to a choice with room for all of them (`firm`), so the plan without it costs no more.
//! - What is open with any one facility more is priced at once. Everything else opens two more: a
//!   facility is dropped where the least costs of the lines, its opening and the least other
//!   opening reach the best plan's cost; and again where the bound of the dual ascent does with
//!   its slack and the least other slack.
#![expect(
    clippy::indexing_slicing,
    reason = "every index is a line or facility below the lengths checked by Problem::new"
)]

use crate::assign::steps;
use crate::frame::{Candidate, Frame};
use crate::search::Search;

impl Search<'_> {
    /// The node of a depth, to be put back.
    pub(crate) fn frame(&mut self, depth: usize) -> Frame {
        let frames = &mut self.memory.frames;
        if frames.len() <= depth {
            frames.resize_with(depth + 1, Frame::default);
        }
        std::mem::take(&mut frames[depth])
    }

    /// Searches every plan that opens all of `opened` and at least one of `open`.
    pub(crate) fn explore(&mut self, frame: &mut Frame, depth: usize) {
        let below = self.best_cost - frame.bound;
        frame.open.retain(|candidate| candidate.slack < below);
        self.measure(frame);
        self.price_next(frame);
        loop {
            self.drop_by_costs(frame);
            let below = self.best_cost - frame.bound;
            frame.retain_pairs(self.problem, |_, candidate| candidate.slack, below);
            if frame.open.len() < 2 {
                return;
            }
            self.bound(frame);
            if frame.open.len() < 2 {
                return;
            }
            if self.is_spent() {
                self.frontier = self.frontier.min(frame.bound);
                return;
            }
            let net = |position: &usize| {
                let candidate = &frame.open[*position];
                let net = candidate.gain - self.opening(candidate.facility);
                (net, usize::MAX - candidate.facility)
            };
            let Some(position) = (0..frame.open.len()).max_by_key(net) else {
                return;
            };
            let mut child = self.frame(depth + 1);
            child.follow(self.problem, frame, frame.open[position]);
            self.explore(&mut child, depth + 1);
            self.memory.frames[depth + 1] = child;
            frame.open.remove(position);
        }
    }

    /// Bounds every plan from here on by dual ascent and drops what the slacks rule out.
    fn bound(&mut self, frame: &mut Frame) {
        let ascent = &mut self.memory.ascent;
        let open = frame.open.iter().map(|candidate| candidate.facility);
        let enough = self.best_cost - frame.base;
        let start = &frame.dual;
        let lines = ascent.bound(self.problem, open, &frame.relaxed, start, enough, 0);
        self.work += std::mem::take(&mut ascent.work);
        let bound = frame.base + lines;
        let slack = &ascent.slack;
        if bound >= frame.bound {
            frame.bound = bound;
            for (candidate, slack) in frame.open.iter_mut().zip(slack) {
                candidate.slack = *slack;
            }
        }
        let below = self.best_cost - bound;
        frame.retain_pairs(self.problem, |position, _| slack[position], below);
        frame.dual.clone_from(&ascent.dual);
    }

    /// Finds what each candidate saves and drops those that do not pay their opening.
    fn measure(&mut self, frame: &mut Frame) {
        self.work += steps(frame.open.len(), self.problem.lines);
        let Frame {
            open,
            firm,
            relaxed,
            ..
        } = frame;
        open.retain_mut(|candidate| {
            let firm = self.saving(firm, candidate.facility);
            let pays = firm > self.opening(candidate.facility);
            candidate.gain = if pays && self.limited {
                self.saving(relaxed, candidate.facility)
            } else {
                firm
            };
            pays
        });
    }

    /// Prices what is open with each one candidate more, the most promising first.
    fn price_next(&mut self, frame: &mut Frame) {
        let lines: i64 = frame.relaxed.iter().sum();
        let from = frame.base + lines + self.problem.extra_group;
        let fixed = |facility: usize| self.problem.facilities[facility].fixed;
        let floor = |one: &Candidate| from + fixed(one.facility) - one.gain;
        let first = frame.open.iter().min_by_key(|one| floor(one)).copied();
        for position in 0..=frame.open.len() {
            let candidate = match position.checked_sub(1) {
                None => first,
                Some(index) => frame.open.get(index).copied(),
            };
            let Some(candidate) = candidate else {
                return;
            };
            let floor = from + self.problem.facilities[candidate.facility].fixed - candidate.gain;
            if floor < self.best_cost {
                frame.opened.push(candidate.facility);
                self.price(&frame.opened, floor);
                frame.opened.pop();
            }
        }
    }

    /// Drops candidates that no plan with two more below the best plan's cost opens, by the least
    /// cost of each line.
    fn drop_by_costs(&mut self, frame: &mut Frame) {
        let problem = self.problem;
        self.work += steps(frame.open.len(), problem.lines);
        let columns = &mut self.memory.columns;
        columns.clone_from(&frame.relaxed);
        for candidate in &frame.open {
            let row = problem.row(candidate.facility);
            for (least, cost) in columns.iter_mut().zip(row) {
                *least = *cost.min(least);
            }
        }
        let least = frame.base + columns.iter().sum::<i64>();
        let opening = |candidate: &Candidate| {
            problem.facilities[candidate.facility].fixed + problem.extra_group
        };
        let below = self.best_cost - least;
        frame.retain_pairs(problem, |_, candidate| opening(candidate), below);
    }

    /// The most that opening a facility can save against the given cost of each line: as many
    /// lines as it has room for.
    fn saving(&mut self, against: &[i64], facility: usize) -> i64 {
        let row = self.problem.row(facility);
        let room = self.problem.facilities[facility].capacity as usize;
        let gains = against.iter().zip(row).map(|(old, new)| (old - new).max(0));
        if room >= self.problem.lines {
            return gains.sum();
        }
        let sorted = &mut self.memory.sorted;
        sorted.clear();
        sorted.extend(gains);
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        sorted.iter().take(room).sum()
    }
}
