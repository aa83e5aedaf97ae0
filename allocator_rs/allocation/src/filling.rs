//! Fillings: what whole lines take of an hour together.
//!
//! Of an hour of 1,260 s, lines of 900 s can take 900 and a third of another, or four thirds; no lines
//! take all of it. So what the hour's limit takes off the bound is what its dearest filling pays, an
//! integer knapsack over the amounts that lines take of it, instead of limit x price (the Lagrangian
//! bound whose second subproblem are the rows; Guignard and Kim 1987). It is never more, and often
//! much less where an hour serves few lines. A line may pay a price of the row and prices of its
//! rounding inequalities: so the bound knows what an hour's fillings can be, and not only how much.

use std::collections::BTreeMap;

use crate::calendar::Calendar;
use crate::instance::Row;
use crate::prices::Prices;
use crate::rounding::Roundings;
use crate::threads::with_each;

/// Of hours with more room than this, in the greatest amount that all divide, limit x price is taken.
const CELLS_MAX: i64 = 20_000;

/// An hour, and what can be taken of it at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hour {
    pub(crate) row: u32,
    /// Of one line, or of a plan in force; rising.
    amounts: Vec<i64>,
}

/// Lines that fit into an hour together: of each of its amounts, how many.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Filling {
    pub(crate) times: Vec<(i64, i64)>,
    /// What it takes beyond the limit.
    pub(crate) overtime: i64,
}

/// The hours of all nodes that whole lines cannot always fill.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fillings {
    hours: Vec<Hour>,
    /// By row: whether it is one of these.
    is_hour: Vec<bool>,
}

/// The dearest filling of an hour.
pub(crate) struct Dearest {
    pub(crate) hour: usize,
    pub(crate) filling: Filling,
    /// What no filling pays more than, less what its overtime costs (micro-units).
    pub(crate) worth: i128,
}

impl Fillings {
    /// The hours of a calendar, without those that pay limit x price in any case: that have no
    /// inequalities, and that lines can fill. `in_force`: what plans take that do not follow it.
    pub(crate) fn of<'a>(
        (rows, roundings): (&[Row], &Roundings),
        calendar: &Calendar,
        in_force: impl Iterator<Item = &'a (u32, i64)>,
    ) -> Self {
        let mut by_row: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
        let shares = calendar.patterns.iter().flat_map(|pattern| &pattern.shares);
        for (row, seconds) in shares {
            add(by_row.entry(*row).or_default(), *seconds);
        }
        for (row, amount) in in_force {
            if let Some(amounts) = by_row.get_mut(row) {
                add(amounts, *amount);
            }
        }
        let mut found = Self {
            hours: Vec::new(),
            is_hour: vec![false; rows.len()],
        };
        // The hours of a node are taken of in the same amounts.
        let mut sums: BTreeMap<Vec<i64>, Sums> = BTreeMap::new();
        for (row, mut amounts) in by_row {
            let Some(limits) = rows.get(row as usize) else {
                continue;
            };
            let room = limits.limit.saturating_add(limits.overtime);
            amounts.retain(|amount| *amount <= room);
            let unit = amounts.iter().copied().fold(0, gcd).max(1);
            if room / unit > CELLS_MAX || limits.limit < 0 || limits.overtime < 0 {
                continue;
            }
            if roundings.of_row(row).next().is_none() {
                let sums = sums
                    .entry(amounts.clone())
                    .or_insert_with(|| Sums::of(&amounts));
                if sums.have(limits.limit) && sums.have(room) {
                    continue;
                }
            }
            if let Some(is_hour) = found.is_hour.get_mut(row as usize) {
                *is_hour = true;
            }
            found.hours.push(Hour { row, amounts });
        }
        found
    }

    pub(crate) fn hours(&self) -> &[Hour] {
        &self.hours
    }

    pub(crate) fn is_hour(&self, row: usize) -> bool {
        self.is_hour.get(row).copied().unwrap_or(false)
    }

    /// The dearest filling of every hour that is paid for under prices.
    pub(crate) fn dearest(&self, rows: &[Row], prices: &Prices, threads: usize) -> Vec<Dearest> {
        let of_hour = |best: &mut Vec<i64>, number: usize| {
            let hour = self.hours.get(number)?;
            let row = rows.get(hour.row as usize)?;
            hour.dearest(row, prices, best)
                .map(|(filling, worth)| Dearest {
                    hour: number,
                    filling,
                    worth,
                })
        };
        let (found, _) = with_each(self.hours.len(), threads, Vec::new, of_hour);
        found.into_iter().flatten().collect()
    }
}

