//! The part of an assignment that one thread improves: some orders, and what some rows have left.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;
use smallvec::SmallVec;

use crate::assignment::add;
use crate::dice::Dice;
use crate::instance::Instance;
use crate::pricer::{Cut, Pricer};
use crate::prices::Prices;
use crate::ranking::Ranking;
use crate::repertoire::Repertoire;
use crate::rooms::Rooms;
use crate::together::{Numbers, Together};

/// Most orders of one ruin.
pub(crate) const RUIN_MAX: usize = 8;

/// Of so many orders at most one is chosen to be ruined.
const DRAWN_MAX: usize = 8;

/// Of so many choices one by one, one asks the kernel; the others are the best of what is known.
const KERNEL_ONE_IN: usize = 8;
/// From this many lines on all do, and half of those with half as many: less is known of them.
const KERNEL_LINES: usize = 100;

/// Of so many ruins one goes on from what each ruined order would rather take.
const WALK_ONE_IN: usize = 3;
/// Of so many ruins one lets others in that want what the first ones let go.
const WISHERS_ONE_IN: usize = 4;
/// Of so many ruins one is recreated as the best combination of what is known.
const TOGETHER_ONE_IN: usize = 3;

type Users = HashMap<u32, SmallVec<[u32; 4]>, FxBuildHasher>;

/// Orders by their place in the part.
pub(crate) struct Part<'a> {
    instance: &'a Instance,
    /// By order of the instance: what it would cost alone.
    alone: &'a [i64],
    orders: Vec<u32>,
    known: Vec<Repertoire>,
    /// By place, by guide: what is known, ranked as far as it was asked for.
    rankings: Vec<Vec<Ranking>>,
    /// By place: the number of what it does in its repertoire.
    chosen: Vec<u32>,
    pub(crate) room: Vec<i64>,
    /// By row: the orders of this part that take of it.
    users: Users,
    /// By row: those that would rather take of it, and could not when the search began.
    wishers: Users,
    dice: Dice,
    /// What all orders cost now, less what they cost at the start.
    pub(crate) gained: i64,
    pub(crate) moves: u64,
}

/// What guides a search: prices, the most that may be lost at once (micro-units), and the kernel's
/// limit for one order.
#[derive(Clone, Copy)]
pub(crate) struct Guide<'a> {
    pub(crate) prices: &'a [Prices],
    pub(crate) tolerance: i64,
    pub(crate) work_limit: u64,
}

/// By one of the guide's prices, and which.
#[derive(Clone, Copy)]
struct Led<'a> {
    at: usize,
    prices: &'a Prices,
}

impl<'a> Part<'a> {
    pub(crate) fn new(
        (instance, alone): (&'a Instance, &'a [i64]),
        orders: Vec<u32>,
        (known, chosen): (Vec<Repertoire>, Vec<u32>),
        room: Vec<i64>,
        seed: u64,
    ) -> Self {
        let mut part = Self {
            instance,
            alone,
            rankings: vec![Vec::new(); orders.len()],
            orders,
            known,
            chosen,
            room,
            users: Users::default(),
            wishers: Users::default(),
            dice: Dice::new(seed),
            gained: 0,
            moves: 0,
        };
        for place in 0..part.orders.len() {
            part.note(place, true);
        }
        part
    }

