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
use crate::frame::Frame;
use crate::pairs::Pairs;
use crate::problem::{Facility, Problem};
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
        crate::dbg(5, frame.open.len() * self.problem.lines);
        crate::dbg(8, 1);
        self.measure(frame);
        self.price_next(frame);
        loop {
            self.drop_by_pairs(frame);
            if frame.open.len() < 2 {
                return;
            }
            if depth == 0 {}
            let memory = &mut *self.memory;
            let ascent = &mut memory.ascent;
            let enough = self.best_cost - frame.base;
            let lines = ascent.bound(
                self.problem,
                &frame.open,
                &frame.relaxed,
                &frame.dual,
                enough,
                0,
            );
            crate::dbg(6, ascent.work as usize);
            crate::dbg(9, 1);
            self.work += std::mem::take(&mut ascent.work);
            frame.dual.clone_from(&ascent.dual);
            let bound = frame.base + lines;
            let slack = |position: usize, _: &Facility| memory.ascent.slack[position];
            retain_pairs(self.problem, frame, slack, self.best_cost - bound);
            frame.bound = frame.bound.max(bound);
            if frame.open.len() < 2 {
                return;
            }
            if self.is_spent() {
                self.frontier = self.frontier.min(frame.bound);
                return;
            }
            let net = |position: &usize| {
                let facility = frame.open[*position];
                (
                    frame.gains[*position] - self.opening(facility),
                    usize::MAX - facility,
                )
            };
            let Some(position) = (0..frame.open.len()).max_by_key(net) else {
                return;
            };
            let facility = frame.open[position];
            let mut child = self.frame(depth + 1);
            child.follow(self.problem, frame, facility);
            self.explore(&mut child, depth + 1);
            self.memory.frames[depth + 1] = child;
            frame.open.remove(position);
            frame.gains.remove(position);
        }
    }

    /// Finds what each facility saves and drops those that do not pay their opening.
    fn measure(&mut self, frame: &mut Frame) {
        self.work += steps(frame.open.len(), self.problem.lines);
        frame.gains.clear();
        let mut open = std::mem::take(&mut frame.open);
        open.retain(|facility| {
            let firm = self.saving(&frame.firm, *facility);
            let pays = firm > self.opening(*facility);
            if pays {
                let gain = if self.limited {
                    self.saving(&frame.relaxed, *facility)
                } else {
                    firm
                };
                frame.gains.push(gain);
            }
            pays
        });
        frame.open = open;
    }

    /// Prices what is open with each one facility more, the most promising first.
    fn price_next(&mut self, frame: &mut Frame) {
        let lines: i64 = frame.relaxed.iter().sum();
        let problem = self.problem;
        let floor = |position: usize| {
            let facility = frame.open[position];
            let place = &problem.facilities[facility];
            frame.base + lines - frame.gains[position] + place.fixed + problem.extra_group
        };
        let Some(first) = (0..frame.open.len()).min_by_key(|position| floor(*position)) else {
            return;
        };
        for position in [first].into_iter().chain(0..frame.open.len()) {
            let floor = floor(position);
            if floor < self.best_cost {
                frame.opened.push(frame.open[position]);
                self.price(&frame.opened, floor);
                frame.opened.pop();
            }
        }
    }

    /// Drops facilities that no plan with two more below the best plan's cost opens.
    fn drop_by_pairs(&mut self, frame: &mut Frame) {
        let problem = self.problem;
        self.work += steps(frame.open.len(), problem.lines);
        let columns = &mut self.memory.columns;
        columns.clone_from(&frame.relaxed);
        for facility in &frame.open {
            for (least, cost) in columns.iter_mut().zip(problem.row(*facility)) {
                *least = *cost.min(least);
            }
        }
        let least = frame.base + columns.iter().sum::<i64>();
        let opening = |_: usize, place: &Facility| place.fixed + problem.extra_group;
        retain_pairs(problem, frame, opening, self.best_cost - least);
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

/// Keeps the facilities that with the least other one stay below a limit.
fn retain_pairs(
    problem: &Problem,
    frame: &mut Frame,
    price: impl Fn(usize, &Facility) -> i64,
    below: i64,
) {
    let mut pairs = Pairs::new(frame.level);
    for (position, facility) in frame.open.iter().enumerate() {
        let place = &problem.facilities[*facility];
        pairs.see(position, place, price(position, place));
    }
    let mut kept = 0;
    for position in 0..frame.open.len() {
        let facility = frame.open[position];
        let place = &problem.facilities[facility];
        if pairs.least(position, place, price(position, place)) < below {
            frame.open[kept] = facility;
            frame.gains[kept] = frame.gains[position];
            kept += 1;
        }
    }
    frame.open.truncate(kept);
    frame.gains.truncate(kept);
}
