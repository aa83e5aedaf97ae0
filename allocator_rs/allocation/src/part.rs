//! The part of an assignment that one thread improves: some orders, and a share of what is left.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;

use crate::assignment::add;
use crate::choice::Choice;
use crate::dice::Dice;
use crate::instance::Instance;
use crate::pricer::{Cut, Pricer};
use crate::prices::Prices;
use crate::rooms::Rooms;

/// Most orders of one ruin.
const RUIN_MAX: usize = 8;

/// Of so many orders at most one is chosen to be ruined.
const DRAWN_MAX: usize = 8;

type Users = HashMap<u32, SmallVec<[u32; 4]>, FxBuildHasher>;

/// Orders by their place in the part.
pub(crate) struct Part<'a> {
    instance: &'a Instance,
    /// By order of the instance: what it would cost alone.
    alone: &'a [i64],
    orders: Vec<u32>,
    choices: Vec<Choice>,
    pub(crate) room: Vec<i64>,
    /// By row: the orders of this part that take of it.
    users: Users,
    dice: Dice,
    /// What all orders cost now, less what they cost at the start.
    pub(crate) gained: i64,
    pub(crate) moves: u64,
}

impl<'a> Part<'a> {
    pub(crate) fn new(
        (instance, alone): (&'a Instance, &'a [i64]),
        orders: Vec<u32>,
        choices: &[Choice],
        room: Vec<i64>,
        seed: u64,
    ) -> Self {
        let chosen = |order: &u32| choices.get(*order as usize).cloned();
        let choices: Vec<Choice> = orders
            .iter()
            .map(|order| chosen(order).unwrap_or_else(Choice::nothing))
            .collect();
        let mut part = Self {
            instance,
            alone,
            orders,
            choices,
            room,
            users: Users::default(),
            dice: Dice::new(seed),
            gained: 0,
            moves: 0,
        };
        for place in 0..part.orders.len() {
            part.note(place, true);
        }
        part
    }

