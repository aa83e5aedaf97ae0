//! Explanations: each claim is checked by pricing every plan there is, written apart.

use std::sync::Arc;

use bopis_promise::{Cause, Change, Method, Plan, Rejection, WhatIf, World};

use crate::brute::cases::{random_case, Case, HOURS, NODES, WORK};
use crate::brute::{least, least_keeping};
use crate::town::{HOUR_S, NOON_S};

/// The lines that a plan in force does.
fn done(plan: &Plan) -> Vec<i32> {
    let groups = plan.groups.iter();
    groups.flat_map(|one| one.line_numbers.clone()).collect()
}

/// The least cost of all plans after changes, applied to the tables by hand, that leave none of the
/// lines of `kept`.
fn least_under(case: &Case, kept: &[i32], changes: &[Change]) -> i64 {
    let (mut ask, mut supply) = (case.ask.clone(), case.supply.clone());
    let mut rules = (*case.world.policy.rules).clone();
    let mut discount = None;
    let place = |name: &str| NODES.iter().position(|one| one.0 == name).unwrap();
    for change in changes {
        match change {
            Change::Units {
                node_id,
                sku,
                units,
            } => {
                let line = ask.lines.iter().position(|line| line.sku == *sku).unwrap();
                *supply.units.get_mut(&(place(node_id), line)).unwrap() += units;
            }
            Change::Seconds {
                node_id,
                window_start_s,
                seconds,
            } => {
                let cell = (place(node_id), *window_start_s);
                *supply.seconds.get_mut(&cell).unwrap() += seconds;
            }
            Change::Price {
                node_id,
                method,
                micro,
            } => discount = Some((place(node_id), *method, *micro)),
            Change::Promise { hours } => ask.promise_ms += hours * HOUR_S * 1_000,
            Change::Rule { name } if name == "ship_km_max" => rules.ship_km_max = None,
            Change::Rule { name } => {
                assert_eq!(name, "nodes_per_order_max");
                rules.nodes_max = None;
            }
            Change::OtherStore { km } => ask.consent.other_store_km = *km,
            Change::ShipHome => ask.consent.ship_home = true,
        }
    }
    let mut policy = case.world.policy.clone();
    policy.rules = Arc::new(rules);
    let (network, catalog) = (case.world.network.clone(), case.world.catalog.clone());
    let world = World::new(network, catalog, policy);
    least_keeping(kept, (&world, &ask, &supply), None, discount).unwrap()
}

/// The same change, one smaller; none: there is no smaller one.
fn smaller(change: &Change) -> Option<Change> {
    let mut change = change.clone();
    let size = match &mut change {
        Change::Units { units, .. } => units,
        Change::Seconds { seconds, .. } => seconds,
        Change::Price { micro, .. } => micro,
        Change::Promise { hours } => hours,
        _ => return None,
    };
    *size -= 1;
    Some(change)
}

#[test]
fn the_plan_with_a_rejected_node_is_the_cheapest_there_is_and_costs_more() {
    let (mut plans, mut leaving, mut without) = (0, 0, 0);
    for seed in 0..600 {
        let case = random_case(seed);
        let best = case.best();
        let explained = case.explain(&best, WORK);
        let least_of_all = least(&case.world, &case.ask, &case.supply, None, None).unwrap();
        assert_eq!(explained.best.total, least_of_all, "seed {seed}");
        assert_eq!(explained.chosen.total, least_of_all, "seed {seed}");
        assert_eq!(explained.incomplete, []);
        let used = explained.chosen.plan.groups.len();
        assert_eq!(explained.rejected.len() + used, NODES.len(), "seed {seed}");
        assert_eq!(explained.rejected.len(), explained.rejected_total);
        for one in &explained.rejected {
            let place = NODES.iter().position(|node| node.0 == one.node_id).unwrap();
            let tables = (&case.world, &case.ask, &case.supply);
            let cheapest = least_keeping(&done(&best), tables, Some(place), None);
            let found = one.plan.as_ref().map(|plan| plan.total);
            assert_eq!(found, cheapest, "seed {seed}: {one:?}");
            let any = least(&case.world, &case.ask, &case.supply, Some(place), None);
            let rejection = match (cheapest, any) {
                (Some(_), _) => Some(Rejection::Dearer),
                (None, Some(_)) => Some(Rejection::LeavesPromised),
                (None, None) => None,
            };
            match rejection {
                Some(expected) => assert_eq!(one.rejection, expected, "seed {seed}"),
                None => without += 1,
            }
            plans += usize::from(cheapest.is_some());
            leaving += usize::from(cheapest.is_none() && any.is_some());
        }
    }
    let counts = (plans, leaving, without);
    assert!(plans > 300 && leaving > 50 && without > 300, "{counts:?}");
}

