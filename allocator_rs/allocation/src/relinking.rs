//! Path relinking: descents from between packings that are good, and yet differ.
//!
//! From one of two packings some orders do as in the other; from the best on that way a descent begins. What
//! rows lack costs more after descents that found nothing that fits, and less after the others. Whoever
//! is called again goes on with what was kept, if nobody has searched since. After
//! Yagiura, Ibaraki and Glover, A path relinking approach with ejection chains for the generalized
//! assignment problem (2006).

use hashbrown::HashSet;

use crate::assignment::Assignment;
use crate::descent::Descent;
use crate::dice::Dice;
use crate::instance::Instance;
use crate::menu::Menu;
use crate::packing::Packing;
use crate::penalties;
use crate::pool::Pool;
use crate::relinked::{Name, Relinked};

/// Somebody is asked whether to go on after as many descents as look at so many orders.
const ROUND_ORDERS: usize = 6_400;
/// Packings that ways lead between.
const KEPT: usize = 12;
/// Orders that change on a way.
const WAY_MAX: usize = 20;
/// Orders that change for another reason where two packings are nearly the same.
const SHAKEN: usize = 5;
/// They then have one of so many of their cheapest columns.
const SHAKEN_OF: usize = 4;
/// Of these many cheapest columns, orders have one at the start.
const DRAWN_OF: usize = 3;
/// Descents for each order that find nothing better, after which others are kept.
const IDLE_MAX: usize = 40;
/// Penalties after descents that found what fits, and what is lacking most is added after others:
/// thousandths.
const SOFTER: i64 = 970;
const HARDER: i64 = 30;

/// How it goes.
#[derive(Clone, Copy, Debug)]
pub struct RelinkOptions {
    /// Descents of each thread, at most.
    pub descents: u64,
    /// Threads, which share nothing.
    pub threads: usize,
    /// Columns of an order that are looked at: those that cost least under the prices.
    pub columns: usize,
    /// Of the dice.
    pub seed: u64,
}

impl Instance {
    /// Improves an assignment that keeps every limit, out of what is known of each order, for as long as
    /// `go_on(descents, cost)` says so; the result keeps them, too, and costs no more.
    pub fn relink(
        &self,
        start: Assignment,
        pool: &mut Pool,
        prices: &[i64],
        options: RelinkOptions,
        mut go_on: impl FnMut(u64, i64) -> bool,
    ) -> Assignment {
        for (order, choice) in start.choices().iter().enumerate() {
            pool.add(self, order, choice);
        }
        // Whoever has listed the pool may choose of it afterwards.
        let listed = pool.listed.clone();
        let columns = pool.columns(self, prices, options.columns, Some(&start));
        let (menu, origins) = Menu::new(&columns, prices, self.rows.len());
        let names = origins
            .iter()
            .filter_map(|origin| pool.listed.get(*origin as usize).copied());
        let names: Vec<Name> = names.collect();
        // As for whoever solves the pool: overtime costs something, and is none of its columns'.
        let rooms: Vec<i64> = self.rows.iter().map(|row| row.limit).collect();
        let assigned: HashSet<usize> = pool.numbers(&start).into_iter().collect();
        let at_start = (0_u32..).zip(&origins).filter(|(_, origin)| {
            usize::try_from(**origin).is_ok_and(|origin| assigned.contains(&origin))
        });
        let chosen: Vec<u32> = at_start.map(|(column, _)| column).collect();
        let mut all: Vec<Relinking<'_>> = (0..options.threads.max(1) as u64)
            .map(|thread| {
                let seed = options.seed.wrapping_add(thread);
                let start = (start.cost(self), chosen.clone());
                let mut one = Relinking::new(&menu, &rooms, prices, start, seed);
                one.resume(&pool.relinked, &names);
                one
            })
            .collect();
        let round = (ROUND_ORDERS / self.count().max(1)).max(1) as u64;
        let (mut descents, mut least) = (0, i64::MAX);
        let mut found: Vec<usize> = Vec::new();
        while descents < options.descents {
            run(&mut all, round);
            descents += round;
            let best = all
                .iter()
                .map(Relinking::best)
                .min_by_key(|(cost, _)| *cost);
            if let Some((cost, columns)) = best.filter(|(cost, _)| *cost < least) {
                let number = |column: &u32| usize::try_from(*origins.get(*column as usize)?).ok();
                (least, found) = (cost, columns.iter().filter_map(number).collect());
            }
            if !go_on(descents, least) {
                break;
            }
        }
        let found = pool.assignment(self, &found);
        pool.listed = listed;
        let best = all.iter().min_by_key(|one| one.best().0);
        let left = best.map(|one| Relinked::of(&one.kept, one.packing.penalties(), &names));
        pool.relinked = left.unwrap_or_default();
        let found = found.filter(|found| found.overfull().is_empty());
        match found {
            Some(found) if found.cost(self) < start.cost(self) => found,
            _ => start,
        }
    }
}

