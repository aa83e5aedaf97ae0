//! Explanations of single cases: rules and planners by name, hours, last units, dual prices.

use std::sync::Arc;

use bopis_promise::{
    Ask, Cause, Change, Closure, ExplainAsk, Explained, ItemRule, Method, NodeRule, NodeSet, Pin,
    QuotedGroup, Rejection, Rules, Supply, TableSupply, World,
};

use crate::town::{ask, best, everywhere, in_force, supply, world, HOUR_S, NOON_S, PLENTY};

const NEAR: usize = 0;
const MID: usize = 1;
const DEPOT: usize = 4;

fn explain(world: &World, ask: &Ask, supply: &TableSupply) -> Explained {
    let asked = ExplainAsk {
        ask: ask.clone(),
        in_force: in_force(&best(world, ask, supply)),
        plans_max: 3,
        nodes_max: 10,
        flips_max: 10,
        relaxations_max: 20,
        opportunity: true,
    };
    world.explain(&asked, supply, 10_000_000).unwrap()
}

fn ruled(rules: Rules) -> World {
    let plain = world();
    let mut policy = plain.policy.clone();
    policy.rules = Arc::new(rules);
    World::new(plain.network, plain.catalog, policy)
}

fn set(node_id: &str) -> NodeSet {
    NodeSet {
        node_ids: [node_id.to_owned()].into(),
        ..NodeSet::default()
    }
}

fn no_pickup(node_id: &str) -> NodeRule {
    NodeRule {
        name: "closed for repair".to_owned(),
        nodes: set(node_id),
        ships: false,
        pickup: false,
        ship_floor: 0,
        ship_km_max: None,
    }
}

fn rejection(explained: &Explained, node_id: &str) -> Rejection {
    let mut rows = explained.rejected.iter();
    let row = rows.find(|row| row.node_id == node_id);
    row.unwrap_or_else(|| panic!("{node_id} is in the plan"))
        .rejection
        .clone()
}

#[test]
fn a_rule_is_named_and_lifting_it_is_a_relaxation() {
    let world = ruled(Rules {
        nodes: vec![no_pickup("near")],
        ..Rules::default()
    });
    let mut asked = ask(Method::Pickup, &[("a", 1)]);
    asked.consent.ship_home = false;
    asked.consent.other_store_km = 0;
    asked.customer_node_id = Some("near".to_owned());
    let told = explain(&world, &asked, &everywhere(&world));
    assert!(told.chosen.plan.groups.is_empty());
    let rule = Rejection::Rule("closed for repair".to_owned());
    assert_eq!(rejection(&told, "near"), rule);
    let [line] = &told.lacking[..] else {
        panic!("{:?}", told.lacking);
    };
    assert_eq!(
        (line.cause, line.rule.as_str()),
        (Cause::Rule, "closed for repair")
    );
    let changes: Vec<_> = line
        .relaxations
        .iter()
        .map(|one| one.changes[0].clone())
        .collect();
    let name = "closed for repair".to_owned();
    assert!(changes.contains(&Change::Rule { name }), "{changes:?}");
    assert!(changes.contains(&Change::ShipHome), "{changes:?}");
    let other = changes
        .iter()
        .find(|one| matches!(one, Change::OtherStore { .. }));
    assert_eq!(other, Some(&Change::OtherStore { km: 12 }));
}

