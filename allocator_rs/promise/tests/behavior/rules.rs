//! The rules of the model, one by one, on a small country.

use bopis_promise::{meters_between, Method, NodeKind, UnfilledReason};

use crate::town::{ask, best, node, nodes, policy, reasons, supply, world, HOUR_S, NOON_S, PLENTY};

#[test]
fn a_pickup_goes_to_the_customers_store_in_the_first_whole_hour() {
    let world = world();
    let mut asked = ask(Method::Pickup, &[("a", 1), ("b", 2)]);
    asked.now_ms += 1;
    asked.promise_ms += 3_600_000;
    let plan = best(
        &world,
        &asked,
        &supply(&world, &[((0, 0), PLENTY), ((0, 1), PLENTY)]),
    );
    assert_eq!(nodes(&plan), [("near", Method::Pickup)]);
    assert_eq!(plan.customer_node_id.as_deref(), Some("near"));
    assert_eq!(plan.groups[0].window_start_s, NOON_S + HOUR_S);
    assert_eq!(plan.groups[0].ready_s, NOON_S + 2 * HOUR_S);
    assert_eq!(plan.groups[0].labor, [(NOON_S + HOUR_S, 120)]);
    assert_eq!(plan.terms.total(), 1_000_000);
    assert_eq!(plan.terms.pick, 1_000_000);
}

#[test]
fn a_window_that_starts_now_is_the_first_one() {
    let world = world();
    let plan = best(
        &world,
        &ask(Method::Pickup, &[("a", 1)]),
        &supply(&world, &[((0, 0), PLENTY)]),
    );
    assert_eq!(plan.groups[0].window_start_s, NOON_S);
}

#[test]
fn another_store_is_priced_by_the_km_beyond_the_customers() {
    let world = world();
    let plan = best(
        &world,
        &ask(Method::Pickup, &[("a", 1)]),
        &supply(&world, &[((1, 0), PLENTY)]),
    );
    assert_eq!(nodes(&plan), [("mid", Method::Pickup)]);
    let beyond = meters_between((0.0, 0.0), (0.1, 0.0)) - meters_between((0.0, 0.0), (0.01, 0.0));
    assert_eq!(plan.terms.other_store_km, 250 * beyond);
    assert_eq!(plan.customer_node_id.as_deref(), Some("near"));
}

#[test]
fn without_consent_only_the_customers_store_serves_a_pickup() {
    let world = world();
    let mut asked = ask(Method::Pickup, &[("a", 1), ("b", 1)]);
    asked.consent = bopis_promise::Consent::default();
    let stock = supply(
        &world,
        &[((1, 0), PLENTY), ((0, 1), PLENTY), ((4, 0), PLENTY)],
    );
    let plan = best(&world, &asked, &stock);
    assert_eq!(nodes(&plan), [("near", Method::Pickup)]);
    assert_eq!(reasons(&plan), [(1, UnfilledReason::OutOfReach)]);
}

#[test]
fn part_of_a_pickup_is_shipped_home_with_consent_and_priced() {
    let world = world();
    let stock = supply(&world, &[((0, 0), PLENTY), ((4, 1), PLENTY)]);
    let plan = best(&world, &ask(Method::Pickup, &[("a", 1), ("b", 3)]), &stock);
    assert_eq!(
        nodes(&plan),
        [("near", Method::Pickup), ("depot", Method::Ship)]
    );
    let meters = meters_between((0.0, 0.0), (5.0, 0.0));
    assert_eq!(plan.terms.ship_package, 7_000_000);
    assert_eq!(plan.terms.ship_km, 3 * meters);
    assert_eq!(plan.terms.ship_kg, 1_800_000);
    assert_eq!(plan.terms.pickup_shipped, 3_000_000);
    assert_eq!(plan.terms.extra_group, 2_000_000);
}

#[test]
fn a_pickup_with_no_store_in_reach_is_shipped_without_the_charge_for_that() {
    let world = world();
    let mut asked = ask(Method::Pickup, &[("a", 1)]);
    asked.latitude = 3.0;
    let plan = best(
        &world,
        &asked,
        &supply(&world, &[((2, 0), PLENTY), ((4, 0), PLENTY)]),
    );
    assert_eq!(nodes(&plan), [("depot", Method::Ship)]);
    assert_eq!(plan.customer_node_id, None);
    assert_eq!(plan.terms.pickup_shipped, 0);
}

#[test]
fn the_customers_store_is_the_nearest_that_is_open_before_the_promise() {
    let mut world = world();
    let network = bopis_promise::Network::new(vec![
        node("closed", NodeKind::Store, 0.01, 60, 12..20),
        node("open", NodeKind::Store, 0.1, 60, 0..20),
    ]);
    world.network = std::sync::Arc::new(network);
    let stock = supply(&world, &[((0, 0), PLENTY), ((1, 0), PLENTY)]);
    let plan = best(&world, &ask(Method::Pickup, &[("a", 1)]), &stock);
    assert_eq!(plan.customer_node_id.as_deref(), Some("open"));
    assert_eq!(nodes(&plan), [("open", Method::Pickup)]);
    assert_eq!(plan.terms.total(), 500_000);
}