    /// By order: its repertoire, and the number of what it does.
    pub(crate) fn into_known(self) -> impl Iterator<Item = (u32, Repertoire, u32)> + use<'a> {
        let known = self.known.into_iter().zip(self.chosen);
        let orders = self.orders.into_iter();
        orders
            .zip(known)
            .map(|(order, (known, chosen))| (order, known, chosen))
    }

    fn takes(&self, place: usize) -> &[(u32, i64)] {
        let chosen = self.known.get(place).zip(self.chosen.get(place));
        chosen.map_or(&[], |(known, number)| known.takes(*number))
    }

    /// Enters an order with the rows that it takes of, or strikes it out.
    fn note(&mut self, place: usize, is_user: bool) {
        let Ok(number) = u32::try_from(place) else {
            return;
        };
        let chosen = self.known.get(place).zip(self.chosen.get(place));
        for (row, _) in chosen.map_or(&[][..], |(known, number)| known.takes(*number)) {
            let of_row = self.users.entry(*row).or_default();
            if is_user {
                of_row.push(number);
            } else if let Some(at) = of_row.iter().position(|user| *user == number) {
                of_row.swap_remove(at);
            }
        }
    }

    fn cost(&self, place: usize) -> i64 {
        let chosen = self.known.get(place).zip(self.chosen.get(place));
        chosen.map_or(0, |(known, number)| known.cost(*number))
    }

    /// Gives or takes what an order's choice takes.
    fn charge(&mut self, place: usize, sign: i64) {
        let chosen = self.known.get(place).zip(self.chosen.get(place));
        for (row, amount) in chosen.map_or(&[][..], |(known, number)| known.takes(*number)) {
            add(&mut self.room, *row, sign * amount);
        }
    }

    fn take_out(&mut self, place: usize) {
        self.charge(place, 1);
        self.note(place, false);
    }

    fn put_in(&mut self, place: usize, number: u32) {
        if let Some(mine) = self.chosen.get_mut(place) {
            *mine = number;
        }
        self.charge(place, -1);
        self.note(place, true);
    }

    /// Ruins and recreates until `moves` orders have chosen anew.
    pub(crate) fn search(&mut self, guide: Guide<'_>, moves: u64) {
        let mut pricer = Pricer::default();
        self.note_wishes(guide);
        while self.moves < moves && !self.orders.is_empty() && !guide.prices.is_empty() {
            let at = self.dice.below(guide.prices.len());
            let Some(prices) = guide.prices.get(at) else {
                return;
            };
            let ruined = self.ruin(Led { at, prices });
            self.moves += ruined.len() as u64;
            let before: i64 = ruined.iter().map(|place| self.cost(*place)).sum();
            let old: SmallVec<[u32; RUIN_MAX]> = ruined
                .iter()
                .filter_map(|place| self.chosen.get(*place).copied())
                .collect();
            for place in &ruined {
                self.take_out(*place);
            }
            if self.dice.below(TOGETHER_ONE_IN) == 0 {
                let together = self.together(&ruined, &old, Led { at, prices });
                for (place, number) in ruined.iter().zip(together) {
                    self.put_in(*place, number);
                }
            } else {
                for place in &ruined {
                    let led = Led { at, prices };
                    let number = self.choose(&mut pricer, *place, led, guide.work_limit);
                    self.put_in(*place, number);
                }
            }
            let after: i64 = ruined.iter().map(|place| self.cost(*place)).sum();
            if after - before <= self.tolerated(guide.tolerance) {
                self.gained += after - before;
                continue;
            }
            for place in &ruined {
                self.take_out(*place);
            }
            for (place, number) in ruined.iter().zip(old) {
                self.put_in(*place, number);
            }
        }
    }

    /// Ranks what an order knows by these prices.
    fn rank(&mut self, place: usize, led: Led<'_>) {
        let Some((rankings, known)) = self.rankings.get_mut(place).zip(self.known.get(place))
        else {
            return;
        };
        if rankings.len() <= led.at {
            rankings.resize(led.at + 1, Ranking::default());
        }
        if let Some(ranking) = rankings.get_mut(led.at) {
            ranking.catch_up(known, led.prices);
        }
    }

    /// What an order knows, and its ranking, which was made.
    fn ranked(&self, place: usize, led: Led<'_>) -> Option<(&Repertoire, &Ranking)> {
        let rankings = self.rankings.get(place)?;
        self.known.get(place).zip(rankings.get(led.at))
    }

    /// The number of what an order does best in the room that there is: of what is known, or now and
    /// then of everything.
    fn choose(&mut self, pricer: &mut Pricer, place: usize, led: Led<'_>, work: u64) -> u32 {
        let order = self.orders.get(place).map_or(0, |order| *order as usize);
        let Some(asked) = self.instance.order(order) else {
            return 0;
        };
        let one_in = (KERNEL_LINES / asked.lines.len().max(1)).clamp(1, KERNEL_ONE_IN);
        let asks_kernel = self.dice.below(one_in) == 0;
        self.rank(place, led);
        let ranked = self.ranked(place, led);
        let best = ranked.and_then(|(known, ranking)| ranking.best(known, &self.room));
        if let Some(number) = best.filter(|_| !asks_kernel) {
            return number;
        }
        let Some(known) = self.known.get_mut(place) else {
            return 0;
        };
        let rooms = (Rooms(&self.room), Cut::ToRoom);
        let limits = (work, best.and_then(|number| known.column(number)));
        let calendar = &self.instance.calendar;
        let found = pricer.price_below(asked, calendar, led.prices, rooms, limits);
        known.number_of(self.instance, order, &found.choice)
    }

    /// What ruined orders do best together under prices in the room that there is, of what is known.
    fn together(&mut self, ruined: &[usize], old: &[u32], led: Led<'_>) -> Numbers {
        for place in ruined {
            self.rank(*place, led);
        }
        let mut room = std::mem::take(&mut self.room);
        let ranked = ruined.iter().filter_map(|place| self.ranked(*place, led));
        let (known, rankings): (Vec<&Repertoire>, Vec<&Ranking>) = ranked.unzip();
        let search = Together::new((&known, &rankings), old, led.prices, &room);
        let found = search.best(&mut room);
        self.room = room;
        found
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
    fn ruin(&mut self, led: Led<'_>) -> SmallVec<[usize; RUIN_MAX]> {
        let first = self.unhappy();
        let mut ruined: SmallVec<[usize; RUIN_MAX]> = SmallVec::from_slice(&[first]);
        let size = 2 + self.dice.below(RUIN_MAX - 1);
        let walks = self.dice.below(WALK_ONE_IN) == 0;
        let asks_wishers = self.dice.below(WISHERS_ONE_IN) == 0;
        let mut rows = self.wanted(first, led);
        let mut tries = 2 * size;
        while ruined.len() < size && tries > 0 {
            tries -= 1;
            let Some(row) = self.dice.pick(&rows) else {
                break;
            };
            // Who lets go may make room for several that want less.
            let of_rows = match asks_wishers && ruined.len() > 1 && self.dice.below(2) == 0 {
                true => &self.wishers,
                false => &self.users,
            };
            let users = of_rows.get(&row).map_or(&[][..], |users| users.as_slice());
            let Some(user) = self.dice.pick(users) else {
                continue;
            };
            let user = user as usize;
            if !ruined.contains(&user) {
                ruined.push(user);
                if walks {
                    rows.extend(self.wanted(user, led));
                }
            }
        }
        if self.dice.below(3) == 0 {
            self.dice.shuffle(&mut ruined);
        }
        ruined
    }

    /// Enters who would rather take of rows that have too little left, prices aside.
    fn note_wishes(&mut self, guide: Guide<'_>) {
        let Some(prices) = guide.prices.first() else {
            return;
        };
        for place in 0..self.orders.len() {
            for row in self.missed(place, Led { at: 0, prices }) {
                let number = u32::try_from(place).unwrap_or(u32::MAX);
                self.wishers.entry(row).or_default().push(number);
            }
        }
    }

    /// Rows that an order would rather take of and cannot because of others here.
    fn missed(&mut self, place: usize, led: Led<'_>) -> SmallVec<[u32; 16]> {
        let mut rows: SmallVec<[u32; 16]> = SmallVec::new();
        self.rank(place, led);
        if let Some((known, ranking)) = self.ranked(place, led) {
            let wish = ranking.best(known, &self.instance.rooms);
            let takes = wish.map_or(&[][..], |wish| known.takes(wish));
            for (row, amount) in takes {
                let has_users = self.users.get(row).is_some_and(|users| !users.is_empty());
                if has_users && Rooms(&self.room).of(*row) < *amount {
                    rows.push(*row);
                }
            }
        }
        rows
    }

    /// Rows that an order would rather take of and cannot because of others here, or else those that
    /// it takes of.
    fn wanted(&mut self, place: usize, led: Led<'_>) -> SmallVec<[u32; 16]> {
        let mut rows = self.missed(place, led);
        if rows.is_empty() || self.dice.below(4) == 0 {
            rows.extend(self.takes(place).iter().map(|(row, _)| *row));
        }
        rows
    }
}
