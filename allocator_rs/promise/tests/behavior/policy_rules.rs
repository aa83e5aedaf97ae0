//! What the policy's hard rules forbid, one by one, on a small country.

use std::sync::Arc;

use bopis_promise::{
    Closure, ItemRule, Method, NodeKind, NodeRule, NodeSet, Pin, Plan, Policy, Rules,
    UnfilledReason, World,
};

use crate::town::{ask, best, nodes, policy, reasons, supply, world, HOUR_S, NOON_S, PLENTY};

fn under(rules: Rules) -> World {
    let plain = world();
    let policy = Policy {
        rules: Arc::new(rules),
        ..policy()
    };
    World::new(plain.network, plain.catalog, policy)
}

fn named(ids: &[&str]) -> NodeSet {
    NodeSet {
        node_ids: ids.iter().map(|id| (*id).to_owned()).collect(),
        ..NodeSet::default()
    }
}

fn node_rule(nodes: NodeSet, ships: bool, pickup: bool, ship_floor: i64) -> Rules {
    Rules {
        nodes: vec![NodeRule {
            name: "the rule".to_owned(),
            nodes,
            ships,
            pickup,
            ship_floor,
            ship_km_max: None,
        }],
        ..Rules::default()
    }
}

fn item_rule(sku: &str, is_prefix: bool, nodes: NodeSet, only: bool) -> Rules {
    Rules {
        items: vec![ItemRule {
            name: "the rule".to_owned(),
            sku: sku.to_owned(),
            is_prefix,
            nodes,
            only,
            until_ms: None,
        }],
        ..Rules::default()
    }
}

fn rules_of(plan: &Plan) -> Vec<(UnfilledReason, &str)> {
    let one = |u: &'_ bopis_promise::Unfilled| u.reason;
    let rules = plan.unfilled.iter().map(|u| u.rule.as_str());
    plan.unfilled.iter().map(one).zip(rules).collect()
}

const RULED: (UnfilledReason, &str) = (UnfilledReason::Rule, "the rule");

#[test]
fn a_node_that_serves_no_pickup_is_nobodys_store() {
    let world = under(node_rule(named(&["near"]), true, false, 0));
    let stock = supply(&world, &[((0, 0), PLENTY), ((1, 0), PLENTY)]);
    let plan = best(&world, &ask(Method::Pickup, &[("a", 1)]), &stock);
    assert_eq!(nodes(&plan), [("mid", Method::Pickup)]);
    assert_eq!(plan.customer_node_id.as_deref(), Some("mid"));
    assert_eq!(plan.terms.other_store_km, 0);
}

#[test]
fn nodes_of_a_kind_that_may_not_ship_do_not_and_the_line_names_the_rule() {
    let stores = NodeSet {
        kinds: vec![NodeKind::Store],
        ..NodeSet::default()
    };
    let world = under(node_rule(stores, false, true, 0));
    let asked = ask(Method::Ship, &[("a", 1)]);
    let both = supply(&world, &[((0, 0), PLENTY), ((4, 0), PLENTY)]);
    assert_eq!(
        nodes(&best(&world, &asked, &both)),
        [("depot", Method::Ship)]
    );
    let plan = best(&world, &asked, &supply(&world, &[((0, 0), PLENTY)]));
    assert_eq!(rules_of(&plan), [RULED]);
}

#[test]
fn a_region_holds_its_nodes() {
    let plain = world();
    let mut specs: Vec<_> = plain
        .network
        .nodes()
        .iter()
        .map(|n| n.spec.clone())
        .collect();
    specs[0].region = "north".to_owned();
    let north = NodeSet {
        regions: vec!["north".to_owned()],
        ..NodeSet::default()
    };
    let policy = Policy {
        rules: Arc::new(node_rule(north, false, false, 0)),
        ..policy()
    };
    let network = bopis_promise::Network::new(specs);
    let world = World::new(Arc::new(network), plain.catalog, policy);
    let stock = supply(&world, &[((0, 0), PLENTY), ((1, 0), PLENTY)]);
    let plan = best(&world, &ask(Method::Ship, &[("a", 1)]), &stock);
    assert_eq!(nodes(&plan), [("mid", Method::Ship)]);
}

