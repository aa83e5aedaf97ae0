//! A choice for every order, that together keep every limit; what is left of the rows.

use crate::choice::Choice;
use crate::instance::Instance;

/// Choices that fit together.
#[derive(Clone, Debug)]
pub struct Assignment {
    pub(crate) choices: Vec<Choice>,
    /// What each row has left, overtime included.
    pub(crate) room: Vec<i64>,
    /// Of all orders, overtime aside.
    pub(crate) cost: i128,
}

impl Assignment {
    /// Every line of every order left.
    #[must_use]
    pub fn nothing(instance: &Instance) -> Self {
        let choices = vec![Choice::nothing(); instance.count()];
        let cost = |order| i128::from(instance.cost(order, &Choice::nothing()));
        let costs = (0..instance.count()).map(cost);
        Self {
            cost: costs.sum(),
            choices,
            room: instance.rooms.clone(),
        }
    }

    /// What each order does.
    #[must_use]
    pub fn choices(&self) -> &[Choice] {
        &self.choices
    }

    /// What it costs, overtime included (micro-units).
    #[must_use]
    pub fn cost(&self, instance: &Instance) -> i64 {
        let beyond = |(row, room): (&crate::Row, &i64)| {
            i128::from((row.overtime - room).max(0)) * i128::from(row.overtime_price)
        };
        let overtime = instance.rows.iter().zip(&self.room).map(beyond);
        i64::try_from(self.cost + overtime.sum::<i128>()).unwrap_or(i64::MAX)
    }

    /// The rows of which more is taken than there is, with what lacks.
    #[must_use]
    pub fn overfull(&self) -> Vec<(usize, i64)> {
        let rows = self.room.iter().enumerate();
        rows.filter(|(_, room)| **room < 0)
            .map(|(row, room)| (row, -room))
            .collect()
    }

    /// Lets an order do something else, whether it fits or not; gives what it did before.
    pub(crate) fn put(&mut self, instance: &Instance, order: usize, choice: Choice) -> Choice {
        let Some((mine, asked)) = self.choices.get_mut(order).zip(instance.order(order)) else {
            return choice;
        };
        let before = std::mem::replace(mine, choice);
        let calendar = &instance.calendar;
        self.cost += i128::from(mine.cost(asked, calendar));
        self.cost -= i128::from(before.cost(asked, calendar));
        let room = &mut self.room;
        before.takes(asked, calendar, |row, each, lines| {
            add(room, row, each * lines)
        });
        mine.takes(asked, calendar, |row, each, lines| {
            add(room, row, -each * lines);
        });
        before
    }
}

pub(crate) fn add(room: &mut [i64], row: u32, amount: i64) {
    if let Some(left) = room.get_mut(row as usize) {
        *left += amount;
    }
}
