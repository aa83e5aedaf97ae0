//! Labor, lateness and the promise: when things are done, and what being late costs.

use bopis_promise::{Method, NodeKind, UnfilledReason};

use crate::town::{ask, best, node, nodes, policy, reasons, supply, world, HOUR_S, NOON_S, PLENTY};

#[test]
fn lateness_is_charged_once_for_the_latest_group() {
    let mut world = world();
    let network = bopis_promise::Network::new(vec![
        node("x", NodeKind::Store, 0.01, 60, 5..20),
        node("y", NodeKind::Store, 0.02, 60, 6..20),
    ]);
    world.network = std::sync::Arc::new(network);
    let stock = supply(&world, &[((0, 0), PLENTY), ((1, 1), PLENTY)]);
    let plan = best(&world, &ask(Method::Ship, &[("a", 1), ("b", 1)]), &stock);
    assert_eq!(plan.groups.len(), 2);
    assert_eq!(plan.terms.late, 9_000_000, "ready at 7 h, promised at 4 h");
}

#[test]
fn a_promise_is_kept_where_that_costs_a_parcel_and_not_at_any_price() {
    let mut world = world();
    let asked = ask(Method::Pickup, &[("a", 1)]);
    let mut table = supply(&world, &[((0, 0), PLENTY), ((4, 0), PLENTY)]);
    // The customer's store has no labor for one hour more than the promise allows.
    let late = |hour: &i64| *hour < NOON_S + 4 * HOUR_S;
    table
        .seconds
        .retain(|(node, hour), _| *node != 0 || !late(hour));
    let plan = best(&world, &asked, &table);
    assert_eq!(nodes(&plan), [("depot", Method::Ship)]);
    assert_eq!((plan.terms.late, plan.terms.promise_broken), (0, 0));
    world.policy.card.promise_broken_micro = 2_000_000;
    let plan = best(&world, &asked, &table);
    assert_eq!(nodes(&plan), [("near", Method::Pickup)]);
    let charged = (plan.terms.late, plan.terms.promise_broken);
    assert_eq!(charged, (3_000_000, 2_000_000), "once, beside the hour");
}

#[test]
fn a_large_group_spans_windows_and_splits_each_line_over_them() {
    let world = world();
    let skus: Vec<(&str, i64)> = vec![("a", 1), ("b", 1), ("c", 1)];
    let mut table = supply(
        &world,
        &[((0, 0), PLENTY), ((0, 1), PLENTY), ((0, 2), PLENTY)],
    );
    for (cell, seconds) in &mut table.seconds {
        if cell.0 == 0 {
            *seconds = 100;
        }
    }
    let mut asked = ask(Method::Pickup, &skus);
    asked.consent = bopis_promise::Consent::default();
    let plan = best(&world, &asked, &table);
    assert_eq!(nodes(&plan), [("near", Method::Pickup)]);
    assert_eq!(plan.groups[0].labor, [(NOON_S, 90), (NOON_S + HOUR_S, 90)]);
    assert!(plan.unfilled.is_empty());
}

#[test]
fn a_line_without_labor_anywhere_says_so() {
    let world = world();
    let mut table = supply(&world, &[((0, 0), PLENTY)]);
    table.seconds.clear();
    let plan = best(&world, &ask(Method::Pickup, &[("a", 1)]), &table);
    assert_eq!(reasons(&plan), [(1, UnfilledReason::NoLabor)]);
    assert_eq!(plan.terms.unfilled, policy().unfilled_floor());
}