#[test]
fn shipping_leaves_the_floor_but_pickup_may_take_it() {
    let world = under(node_rule(named(&["near"]), true, true, 3));
    let stock = supply(&world, &[((0, 0), 8), ((4, 0), PLENTY)]);
    let ships = |quantity| {
        nodes_of(&best(
            &world,
            &ask(Method::Ship, &[("a", quantity)]),
            &stock,
        ))
    };
    assert_eq!(ships(2), ["near"]);
    assert_eq!(ships(6), ["depot"]);
    let plan = best(&world, &ask(Method::Pickup, &[("a", 6)]), &stock);
    assert_eq!(nodes(&plan), [("near", Method::Pickup)]);
    let only = supply(&world, &[((0, 0), 4)]);
    let plan = best(&world, &ask(Method::Ship, &[("a", 2)]), &only);
    assert_eq!(rules_of(&plan), [RULED]);
}

#[test]
fn twin_lines_leave_the_floor_together() {
    let world = under(node_rule(named(&["near"]), true, true, 3));
    let stock = supply(
        &world,
        &[((0, 0), 8), ((0, 1), 8), ((4, 0), PLENTY), ((4, 1), PLENTY)],
    );
    let two = ask(Method::Ship, &[("a", 1), ("a", 1)]);
    let six = ask(Method::Ship, &[("a", 3), ("a", 3)]);
    assert_eq!(nodes_of(&best(&world, &two, &stock)), ["near"]);
    assert_ne!(nodes_of(&best(&world, &six, &stock)), ["near"]);
}

fn nodes_of(plan: &Plan) -> Vec<String> {
    plan.groups.iter().map(|g| g.node_id.clone()).collect()
}

#[test]
fn an_item_that_may_never_or_only_come_from_nodes_does_not_or_does() {
    let stock = [((0, 0), PLENTY), ((1, 0), PLENTY)];
    let asked = ask(Method::Pickup, &[("a", 1)]);
    for (rules, expected) in [
        (item_rule("a", false, named(&["near"]), false), "mid"),
        (item_rule("a", false, named(&["mid"]), true), "mid"),
        (item_rule("", true, named(&["near"]), false), "mid"),
        (item_rule("b", false, named(&["near"]), false), "near"),
        (item_rule("ab", true, named(&["near"]), false), "near"),
    ] {
        let world = under(rules);
        let plan = best(&world, &asked, &supply(&world, &stock));
        assert_eq!(nodes_of(&plan), [expected]);
    }
    let world = under(item_rule("a", false, named(&["dark"]), true));
    let plan = best(&world, &asked, &supply(&world, &stock));
    assert_eq!(rules_of(&plan), [RULED]);
}

#[test]
fn a_rule_with_an_end_holds_until_then() {
    let mut rules = item_rule("a", false, named(&["near"]), false);
    let asked = ask(Method::Pickup, &[("a", 1)]);
    for (until_ms, expected) in [(asked.now_ms, "near"), (asked.now_ms + 1, "mid")] {
        rules.items[0].until_ms = Some(until_ms);
        let world = under(rules.clone());
        let stock = supply(&world, &[((0, 0), PLENTY), ((1, 0), PLENTY)]);
        assert_eq!(nodes_of(&best(&world, &asked, &stock)), [expected]);
    }
}

#[test]
fn a_parcel_goes_no_farther_than_the_rule_says() {
    let world = under(Rules {
        ship_km_max: Some(500),
        ..Rules::default()
    });
    let plan = best(
        &world,
        &ask(Method::Ship, &[("a", 1)]),
        &supply(&world, &[((4, 0), PLENTY)]),
    );
    assert_eq!(rules_of(&plan), [(UnfilledReason::Rule, "ship_km_max")]);
}

#[test]
fn nodes_of_a_set_ship_no_farther_than_their_rule_says() {
    let mut rules = node_rule(named(&["depot"]), true, true, 0);
    rules.nodes[0].ship_km_max = Some(100);
    let world = under(rules);
    let asked = ask(Method::Ship, &[("a", 1)]);
    let both = supply(&world, &[((2, 0), PLENTY), ((4, 0), PLENTY)]);
    assert_eq!(nodes_of(&best(&world, &asked, &both)), ["far"]);
    let plan = best(&world, &asked, &supply(&world, &[((4, 0), PLENTY)]));
    assert_eq!(rules_of(&plan), [RULED]);
}