#[test]
fn the_next_best_plan_is_the_cheapest_of_those_without_a_node_or_with_another() {
    let mut compared = 0;
    for seed in 0..300 {
        let case = random_case(seed);
        let chosen = case.best();
        let kept = done(&chosen);
        let explained = case.explain(&chosen, WORK);
        let totals: Vec<i64> = explained.others.iter().map(|one| one.total).collect();
        assert!(totals.is_sorted(), "seed {seed}");
        let used = |name: &str| {
            let mut groups = explained.chosen.plan.groups.iter();
            groups.any(|group| group.node_id == name)
        };
        let others = (0..NODES.len()).filter(|place| !used(NODES[*place].0));
        let tables = (&case.world, &case.ask, &case.supply);
        let with = others.filter_map(|place| least_keeping(&kept, tables, Some(place), None));
        let without = NODES.iter().filter(|one| used(one.0)).filter_map(|one| {
            let mut ask = case.ask.clone();
            ask.excluded_node_ids.push(one.0.to_owned());
            least_keeping(&kept, (&case.world, &ask, &case.supply), None, None)
        });
        let expected = with.chain(without).min();
        // A plan of the same nodes may cost as little as the best one; and to leave all lines is no
        // plan that is told.
        let same = |total: &&i64| **total == explained.best.total;
        let ties = totals.iter().take_while(same).count();
        if let Some(first) = totals.get(ties) {
            let leaves_all = least_without_nodes(&case);
            let is_next = Some(*first) == expected || expected == Some(explained.best.total);
            assert!(is_next || expected == Some(leaves_all), "seed {seed}");
            compared += usize::from(Some(*first) == expected);
        }
    }
    assert!(compared > 100, "{compared}");
}

/// What it costs to leave every line.
fn least_without_nodes(case: &Case) -> i64 {
    let mut ask = case.ask.clone();
    ask.excluded_node_ids = NODES.map(|one| one.0.to_owned()).to_vec();
    least(&case.world, &ask, &case.supply, None, None).unwrap()
}

#[test]
fn the_reason_why_a_node_has_no_plan_is_the_obstacle_that_is_there() {
    let mut seen = std::collections::BTreeMap::new();
    for seed in 0..600 {
        let case = random_case(seed);
        for one in case.explain(&case.best(), WORK).rejected {
            let place = NODES.iter().position(|node| node.0 == one.node_id).unwrap();
            let lines = || case.ask.lines.iter().enumerate();
            let units = |line: usize| case.supply.units[&(place, line)];
            let serves = lines().any(|(line, asked)| units(line) >= asked.quantity);
            let lacks: Vec<(i32, i64, i64)> = lines()
                .filter(|(line, asked)| units(*line) < asked.quantity)
                .map(|(line, asked)| (asked.line_number, units(line), asked.quantity))
                .collect();
            let is_pickup = place < 3 && case.ask.method == Method::Pickup;
            let far_m = brute_meters(&case, place);
            let agreed_m = case.ask.consent.other_store_km * 1_000;
            let collects = is_pickup && (place == 0 || far_m <= agreed_m);
            let ships = case.ask.method == Method::Ship || case.ask.consent.ship_home;
            let ruled = case
                .world
                .policy
                .rules
                .ship_km_max
                .is_some_and(|km| far_m > km * 1_000);
            let hours = (0..HOURS).map(|h| case.supply.seconds[&(place, NOON_S + h * HOUR_S)]);
            let free = hours.max().unwrap();
            let allowed = collects || (ships && !ruled);
            assert_eq!(one.meters, far_m);
            let expected = match &one.rejection {
                Rejection::Dearer | Rejection::LeavesPromised => allowed && serves && free >= 60,
                Rejection::NoStock => allowed && !serves,
                Rejection::NoLabor {
                    line_seconds: 60,
                    free_seconds,
                } => allowed && serves && free < 60 && *free_seconds == free,
                Rejection::Rule(name) => !collects && ships && ruled && name == "ship_km_max",
                Rejection::TooFar { meters_max } => {
                    !allowed && place < 3 && *meters_max == agreed_m && far_m > agreed_m
                }
                Rejection::NoConsent => !allowed && place == 3 && !ships,
                other => panic!("seed {seed}: {other:?}"),
            };
            assert!(expected, "seed {seed}: {one:?}");
            if allowed {
                let told = one.lacks.iter();
                let told: Vec<_> = told.map(|l| (l.line_number, l.units, l.needed)).collect();
                assert_eq!(told, lacks, "seed {seed}");
            }
            *seen.entry(format!("{:?}", one.rejection)).or_insert(0) += 1;
        }
    }
    assert!(seen.len() >= 9, "{seen:?}");
}

fn brute_meters(case: &Case, place: usize) -> i64 {
    let spec = &case.world.network.nodes()[place].spec;
    let home = (case.ask.latitude, case.ask.longitude);
    bopis_promise::meters_between(home, (spec.latitude, spec.longitude))
}

