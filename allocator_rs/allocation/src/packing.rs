//! A column for every order. Rows may be overfull, at a penalty.

use crate::menu::Menu;

/// Where a search that may go through what does not fit is.
pub(crate) struct Packing<'a> {
    pub(crate) menu: &'a Menu,
    /// By order.
    chosen: Vec<u32>,
    room: Vec<i64>,
    /// By row, for each unit or second that lacks (micro-units).
    penalties: Vec<i64>,
    /// Of all columns, penalties aside.
    cost: i64,
    /// Of all rows that are overfull.
    penalty: i64,
    overfull: usize,
}

impl<'a> Packing<'a> {
    /// `rooms`: by row, what there is.
    pub(crate) fn new(
        menu: &'a Menu,
        rooms: &[i64],
        penalties: Vec<i64>,
        chosen: Vec<u32>,
    ) -> Self {
        let mut packing = Self {
            menu,
            room: rooms.to_vec(),
            penalties,
            cost: 0,
            penalty: 0,
            overfull: 0,
            chosen: Vec::new(),
        };
        for column in &chosen {
            packing.add(*column);
        }
        packing.chosen = chosen;
        packing
    }

    pub(crate) fn chosen(&self) -> &[u32] {
        &self.chosen
    }

    #[inline]
    pub(crate) fn chosen_of(&self, order: u32) -> u32 {
        self.chosen.get(order as usize).copied().unwrap_or(0)
    }

    pub(crate) fn penalties(&self) -> &[i64] {
        &self.penalties
    }

    pub(crate) fn cost(&self) -> i64 {
        self.cost
    }

    /// With the penalties.
    pub(crate) fn penalized(&self) -> i64 {
        self.cost.saturating_add(self.penalty)
    }

    pub(crate) fn fits(&self) -> bool {
        self.overfull == 0
    }

    pub(crate) fn room(&self, row: u32) -> i64 {
        self.room.get(row as usize).copied().unwrap_or(i64::MAX)
    }

    #[inline]
    fn lack(&self, row: u32, room: i64) -> i64 {
        if room >= 0 {
            return 0;
        }
        let penalty = self.penalties.get(row as usize).copied().unwrap_or(0);
        penalty.saturating_mul(-room)
    }

    /// What a column would cost more, with what it makes overfull.
    #[inline]
    pub(crate) fn would_cost(&self, column: u32) -> i64 {
        let mut cost = self.menu.cost(column);
        for (row, amount) in self.menu.takes(column) {
            let room = self.room(*row);
            if room < *amount {
                cost += self.lack(*row, room - amount) - self.lack(*row, room);
            }
        }
        cost
    }

    /// The penalties of the rows that a column takes of: without it there are so many fewer at most.
    #[inline]
    pub(crate) fn relief(&self, column: u32) -> i64 {
        if self.overfull == 0 {
            return 0;
        }
        let takes = self.menu.takes(column).iter();
        takes.map(|(row, _)| self.lack(*row, self.room(*row))).sum()
    }

    pub(crate) fn add(&mut self, column: u32) {
        self.charge(column, 1);
    }

    pub(crate) fn take_out(&mut self, column: u32) {
        self.charge(column, -1);
    }

    #[inline]
    fn charge(&mut self, column: u32, sign: i64) {
        self.cost += sign * self.menu.cost(column);
        for (row, amount) in self.menu.takes(column) {
            let before = self.room(*row);
            let after = before - sign * amount;
            if before < 0 || after < 0 {
                self.penalty += self.lack(*row, after) - self.lack(*row, before);
                self.overfull += usize::from(after < 0);
                self.overfull -= usize::from(before < 0);
            }
            if let Some(room) = self.room.get_mut(*row as usize) {
                *room = after;
            }
        }
    }

    /// Notes what an order does, which has been added.
    pub(crate) fn note(&mut self, column: u32) {
        let order = self.menu.order_of(column);
        if let Some(chosen) = self.chosen.get_mut(order as usize) {
            *chosen = column;
        }
    }