#[test]
fn the_customers_store_stays_what_it_was_when_the_order_was_placed() {
    let world = world();
    let mut asked = ask(Method::Pickup, &[("a", 1)]);
    asked.consent.other_store_km = 0;
    asked.consent.ship_home = false;
    asked.customer_node_id = Some("mid".to_owned());
    let stock = supply(&world, &[((0, 0), PLENTY), ((1, 0), PLENTY)]);
    let plan = best(&world, &asked, &stock);
    assert_eq!(
        nodes(&plan),
        [("mid", Method::Pickup)],
        "near is nearer now"
    );
    assert_eq!(plan.customer_node_id.as_deref(), Some("mid"));
    asked.customer_node_id = Some("closed for good".to_owned());
    assert_eq!(
        nodes(&best(&world, &asked, &stock)),
        [("near", Method::Pickup)]
    );
}

#[test]
fn warehouses_ship_only_and_dark_stores_hand_out() {
    let world = world();
    let mut asked = ask(Method::Pickup, &[("a", 1)]);
    let plan = best(&world, &asked, &supply(&world, &[((3, 0), PLENTY)]));
    assert_eq!(nodes(&plan), [("dark", Method::Pickup)]);
    asked.latitude = 5.0;
    asked.consent.ship_home = false;
    let plan = best(&world, &asked, &supply(&world, &[((4, 0), PLENTY)]));
    assert_eq!(
        nodes(&plan),
        [("depot", Method::Ship)],
        "no store in reach of the depot"
    );
}

#[test]
fn reasons_tell_stock_quantity_and_unknown_skus_apart() {
    let world = world();
    let asked = ask(
        Method::Ship,
        &[("a", 1), ("b", 5), ("nonesuch", 1), ("c", 1)],
    );
    let stock = supply(&world, &[((0, 1), 4), ((1, 1), 4), ((0, 3), 9)]);
    let plan = best(&world, &asked, &stock);
    let expected = [
        (1, UnfilledReason::NoStock),
        (2, UnfilledReason::Quantity),
        (3, UnfilledReason::UnknownSku),
    ];
    assert_eq!(reasons(&plan), expected);
    assert_eq!(plan.groups.len(), 1);
}

#[test]
fn all_or_nothing_names_the_lines_that_lack() {
    let world = world();
    let mut asked = ask(Method::Ship, &[("a", 1), ("b", 1)]);
    asked.all_or_nothing = true;
    let plan = best(&world, &asked, &supply(&world, &[((0, 0), PLENTY)]));
    assert!(plan.groups.is_empty());
    assert_eq!(reasons(&plan), [(2, UnfilledReason::NoStock)]);
}

#[test]
fn excluded_nodes_do_nothing_and_a_named_store_is_the_only_pickup() {
    let world = world();
    let mut asked = ask(Method::Pickup, &[("a", 1)]);
    asked.excluded_node_ids = vec!["near".to_owned()];
    let stock = supply(
        &world,
        &[((0, 0), PLENTY), ((1, 0), PLENTY), ((2, 0), PLENTY)],
    );
    assert_eq!(
        nodes(&best(&world, &asked, &stock)),
        [("mid", Method::Pickup)]
    );
    asked.pickup_only_at = Some("far".to_owned());
    assert_eq!(
        nodes(&best(&world, &asked, &stock)),
        [("far", Method::Pickup)]
    );
}

#[test]
fn two_lines_of_one_sku_share_the_units_of_a_node() {
    let world = world();
    let asked = ask(Method::Ship, &[("a", 2), ("a", 2)]);
    let units = |near: i64, mid: i64| {
        supply(
            &world,
            &[((0, 0), near), ((0, 1), near), ((1, 0), mid), ((1, 1), mid)],
        )
    };
    let split = best(&world, &asked, &units(3, 2));
    assert_eq!(
        split.groups.len(),
        2,
        "three units do not serve two lines of two"
    );
    let together = best(&world, &asked, &units(20, 20));
    assert_eq!(together.groups.len(), 1);
    let last = best(&world, &asked, &units(4, 0));
    assert_eq!(
        last.terms.opportunity, 5_000_000,
        "the last unit and the two before it, once"
    );
}

#[test]
fn a_single_unit_comes_from_a_single_one_so_that_a_later_pair_finds_a_pair() {
    let world = world();
    let asked = ask(Method::Ship, &[("a", 1)]);
    let at = |near: i64, mid: i64| supply(&world, &[((0, 0), near), ((1, 0), mid)]);
    assert_eq!(nodes(&best(&world, &asked, &at(9, 9)))[0].0, "near");
    assert_eq!(nodes(&best(&world, &asked, &at(2, 1)))[0].0, "mid");
    let pair = ask(Method::Ship, &[("a", 2)]);
    let plan = best(&world, &pair, &at(2, 1));
    assert_eq!(nodes(&plan)[0].0, "near", "kept for exactly this");
}