impl Hour {
    /// Fillings that start with as many lines as there is room for of one amount, then another: in
    /// any order of the amounts, with overtime and without.
    pub(crate) fn plain(&self, row: &Row) -> Vec<Filling> {
        let mut found: Vec<Filling> = Vec::new();
        let rooms = [row.limit, row.limit.saturating_add(row.overtime)];
        for first in 0..self.amounts.len() {
            for second in 0..self.amounts.len() {
                for room in rooms {
                    let filling = self.greedy(row, room, [first, second]);
                    if !found.contains(&filling) {
                        found.push(filling);
                    }
                }
            }
        }
        found
    }

    fn greedy(&self, row: &Row, room: i64, turns: [usize; 2]) -> Filling {
        let mut left = room;
        let mut times: Vec<(i64, i64)> = Vec::new();
        let rest = (0..self.amounts.len()).filter(|at| !turns.contains(at));
        let mut first: Vec<usize> = turns.to_vec();
        first.dedup();
        for amount in first
            .into_iter()
            .chain(rest)
            .filter_map(|at| self.amounts.get(at))
        {
            if left >= *amount {
                times.push((*amount, left / amount));
                left %= amount;
            }
        }
        times.sort_unstable();
        Filling {
            times,
            overtime: (room - left - row.limit).max(0),
        }
    }

    /// None where nothing is paid. `best`: room to work in.
    fn dearest(&self, row: &Row, prices: &Prices, best: &mut Vec<i64>) -> Option<(Filling, i128)> {
        let charged: Vec<(i64, i64)> = self
            .amounts
            .iter()
            .map(|amount| (*amount, prices.charge(self.row, *amount)))
            .filter(|(_, charge)| *charge > 0)
            .collect();
        let unit = charged
            .iter()
            .fold(0, |unit, (amount, _)| gcd(unit, *amount));
        if unit == 0 {
            return None;
        }
        let room = row.limit.saturating_add(row.overtime);
        let dearest = charged.iter().map(|(_, charge)| *charge).max()?;
        if dearest.checked_mul(room).is_none() {
            // Prices that nobody means: fractions of lines, added up in 128 bits.
            let each = |(amount, charge): &(i64, i64)| {
                i128::from(*charge) * i128::from(room) / i128::from(*amount) + 1
            };
            return Some((Filling::default(), charged.iter().map(each).max()?));
        }
        let room = room / unit;
        // The most that any room up to so much is paid for.
        best.clear();
        best.resize(usize::try_from(room).unwrap_or(0) + 1, 0);
        for (amount, charge) in &charged {
            let step = usize::try_from(amount / unit).unwrap_or(usize::MAX);
            for at in step..best.len() {
                let with = best
                    .get(at - step)
                    .map_or(0, |paid| paid.saturating_add(*charge));
                if let Some(own) = best.get_mut(at) {
                    *own = (*own).max(with);
                }
            }
        }
        let overtime = |at: usize| (at as i64 * unit - row.limit).max(0);
        let net = |at: &usize| {
            let paid = best.get(*at).copied().unwrap_or(0);
            paid.saturating_sub(overtime(*at).saturating_mul(row.overtime_price))
        };
        let within = usize::try_from(row.limit / unit).unwrap_or(0);
        let most = (within..best.len()).max_by_key(|at| (net(at), usize::MAX - at))?;
        let worth = net(&most);
        let filling = filling_of(&charged, unit, best, most);
        Some((
            Filling {
                times: filling,
                overtime: overtime(most),
            },
            i128::from(worth),
        ))
    }
}