/// One thread's search: where it is, what it keeps, and the best that it found.
struct Relinking<'a> {
    packing: Packing<'a>,
    /// By row: no penalty rises beyond.
    most: Vec<i64>,
    descent: Descent,
    dice: Dice,
    kept: Vec<Vec<u32>>,
    /// Whether it stands where it is to begin.
    is_new: bool,
    best: (i64, Vec<u32>),
    has_fit: bool,
    /// The least cost of what fits since others are kept, and descents since it was found.
    least: i64,
    idle: usize,
}

impl<'a> Relinking<'a> {
    /// `start`: what it costs, overtime included, and its columns; `prices`: by row, what is paid first
    /// for what lacks.
    fn new(
        menu: &'a Menu,
        rooms: &[i64],
        prices: &[i64],
        start: (i64, Vec<u32>),
        seed: u64,
    ) -> Self {
        let first = penalties::first(menu, rooms.len(), prices);
        let most = penalties::most(menu, rooms.len());
        let mut packing = Packing::new(menu, rooms, first, start.1.clone());
        packing.set_penalties(&most, |_, penalty| penalty);
        Self {
            packing,
            most,
            best: start,
            descent: Descent::default(),
            dice: Dice::new(seed),
            kept: Vec::new(),
            is_new: true,
            has_fit: false,
            least: i64::MAX,
            idle: 0,
        }
    }

    /// Goes on from what was kept before, if that was enough: on a way between two of these, which
    /// found better than the start. `names`: by column.
    fn resume(&mut self, before: &Relinked, names: &[Name]) {
        if before.len() == KEPT && before.penalties.len() == self.most.len() {
            self.kept = before.packings(self.packing.menu, names);
            self.packing.penalize(&self.most, &before.penalties);
            self.is_new = false;
        }
    }

    /// What fits and costs least of all that was seen: its cost, and the column of each order.
    fn best(&self) -> (i64, &[u32]) {
        (self.best.0, &self.best.1)
    }

    /// Another descent.
    fn step(&mut self) {
        self.has_fit = false;
        // The first one goes on from where it is: the start, or what was drawn anew.
        match self.kept.len() {
            _ if std::mem::take(&mut self.is_new) => {}
            KEPT => self.link(),
            _ => self.draw(),
        }
        let Self {
            packing,
            descent,
            dice,
            best,
            has_fit,
            ..
        } = self;
        note(packing, best, has_fit);
        descent.run(packing, dice, |packing| note(packing, best, has_fit));
        self.idle += 1;
        if self.packing.fits() && self.packing.cost() < self.least {
            (self.least, self.idle) = (self.packing.cost(), 0);
        }
        self.harden();
        self.keep();
        if self.idle > IDLE_MAX * self.packing.menu.orders() as usize {
            (self.least, self.idle) = (i64::MAX, 0);
            self.kept.clear();
            self.draw();
            self.is_new = true;
        }
    }

    /// Any of its cheapest columns for every order.
    fn draw(&mut self) {
        for order in 0..self.packing.menu.orders() {
            let columns = self.packing.menu.columns_of(order);
            let drawn = self.dice.below(columns.len().clamp(1, DRAWN_OF));
            let drawn = columns.start + u32::try_from(drawn).unwrap_or(0);
            self.packing.put(drawn);
        }
    }

    /// To the best packing on a way from one that is kept towards another.
    fn link(&mut self) {
        let from = self.dice.below(self.kept.len());
        let to = self.dice.below(self.kept.len());
        let packing = &mut self.packing;
        for column in self.kept.get(from).into_iter().flatten() {
            if packing.chosen_of(packing.menu.order_of(*column)) != *column {
                packing.put(*column);
            }
        }
        let towards = self.kept.get(to).into_iter().flatten().copied();
        let mut differ: Vec<u32> = towards
            .filter(|column| packing.chosen_of(packing.menu.order_of(*column)) != *column)
            .collect();
        // A way of one step leads back.
        if differ.len() < 3 {
            for _ in 0..SHAKEN {
                let order = self.dice.below(packing.menu.orders() as usize);
                let columns = packing.menu.columns_of(u32::try_from(order).unwrap_or(0));
                let drawn = self.dice.below(columns.len().clamp(1, SHAKEN_OF));
                packing.put(columns.start + u32::try_from(drawn).unwrap_or(0));
            }
            return;
        }
        let mut best = (i64::MAX, 0);
        let mut way: Vec<u32> = Vec::new();
        while differ.len() > 1 && way.len() < WAY_MAX {
            let Some((place, column)) = nearest(packing, &differ) else {
                break;
            };
            differ.swap_remove(place);
            way.push(packing.chosen_of(packing.menu.order_of(column)));
            packing.put(column);
            note(packing, &mut self.best, &mut self.has_fit);
            if way.len() > 1 && packing.penalized() < best.0 {
                best = (packing.penalized(), way.len());
            }
        }
        for before in way.drain(best.1.min(way.len())..).rev() {
            packing.put(before);
        }
    }

