//! A first assignment: orders take, one after the other, what they chose under the prices, or what
//! still has room.

use crate::ascent::Ascended;
use crate::assignment::Assignment;
use crate::choice::Choice;
use crate::instance::{Instance, Order};
use crate::pool::Pool;
use crate::pricer::{Cut, Pricer};
use crate::rooms::Rooms;

impl Instance {
    /// An assignment from where an ascent ended: orders whose choice has been steady come first;
    /// whose choice does not fit, or who had none, takes the best one that does, under the same prices.
    /// The kernel looks only for what is better than all that the pool knows.
    #[must_use]
    pub fn construct(&self, ascended: &Ascended, pool: &Pool, work_limit: u64) -> Assignment {
        let mut turn: Vec<usize> = (0..self.count()).collect();
        let steady = |order: &usize| ascended.steady.get(*order).copied().unwrap_or(0);
        turn.sort_by_key(|order| (std::cmp::Reverse(steady(order)), *order));
        let prices = self.prices(ascended.prices.clone());
        let mut assignment = Assignment::nothing(self);
        let mut pricer = Pricer::default();
        for index in turn {
            let wish = ascended.choices.get(index).cloned();
            let wish = wish.unwrap_or_else(Choice::nothing);
            let Some(order) = self.order(index) else {
                continue;
            };
            let wishes = wish != Choice::nothing();
            let choice = if wishes && self.has_room(order, &wish, &assignment.room) {
                wish
            } else {
                let rooms = (Rooms(&assignment.room), Cut::ToRoom);
                let known = pool.orders.get(index).and_then(|known| {
                    let best = known.best(&prices, &assignment.room)?;
                    known.column(best)
                });
                let limits = (work_limit, known);
                let found = pricer.price_below(order, &self.calendar, &prices, rooms, limits);
                found.choice
            };
            assignment.put(self, index, choice);
        }
        assignment
    }

    /// The assignment in which every order keeps its plan in force, where it has one.
    #[must_use]
    pub fn in_force(&self) -> Assignment {
        let mut assignment = Assignment::nothing(self);
        for (index, order) in self.orders.iter().enumerate() {
            if order.in_force.is_some() {
                assignment.put(self, index, Choice::InForce);
            }
        }
        assignment
    }

    /// Lets every order go back to its plan in force where that has room and costs no more than
    /// `stay` (micro-units) beyond what it does now.
    pub fn settle(&self, assignment: &mut Assignment, stay: i64) {
        let mut went_back = true;
        while went_back {
            went_back = false;
            for (index, order) in self.orders.iter().enumerate() {
                let Some(now) = assignment.choices.get(index) else {
                    continue;
                };
                let loss = match (&order.in_force, now) {
                    (None, _) | (_, Choice::InForce) => continue,
                    (Some(plan), now) => plan.cost - now.cost(order, &self.calendar),
                };
                if loss > stay {
                    continue;
                }
                let now = assignment.put(self, index, Choice::InForce);
                let takes = order.in_force.iter().flat_map(|plan| &plan.takes);
                let fits = takes.fold(true, |fits, (row, _)| {
                    fits && Rooms(&assignment.room).of(*row) >= 0
                });
                if fits {
                    went_back = true;
                } else {
                    assignment.put(self, index, now);
                }
            }
        }
    }

    /// Whether a choice fits into what is left.
    pub(crate) fn has_room(&self, order: &Order, choice: &Choice, room: &[i64]) -> bool {
        let mut takes: Vec<(u32, i64)> = Vec::new();
        choice.takes(order, &self.calendar, |row, each, lines| {
            let amount = each.saturating_mul(lines);
            match takes.iter_mut().find(|(known, _)| *known == row) {
                Some((_, sum)) => *sum += amount,
                None => takes.push((row, amount)),
            }
        });
        takes
            .iter()
            .all(|(row, amount)| *amount <= Rooms(room).of(*row))
    }
}
