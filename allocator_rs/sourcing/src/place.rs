//! Lines into places with room for few: one at a time along a cheapest augmenting path (successive
//! shortest paths; exact because each line takes one place).
#![expect(
    clippy::indexing_slicing,
    reason = "every index is a line or facility below the lengths checked by Problem::new"
)]

use crate::assign::{leave_cost, steps};
use crate::problem::Problem;

/// Lines with their places.
pub(crate) struct Placed {
    /// Line, and index into the open facilities (their number: unfilled).
    pub(crate) seats: Vec<(usize, usize)>,
    /// What they cost.
    pub(crate) cost: i64,
    /// Whether the work limit left every line its cheapest path.
    pub(crate) exact: bool,
    /// Work units spent.
    pub(crate) work: u64,
}

/// Cost of moving a line from one place to another, and which of the seated lines that is.
type Move = (i64, usize);

struct Seating<'a> {
    problem: &'a Problem,
    open: &'a [usize],
    room: Vec<usize>,
    seats: Vec<(usize, usize)>,
    /// Cheapest move from place to place, row by row; valid where `fresh`.
    moves: Vec<Option<Move>>,
    fresh: Vec<bool>,
    work: u64,
}

/// Places `lines` where `room` is left (by index into `open`); after `work_limit` work units lines
/// no longer make others step aside.
pub(crate) fn place(
    problem: &Problem,
    open: &[usize],
    lines: &[usize],
    room: Vec<usize>,
    work_limit: u64,
) -> Placed {
    let places = open.len() + 1;
    let mut seating = Seating {
        problem,
        open,
        room,
        seats: Vec::with_capacity(lines.len()),
        moves: vec![None; places * places],
        fresh: vec![true; places],
        work: 0,
    };
    let mut exact = true;
    for line in lines {
        let step_aside = seating.work < work_limit;
        exact &= seating.seat(*line, step_aside);
    }
    let cost_of = |(line, place): &(usize, usize)| seating.cost_at(*line, *place);
    Placed {
        cost: seating.seats.iter().map(cost_of).sum(),
        seats: seating.seats,
        exact,
        work: seating.work,
    }
}

impl Seating<'_> {
    fn cost_at(&self, line: usize, place: usize) -> i64 {
        self.open.get(place).map_or_else(
            || leave_cost(self.problem, line),
            |f| self.problem.costs[f * self.problem.lines + line],
        )
    }

    fn has_room(&self, place: usize) -> bool {
        self.room.get(place).is_none_or(|room| *room > 0)
    }

    /// Seats a line; false if it should have made others step aside and was not allowed to.
    fn seat(&mut self, line: usize, step_aside: bool) -> bool {
        let places = self.open.len() + 1;
        self.work += steps(places, 1);
        let mut reach: Vec<i64> = (0..places).map(|p| self.cost_at(line, p)).collect();
        let nowhere = places - 1;
        let cheapest = (0..places).fold(nowhere, |best, place| {
            if reach[place] < reach[best] {
                place
            } else {
                best
            }
        });
        let mut stepped: Vec<Option<usize>> = vec![None; places];
        // The seats so far are the cheapest, so no chain of moves that ends in room saves anything:
        // where the cheapest place has room, it is the way.
        let direct = self.has_room(cheapest);
        if !direct && step_aside {
            self.refresh();
            self.spread(&mut reach, &mut stepped);
        }
        let mut target = nowhere;
        for place in 0..nowhere {
            if self.has_room(place) && reach[place] < reach[target] {
                target = place;
            }
        }
        if target < nowhere {
            self.room[target] -= 1;
        }
        while let Some(position) = stepped[target] {
            self.fresh[target] = false;
            std::mem::swap(&mut self.seats[position].1, &mut target);
        }
        self.fresh[target] = false;
        self.seats.push((line, target));
        direct || step_aside
    }

    /// Finds the moves anew from places whose lines changed.
    fn refresh(&mut self) {
        let places = self.open.len() + 1;
        for place in (0..places).filter(|place| !self.fresh[*place]) {
            self.moves[place * places..(place + 1) * places].fill(None);
        }
        for position in 0..self.seats.len() {
            let (line, from) = self.seats[position];
            if self.fresh[from] {
                continue;
            }
            self.work += steps(places, 1);
            for to in 0..places {
                let step = self.cost_at(line, to) - self.cost_at(line, from);
                let slot = &mut self.moves[from * places + to];
                if slot.is_none_or(|(least, _)| step < least) {
                    *slot = Some((step, position));
                }
            }
        }
        self.work += steps(1, self.seats.len());
        self.fresh.fill(true);
    }

    /// Cheapest cost to reach each place, through lines that would have to step aside.
    fn spread(&mut self, reach: &mut [i64], stepped: &mut [Option<usize>]) {
        let places = reach.len();
        let mut changed = true;
        while changed {
            changed = false;
            self.work += steps(2 * places, places);
            for from in 0..places {
                for to in (0..places).filter(|to| *to != from) {
                    let Some((step, position)) = self.moves[from * places + to] else {
                        continue;
                    };
                    if reach[from] + step < reach[to] {
                        reach[to] = reach[from] + step;
                        stepped[to] = Some(position);
                        changed = true;
                    }
                }
            }
        }
    }
}
