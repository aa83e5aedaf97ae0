//! Every plan of an order by plain enumeration, and what plans cost and take: written from the
//! meaning of a table, not from the crate's code.

use std::collections::BTreeMap;

use bopis_allocation::{
    Assignment, Calendar, Choice, InForce, Instance, Order, Row, Source, Table, NO_ROW,
};
use bopis_sourcing::CANNOT;

use super::{step_of, Dice};

/// A group: way, pattern, lines.
pub type Taken = (usize, usize, Vec<usize>);

/// What a plan costs, overtime aside, and what it takes by row; none: it is not allowed.
pub fn price_of(
    order: &Order,
    calendar: &Calendar,
    groups: &[Taken],
) -> Option<(i64, BTreeMap<u32, i64>)> {
    let (mut cost, mut takes, mut late) = (0, BTreeMap::new(), 0);
    let mut left: Vec<i64> = order.lines.iter().map(|line| line.unfilled).collect();
    let mut nodes = Vec::new();
    let mut stores = Vec::new();
    for (way, pattern, lines) in groups {
        let chosen = &order.ways[*way];
        let (hours, slot) = (
            &calendar.patterns[*pattern],
            calendar.slots[chosen.slot as usize],
        );
        let is_open = (slot.first..slot.end).contains(&(*pattern as u32));
        if nodes.contains(&chosen.node) || !is_open || hours.start_h < slot.start_from_h {
            return None;
        }
        nodes.push(chosen.node);
        stores.extend(chosen.store);
        cost += chosen.fixed;
        late = late.max(hours.ready_h - slot.promise_h);
        for day in &hours.days {
            *takes.entry(*day).or_insert(0) += 1;
        }
        for line in lines {
            let cell = way * order.lines.len() + line;
            if order.costs[cell] >= CANNOT {
                return None;
            }
            cost += order.costs[cell] + hours.charge;
            left[*line] = 0;
            let shipped = order.ship_rows.get(cell).copied().unwrap_or(NO_ROW);
            for row in [order.rows[cell], shipped] {
                if row != NO_ROW {
                    *takes.entry(row).or_insert(0) += order.lines[*line].quantity;
                }
            }
            for (row, seconds) in &hours.shares {
                *takes.entry(*row).or_insert(0) += seconds;
            }
        }
    }
    let filled = groups.iter().map(|(.., lines)| lines.len()).sum::<usize>();
    let is_part = filled > 0 && filled < order.lines.len();
    stores.dedup();
    if stores.len() > 1
        || (order.all_or_nothing && is_part)
        || order.nodes_max.is_some_and(|most| groups.len() > most)
    {
        return None;
    }
    if late > 0 {
        cost += order.late.broken + order.late.hour * late;
    }
    cost += order.extra_group * (groups.len() as i64 - 1).max(0);
    Some((cost + left.iter().sum::<i64>(), takes))
}

/// Every plan of an order as (cost, takes); of those that take the same, the cheapest.
pub fn options(table: &Table, index: usize) -> Vec<(i64, BTreeMap<u32, i64>)> {
    let order = table.order(index);
    let mut known: BTreeMap<Vec<(u32, i64)>, i64> = BTreeMap::new();
    let mut enter = |cost: i64, takes: BTreeMap<u32, i64>| {
        let least = known.entry(takes.into_iter().collect()).or_insert(cost);
        *least = cost.min(*least);
    };
    let count = order.ways.len() + 1;
    for number in 0..count.pow(order.lines.len() as u32) {
        let mut by_way: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut rest = number;
        for line in 0..order.lines.len() {
            if rest % count > 0 {
                by_way.entry(rest % count - 1).or_default().push(line);
            }
            rest /= count;
        }
        let mut plans: Vec<Vec<Taken>> = vec![Vec::new()];
        for (way, lines) in by_way {
            let slot = table.calendar.slots[order.ways[way].slot as usize];
            let with = |pattern: u32| {
                let lines = lines.clone();
                move |plan: &Vec<Taken>| {
                    let mut plan = plan.clone();
                    plan.push((way, pattern as usize, lines.clone()));
                    plan
                }
            };
            plans = (slot.first..slot.end)
                .flat_map(|pattern| plans.iter().map(with(pattern)).collect::<Vec<_>>())
                .collect();
        }
        for plan in plans {
            if let Some((cost, takes)) = price_of(&order, &table.calendar, &plan) {
                enter(cost, takes);
            }
        }
    }
    if let Some(plan) = &order.in_force {
        enter(plan.cost, plan.takes.iter().copied().collect());
    }
    let options = known.into_iter();
    options
        .map(|(takes, cost)| (cost, takes.into_iter().collect()))
        .collect()
}

