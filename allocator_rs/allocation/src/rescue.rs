//! Orders that look at every way they have: those that leave lines though some way could do them, or
//! all of them, one after the other.

use crate::assignment::Assignment;
use crate::choice::Choice;
use crate::instance::{Instance, Order, Source};
use crate::pricer::{Cut, Pricer};
use crate::repertoire::Column;
use crate::rooms::Rooms;

impl Instance {
    /// Lets every order that leaves lines, or is late while that is dearer, choose anew among all of its
    /// ways, in what has room; how many do better. New ways stay with the order.
    pub fn rescue(
        &mut self,
        source: &dyn Source,
        assignment: &mut Assignment,
        work_limit: u64,
    ) -> usize {
        let zero = self.prices(Vec::new());
        let mut pricer = Pricer::default();
        let mut rescued = 0;
        for index in 0..self.count() {
            if !self.leaves_lines(index, assignment) && !self.is_too_late(index, assignment) {
                continue;
            }
            let before = assignment.put(self, index, Choice::nothing());
            let order = self.whole(source, index);
            let rooms = (Rooms(&assignment.room), Cut::ToRoom);
            let known = self.among_all(index, &before);
            let limits = (work_limit, known.as_ref());
            let found = pricer.price_below(&order, &self.calendar, &zero, rooms, limits);
            let cost_before = self.cost(index, &before);
            if found.charged >= cost_before {
                assignment.put(self, index, before);
                continue;
            }
            let choice = self.adopt(index, &order, found.choice);
            assignment.put(self, index, choice);
            rescued += 1;
        }
        rescued
    }

    /// The assignment in which every order, in turn, takes its best choice among all of its ways in
    /// what the ones before it left: what deciding order by order comes to.
    #[must_use]
    pub fn place_each(&mut self, source: &dyn Source, work_limit: u64) -> Assignment {
        let zero = self.prices(Vec::new());
        let mut pricer = Pricer::default();
        let mut assignment = Assignment::nothing(self);
        for index in 0..self.count() {
            let order = self.whole(source, index);
            let rooms = (Rooms(&assignment.room), Cut::ToRoom);
            let found = pricer.price(&order, &self.calendar, &zero, rooms, work_limit);
            let choice = self.adopt(index, &order, found.choice);
            assignment.put(self, index, choice);
        }
        assignment
    }

    /// Whether an order is late while there are too many of these.
    fn is_too_late(&self, index: usize, assignment: &Assignment) -> bool {
        let known = self.order(index).zip(assignment.choices.get(index));
        let is_late = |(order, choice): (&Order, &Choice)| choice.late_h(order, &self.calendar) > 0;
        self.surcharge.late > 0 && known.is_some_and(is_late)
    }

    fn leaves_lines(&self, index: usize, assignment: &Assignment) -> bool {
        let Some((order, choice)) = self.order(index).zip(assignment.choices.get(index)) else {
            return false;
        };
        match choice {
            Choice::Groups(groups) => {
                groups.iter().map(|group| group.lines.len()).sum::<usize>() < order.lines.len()
            }
            Choice::InForce => order.in_force.as_ref().is_some_and(|plan| plan.left > 0),
        }
    }

    /// What an order does, as a choice among all of its ways.
    fn among_all(&self, index: usize, choice: &Choice) -> Option<Column> {
        let mut column = Column::new(self, index, choice.clone());
        if let Choice::Groups(groups) = &mut column.choice {
            for group in groups {
                group.way = self.origin(index, group.way)?;
            }
        }
        Some(column)
    }

    /// A choice among all ways of an order, as one among those that it looks at.
    fn adopt(&mut self, index: usize, whole: &Order, choice: Choice) -> Choice {
        let Choice::Groups(mut groups) = choice else {
            return choice;
        };
        for group in &mut groups {
            group.way = self.way_of(index, whole, group.way);
        }
        Choice::Groups(groups)
    }
}
