//! Options and quotes keep the policy's rules and what planners fixed, against a real engine.

use std::sync::Arc;

use bopis_promise::{
    Ask, Closure, ItemRule, LaborPrice, Method, NodeRule, NodeSet, OptionsAsk, Pin, Policy,
    QuoteFault, Rules, StockPrice, StoreOption, UnfilledReason,
};

use crate::bench::{
    bench, names, options, options_ask, place, place_ask, quoting, taken_up, Bench,
};
use crate::town::{ask, nodes, policy, HOUR_S, NOON_S, PLENTY};

const LINES: [(&str, i64); 2] = [("a", 1), ("b", 2)];

fn of(node_id: &str) -> NodeSet {
    NodeSet {
        node_ids: [node_id.to_owned()].into_iter().collect(),
        ..NodeSet::default()
    }
}

/// A rule that forbids nothing.
fn node_rule(node_id: &str) -> NodeRule {
    NodeRule {
        name: "rule".to_owned(),
        nodes: of(node_id),
        ships: true,
        pickup: true,
        ship_floor: 0,
        ship_km_max: None,
    }
}

fn node_rules(rule: NodeRule) -> Rules {
    Rules {
        nodes: vec![rule],
        ..Rules::default()
    }
}

fn load(bench: &Bench, rules: Rules) {
    bench.promiser.load_policy(Policy {
        rules: Arc::new(rules),
        ..policy()
    });
}

/// Collected at "far", with the rest shipped from "depot".
fn town() -> Bench {
    let bench = bench(&[
        ("near", "a", PLENTY),
        ("far", "a", 2),
        ("depot", "b", PLENTY),
    ]);
    quoting(&bench);
    bench
}

fn with_rest() -> OptionsAsk {
    OptionsAsk {
        ship_rest: true,
        ..options_ask(&LINES)
    }
}

fn at_far(bench: &Bench) -> StoreOption {
    let read = options(bench, &with_rest());
    let mut found = read.options.into_iter();
    found.find(|one| one.node_id == "far").unwrap()
}

/// What becomes of the quote under rules, and of what planners fixed for its order.
fn fault(rules: Rules, fix: impl FnOnce(&mut Ask)) -> Option<(QuoteFault, String)> {
    let bench = town();
    let mut asked = taken_up(&at_far(&bench), &LINES, true);
    load(&bench, rules);
    fix(&mut asked.ask);
    let placement = place(&bench.promiser, asked).unwrap();
    assert_eq!(
        placement.reservation.is_none(),
        placement.quote_lost.is_some()
    );
    placement.quote_lost.map(|lost| (lost.fault, lost.node_id))
}

fn not_allowed(node_id: &str) -> Option<(QuoteFault, String)> {
    Some((QuoteFault::NodeNotAllowed, node_id.to_owned()))
}

#[test]
fn a_quote_is_lost_to_a_rule_about_its_nodes() {
    assert_eq!(fault(Rules::default(), |_| ()), None);
    let no_pickup = NodeRule {
        pickup: false,
        ..node_rule("far")
    };
    assert_eq!(fault(node_rules(no_pickup), |_| ()), not_allowed("far"));
    let no_ship = NodeRule {
        ships: false,
        ..node_rule("depot")
    };
    assert_eq!(fault(node_rules(no_ship), |_| ()), not_allowed("depot"));
    let near_only = Rules {
        ship_km_max: Some(500),
        ..Rules::default()
    };
    assert_eq!(fault(near_only, |_| ()), not_allowed("depot"));
}

#[test]
fn a_quote_is_lost_to_a_rule_about_its_skus() {
    let denied = |sku: &str, node_id: &str| Rules {
        items: vec![ItemRule {
            name: "rule".to_owned(),
            sku: sku.to_owned(),
            is_prefix: false,
            nodes: of(node_id),
            only: false,
            until_ms: None,
        }],
        ..Rules::default()
    };
    assert_eq!(fault(denied("a", "far"), |_| ()), not_allowed("far"));
    assert_eq!(fault(denied("b", "depot"), |_| ()), not_allowed("depot"));
    assert_eq!(fault(denied("b", "far"), |_| ()), None);
}

#[test]
fn a_quote_is_lost_to_the_limit_on_the_nodes_of_an_order() {
    let at_most = |nodes_max| Rules {
        nodes_max: Some(nodes_max),
        ..Rules::default()
    };
    assert_eq!(fault(at_most(1), |_| ()), not_allowed("depot"));
    assert_eq!(fault(at_most(2), |_| ()), None);
}

