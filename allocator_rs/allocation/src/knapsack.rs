//! The integer knapsack of an hour: what whole lines pay at most for the room that there is.

use std::collections::BTreeMap;

use crate::instance::Row;
use crate::sums::gcd;

/// What lines pay at most, and which lines do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packed {
    /// The lines: amount, and how many take so much.
    pub(crate) times: Vec<(i64, i64)>,
    /// What they take beyond the limit.
    pub(crate) overtime: i64,
    /// No lines pay more, less what their overtime costs (micro-units).
    pub(crate) worth: i128,
}

/// The best of all ways to fill a row with lines, as many as there is room for of each kind.
/// `charged`: by kind, what one line takes, at least 1, and what it pays, at least 1. None where
/// there are no kinds. `paid`: memory to work in.
pub(crate) fn packed(charged: &[(i64, i64)], row: &Row, paid: &mut Vec<i64>) -> Option<Packed> {
    let unit = charged
        .iter()
        .fold(0, |unit, (amount, _)| gcd(unit, *amount));
    let dearest = charged.iter().map(|(_, charge)| *charge).max()?;
    let room = row.limit.saturating_add(row.overtime);
    if dearest.checked_mul(room).is_none() {
        // Prices that nobody means: fractions of lines, added up in 128 bits.
        let each = |(amount, charge): &(i64, i64)| {
            i128::from(*charge) * i128::from(room) / i128::from(*amount) + 1
        };
        return Some(Packed {
            times: Vec::new(),
            overtime: 0,
            worth: charged.iter().map(each).max()?,
        });
    }
    pay(charged, (unit, room / unit), paid);
    let overtime = |at: usize| (at as i64 * unit - row.limit).max(0);
    let net = |at: usize| {
        let cost = overtime(at).saturating_mul(row.overtime_price);
        paid.get(at).map_or(0, |paid| paid.saturating_sub(cost))
    };
    let within = usize::try_from(row.limit / unit).unwrap_or(0);
    let best = (within..paid.len()).max_by_key(|at| (net(*at), usize::MAX - at))?;
    Some(Packed {
        times: lines_of(charged, unit, (paid, best)),
        overtime: overtime(best),
        worth: i128::from(net(best)),
    })
}

/// By room up to `room` units, the most that lines pay for so much.
fn pay(charged: &[(i64, i64)], (unit, room): (i64, i64), paid: &mut Vec<i64>) {
    paid.clear();
    paid.resize(usize::try_from(room).unwrap_or(0) + 1, 0);
    for (amount, charge) in charged {
        let step = usize::try_from(amount / unit).unwrap_or(usize::MAX);
        for at in step..paid.len() {
            let with = paid.get(at - step).map_or(0, |paid| paid + charge);
            if let Some(own) = paid.get_mut(at) {
                *own = (*own).max(with);
            }
        }
    }
}

/// The lines that pay the most for this room.
fn lines_of(charged: &[(i64, i64)], unit: i64, (paid, room): (&[i64], usize)) -> Vec<(i64, i64)> {
    let most = |at: usize| paid.get(at).copied().unwrap_or(0);
    let mut times: BTreeMap<i64, i64> = BTreeMap::new();
    let mut at = room;
    while most(at) > 0 {
        let last = charged.iter().find_map(|(amount, charge)| {
            let before = at.checked_sub(usize::try_from(amount / unit).ok()?)?;
            (most(before) + charge == most(at)).then_some((*amount, before))
        });
        let Some((amount, before)) = last else {
            break;
        };
        *times.entry(amount).or_default() += 1;
        at = before;
    }
    times.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Dice;

    fn case(dice: &mut Dice) -> (Vec<(i64, i64)>, Row) {
        let kinds = 1 + dice.below(4);
        let kind = |_| (2 + dice.below(9) as i64, 1 + dice.below(40) as i64);
        let charged = (0..kinds).map(kind).collect();
        let row = Row {
            limit: dice.below(31) as i64,
            overtime: [0, dice.below(9) as i64][dice.below(2)],
            overtime_price: dice.below(8) as i64,
        };
        (charged, row)
    }

    /// The most that lines pay in the room left, tried one by one.
    fn most(charged: &[(i64, i64)], row: &Row, used: i64, paid: i64) -> i64 {
        let Some(((amount, charge), rest)) = charged.split_first() else {
            return paid - (used - row.limit).max(0) * row.overtime_price;
        };
        let times = 0..=(row.limit + row.overtime - used) / amount;
        let with = |times: i64| most(rest, row, used + times * amount, paid + times * charge);
        times.map(with).max().unwrap()
    }

    #[test]
    fn no_lines_that_fit_pay_more() {
        let (mut beyond, mut without_a_kind, mut without_overtime) = (0, 0, 0);
        for seed in 0..3_000 {
            let (charged, row) = case(&mut Dice::new(seed));
            let found = packed(&charged, &row, &mut Vec::new()).unwrap();
            let expected = most(&charged, &row, 0, 0);
            assert_eq!(found.worth, i128::from(expected), "seed {seed}");
            // The lines that are named fit, and one kind of an amount or another pays so much.
            let used: i64 = found
                .times
                .iter()
                .map(|(amount, times)| amount * times)
                .sum();
            assert!(used <= row.limit + found.overtime, "seed {seed}");
            assert!(found.overtime <= row.overtime, "seed {seed}");
            let dearest = |amount: i64| {
                let same = charged.iter().filter(|(one, _)| *one == amount);
                same.map(|(_, charge)| *charge).max().unwrap()
            };
            let lines = found.times.iter();
            let paid: i64 = lines.map(|(amount, times)| times * dearest(*amount)).sum();
            assert_eq!(
                paid - found.overtime * row.overtime_price,
                expected,
                "seed {seed}"
            );
            beyond += usize::from(found.overtime > 0);
            // Planted errors: a kind is forgotten, and overtime is.
            without_a_kind += usize::from(most(&charged[1..], &row, 0, 0) < expected);
            let limit = Row { overtime: 0, ..row };
            without_overtime += usize::from(most(&charged, &limit, 0, 0) < expected);
        }
        println!("{beyond} with overtime; seen {without_a_kind} and {without_overtime}");
        assert!(beyond > 300 && without_a_kind > 800 && without_overtime > 300);
    }

    #[test]
    fn charges_too_great_to_add_up_are_worth_no_less_than_any_lines_pay() {
        for seed in 0..200 {
            let (charged, row) = case(&mut Dice::new(seed));
            let great = |(amount, charge): (i64, i64)| (amount, i64::MAX / 50 * charge.min(50));
            let charged: Vec<(i64, i64)> = charged.into_iter().map(great).collect();
            let found = packed(&charged, &row, &mut Vec::new()).unwrap();
            let pay = |(amount, charge): &(i64, i64)| {
                i128::from(row.limit / amount) * i128::from(*charge)
            };
            assert!(
                found.worth >= charged.iter().map(pay).max().unwrap(),
                "seed {seed}"
            );
        }
    }
}