#[test]
fn an_order_has_at_most_so_many_nodes() {
    // One line each at three nodes; line 1 also at "depot".
    let stock = |world: &World| {
        supply(
            world,
            &[
                ((0, 0), PLENTY),
                ((1, 1), PLENTY),
                ((4, 2), PLENTY),
                ((4, 1), PLENTY),
            ],
        )
    };
    let asked = ask(Method::Ship, &[("a", 1), ("b", 1), ("c", 1)]);
    for (nodes_max, lines) in [(1, 2), (2, 3), (3, 3)] {
        let world = under(Rules {
            nodes_max: Some(nodes_max),
            ..Rules::default()
        });
        let plan = best(&world, &asked, &stock(&world));
        assert!(plan.groups.len() <= nodes_max);
        let filled: usize = plan.groups.iter().map(|g| g.line_numbers.len()).sum();
        assert_eq!(filled, lines, "at most {nodes_max} nodes");
        for (reason, rule) in rules_of(&plan) {
            assert_eq!(
                (reason, rule),
                (UnfilledReason::Rule, "nodes_per_order_max")
            );
        }
    }
}

#[test]
fn a_pin_binds_node_and_method_but_gives_no_consent() {
    let world = world();
    let stock = supply(
        &world,
        &[((0, 0), PLENTY), ((1, 0), PLENTY), ((4, 0), PLENTY)],
    );
    let mut asked = ask(Method::Pickup, &[("a", 1)]);
    asked.pin = Some(Pin {
        node_id: Some("mid".to_owned()),
        method: None,
    });
    assert_eq!(
        nodes(&best(&world, &asked, &stock)),
        [("mid", Method::Pickup)]
    );
    asked.pin = Some(Pin {
        node_id: None,
        method: Some(Method::Ship),
    });
    assert_eq!(nodes(&best(&world, &asked, &stock))[0].1, Method::Ship);
    asked.consent = bopis_promise::Consent::default();
    let plan = best(&world, &asked, &stock);
    assert_eq!(rules_of(&plan), [(UnfilledReason::Rule, "pin")]);
}

#[test]
fn a_node_whose_limit_is_used_up_takes_no_group_that_gets_ready_then() {
    let world = world();
    let stock = supply(&world, &[((0, 0), PLENTY)]);
    let mut asked = ask(Method::Pickup, &[("a", 1)]);
    asked.closed.push(Closure {
        rule: "the rule".to_owned(),
        node_id: "near".to_owned(),
        method: None,
        after_s: NOON_S,
        until_s: NOON_S + 2 * HOUR_S,
    });
    assert_eq!(
        best(&world, &asked, &stock).groups[0].ready_s,
        NOON_S + 3 * HOUR_S
    );
    asked.closed[0].method = Some(Method::Ship);
    assert_eq!(
        best(&world, &asked, &stock).groups[0].ready_s,
        NOON_S + HOUR_S
    );
    asked.closed[0].method = Some(Method::Pickup);
    asked.closed[0].until_s = NOON_S + 1_000 * HOUR_S;
    asked.consent = bopis_promise::Consent::default();
    assert_eq!(rules_of(&best(&world, &asked, &stock)), [RULED]);
}

#[test]
fn an_order_of_more_weight_pays_more_for_lateness_and_unfilled_lines() {
    let world = world();
    let mut asked = ask(Method::Pickup, &[("a", 1), ("b", 1)]);
    asked.promise_ms = NOON_S * 1_000;
    let stock = supply(&world, &[((0, 0), PLENTY)]);
    let plain = best(&world, &asked, &stock).terms;
    asked.weight_percent = 250;
    let weighed = best(&world, &asked, &stock).terms;
    assert_eq!(weighed.late, plain.late * 5 / 2);
    assert_eq!(weighed.promise_broken, plain.promise_broken * 5 / 2);
    assert_eq!(weighed.unfilled, plain.unfilled * 5 / 2);
    assert_eq!(weighed.pick, plain.pick);
    assert_eq!(reasons(&best(&world, &asked, &stock)).len(), 1);
}
