//! Lines that were left though some way could do them: their orders look at every way they have.

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

    /// Whether an order is late while there are too many of these.
    fn is_too_late(&self, index: usize, assignment: &Assignment) -> bool {
        let known = self.order(index).zip(assignment.choices.get(index));
        let is_late = |(order, choice): (&Order, &Choice)| choice.late_h(order, &self.calendar) > 0;
        self.surcharge.late > 0 && known.is_some_and(is_late)
    }

    fn leaves_lines(&self, index: usize, assignment: &Assignment) -> bool {
        let lines = self.order(index).map_or(0, |order| order.lines.len());
        match assignment.choices.get(index) {
            Some(Choice::Groups(groups)) => {
                groups.iter().map(|group| group.lines.len()).sum::<usize>() < lines
            }
            // Whoever has a plan in force keeps what it promises.
            _ => false,
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
