//! Every plan of a small order, priced from the cost card's text. Shares no code with the planner.
//! Groups take one hour each, and last units are worth nothing: the policy of these tests says so.

pub mod cases;

use bopis_promise::{meters_between, Ask, Method, TableSupply, World};

use crate::town::{HOUR_S, NOON_S};

/// A group of the node costs so much less.
pub type Discount = (usize, Method, i64);

/// The least cost of all plans; `with`: of those that use this node. None: there is no such plan.
pub fn least(
    world: &World,
    ask: &Ask,
    supply: &TableSupply,
    with: Option<usize>,
    discount: Option<Discount>,
) -> Option<i64> {
    least_keeping(&[], (world, ask, supply), with, discount)
}

/// The same of plans that leave none of these lines.
pub fn least_keeping(
    kept: &[i32],
    (world, ask, supply): (&World, &Ask, &TableSupply),
    with: Option<usize>,
    discount: Option<Discount>,
) -> Option<i64> {
    let mut ways = Vec::new();
    for node in 0..world.network.nodes().len() {
        for method in [Method::Pickup, Method::Ship] {
            if let Some(leg) = leg(world, ask, node, method) {
                let less = discount.filter(|one| (one.0, one.1) == (node, method));
                ways.push((node, method, (leg - less.map_or(0, |one| one.2)).max(0)));
            }
        }
    }
    let choices = ways.len() + 1;
    let mut best = None;
    for code in 0..choices.pow(ask.lines.len() as u32) {
        let choice = |line: usize| (code / choices.pow(line as u32) % choices).checked_sub(1);
        let picked: Vec<Option<usize>> = (0..ask.lines.len()).map(choice).collect();
        let mut used: Vec<usize> = picked.iter().flatten().copied().collect();
        used.sort_unstable();
        used.dedup();
        if with.is_some_and(|node| !used.iter().any(|way| ways[*way].0 == node)) {
            continue;
        }
        let lines = ask.lines.iter().zip(&picked);
        let mut left = lines.filter(|(_, way)| way.is_none());
        if left.any(|(line, _)| kept.contains(&line.line_number)) {
            continue;
        }
        let cost = price(world, ask, supply, &ways, &picked, &used);
        best = match (best, cost) {
            (Some(known), Some(cost)) => Some(i64::min(known, cost)),
            (known, cost) => known.or(cost),
        };
    }
    best
}

fn meters(world: &World, ask: &Ask, node: usize) -> i64 {
    let spec = &world.network.nodes()[node].spec;
    meters_between(
        (ask.latitude, ask.longitude),
        (spec.latitude, spec.longitude),
    )
}

fn per_km(price: i64, meters: i64) -> i64 {
    (price * meters + 500) / 1_000
}

/// What a group costs before its lines; none: it is not allowed.
fn leg(world: &World, ask: &Ask, node: usize, method: Method) -> Option<i64> {
    let card = &world.policy.card;
    let own = ask.customer_node_id.as_deref()?;
    let own = world.network.index(own)?;
    let away = meters(world, ask, node);
    let spec = &world.network.nodes()[node].spec;
    if ask.excluded_node_ids.contains(&spec.node_id) {
        return None;
    }
    match method {
        Method::Transfer => None,
        Method::Pickup => {
            let agreed = ask.consent.other_store_km * 1_000;
            let open = ask.method == Method::Pickup
                && spec.kind.is_pickup()
                && (node == own || away <= agreed);
            let beyond = (away - meters(world, ask, own)).max(0);
            open.then(|| per_km(card.other_store_km_micro, beyond))
        }
        Method::Ship => {
            let too_far = world
                .policy
                .rules
                .ship_km_max
                .is_some_and(|km| away > km * 1_000);
            let agreed = ask.method == Method::Ship || ask.consent.ship_home;
            let shipped = if ask.method == Method::Pickup {
                card.pickup_shipped_micro
            } else {
                0
            };
            let km = per_km(card.ship_km_micro, away);
            (agreed && !too_far).then(|| card.ship_package_micro + km + shipped)
        }
    }
}

fn price(
    world: &World,
    ask: &Ask,
    supply: &TableSupply,
    ways: &[(usize, Method, i64)],
    picked: &[Option<usize>],
    used: &[usize],
) -> Option<i64> {
    let card = &world.policy.card;
    let nodes: std::collections::BTreeSet<usize> = used.iter().map(|way| ways[*way].0).collect();
    let pickups = used.iter().filter(|way| ways[**way].1 == Method::Pickup);
    let too_many = world
        .policy
        .rules
        .nodes_max
        .is_some_and(|max| nodes.len() > max);
    if nodes.len() < used.len() || pickups.count() > 1 || too_many {
        return None;
    }
    let mut cost = card.extra_group_micro * (used.len() as i64 - 1).max(0);
    for (index, line) in ask.lines.iter().enumerate() {
        let Some(way) = picked[index] else {
            cost += world
                .policy
                .unfilled_cost(line.quantity, line.unit_price_micro);
            continue;
        };
        let (node, method, _) = ways[way];
        if supply.units.get(&(node, index)).copied().unwrap_or(0) < line.quantity {
            return None;
        }
        cost += card.pick_line_micro;
        if method == Method::Ship {
            let grams = world.policy.unit_weight_g * line.quantity;
            cost += (card.ship_kg_micro * grams + 500) / 1_000;
        }
    }
    let mut late_h = 0;
    for way in used {
        let (node, _, leg) = ways[*way];
        cost += leg;
        let lines = picked.iter().filter(|one| **one == Some(*way)).count() as i64;
        late_h = late_h.max(first_late(world, ask, supply, node, lines)?);
    }
    if late_h > 0 {
        cost += card.promise_broken_micro + card.late_hour_micro * late_h;
    }
    Some(cost)
}

/// Hours after the promise of the first hour with room.
fn first_late(
    world: &World,
    ask: &Ask,
    supply: &TableSupply,
    node: usize,
    lines: i64,
) -> Option<i64> {
    let place = &world.network.nodes()[node];
    let needed = (HOUR_S + place.spec.pick_lines_per_hour - 1) / place.spec.pick_lines_per_hour;
    let promise_s = ask.promise_ms / 1_000;
    let last_s = promise_s + i64::from(world.policy.late_windows_max_h) * HOUR_S;
    let mut windows = place.spec.windows.iter().map(|window| window.start_s);
    windows
        .find(|start_s| {
            let free = supply.seconds.get(&(node, *start_s)).copied().unwrap_or(0);
            *start_s >= NOON_S && start_s + HOUR_S <= last_s && free >= needed * lines
        })
        .map(|start_s| ((start_s + HOUR_S - promise_s).max(0) + HOUR_S - 1) / HOUR_S)
}
