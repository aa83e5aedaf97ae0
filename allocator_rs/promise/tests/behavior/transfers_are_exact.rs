//! Plans with transfers against every choice of nodes and hours for each line.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bopis_promise::{
    meters_between, Ask, Method, Network, NodeKind, Plan, TableSupply, Transfers, World,
};

use crate::town::{self, ask, best, node, policy, transfers, Dice, HOUR_S, NOON_S, PLENTY};

const SOURCE: i64 = 2_500_000;
const KM: i64 = 2_000;

/// One way to do a line: node, method, store, hours of picking, hour of receiving.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    node: usize,
    method: u8,
    store: Option<usize>,
    start_h: i64,
    span: i64,
    received_h: Option<i64>,
}

const HOURS: i64 = 4;
const PLACES: [f64; 3] = [0.01, 0.1, 0.4];

/// A town of two stores and a depot, with little labor.
fn tight(seed: u64) -> (World, Ask, TableSupply) {
    let mut dice = Dice(seed);
    let kinds = [NodeKind::Store, NodeKind::Store, NodeKind::Warehouse];
    let rates = [60, 36, 120];
    let specs = (0..3).map(|n| node(&format!("n{n}"), kinds[n], PLACES[n], rates[n], 0..HOURS));
    let mut policy = policy();
    policy.card.opportunity_last_bp = 0;
    policy.card.opportunity_next_two_bp = 0;
    policy.card.opportunity_block_micro = 0;
    policy.card.promise_broken_micro = 5_000_000;
    policy.late_windows_max_h = 2;
    policy.span_windows_max = 2;
    policy.transfers = Some(Transfers {
        from_kinds: vec![NodeKind::Warehouse, NodeKind::Store],
        handling_s: 600,
        receive_line_s: dice.one_of(&[20, 70]),
        ..transfers()
    });
    let world = World::new(
        Arc::new(Network::new(specs.collect())),
        town::world().catalog,
        policy,
    );
    let skus = [("a", 1), ("b", 1), ("c", 1)];
    let mut asked = ask(Method::Pickup, &skus[..2 + dice.below(2) as usize]);
    asked.consent.ship_home = dice.below(2) == 0;
    asked.promise_ms = (NOON_S + (2 + dice.below(3)) * HOUR_S) * 1_000;
    let mut table = TableSupply::default();
    for n in 0..3 {
        for line in 0..asked.lines.len() {
            table.units.insert((n, line), PLENTY * dice.below(2));
        }
        for hour in 0..HOURS {
            let seconds = dice.one_of(&[0, 60, 130, 200, 3_600]);
            table.seconds.insert((n, NOON_S + hour * HOUR_S), seconds);
        }
    }
    (world, asked, table)
}

fn every_way(asked: &Ask) -> Vec<Way> {
    let until_h = (asked.promise_ms / 1_000 - NOON_S) / HOUR_S + 2;
    let mut ways = Vec::new();
    for (node, place) in PLACES.into_iter().enumerate() {
        for start_h in 0..HOURS {
            for span in 1..=2_i64.min(HOURS - start_h) {
                let end_h = start_h + span;
                let mut add = |method, store, received_h: Option<i64>| {
                    if received_h.map_or(end_h, |hour| hour + 1) <= until_h {
                        ways.push(Way {
                            node,
                            method,
                            store,
                            start_h,
                            span,
                            received_h,
                        });
                    }
                };
                if asked.consent.ship_home {
                    add(1, None, None);
                }
                if node < 2 {
                    add(0, Some(node), None);
                }
                for store in (0..2).filter(|store| *store != node) {
                    let meters = meters_between((place, 0.0), (PLACES[store], 0.0));
                    let arrival_s = end_h * HOUR_S + 600 + (meters * 3_600 + 59_999) / 60_000;
                    let hours = (0..HOURS).filter(|hour| hour * HOUR_S >= arrival_s).take(3);
                    hours.for_each(|hour| add(2, Some(store), Some(hour)));
                }
            }
        }
    }
    ways
}