/// The least cost of all orders together, overtime included, by trying every plan.
pub fn optimum(table: &Table) -> i64 {
    let all: Vec<_> = (0..table.orders.len())
        .map(|index| {
            let mut options = options(table, index);
            options.sort_by_key(|(cost, _)| *cost);
            options
        })
        .collect();
    let mut best = i64::MAX;
    descend(table, &all, (0, vec![0; table.rows.len()]), &mut best);
    best
}

fn descend(
    table: &Table,
    rest: &[Vec<(i64, BTreeMap<u32, i64>)>],
    (spent, used): (i64, Vec<i64>),
    best: &mut i64,
) {
    let Some((options, after)) = rest.split_first() else {
        *best = (*best).min(spent + overtime_cost(table, &used));
        return;
    };
    let least: i64 = after.iter().map(|options| options[0].0).sum();
    for (cost, takes) in options {
        if spent + cost + least + overtime_cost(table, &used) >= *best {
            return;
        }
        let mut used = used.clone();
        for (row, amount) in takes {
            used[*row as usize] += amount;
        }
        if overfull(table, &used).is_empty() {
            descend(table, after, (spent + cost, used), best);
        }
    }
}

pub fn overtime_cost(table: &Table, used: &[i64]) -> i64 {
    let beyond = |(row, used): (&Row, &i64)| (used - row.limit).max(0) * row.overtime_price;
    table.rows.iter().zip(used).map(beyond).sum()
}

/// Rows of which more is used than there is.
pub fn overfull(table: &Table, used: &[i64]) -> Vec<usize> {
    let rows = table.rows.iter().zip(used).enumerate();
    rows.filter(|(_, (row, used))| **used > row.limit + row.overtime)
        .map(|(number, _)| number)
        .collect()
}

/// What an assignment costs and takes, from the table alone.
pub fn audit(table: &Table, instance: &Instance, assignment: &Assignment) -> (i64, Vec<i64>) {
    let mut used = vec![0; table.rows.len()];
    let mut sum = 0;
    for (index, choice) in assignment.choices().iter().enumerate() {
        let (cost, takes) = meaning(table, instance, index, choice);
        sum += cost;
        for (row, amount) in takes {
            used[row as usize] += amount;
        }
    }
    (sum + overtime_cost(table, &used), used)
}

/// What a choice of an order costs and takes, from the table alone.
pub fn meaning(
    table: &Table,
    instance: &Instance,
    index: usize,
    choice: &Choice,
) -> (i64, BTreeMap<u32, i64>) {
    let order = table.order(index);
    match choice {
        Choice::InForce => {
            let plan: InForce = order.in_force.expect("a plan in force");
            (plan.cost, plan.takes.into_iter().collect())
        }
        Choice::Groups(groups) => {
            let groups: Vec<Taken> = groups
                .iter()
                .map(|group| {
                    let way = instance.origin(index, group.way).expect("a way");
                    let lines = group.lines.iter().map(|line| usize::from(*line));
                    (way as usize, group.pattern as usize, lines.collect())
                })
                .collect();
            let priced = price_of(&order, &table.calendar, &groups);
            priced.unwrap_or_else(|| panic!("order {index} may not do {groups:?}"))
        }
    }
}

/// Gives some orders a plan in force, so that all of them fit together; of some the ways are gone.
pub fn put_in_force(table: &mut Table, seed: u64) {
    let mut dice = Dice(!seed);
    let step = step_of(seed);
    let mut used = vec![0; table.rows.len()];
    for index in 0..table.orders.len() {
        let options = options(table, index);
        let (cost, takes) = &options[dice.below(options.len() as u64) as usize];
        let mut after = used.clone();
        for (row, amount) in takes {
            after[*row as usize] += amount;
        }
        let is_within = after
            .iter()
            .zip(&table.rows)
            .all(|(used, row)| *used <= row.limit);
        if takes.is_empty() || !is_within || dice.one_in(4) {
            continue;
        }
        used = after;
        let order = &mut table.orders[index];
        order.in_force = Some(InForce {
            cost: cost + step * dice.amount(0, 10),
            takes: takes.iter().map(|(row, amount)| (*row, *amount)).collect(),
            ..InForce::default()
        });
        if dice.one_in(3) {
            order.ways.clear();
            order.costs.clear();
            order.rows.clear();
        }
    }
}