    fn harden(&mut self) {
        if self.has_fit {
            let softer = |_, penalty: i64| (penalty.saturating_mul(SOFTER) / 1_000).max(1);
            self.packing.set_penalties(&self.most, softer);
            return;
        }
        let most = self.packing.lacks().max().unwrap_or(0).max(1);
        self.packing.set_penalties(&self.most, |lack, penalty| {
            let more = i128::from(penalty) * i128::from(HARDER) * i128::from(lack);
            let more = i64::try_from(more / (1_000 * i128::from(most))).unwrap_or(i64::MAX);
            penalty
                .saturating_add(more)
                .saturating_add(i64::from(lack > 0))
        });
    }

    /// In place of the worst that is kept, if it is better and new.
    fn keep(&mut self) {
        let now = self.packing.chosen().to_vec();
        if self.kept.contains(&now) {
            return;
        }
        if self.kept.len() < KEPT {
            self.kept.push(now);
            return;
        }
        let cost = self.packing.penalized();
        let packing = &mut self.packing;
        let mut worst = (cost, None);
        for (place, kept) in self.kept.iter().enumerate() {
            for column in kept {
                if packing.chosen_of(packing.menu.order_of(*column)) != *column {
                    packing.put(*column);
                }
            }
            worst = worst.max((packing.penalized(), Some(place)));
        }
        if let Some(kept) = worst.1.and_then(|place| self.kept.get_mut(place)) {
            *kept = now;
        }
    }
}

fn run(all: &mut [Relinking<'_>], descents: u64) {
    let descend = |one: &mut Relinking<'_>| (0..descents).for_each(|_| one.step());
    if let [one] = all {
        return descend(one);
    }
    std::thread::scope(|scope| {
        for one in all {
            scope.spawn(|| descend(one));
        }
    });
}

/// Of some columns the one that costs least in place of what its order does, and where it is.
fn nearest(packing: &mut Packing<'_>, columns: &[u32]) -> Option<(usize, u32)> {
    let mut best: Option<(i64, usize, u32)> = None;
    for (place, column) in columns.iter().enumerate() {
        let now = packing.chosen_of(packing.menu.order_of(*column));
        packing.take_out(now);
        let cost = packing.penalized() + packing.would_cost(*column);
        packing.add(now);
        if best.is_none_or(|(least, ..)| cost < least) {
            best = Some((cost, place, *column));
        }
    }
    best.map(|(_, place, column)| (place, column))
}

fn note(packing: &Packing<'_>, best: &mut (i64, Vec<u32>), has_fit: &mut bool) {
    if packing.fits() {
        *has_fit = true;
        if packing.cost() < best.0 {
            *best = (packing.cost(), packing.chosen().to_vec());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::Columns;

    /// Each of 30 orders takes of one of ten rows, which hold what a plan takes and not a second more. The
    /// rows, and the menu's columns of that plan.
    fn full(dice: &mut Dice) -> (Vec<i64>, Columns, Vec<u32>) {
        let mut columns = Columns::default();
        let mut rooms = vec![0; 10];
        let mut planned = Vec::new();
        for order in 0..30 {
            for row in 0..10_u32 {
                let amount = 10 + dice.below(90) as i64;
                if row == order % 10 {
                    rooms[row as usize] += amount;
                    planned.push(columns.orders.len() as u32);
                }
                columns.orders.push(order);
                columns.costs.push(1_000_000 * (1 + dice.below(20) as i64));
                columns.starts.push(columns.rows.len() as u32);
                columns.rows.push(row);
                columns.amounts.push(amount);
            }
        }
        columns.starts.push(columns.rows.len() as u32);
        (rooms, columns, planned)
    }

    #[test]
    fn penalties_that_rise_for_long_come_to_an_end() {
        let mut dice = Dice::new(5);
        let (rooms, columns, planned) = full(&mut dice);
        let (menu, origins) = Menu::new(&columns, &[], rooms.len());
        let places = planned.iter().map(|column| {
            let place = origins.iter().position(|origin| origin == column);
            place.unwrap() as u32
        });
        let places: Vec<u32> = places.collect();
        let mut relinking = Relinking::new(&menu, &rooms, &[], (i64::MAX, places), 2);
        for _ in 0..100 {
            relinking.step();
            // As after as many descents as there may be.
            relinking
                .packing
                .set_penalties(&relinking.most, |_, penalty| penalty.saturating_mul(8));
        }
        let (cost, chosen) = relinking.best();
        assert!(cost < i64::MAX, "it began with what fits");
        assert_eq!(chosen.len(), 30);
    }
}