#[test]
fn a_rule_of_items_a_pin_a_forbid_and_a_short_pick_are_told_apart() {
    let item = ItemRule {
        name: "wine from far stores".to_owned(),
        sku: "a".to_owned(),
        is_prefix: false,
        nodes: set("near"),
        only: false,
        until_ms: None,
    };
    let world = ruled(Rules {
        items: vec![item],
        ..Rules::default()
    });
    let mut asked = ask(Method::Pickup, &[("a", 1)]);
    let table = everywhere(&world);
    let told = explain(&world, &asked, &table);
    let rule = Rejection::Rule("wine from far stores".to_owned());
    assert_eq!(rejection(&told, "near"), rule);
    asked.pin = Some(Pin {
        node_id: Some("far".to_owned()),
        method: None,
    });
    let told = explain(&world, &asked, &table);
    assert_eq!(rejection(&told, "mid"), Rejection::Pin);
    asked.pin = None;
    asked.closed = vec![Closure {
        rule: "forbid".to_owned(),
        node_id: "mid".to_owned(),
        method: None,
        after_s: 0,
        until_s: i64::MAX,
    }];
    asked.excluded_node_ids = vec!["dark".to_owned()];
    let told = explain(&world, &asked, &table);
    assert_eq!(rejection(&told, "mid"), Rejection::Forbid);
    assert_eq!(rejection(&told, "dark"), Rejection::ShortBefore);
}

#[test]
fn a_whole_order_that_a_node_cannot_be_part_of_says_so() {
    let world = world();
    let mut asked = ask(Method::Ship, &[("a", 1), ("b", 1)]);
    asked.all_or_nothing = true;
    // No hour of the depot has room for two lines, and "b" is only there.
    let mut table = supply(&world, &[((MID, 0), 1), ((DEPOT, 1), 1)]);
    let told = explain(&world, &asked, &table);
    assert_eq!(told.chosen.plan.groups.len(), 2);
    table.units.insert((DEPOT, 1), 0);
    let told = explain(&world, &asked, &table);
    assert_eq!(rejection(&told, "mid"), Rejection::NotWhole);
}

#[test]
fn a_node_that_is_open_only_later_is_closed_and_the_line_waits_beyond_its_promise() {
    let plain = world();
    let mut specs: Vec<_> = plain
        .network
        .nodes()
        .iter()
        .map(|n| n.spec.clone())
        .collect();
    for spec in &mut specs {
        spec.windows
            .retain(|window| window.start_s >= NOON_S + 6 * HOUR_S);
    }
    specs[MID].windows.clear();
    let network = Arc::new(bopis_promise::Network::new(specs));
    let world = World::new(network, plain.catalog, plain.policy);
    let asked = ask(Method::Pickup, &[("a", 1)]);
    let told = explain(&world, &asked, &everywhere(&world));
    assert_eq!(rejection(&told, "mid"), Rejection::Closed);
    let [line] = &told.lacking[..] else {
        panic!("{:?}", told.lacking);
    };
    assert!(line.is_late);
    assert_eq!(line.cause, Cause::BeyondPromise);
    // Promised after four hours, ready after seven.
    let later = line
        .relaxations
        .iter()
        .find(|one| one.changes == [Change::Promise { hours: 3 }]);
    assert_eq!(later.unwrap().outcome.plan.terms.late, 0);
}

#[test]
fn labor_that_is_taken_binds_and_one_line_more_of_it_mends_the_promise() {
    let world = world();
    let mut asked = ask(Method::Pickup, &[("a", 1)]);
    asked.consent.ship_home = false;
    asked.consent.other_store_km = 0;
    let mut table = everywhere(&world);
    for hour in 0..5 {
        table.seconds.insert((NEAR, NOON_S + hour * HOUR_S), 5);
    }
    let told = explain(&world, &asked, &table);
    let [line] = &told.lacking[..] else {
        panic!("{:?}", told.lacking);
    };
    assert_eq!((line.is_late, line.cause), (true, Cause::Labor));
    let cheapest = &line.relaxations[0];
    assert_eq!(cheapest.outcome.plan.terms.total(), 500_000);
    let seconds = line
        .relaxations
        .iter()
        .find_map(|one| match &one.changes[..] {
            [Change::Seconds {
                node_id, seconds, ..
            }] if node_id == "near" => Some(*seconds),
            _ => None,
        });
    // A line takes 60 s there, and each hour has 5.
    assert_eq!(seconds, Some(55));
}