/// The lines, amount and number, that were paid for so much room.
fn filling_of(charged: &[(i64, i64)], unit: i64, best: &[i64], room: usize) -> Vec<(i64, i64)> {
    let paid = |at: usize| best.get(at).copied().unwrap_or(0);
    let mut times: BTreeMap<i64, i64> = BTreeMap::new();
    let mut at = room;
    while paid(at) > 0 {
        let last = charged.iter().find_map(|(amount, charge)| {
            let before = at.checked_sub(usize::try_from(amount / unit).ok()?)?;
            (paid(before) + charge == paid(at)).then_some((*amount, before))
        });
        // Who is paid no more for the last of the room needs it not.
        let (amount, before) = last.unwrap_or((0, at - 1));
        if amount > 0 {
            *times.entry(amount).or_default() += 1;
        }
        at = before;
    }
    times.into_iter().collect()
}

/// What lines that take such amounts can take together: by rest modulo the least amount, the least
/// sum that leaves it; all that are greater by whole least amounts are sums, too.
struct Sums(Vec<i64>);

impl Sums {
    fn of(amounts: &[i64]) -> Self {
        let least = amounts.first().copied().unwrap_or(0);
        let mut of_rest = vec![i64::MAX; usize::try_from(least).unwrap_or(0)];
        if let Some(nothing) = of_rest.first_mut() {
            *nothing = 0;
        }
        for amount in amounts {
            // Twice around each cycle of rests that adding this amount makes.
            let starts = gcd(least, *amount);
            for start in 0..starts {
                let mut rest = start;
                for _ in 0..2 * least / starts {
                    let next = (rest + amount) % least;
                    let get = |rest: i64| usize::try_from(rest).ok();
                    let from = get(rest).and_then(|at| of_rest.get(at).copied());
                    let sum = from.map_or(i64::MAX, |from| from.saturating_add(*amount));
                    if let Some(own) = get(next).and_then(|at| of_rest.get_mut(at)) {
                        *own = (*own).min(sum);
                    }
                    rest = next;
                }
            }
        }
        Self(of_rest)
    }

    fn have(&self, sum: i64) -> bool {
        let least = i64::try_from(self.0.len()).unwrap_or(1);
        let of_rest = usize::try_from(sum % least.max(1)).ok();
        let of_rest = of_rest.and_then(|at| self.0.get(at));
        of_rest.is_some_and(|first| *first <= sum)
    }
}

fn add(amounts: &mut Vec<i64>, amount: i64) {
    if amount > 0 {
        if let Err(at) = amounts.binary_search(&amount) {
            amounts.insert(at, amount);
        }
    }
}