#[test]
fn a_change_flips_the_decision_and_one_smaller_does_not() {
    let mut seen = [0; 3];
    for seed in 0..600 {
        let case = random_case(seed);
        let chosen = case.best();
        let explained = case.explain(&chosen, WORK);
        for one in &explained.flips {
            let kept = done(&chosen);
            let then = least_under(&case, &kept, &one.changes);
            assert_eq!(one.outcome.total, then, "seed {seed}: {one:?}");
            assert_eq!(one.saving, explained.best.total - then, "seed {seed}");
            assert!(one.saving > 0, "seed {seed}: {one:?}");
            assert_ne!(one.outcome.plan.groups, chosen.groups, "seed {seed}");
            let kind = match &one.changes[..] {
                [Change::Units { .. }, ..] => 0,
                [Change::Seconds { .. }] => 1,
                [Change::Price { .. }] => 2,
                other => panic!("{other:?}"),
            };
            seen[kind] += 1;
            for index in 0..one.changes.len() {
                let mut less = one.changes.clone();
                less[index] = smaller(&less[index]).unwrap();
                let then = least_under(&case, &kept, &less);
                assert!(then >= explained.best.total, "seed {seed}: {one:?}");
            }
        }
    }
    assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
}

#[test]
fn no_single_unit_or_second_that_flips_is_overlooked() {
    for seed in 0..200 {
        let case = random_case(seed);
        let chosen = case.best();
        let explained = case.explain(&chosen, WORK);
        let used = |name: &str| chosen.groups.iter().any(|group| group.node_id == name);
        for (name, _, _) in NODES.iter().filter(|one| !used(one.0)) {
            for line in &case.ask.lines {
                let change = Change::Units {
                    node_id: (*name).to_owned(),
                    sku: line.sku.clone(),
                    units: 9,
                };
                let then = least_under(&case, &done(&chosen), &[change]);
                let flips = then < explained.best.total;
                let told = |one: &&WhatIf| {
                    matches!(&one.changes[..], [Change::Units { node_id, sku, .. }]
                        if node_id == name && *sku == line.sku)
                };
                let is_told = explained.flips.iter().any(|one| told(&one));
                assert_eq!(flips, is_told, "seed {seed}: {name} {}", line.sku);
            }
        }
    }
}

#[test]
fn each_relaxation_mends_its_line_at_the_cost_that_it_says() {
    let mut seen = std::collections::BTreeMap::new();
    let mut causes = std::collections::BTreeMap::new();
    for seed in 0..1_000 {
        let case = random_case(seed);
        let chosen = case.best();
        let explained = case.explain(&chosen, WORK);
        let promise_s = case.ask.promise_ms / 1_000;
        let group = |plan: &Plan, line: i32| -> Option<i64> {
            let mut groups = plan.groups.iter();
            let group = groups.find(|group| group.line_numbers.contains(&line));
            group.map(|group| group.ready_s)
        };
        let lacks = |line: i32| group(&chosen, line).is_none_or(|ready| ready > promise_s);
        let expected = case.ask.lines.iter().map(|line| line.line_number);
        let expected: Vec<i32> = expected.filter(|line| lacks(*line)).collect();
        let told: Vec<i32> = explained.lacking.iter().map(|l| l.line_number).collect();
        assert_eq!(told, expected, "seed {seed}");
        for lacking in &explained.lacking {
            assert_eq!(
                lacking.is_late,
                group(&chosen, lacking.line_number).is_some()
            );
            *causes.entry(format!("{:?}", lacking.cause)).or_insert(0) += 1;
            check_cause(&case, lacking.line_number, lacking.cause, seed);
            let totals: Vec<i64> = lacking
                .relaxations
                .iter()
                .map(|r| r.outcome.total)
                .collect();
            assert!(totals.is_sorted(), "seed {seed}");
            for one in &lacking.relaxations {
                assert_eq!(
                    one.outcome.total,
                    least_under(&case, &done(&chosen), &one.changes),
                    "seed {seed}"
                );
                let later = match one.changes[..] {
                    [Change::Promise { hours }] => hours * HOUR_S,
                    _ => 0,
                };
                let ready = group(&one.outcome.plan, lacking.line_number);
                let mended = ready.is_some_and(|r| !lacking.is_late || r <= promise_s + later);
                assert!(mended, "seed {seed}: {one:?}");
                let kind = format!("{:?}", one.changes[0]);
                let kind = kind.split(' ').next().unwrap().to_owned();
                *seen.entry(kind).or_insert(0) += 1;
            }
        }
    }
    assert!(seen.len() >= 6, "{seen:?}");
    assert!(causes.len() >= 6, "{causes:?}");
}

/// What the tables say of a cause.
fn check_cause(case: &Case, line_number: i32, cause: Cause, seed: u64) {
    let index = line_number as usize - 1;
    let units: Vec<i64> = (0..NODES.len())
        .map(|n| case.supply.units[&(n, index)])
        .collect();
    let needed = case.ask.lines[index].quantity;
    let most = units.iter().max().copied().unwrap();
    let holds = match cause {
        Cause::NoStock => most == 0,
        Cause::Quantity => most > 0 && most < needed,
        Cause::Labor | Cause::OutOfReach | Cause::Rule | Cause::Cost => most >= needed,
        other => panic!("seed {seed}: {other:?}"),
    };
    assert!(holds, "seed {seed}: line {line_number} {cause:?} {units:?}");
}