#[test]
fn twins_without_a_catalog_price_are_priced_alike_in_every_place() {
    let mut world = world();
    let mut catalog = bopis_promise::Catalog::default();
    let unpriced = bopis_promise::Item::default();
    catalog.put([("a".to_owned(), unpriced)]);
    world.catalog = std::sync::Arc::new(catalog);
    // Each line is ordered at a price of its own; the cell's last units are worth one of them.
    for prices in [[1_000_000, 90_000_000], [90_000_000, 1_000_000]] {
        let mut asked = ask(Method::Ship, &[("a", 2), ("a", 2)]);
        for (line, price) in asked.lines.iter_mut().zip(prices) {
            line.unit_price_micro = price;
        }
        let stock = supply(&world, &[((0, 0), 4), ((0, 1), 4)]);
        let plan = best(&world, &asked, &stock);
        assert_eq!(plan.groups.len(), 1);
        // The last unit (30 %, at most 6) and the two before it (a third of that each), at the
        // dearest price ordered.
        assert_eq!(plan.terms.opportunity, 10_000_000, "{prices:?}");
    }
}

#[test]
fn five_hundred_lines_of_one_sku_are_planned_in_time() {
    let world = world();
    for lines in [12, 18, 500] {
        let skus: Vec<(&str, i64)> = (0..lines).map(|line| ("a", 1 + line % 3)).collect();
        let asked = ask(Method::Pickup, &skus);
        let nodes = world.network.nodes().len();
        let cells: Vec<((usize, usize), i64)> = (0..nodes)
            .flat_map(|node| (0..skus.len()).map(move |line| ((node, line), 30 + 11 * node as i64)))
            .collect();
        let stock = supply(&world, &cells);
        let start = std::time::Instant::now();
        let plans = world.best_plans(&asked, &stock, 3, 10_000_000).unwrap();
        assert!(
            start.elapsed().as_secs() < 10,
            "{lines}: {:?}",
            start.elapsed()
        );
        let filled: usize = plans[0].groups.iter().map(|g| g.line_numbers.len()).sum();
        assert!(filled >= skus.len().min(100), "{filled} of {lines}");
    }
}

#[test]
fn a_sku_that_the_catalog_does_not_know_is_left_even_where_units_lie() {
    let world = world();
    let asked = ask(Method::Ship, &[("nonesuch", 1), ("a", 1)]);
    let stock = supply(&world, &[((0, 0), PLENTY), ((0, 1), PLENTY)]);
    let plan = best(&world, &asked, &stock);
    assert_eq!(reasons(&plan), [(1, UnfilledReason::UnknownSku)]);
    assert_eq!(plan.groups[0].line_numbers, [2]);
}

#[test]
fn the_last_units_are_left_where_another_node_has_plenty() {
    let world = world();
    let asked = ask(Method::Ship, &[("a", 1)]);
    let plan = best(
        &world,
        &asked,
        &supply(&world, &[((0, 0), 1), ((4, 0), PLENTY)]),
    );
    assert_eq!(nodes(&plan), [("depot", Method::Ship)]);
    let plan = best(
        &world,
        &asked,
        &supply(&world, &[((0, 0), 4), ((4, 0), PLENTY)]),
    );
    assert_eq!(nodes(&plan), [("near", Method::Ship)]);
}

#[test]
fn the_floor_of_an_unfilled_line_is_the_dearest_plan() {
    // 7 + 60.048 + 3 + 2 + 0.5 + 24 + 48 x 3
    assert_eq!(policy().unfilled_floor(), 240_548_000);
    assert_eq!(policy().unfilled_cost(1, 1_000_000), 240_548_000);
    assert_eq!(policy().unfilled_cost(100, 10_000_000), 456_000_000);
}

#[test]
fn distances_are_haversine_on_the_mean_radius() {
    // Paris to New York.
    let meters = meters_between((48.8566, 2.3522), (40.7128, -74.0060));
    assert!((5_836_000..5_838_500).contains(&meters), "{meters}");
    assert_eq!(meters_between((1.0, 2.0), (1.0, 2.0)), 0);
    assert_eq!(meters_between((0.0, 0.0), (0.0, 180.0)), 20_015_114);
}

#[test]
fn the_k_best_plans_use_different_nodes() {
    let world = world();
    let stock = supply(
        &world,
        &[((0, 0), PLENTY), ((1, 0), PLENTY), ((4, 0), PLENTY)],
    );
    let plans = world
        .best_plans(&ask(Method::Pickup, &[("a", 1)]), &stock, 4, 100_000)
        .unwrap();
    assert_eq!(nodes(&plans[0]), [("near", Method::Pickup)]);
    assert_eq!(nodes(&plans[1]), [("mid", Method::Pickup)]);
    assert_eq!(nodes(&plans[2]), [("depot", Method::Ship)]);
    assert!(plans.is_sorted_by_key(|plan| plan.terms.total()));
}