pub(crate) fn gcd(mut one: i64, mut other: i64) -> i64 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one.abs()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::calendar::Pattern;
    use crate::dice::Dice;

    struct Case {
        rows: Vec<Row>,
        calendar: Calendar,
        amounts: Vec<i64>,
        roundings: Arc<Roundings>,
    }

    fn case(dice: &mut Dice) -> Case {
        let amounts: Vec<i64> = (0..=dice.below(3))
            .map(|_| 2 + dice.below(9) as i64)
            .collect();
        let overtime = if dice.below(3) == 0 {
            dice.below(9) as i64
        } else {
            0
        };
        let row = Row {
            limit: 5 + dice.below(26) as i64,
            overtime,
            overtime_price: dice.below(8) as i64,
        };
        let pattern = |amount: &i64| Pattern {
            start_h: 0,
            ready_h: 1,
            shares: std::iter::once((0, *amount)).collect(),
            days: std::iter::empty().collect(),
        };
        let calendar = Calendar {
            patterns: amounts.iter().map(pattern).collect(),
            slots: Vec::new(),
        };
        let rows = vec![row];
        let roundings = Arc::new(Roundings::of(&rows, &calendar, &[true]));
        Case {
            rows,
            calendar,
            amounts,
            roundings,
        }
    }

    fn prices_of(case: &Case, dice: &mut Dice) -> Prices {
        let inequalities = case.roundings.limits().len();
        let prices = (0..=inequalities).map(|_| dice.below(12) as i64).collect();
        Prices::new(&case.calendar, &case.roundings, prices)
    }

    /// What lines of these amounts pay at most in the room left, tried one by one.
    fn most(case: &Case, prices: &Prices, amounts: &[i64], used: i64, paid: i64) -> i64 {
        let row = case.rows[0];
        let Some((amount, rest)) = amounts.split_first() else {
            return paid - (used - row.limit).max(0) * row.overtime_price;
        };
        let times = 0..=(row.limit + row.overtime - used) / amount;
        let each = prices.charge(0, *amount);
        let with = |times: i64| {
            most(
                case,
                prices,
                rest,
                used + times * amount,
                paid + times * each,
            )
        };
        times.map(with).max().unwrap()
    }

    #[test]
    fn the_dearest_filling_is_that_of_all_that_fit() {
        let (mut below, mut beyond, mut filled, mut without_one) = (0, 0, 0, 0);
        for seed in 0..2_000 {
            let mut dice = Dice::new(seed);
            let case = case(&mut dice);
            let prices = prices_of(&case, &mut dice);
            let expected = most(&case, &prices, &case.amounts, 0, 0);
            let fillings = Fillings::of((&case.rows, &case.roundings), &case.calendar, [].iter());
            let found = fillings.dearest(&case.rows, &prices, 1);
            let row = case.rows[0];
            let own = prices.of(0);
            let beyond_price = (own - row.overtime_price).max(0);
            let of_roundings = case.roundings.of_row(0);
            let linear: i64 = row.limit * own
                + row.overtime * beyond_price
                + of_roundings
                    .map(|(number, limit)| limit * prices.of(number))
                    .sum::<i64>();
            assert!(expected <= linear, "seed {seed}");
            let or_linear = if fillings.is_hour(0) {
                0
            } else {
                i128::from(linear)
            };
            let worth = found.first().map_or(or_linear, |found| found.worth);
            assert_eq!(worth, i128::from(expected), "seed {seed}");
            filled += usize::from(!fillings.is_hour(0));
            // The filling that is named pays so much, and fits.
            for found in &found {
                let times = found.filling.times.iter();
                let used: i64 = times.clone().map(|(amount, times)| amount * times).sum();
                let paid: i64 = times
                    .map(|(amount, times)| times * prices.charge(0, *amount))
                    .sum();
                assert!(used <= row.limit + found.filling.overtime, "seed {seed}");
                assert!(found.filling.overtime <= row.overtime, "seed {seed}");
                assert_eq!(
                    paid - found.filling.overtime * row.overtime_price,
                    expected,
                    "seed {seed}"
                );
            }
            below += usize::from(expected < linear);
            beyond += usize::from(found.iter().any(|found| found.filling.overtime > 0));
            // A planted error: an amount that lines take is forgotten.
            without_one += usize::from(most(&case, &prices, &case.amounts[1..], 0, 0) < expected);
        }
        println!("{below} below limit x price, {beyond} with overtime; {filled} filled; seen {without_one}");
        assert!(below > 800 && beyond > 100 && filled > 100 && without_one > 500);
    }

    #[test]
    fn plain_fillings_fit_and_leave_no_room_for_another_line() {
        for seed in 0..300 {
            let case = case(&mut Dice::new(seed));
            let fillings = Fillings::of((&case.rows, &case.roundings), &case.calendar, [].iter());
            let row = case.rows[0];
            for hour in fillings.hours() {
                let least = hour.amounts.first().copied().unwrap_or(i64::MAX);
                for filling in hour.plain(&row) {
                    let times = filling.times.iter();
                    let used: i64 = times.map(|(amount, times)| amount * times).sum();
                    assert!(used <= row.limit + filling.overtime, "seed {seed}");
                    let is_full = filling.overtime > 0 || used > row.limit - least;
                    assert!(is_full, "seed {seed}");
                }
            }
        }
    }

    #[test]
    fn prices_too_great_to_add_up_take_off_more_than_any_filling_pays() {
        let case = case(&mut Dice::new(7));
        let prices = vec![i64::MAX / 4; 1 + case.roundings.limits().len()];
        let prices = Prices::new(&case.calendar, &case.roundings, prices);
        let fillings = Fillings::of((&case.rows, &case.roundings), &case.calendar, [].iter());
        let found = fillings.dearest(&case.rows, &prices, 1);
        let row = case.rows[0];
        let pays = |amount: &i64| {
            i128::from((row.limit + row.overtime) / amount) * i128::from(prices.charge(0, *amount))
        };
        assert!(found[0].worth >= case.amounts.iter().map(pays).max().unwrap());
    }
}