/// What a choice of a way for each line costs by the rules; none if it breaks one.
fn cost(world: &World, asked: &Ask, table: &TableSupply, chosen: &[Option<&Way>]) -> Option<i64> {
    let (card, rules) = (&world.policy.card, world.policy.transfers.as_ref()?);
    let mut cost = 0;
    let groups: BTreeSet<&Way> = chosen.iter().flatten().copied().collect();
    let used: BTreeSet<usize> = groups.iter().map(|way| way.node).collect();
    let stores: BTreeSet<usize> = groups.iter().filter_map(|way| way.store).collect();
    if used.len() < groups.len() || stores.len() > 1 {
        return None;
    }
    let mut seconds: BTreeMap<(usize, i64), i64> = BTreeMap::new();
    let mut late_h = 0;
    for way in &groups {
        let lines = chosen.iter().filter(|one| **one == Some(*way)).count() as i64;
        let line_s = world.network.nodes()[way.node].line_seconds;
        for index in 0..way.span {
            let share = line_s / way.span + i64::from(index < line_s % way.span);
            *seconds.entry((way.node, way.start_h + index)).or_default() += lines * share;
        }
        if let (Some(hour), Some(store)) = (way.received_h, way.store) {
            *seconds.entry((store, hour)).or_default() += lines * rules.receive_line_s;
            let meters = meters_between((PLACES[way.node], 0.0), (PLACES[store], 0.0));
            cost += SOURCE + (KM * meters + 500) / 1_000;
        }
        if way.method == 1 {
            let meters = meters_between((PLACES[way.node], 0.0), (0.0, 0.0));
            cost += card.ship_package_micro + (card.ship_km_micro * meters + 500) / 1_000;
            cost += card.pickup_shipped_micro + lines * card.ship_kg_micro / 2;
        }
        let ready_h = way
            .received_h
            .map_or(way.start_h + way.span, |hour| hour + 1);
        late_h = late_h.max(ready_h - (asked.promise_ms / 1_000 - NOON_S) / HOUR_S);
    }
    let there = |(cell, needed): (&(usize, i64), &i64)| {
        let has = table.seconds.get(&(cell.0, NOON_S + cell.1 * HOUR_S));
        *needed <= has.copied().unwrap_or(0)
    };
    if !seconds.iter().all(there) {
        return None;
    }
    if stores.contains(&1) {
        let beyond =
            meters_between((0.0, 0.0), (0.1, 0.0)) - meters_between((0.0, 0.0), (0.01, 0.0));
        cost += (card.other_store_km_micro * beyond + 500) / 1_000;
    }
    for (line, way) in chosen.iter().enumerate() {
        let Some(way) = way else {
            cost += world.policy.unfilled_cost(1, 10_000_000);
            continue;
        };
        if table.units[&(way.node, line)] == 0 {
            return None;
        }
        cost += card.pick_line_micro;
    }
    if late_h > 0 {
        cost += card.promise_broken_micro + late_h * card.late_hour_micro;
    }
    Some(cost + card.extra_group_micro * (groups.len() as i64 - 1).max(0))
}

/// The least cost over every choice of a way for each line that has its units there.
fn brute_force(world: &World, asked: &Ask, table: &TableSupply) -> i64 {
    let ways = every_way(asked);
    let of_line = |line: usize| {
        let has = |way: &&Way| table.units[&(way.node, line)] > 0;
        let mut mine: Vec<Option<&Way>> = ways.iter().filter(has).map(Some).collect();
        mine.push(None);
        mine
    };
    let mut chosen: Vec<Vec<Option<&Way>>> = vec![Vec::new()];
    for line in 0..asked.lines.len() {
        let more = of_line(line);
        let mut longer = Vec::with_capacity(chosen.len() * more.len());
        for so_far in &chosen {
            let with = |way: &Option<_>| [so_far.clone(), vec![*way]].concat();
            longer.extend(more.iter().map(with));
        }
        chosen = longer;
        chosen.retain(|so_far| {
            let stores: BTreeSet<usize> = so_far.iter().flatten().filter_map(|w| w.store).collect();
            stores.len() < 2
        });
    }
    let costs = chosen
        .iter()
        .filter_map(|one| cost(world, asked, table, one));
    costs.min().unwrap()
}

#[test]
fn plans_with_transfers_cost_the_least_of_every_choice_of_hours_and_nodes() {
    let (mut transferred, mut both) = (0, 0);
    for seed in 0..400 {
        let (world, asked, table) = tight(seed);
        let plan = best(&world, &asked, &table);
        let found = plan.terms.total();
        assert_eq!(
            found,
            brute_force(&world, &asked, &table),
            "seed {seed}: {plan:?}"
        );
        let counts =
            |plan: &Plan, method| plan.groups.iter().filter(|g| g.method == method).count();
        let moved = counts(&plan, Method::Transfer);
        transferred += usize::from(moved > 0);
        both += usize::from(moved + counts(&plan, Method::Pickup) > 1);
    }
    assert!(
        transferred > 40 && both > 10,
        "{transferred} transferred, {both} with others"
    );
}
