//! Leaves with limits: twin lines are searched, the other lines placed beside each choice of theirs.
//!
//! The first descent takes the cheapest choice of each line and is always finished. Twins that
//! cannot be told apart (same quantity, same costs) take their places in one order only.
#![expect(
    clippy::indexing_slicing,
    reason = "every index is a line or facility below the lengths checked by Problem::new"
)]

use std::cmp::Reverse;

use crate::assign::{leave_cost, steps, Leaf};
use crate::place::place;
use crate::problem::{Problem, CANNOT};

/// A twin line in the order of the search.
struct Twin {
    line: usize,
    group: usize,
    quantity: i64,
    /// The line before this one cannot be told apart from it.
    same_as_before: bool,
    /// Rank of each place (index into `open`, their number: unfilled) by what the line costs there.
    rank: Vec<usize>,
}

pub(crate) struct TwinSearch<'a> {
    problem: &'a Problem,
    open: &'a [usize],
    twins: Vec<Twin>,
    others: Vec<usize>,
    /// Least cost of the twins from a position on, and of all other lines.
    least_after: Vec<i64>,
    /// Units left by group and place, and lines that still fit by place.
    left: Vec<Vec<i64>>,
    room: Vec<usize>,
    /// Place of each twin so far.
    places: Vec<usize>,
    best: Vec<Option<usize>>,
    best_cost: i64,
    below: i64,
    work: u64,
    work_limit: u64,
    /// Still in the first descent.
    first: bool,
    stopped: bool,
}

impl<'a> TwinSearch<'a> {
    pub(crate) fn new(
        problem: &'a Problem,
        open: &'a [usize],
        below: i64,
        work_limit: u64,
    ) -> Self {
        let twins = in_order(problem, open);
        let others: Vec<usize> = (0..problem.lines)
            .filter(|l| !problem.is_twin[*l])
            .collect();
        let least = |line: usize| {
            open.iter()
                .map(|f| problem.costs[f * problem.lines + line])
                .fold(leave_cost(problem, line), i64::min)
        };
        let mut tail = others.iter().map(|l| least(*l)).sum::<i64>();
        let mut least_after = vec![tail];
        for twin in twins.iter().rev() {
            tail += least(twin.line);
            least_after.push(tail);
        }
        least_after.reverse();
        let units =
            |group: &crate::problem::Twins| open.iter().map(|f| group.available[*f]).collect();
        Self {
            left: problem.twins.iter().map(units).collect(),
            room: open
                .iter()
                .map(|f| problem.facilities[*f].capacity as usize)
                .collect(),
            problem,
            open,
            places: Vec::with_capacity(twins.len()),
            twins,
            others,
            least_after,
            best: Vec::new(),
            best_cost: i64::MAX,
            below: below.min(CANNOT),
            work: steps(open.len() + 1, problem.lines),
            work_limit,
            first: true,
            stopped: false,
        }
    }

    pub(crate) fn run(mut self) -> Leaf {
        self.descend(0);
        Leaf {
            assignment: self.best,
            cost: self.best_cost,
            exact: !self.stopped,
            work: self.work,
        }
    }

    /// `spent`: cost of the twins placed so far, what they cost together included.
    fn descend(&mut self, spent: i64) {
        let position = self.places.len();
        if spent + self.least_after[position] >= self.best_cost.min(self.below) {
            self.first = false;
            return;
        }
        if position == self.twins.len() {
            self.first = false;
            return self.complete(spent);
        }
        if self.work >= self.work_limit && !self.first {
            self.stopped = true;
            return;
        }
        self.work += steps(4 * (self.open.len() + 1), 1);
        let group = self.twins[position].group;
        let quantity = self.twins[position].quantity;
        for (cost, place) in self.choices(position) {
            let served = place < self.open.len();
            if served {
                self.left[group][place] -= quantity;
                self.room[place] -= 1;
            }
            self.places.push(place);
            self.descend(spent + cost);
            self.places.pop();
            if served {
                self.left[group][place] += quantity;
                self.room[place] += 1;
            }
            if self.stopped {
                return;
            }
        }
    }

    /// Places of a twin with what it adds there, cheapest first.
    fn choices(&self, position: usize) -> Vec<(i64, usize)> {
        let twin = &self.twins[position];
        let group = &self.problem.twins[twin.group];
        let from = match self.places.last() {
            Some(before) if twin.same_as_before => twin.rank[*before],
            _ => 0,
        };
        let nowhere = self.open.len();
        let mut choices: Vec<(i64, usize)> = Vec::with_capacity(nowhere + 1);
        for (place, facility) in self.open.iter().enumerate() {
            let cost = self.problem.costs[facility * self.problem.lines + twin.line];
            let left = self.left[twin.group][place];
            let fits = self.room[place] > 0 && left >= twin.quantity && cost < CANNOT;
            if fits && twin.rank[place] >= from {
                let available = group.available[*facility];
                let used = available - left;
                let together = group.tiers.charge(available, used + twin.quantity)
                    - group.tiers.charge(available, used);
                let alone = group.tiers.charge(available, twin.quantity);
                choices.push((cost - alone + together, place));
            }
        }
        if twin.rank[nowhere] >= from {
            choices.push((leave_cost(self.problem, twin.line), nowhere));
        }
        choices.sort_unstable();
        choices
    }

    fn complete(&mut self, twins_cost: i64) {
        let limit = self.work_limit.saturating_sub(self.work);
        let placed = place(
            self.problem,
            self.open,
            &self.others,
            self.room.clone(),
            limit,
        );
        self.work += placed.work;
        self.stopped |= !placed.exact;
        let cost = twins_cost + placed.cost;
        if cost >= self.best_cost.min(self.below) {
            return;
        }
        self.best_cost = cost;
        self.best = vec![None; self.problem.lines];
        let twins = self.twins.iter().map(|twin| twin.line);
        let seats = twins.zip(self.places.iter().copied()).chain(placed.seats);
        for (line, place) in seats {
            self.best[line] = self.open.get(place).copied();
        }
    }
}

/// The twins of each group, large quantities first, those that cannot be told apart side by side.
fn in_order(problem: &Problem, open: &[usize]) -> Vec<Twin> {
    let mut order: Vec<Twin> = Vec::new();
    for (group, twins) in problem.twins.iter().enumerate() {
        let costs = |line: usize| -> Vec<i64> {
            let served = open.iter().map(|f| problem.costs[f * problem.lines + line]);
            served.chain([leave_cost(problem, line)]).collect()
        };
        let lines = twins.lines.iter().zip(&twins.quantities);
        let mut lines: Vec<(Reverse<i64>, Vec<i64>, usize)> = lines
            .map(|(line, quantity)| (Reverse(*quantity), costs(*line), *line))
            .collect();
        lines.sort_unstable();
        let mut before: Option<(Reverse<i64>, Vec<i64>)> = None;
        for (quantity, costs, line) in lines {
            let mut places: Vec<usize> = (0..costs.len()).collect();
            places.sort_unstable_by_key(|place| (costs[*place], *place));
            let mut rank = vec![0; costs.len()];
            for (position, place) in places.into_iter().enumerate() {
                rank[place] = position;
            }
            let alike = (quantity, costs);
            order.push(Twin {
                line,
                group,
                quantity: alike.0 .0,
                same_as_before: before.as_ref() == Some(&alike),
                rank,
            });
            before = Some(alike);
        }
    }
    order
}