    pub(crate) fn into_choices(self) -> impl Iterator<Item = (u32, Choice)> + use<'a> {
        self.orders.into_iter().zip(self.choices)
    }

    /// Enters an order with the rows that it takes of, or strikes it out.
    fn note(&mut self, place: usize, is_user: bool) {
        let Some((order, choice)) = self.orders.get(place).zip(self.choices.get(place)) else {
            return;
        };
        let Some(order) = self.instance.order(*order as usize) else {
            return;
        };
        let Ok(number) = u32::try_from(place) else {
            return;
        };
        let users = &mut self.users;
        choice.takes(order, &self.instance.calendar, |row, _| {
            let of_row = users.entry(row).or_default();
            if is_user {
                of_row.push(number);
            } else if let Some(at) = of_row.iter().position(|user| *user == number) {
                of_row.swap_remove(at);
            }
        });
    }

    fn cost(&self, place: usize) -> i64 {
        let chosen = self.orders.get(place).zip(self.choices.get(place));
        chosen.map_or(0, |(order, choice)| {
            self.instance.cost(*order as usize, choice)
        })
    }

    /// Gives or takes what an order's choice takes.
    fn charge(&mut self, place: usize, sign: i64) {
        let Some((order, choice)) = self.orders.get(place).zip(self.choices.get(place)) else {
            return;
        };
        if let Some(order) = self.instance.order(*order as usize) {
            let room = &mut self.room;
            let calendar = &self.instance.calendar;
            choice.takes(order, calendar, |row, amount| add(room, row, sign * amount));
        }
    }

    fn take_out(&mut self, place: usize) {
        self.charge(place, 1);
        self.note(place, false);
    }

    fn put_in(&mut self, place: usize, choice: Choice) -> Choice {
        let mut before = choice;
        if let Some(mine) = self.choices.get_mut(place) {
            std::mem::swap(mine, &mut before);
        }
        self.charge(place, -1);
        self.note(place, true);
        before
    }

    /// Ruins and recreates until `moves` orders have chosen anew.
    pub(crate) fn search(
        &mut self,
        instance: &Instance,
        guides: &[Prices],
        (moves, tolerance, work_limit): (u64, i64, u64),
    ) {
        let mut pricer = Pricer::default();
        while self.moves < moves && !self.orders.is_empty() && !guides.is_empty() {
            let guide = self.dice.below(guides.len());
            let Some(prices) = guides.get(guide) else {
                return;
            };
            let Some(ruined) = self.ruin(&mut pricer, prices, work_limit) else {
                return;
            };
            self.moves += ruined.len() as u64;
            let before: i64 = ruined.iter().map(|place| self.cost(*place)).sum();
            for place in &ruined {
                self.take_out(*place);
            }
            let mut old: SmallVec<[(usize, Choice); RUIN_MAX]> = SmallVec::new();
            for place in &ruined {
                let order = self.orders.get(*place).map_or(0, |order| *order as usize);
                let Some(asked) = instance.order(order) else {
                    continue;
                };
                let rooms = Rooms(&self.room);
                let calendar = &instance.calendar;
                let found = pricer.price(asked, calendar, prices, (rooms, Cut::ToRoom), work_limit);
                old.push((*place, self.put_in(*place, found.choice)));
            }
            let after: i64 = ruined.iter().map(|place| self.cost(*place)).sum();
            if after - before <= self.tolerated(tolerance) {
                self.gained += after - before;
                continue;
            }
            for (place, _) in &old {
                self.take_out(*place);
            }
            for (place, choice) in old {
                self.put_in(place, choice);
            }
        }
    }

    /// What may be lost this time: mostly far less than the most.
    fn tolerated(&mut self, most: i64) -> i64 {
        if most <= 0 {
            return 0;
        }
        let one = self.dice.below(1 << 10) as i128;
        let other = self.dice.below(1 << 10) as i128;
        i64::try_from((i128::from(most) * one * other) >> 20).unwrap_or(0)
    }

    /// Of a few orders drawn, the one that pays most beyond what it would pay alone.
    fn unhappy(&mut self) -> usize {
        let drawn = 1 + self.dice.below(DRAWN_MAX);
        let mut worst = (i64::MIN, 0);
        for _ in 0..drawn {
            let place = self.dice.below(self.orders.len());
            let order = self.orders.get(place).map_or(0, |order| *order as usize);
            let alone = self.alone.get(order).copied().unwrap_or(0);
            worst = worst.max((self.cost(place) - alone, place));
        }
        worst.1
    }

    /// An order and some that hold what it would rather take, in the order of choosing anew.
    fn ruin(
        &mut self,
        pricer: &mut Pricer,
        prices: &Prices,
        work_limit: u64,
    ) -> Option<SmallVec<[usize; RUIN_MAX]>> {
        let first = self.unhappy();
        let mut ruined: SmallVec<[usize; RUIN_MAX]> = SmallVec::from_slice(&[first]);
        let order = *self.orders.get(first)? as usize;
        let asked = self.instance.order(order)?;
        let calendar = &self.instance.calendar;
        let rooms = Rooms(&self.instance.rooms);
        let wish = pricer
            .price(asked, calendar, prices, (rooms, Cut::No), work_limit)
            .choice;
        let size = 2 + self.dice.below(RUIN_MAX - 1);
        // What it would rather take and cannot, or else what it takes.
        let mut rows: SmallVec<[u32; 16]> = SmallVec::new();
        let room = &self.room;
        wish.takes(asked, calendar, |row, amount| {
            if Rooms(room).of(row) < amount {
                rows.push(row);
            }
        });
        if rows.is_empty() || self.dice.below(4) == 0 {
            let choice = self.choices.get(first)?;
            choice.takes(asked, calendar, |row, _| rows.push(row));
        }
        let mut tries = 2 * size;
        while ruined.len() < size && tries > 0 {
            tries -= 1;
            let Some(row) = self.dice.pick(&rows) else {
                break;
            };
            let users = self
                .users
                .get(&row)
                .map_or(&[][..], |users| users.as_slice());
            let Some(user) = self.dice.pick(users) else {
                continue;
            };
            if !ruined.contains(&(user as usize)) {
                ruined.push(user as usize);
            }
        }
        if self.dice.below(3) == 0 {
            self.dice.shuffle(&mut ruined);
        }
        Some(ruined)
    }
}