#[test]
fn a_quote_is_lost_to_units_that_shipping_leaves() {
    let floor = |ship_floor| {
        node_rules(NodeRule {
            ship_floor,
            ..node_rule("depot")
        })
    };
    assert_eq!(fault(floor(PLENTY - 2), |_| ()), None);
    let lost = fault(floor(PLENTY - 1), |_| ());
    assert_eq!(lost, Some((QuoteFault::NoStock, "depot".to_owned())));
    let at_store = NodeRule {
        ship_floor: PLENTY,
        ..node_rule("far")
    };
    assert_eq!(fault(node_rules(at_store), |_| ()), None, "it is collected");
}

#[test]
fn a_quote_is_lost_to_what_planners_fixed_and_to_full_days() {
    let pinned = |ask: &mut Ask| {
        ask.pin = Some(Pin {
            node_id: Some("near".to_owned()),
            method: None,
        });
    };
    assert_eq!(fault(Rules::default(), pinned), not_allowed("far"));
    let closed = |method, hours: i64| {
        move |ask: &mut Ask| {
            ask.closed = vec![Closure {
                rule: "full".to_owned(),
                node_id: "far".to_owned(),
                method,
                after_s: NOON_S,
                until_s: NOON_S + hours * HOUR_S,
            }];
        }
    };
    assert_eq!(
        fault(Rules::default(), closed(None, 24)),
        not_allowed("far")
    );
    assert_eq!(
        fault(Rules::default(), closed(Some(Method::Ship), 24)),
        None
    );
    assert_eq!(fault(Rules::default(), closed(None, 0)), None);
}

#[test]
fn options_keep_the_rules() {
    let bench = town();
    assert_eq!(
        nodes(&at_far(&bench).plan),
        [("far", Method::Pickup), ("depot", Method::Ship)]
    );
    load(
        &bench,
        Rules {
            nodes_max: Some(1),
            ..Rules::default()
        },
    );
    let alone = at_far(&bench).plan;
    assert_eq!(nodes(&alone), [("far", Method::Pickup)]);
    assert_eq!(alone.unfilled.len(), 1);
    let floor = NodeRule {
        ship_floor: PLENTY - 1,
        ..node_rule("depot")
    };
    load(&bench, node_rules(floor));
    let left = at_far(&bench).plan;
    assert_eq!(nodes(&left), [("far", Method::Pickup)]);
    let asked = OptionsAsk {
        with_shipping: true,
        ..with_rest()
    };
    let shipped = options(&bench, &asked).options;
    let shipped = shipped.iter().find(|one| one.method == Method::Ship);
    let shipped = shipped.unwrap();
    assert_eq!(shipped.atp, [PLENTY, 1], "the most that may be shipped");
    assert_eq!(shipped.plan.unfilled[0].reason, UnfilledReason::Rule);
    let no_pickup = NodeRule {
        pickup: false,
        ..node_rule("far")
    };
    load(&bench, node_rules(no_pickup));
    assert!(!names(&options(&bench, &with_rest())).contains(&"far"));
}

#[test]
fn the_card_agrees_with_the_kernel_under_floors_limits_and_dual_prices_together() {
    let bench = bench(&[
        ("near", "a", 3),
        ("near", "b", 2),
        ("mid", "a", 4),
        ("far", "b", 5),
        ("depot", "a", 3),
        ("depot", "c", 4),
    ]);
    let dual = |node_id: &str, sku: &str| StockPrice {
        node_id: node_id.to_owned(),
        sku: sku.to_owned(),
        price_micro: 400_000,
    };
    let labor = LaborPrice {
        node_id: "near".to_owned(),
        window_start_s: NOON_S + HOUR_S,
        price_micro: 10,
    };
    bench
        .promiser
        .load_duals(1, &[dual("near", "a"), dual("depot", "c")], &[labor]);
    let floor = NodeRule {
        ship_floor: 1,
        nodes: NodeSet {
            inverted: true,
            ..NodeSet::default()
        },
        ..node_rule("all")
    };
    load(
        &bench,
        Rules {
            nodes_max: Some(2),
            ..node_rules(floor)
        },
    );
    // The promiser checks the sum itself, for each plan.
    for (number, method) in [(1, Method::Pickup), (2, Method::Ship), (3, Method::Ship)] {
        let lines = [("a", 1), ("a", 1), ("b", 1), ("c", 1)];
        let placement = place(&bench.promiser, place_ask(ask(method, &lines), number)).unwrap();
        assert!(placement.plan.groups.len() <= 2 && placement.reservation.is_some());
    }
}
