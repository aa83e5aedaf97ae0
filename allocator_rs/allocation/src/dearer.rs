//! Lateness and lines left, made dearer than they are, for plans with fewer of them.

use crate::assignment::Assignment;
use crate::choice::Choice;
use crate::instance::{Instance, Order, Source};
use crate::pool::Pool;

/// What comes on top of an order's own costs (micro-units).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Surcharge {
    /// Of an order that is late.
    pub late: i64,
    /// Of a line that is left.
    pub left: i64,
}

/// How many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Orders that are late.
    pub late: u64,
    /// Lines that are left.
    pub left: u64,
}

impl Order {
    fn charge(&mut self, late: i64, left: i64) {
        self.late.broken += late;
        for line in &mut self.lines {
            line.unfilled += left;
        }
        if let Some(plan) = &mut self.in_force {
            plan.cost += i64::from(plan.is_late) * late + i64::from(plan.left) * left;
        }
    }
}

impl Instance {
    /// Sets what comes on top of the costs of all orders, in place of what did before. What is known
    /// of them, and what is assigned, costs so much then.
    pub fn make_dearer(
        &mut self,
        wanted: Surcharge,
        pool: &mut Pool,
        assignment: Option<&mut Assignment>,
    ) {
        if wanted == self.surcharge {
            return;
        }
        let before = std::mem::replace(&mut self.surcharge, wanted);
        let (late, left) = (wanted.late - before.late, wanted.left - before.left);
        for order in &mut self.orders {
            order.charge(late, left);
        }
        for (index, known) in pool.orders.iter_mut().enumerate() {
            known.set_costs(|choice| self.cost(index, choice));
        }
        if let Some(assignment) = assignment {
            let choices = assignment.choices.iter().enumerate();
            let costs = choices.map(|(order, choice)| i128::from(self.cost(order, choice)));
            assignment.cost = costs.sum();
        }
    }

    /// An order of the source, with every way, and as dear as the others.
    pub(crate) fn whole(&self, source: &dyn Source, index: usize) -> Order {
        let mut order = source.order(index);
        order.charge(self.surcharge.late, self.surcharge.left);
        order
    }

    /// How many of all orders are late, and how many of their lines are left.
    #[must_use]
    pub fn counts(&self, assignment: &Assignment) -> Counts {
        let mut counts = Counts::default();
        for (order, choice) in self.orders.iter().zip(assignment.choices()) {
            let (is_late, left) = match (choice, &order.in_force) {
                (Choice::InForce, Some(plan)) => (plan.is_late, plan.left),
                (Choice::InForce, None) => (false, 0),
                (Choice::Groups(groups), _) => {
                    let done: usize = groups.iter().map(|group| group.lines.len()).sum();
                    let left = order.lines.len().saturating_sub(done);
                    let left = u32::try_from(left).unwrap_or(u32::MAX);
                    (choice.late_h(order, &self.calendar) > 0, left)
                }
            };
            counts.late += u64::from(is_late);
            counts.left += u64::from(left);
        }
        counts
    }
}
