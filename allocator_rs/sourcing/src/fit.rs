//! Leaves that need no flow: every line at its cheapest place, and what is too much there at the
//! line's next cheapest.
#![expect(
    clippy::indexing_slicing,
    reason = "every index is a line or facility below the lengths checked by Problem::new"
)]

use crate::assign::leave_cost;
use crate::problem::Problem;

/// A line at the cheapest of some places.
#[derive(Clone, Copy, Default)]
struct Seat {
    /// Index into the open facilities; their number: unfilled.
    cheapest: usize,
    next: usize,
    /// Where it is put in the end.
    place: usize,
    /// What the next cheapest place costs more.
    regret: i64,
}

/// What is known of the lines at a set of facilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fitted {
    /// The seats fit and no others cost less.
    Best(i64),
    /// No seats cost less than this; whether any fit at this cost is open.
    AtLeast(i64),
}

/// Buffers, kept between calls.
#[derive(Default)]
pub(crate) struct Fit {
    seats: Vec<Seat>,
    loads: Vec<usize>,
    /// Regret and line of those at a place that has too many.
    crowd: Vec<(i64, usize)>,
    pub(crate) assignment: Vec<Option<usize>>,
}

impl Fit {
    /// Seats the lines of an order without twins; the assignment is valid if they fit.
    pub(crate) fn run(&mut self, problem: &Problem, open: &[usize]) -> Fitted {
        let nowhere = open.len();
        self.seats.clear();
        self.loads.clear();
        self.loads.resize(nowhere, 0);
        let mut cost = 0;
        for line in 0..problem.lines {
            let mut seat = Seat {
                cheapest: nowhere,
                next: nowhere,
                place: nowhere,
                regret: 0,
            };
            let (mut least, mut second) = (leave_cost(problem, line), i64::MAX);
            for (place, facility) in open.iter().enumerate() {
                let here = problem.costs[facility * problem.lines + line];
                if here < least {
                    (second, seat.next) = (least, seat.cheapest);
                    (least, seat.cheapest) = (here, place);
                } else if here < second {
                    (second, seat.next) = (here, place);
                }
            }
            seat.regret = second.saturating_sub(least);
            seat.place = seat.cheapest;
            if let Some(load) = self.loads.get_mut(seat.place) {
                *load += 1;
            }
            cost += least;
            self.seats.push(seat);
        }
        let cost = cost + self.spread(problem, open);
        let room = |facility: &usize| problem.facilities[*facility].capacity as usize;
        if open
            .iter()
            .zip(&self.loads)
            .any(|(f, load)| *load > room(f))
        {
            return Fitted::AtLeast(cost);
        }
        let facility = |seat: &Seat| open.get(seat.place).copied();
        self.assignment.clear();
        self.assignment.extend(self.seats.iter().map(facility));
        Fitted::Best(cost)
    }

    /// Moves what is too much at a place to the next cheapest places, least regret first. Nobody
    /// can do it for less: of the lines that are cheapest there, as many have to be elsewhere.
    fn spread(&mut self, problem: &Problem, open: &[usize]) -> i64 {
        let mut cost = 0;
        for (place, facility) in open.iter().enumerate() {
            let room = problem.facilities[*facility].capacity as usize;
            if self.loads[place] <= room {
                continue;
            }
            self.crowd.clear();
            let seats = self.seats.iter().enumerate();
            let crowd = seats.filter(|(_, seat)| seat.cheapest == place);
            self.crowd
                .extend(crowd.map(|(line, seat)| (seat.regret, line)));
            self.crowd.sort_unstable();
            let many = self.crowd.len().saturating_sub(room);
            for (regret, line) in self.crowd.iter().take(many) {
                let seat = &mut self.seats[*line];
                cost += regret;
                seat.place = seat.next;
                self.loads[place] -= 1;
                if let Some(load) = self.loads.get_mut(seat.place) {
                    *load += 1;
                }
            }
        }
        cost
    }
}
