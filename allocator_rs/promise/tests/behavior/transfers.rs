//! Transfers: picked at one node, received where the order is collected.

use std::sync::Arc;

use bopis_promise::{
    meters_between, Ask, Closure, Method, Network, NodeKind, NodeRule, NodeSet, Pin, Rules,
    TableSupply, Transfers, World,
};

use crate::town::{
    ask, best, node, nodes, policy, supply, transfers, world, HOUR_S, NOON_S, PLENTY,
};

const RECEIVE_S: i64 = 30;
const SOURCE: i64 = 2_500_000;
const KM: i64 = 2_000;

/// The town, with its depot 111 km away; the policy has transfers.
fn near_depot() -> World {
    let nodes = vec![
        node("near", NodeKind::Store, 0.01, 60, 0..60),
        node("mid", NodeKind::Store, 0.1, 60, 0..60),
        node("depot", NodeKind::Warehouse, 1.0, 600, 0..60),
    ];
    let mut policy = policy();
    policy.transfers = Some(transfers());
    let town = world();
    World::new(Arc::new(Network::new(nodes)), town.catalog, policy)
}

/// Units by (node, line).
type Units = [((usize, usize), i64); 2];

/// One line at the customer's store, one at the depot only.
fn split_basket() -> (Ask, Units) {
    let asked = ask(Method::Pickup, &[("a", 1), ("b", 1)]);
    (asked, [((0, 0), PLENTY), ((2, 1), PLENTY)])
}

#[test]
fn a_line_that_the_store_lacks_is_picked_elsewhere_received_and_collected_with_the_rest() {
    let world = near_depot();
    let (mut asked, stock) = split_basket();
    asked.promise_ms += 3_600_000;
    let plan = best(&world, &asked, &supply(&world, &stock));
    assert_eq!(
        nodes(&plan),
        [("near", Method::Pickup), ("depot", Method::Transfer)]
    );
    let group = &plan.groups[1];
    // Picked in the first hour, 30 minutes of handling, 110 km at 60 km/h: there at 3 h 20 min.
    assert_eq!(group.labor, [(NOON_S, 6)]);
    let receipt = group.receipt.as_ref().unwrap();
    assert_eq!(receipt.node_id, "near");
    assert_eq!(
        (receipt.window_start_s, receipt.seconds),
        (NOON_S + 4 * HOUR_S, RECEIVE_S)
    );
    assert_eq!(group.ready_s, NOON_S + 5 * HOUR_S);
    let meters = meters_between((1.0, 0.0), (0.01, 0.0));
    assert_eq!(plan.terms.transfer, SOURCE + (KM * meters + 500) / 1_000);
    assert_eq!(plan.terms.extra_group, 2_000_000);
    assert_eq!((plan.terms.late, plan.terms.ship_package), (0, 0));
}

#[test]
fn no_line_is_transferred_where_the_policy_does_not_say_so() {
    let mut world = near_depot();
    world.policy.transfers = None;
    let (asked, stock) = split_basket();
    let plan = best(&world, &asked, &supply(&world, &stock));
    assert_eq!(
        nodes(&plan),
        [("near", Method::Pickup), ("depot", Method::Ship)]
    );
    assert_eq!(plan.terms.transfer, 0);
}

fn is_transferred(world: &World, asked: &Ask, supply: &TableSupply) -> bool {
    let plan = best(world, asked, supply);
    plan.groups.iter().any(|g| g.method == Method::Transfer)
}

/// A rule for one node.
fn rule(node_id: &str, ships: bool, ship_floor: i64) -> Arc<Rules> {
    let nodes = NodeSet {
        node_ids: [node_id.to_owned()].into(),
        ..NodeSet::default()
    };
    let rule = NodeRule {
        name: "rule".to_owned(),
        nodes,
        ships,
        pickup: true,
        ship_floor,
        ship_km_max: None,
    };
    Arc::new(Rules {
        nodes: vec![rule],
        ..Rules::default()
    })
}