#[test]
fn the_last_unit_is_kept_and_one_more_flips_the_decision() {
    let world = world();
    let asked = ask(Method::Pickup, &[("a", 1)]);
    // Near has its last unit only, worth 3.00 to later orders; the way to mid costs 2.50.
    let table = supply(&world, &[((NEAR, 0), 1), ((MID, 0), PLENTY)]);
    let told = explain(&world, &asked, &table);
    assert_eq!(told.chosen.plan.groups[0].node_id, "mid");
    let near = told
        .rejected
        .iter()
        .find(|row| row.node_id == "near")
        .unwrap();
    assert_eq!(near.rejection, Rejection::Dearer);
    assert_eq!(
        near.plan.as_ref().unwrap().plan.terms.opportunity,
        3_000_000
    );
    let more = told.flips.iter().find_map(|one| match &one.changes[..] {
        [Change::Units { node_id, units, .. }] if node_id == "near" => Some(*units),
        _ => None,
    });
    assert_eq!(more, Some(1));
}

#[test]
fn a_move_is_not_argued_against_with_opportunity_which_batches_do_not_charge() {
    let world = world();
    // A batch moved the order to near's last unit; alone it would have gone to mid.
    let table = supply(&world, &[((NEAR, 0), 1), ((MID, 0), PLENTY)]);
    let asked = ExplainAsk {
        ask: ask(Method::Pickup, &[("a", 1)]),
        in_force: vec![QuotedGroup {
            node_id: "near".to_owned(),
            method: Method::Pickup,
            line_numbers: vec![1],
            window_start_s: NOON_S,
            ready_s: NOON_S + HOUR_S,
        }],
        plans_max: 3,
        nodes_max: 10,
        flips_max: 0,
        relaxations_max: 0,
        opportunity: false,
    };
    let told = world.explain(&asked, &table, 10_000_000).unwrap();
    assert_eq!(told.chosen.plan.terms.opportunity, 0);
    assert_eq!(told.best.plan.groups[0].node_id, "near");
    assert_eq!(rejection(&told, "mid"), Rejection::Dearer);
    let charged = ExplainAsk {
        opportunity: true,
        ..asked
    };
    let told = world.explain(&charged, &table, 10_000_000).unwrap();
    assert_eq!(rejection(&told, "mid"), Rejection::Cheaper);
}

/// A table whose units of "a" at near, and seconds at near at noon, have a dual price.
struct Priced(TableSupply);

impl Supply for Priced {
    fn units(&self, node: usize, line: usize) -> i64 {
        self.0.units(node, line)
    }

    fn seconds(&self, node: usize, window_start_s: i64) -> i64 {
        self.0.seconds(node, window_start_s)
    }

    fn unit_price(&self, node: usize, _line: usize) -> i64 {
        if node == NEAR {
            1_000_000
        } else {
            0
        }
    }

    fn second_price(&self, node: usize, window_start_s: i64) -> i64 {
        if (node, window_start_s) == (NEAR, NOON_S) {
            100
        } else {
            0
        }
    }
}

#[test]
fn dual_charges_are_part_of_what_plans_are_compared_by() {
    let world = world();
    let asked = ExplainAsk {
        ask: ask(Method::Pickup, &[("a", 2)]),
        in_force: Vec::new(),
        plans_max: 3,
        nodes_max: 10,
        flips_max: 0,
        relaxations_max: 0,
        opportunity: true,
    };
    let priced = Priced(everywhere(&world));
    let told = world.explain(&asked, &priced, 10_000_000).unwrap();
    assert_eq!(told.best.plan.groups[0].node_id, "near");
    assert_eq!(told.best.stock_dual, 2_000_000);
    let terms = told.best.plan.terms.total();
    let charges = told.best.stock_dual + told.best.labor_dual;
    assert_eq!(told.best.total, terms + charges);
    let totals: Vec<i64> = told.others.iter().map(|one| one.total).collect();
    assert!(totals.len() == 3 && totals.is_sorted(), "{totals:?}");
}