    /// Lets an order do this instead of what it does.
    pub(crate) fn put(&mut self, column: u32) {
        self.take_out(self.chosen_of(self.menu.order_of(column)));
        self.add(column);
        self.note(column);
    }

    /// Changes the penalties: what lacks of a row, and its penalty, to its next one, or to the `most` of
    /// the row.
    pub(crate) fn set_penalties(&mut self, most: &[i64], next: impl Fn(i64, i64) -> i64) {
        self.penalty = 0;
        let rows = self.room.iter().zip(&mut self.penalties).zip(most);
        for ((room, penalty), most) in rows {
            *penalty = next((-room).max(0), *penalty).min(*most);
            self.penalty += penalty.saturating_mul((-room).max(0));
        }
    }

    /// Takes over penalties, by row, or the `most` of the row.
    pub(crate) fn penalize(&mut self, most: &[i64], penalties: &[i64]) {
        self.penalties = penalties.to_vec();
        self.set_penalties(most, |_, penalty| penalty);
    }

    /// What lacks of the rows that are overfull.
    pub(crate) fn lacks(&self) -> impl Iterator<Item = i64> + '_ {
        let lacks = self.room.iter().map(|room| -room);
        lacks.filter(|lack| *lack > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;
    use crate::pool::Columns;

    /// Four columns for each of five orders, of one or two of three rows.
    fn columns(dice: &mut Dice) -> Columns {
        let mut columns = Columns::default();
        for order in 0..5 {
            for _ in 0..4 {
                columns.orders.push(order);
                columns.costs.push(dice.below(90) as i64);
                columns.starts.push(columns.rows.len() as u32);
                let first = dice.below(3) as u32;
                for row in first..(first + 1 + dice.below(2) as u32).min(3) {
                    columns.rows.push(row);
                    columns.amounts.push(1 + dice.below(6) as i64);
                }
            }
        }
        columns.starts.push(columns.rows.len() as u32);
        columns
    }

    #[test]
    fn the_account_is_what_adding_up_gives_after_any_changes() {
        let mut dice = Dice::new(3);
        let mut overfull = 0;
        for _ in 0..100 {
            let columns = columns(&mut dice);
            let (menu, origins) = Menu::new(&columns, &[2, 0, 1], 3);
            let rooms = [0, 1, 2].map(|_| dice.below(16) as i64);
            let start = (0..5).map(|order| menu.columns_of(order).start).collect();
            let mut packing = Packing::new(&menu, &rooms, vec![7, 5, 3], start);
            for turn in 0..40 {
                if turn == 20 {
                    packing.set_penalties(&[9, 9, 9], |lack, penalty| penalty + lack);
                }
                let column = dice.below(20) as u32;
                let now = packing.chosen_of(menu.order_of(column));
                packing.take_out(now);
                let expected = packing.penalized() + packing.would_cost(column);
                packing.add(column);
                packing.note(column);
                assert_eq!(packing.penalized(), expected);
            }
            let mut room = rooms;
            let mut cost = 0;
            for column in packing.chosen() {
                let origin = origins[*column as usize] as usize;
                cost += columns.costs[origin];
                for entry in columns.starts[origin]..columns.starts[origin + 1] {
                    room[columns.rows[entry as usize] as usize] -= columns.amounts[entry as usize];
                }
            }
            assert_eq!((packing.cost(), packing.room.as_slice()), (cost, &room[..]));
            assert_eq!(packing.fits(), room.iter().all(|room| *room >= 0));
            let lacks = room.iter().zip(&packing.penalties);
            let penalty: i64 = lacks.map(|(room, each)| (-room).max(0) * each).sum();
            assert_eq!(packing.penalized(), cost + penalty);
            overfull += usize::from(!packing.fits());
        }
        assert!((20..100).contains(&overfull), "{overfull}");
    }
}