#[test]
fn kind_reach_rules_pins_and_closures_keep_a_source_from_sending() {
    let world = near_depot();
    let (mut asked, stock) = split_basket();
    asked.promise_ms += 4 * 3_600_000;
    let table = supply(&world, &stock);
    assert!(is_transferred(&world, &asked, &table));
    let forbids = |change: &dyn Fn(&mut World, &mut Ask)| {
        let (mut world, mut asked) = (world.clone(), asked.clone());
        change(&mut world, &mut asked);
        let world = World::new(world.network, world.catalog, world.policy);
        !is_transferred(&world, &asked, &table)
    };
    let of_policy = |change: &dyn Fn(&mut Transfers)| {
        forbids(&|world: &mut World, _: &mut Ask| {
            change(world.policy.transfers.as_mut().unwrap());
        })
    };
    assert!(of_policy(&|transfers| transfers.from_kinds.clear()));
    assert!(of_policy(&|transfers| transfers.reach_km = 100));
    assert!(forbids(
        &|world, _| world.policy.rules = rule("depot", false, 0)
    ));
    assert!(forbids(
        &|world, _| world.policy.rules = rule("depot", true, PLENTY)
    ));
    assert!(forbids(
        &|_, asked| asked.excluded_node_ids = vec!["depot".to_owned()]
    ));
    let pin = |method| Pin {
        node_id: None,
        method: Some(method),
    };
    assert!(forbids(&|_, asked| asked.pin = Some(pin(Method::Ship))));
    assert!(!forbids(&|_, asked| asked.pin = Some(pin(Method::Pickup))));
    assert!(forbids(&|_, asked| asked.pin = Some(Pin {
        node_id: Some("depot".to_owned()),
        method: None
    })));
    let closed = |node_id: &str, method| Closure {
        rule: "full".to_owned(),
        node_id: node_id.to_owned(),
        method,
        after_s: 0,
        until_s: i64::MAX,
    };
    for method in [None, Some(Method::Ship), Some(Method::Transfer)] {
        assert!(forbids(
            &|_, asked| asked.closed = vec![closed("depot", method)]
        ));
    }
    assert!(!forbids(
        &|_, asked| asked.closed = vec![closed("depot", Some(Method::Pickup))]
    ));
}

#[test]
fn the_hour_of_receiving_is_open_and_not_closed_to_pickups() {
    let world = near_depot();
    let (mut asked, stock) = split_basket();
    asked.promise_ms += 4 * 3_600_000;
    let mut table = supply(&world, &stock);
    table
        .seconds
        .insert((0, NOON_S + 4 * HOUR_S), RECEIVE_S - 1);
    asked.closed = vec![Closure {
        rule: "full".to_owned(),
        node_id: "near".to_owned(),
        method: Some(Method::Pickup),
        after_s: NOON_S + 5 * HOUR_S,
        until_s: NOON_S + 6 * HOUR_S,
    }];
    let plan = best(&world, &asked, &table);
    let receipt = plan.groups[1].receipt.as_ref().unwrap();
    assert_eq!(receipt.window_start_s, NOON_S + 6 * HOUR_S);
    assert_eq!(plan.groups[1].ready_s, NOON_S + 7 * HOUR_S);
}

#[test]
fn the_way_to_another_store_is_paid_once_whatever_is_collected_there() {
    let world = near_depot();
    let (mut asked, _) = split_basket();
    asked.promise_ms += 4 * 3_600_000;
    asked.consent.ship_home = false;
    // The customer's store is closed all day.
    let mut table = supply(&world, &[((1, 0), PLENTY), ((2, 1), PLENTY)]);
    table.seconds.retain(|(node, _), _| *node != 0);
    let plan = best(&world, &asked, &table);
    assert_eq!(
        nodes(&plan),
        [("mid", Method::Pickup), ("depot", Method::Transfer)]
    );
    let beyond = meters_between((0.0, 0.0), (0.1, 0.0)) - meters_between((0.0, 0.0), (0.01, 0.0));
    assert_eq!(plan.terms.other_store_km, (250_000 * beyond + 500) / 1_000);
}
