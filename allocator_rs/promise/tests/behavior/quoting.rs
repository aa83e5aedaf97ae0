//! Dual prices, options and quotes against a real engine in memory.

use bopis_promise::{
    LaborPrice, Method, Near, OptionsAsk, OptionsError, Placement, Policy, QuoteFault, QuotedGroup,
    StockPrice, UnfilledReason,
};

use crate::bench::{
    bench, names, options, options_ask, place, place_ask, quoting, taken_up, Bench,
};
use crate::town::{ask, nodes, policy, HOUR_S, NOON_S, PLENTY};

fn stock_price(node_id: &str, sku: &str, price_micro: i64) -> StockPrice {
    StockPrice {
        node_id: node_id.to_owned(),
        sku: sku.to_owned(),
        price_micro,
    }
}

fn labor_price(node_id: &str, hour: i64, price_micro: i64) -> LaborPrice {
    LaborPrice {
        node_id: node_id.to_owned(),
        window_start_s: NOON_S + hour * HOUR_S,
        price_micro,
    }
}

/// Places a pickup of these lines.
fn placed(bench: &Bench, number: u128, lines: &[(&str, i64)]) -> Placement {
    place(
        &bench.promiser,
        place_ask(ask(Method::Pickup, lines), number),
    )
    .unwrap()
}

#[test]
fn a_dual_price_moves_the_choice_and_is_told_apart_from_the_cost() {
    let units = [("near", "a", PLENTY), ("mid", "a", PLENTY)];
    let without = placed(&bench(&units), 1, &[("a", 2)]);
    assert_eq!(nodes(&without.plan), [("near", Method::Pickup)]);
    assert_eq!(without.duals, None);

    let bench = bench(&units);
    bench.promiser.load_duals(7, &[], &[]);
    let none_priced = placed(&bench, 1, &[("a", 2)]);
    assert_eq!(none_priced.plan, without.plan, "no prices, no change");
    let charges = none_priced.duals.unwrap();
    assert_eq!((charges.version, charges.total()), (7, 0));

    // "mid" lies 10 km beyond "near", which costs 2.5.
    let scarce = [
        stock_price("near", "a", 2_000_000),
        stock_price("mid", "a", 100_000),
    ];
    bench
        .promiser
        .load_duals(8, &scarce, &[labor_price("mid", 0, 10)]);
    let moved = placed(&bench, 2, &[("a", 2)]);
    assert_eq!(nodes(&moved.plan), [("mid", Method::Pickup)]);
    let charges = moved.duals.unwrap();
    // Any later hour of "mid" is free, and as good until the promise.
    assert_eq!(
        (charges.version, charges.stock, charges.labor),
        (8, 200_000, 0)
    );
    let terms: Vec<_> = moved
        .plan
        .terms
        .named()
        .into_iter()
        .filter(|t| t.1 > 0)
        .collect();
    assert!(
        terms
            .iter()
            .all(|(name, _)| ["pick", "other_store_km"].contains(name)),
        "{terms:?}"
    );
}

#[test]
fn labor_has_its_price_where_no_other_hour_is_in_time() {
    let bench = bench(&[("near", "a", PLENTY)]);
    let hours: Vec<_> = (0..4)
        .map(|hour| labor_price("near", hour, 100 - hour))
        .collect();
    bench.promiser.load_duals(1, &[], &hours);
    let placement = placed(&bench, 1, &[("a", 1)]);
    assert_eq!(
        placement.plan.groups[0].window_start_s,
        NOON_S + 3 * HOUR_S,
        "the cheapest hour"
    );
    assert_eq!(placement.duals.unwrap().labor, 60 * 97);
}

#[test]
fn an_earlier_version_of_prices_never_replaces_a_later_one() {
    let bench = bench(&[("near", "a", PLENTY)]);
    bench
        .promiser
        .load_duals(5, &[stock_price("near", "a", 3)], &[]);
    bench
        .promiser
        .load_duals(4, &[stock_price("near", "a", 9)], &[]);
    bench.promiser.load_duals(
        6,
        &[stock_price("nowhere", "a", 9), stock_price("near", "a", 4)],
        &[],
    );
    assert_eq!(placed(&bench, 1, &[("a", 1)]).duals.unwrap().stock, 4);
}

#[test]
fn what_has_a_dual_price_is_not_charged_as_an_opportunity_too() {
    let units = [("near", "a", 1), ("near", "b", 1)];
    let opportunity = |load: &dyn Fn(&Bench)| {
        let bench = bench(&units);
        load(&bench);
        placed(&bench, 1, &[("a", 1), ("b", 1)])
            .plan
            .terms
            .opportunity
    };
    let price = [stock_price("near", "a", 0)];
    let both = opportunity(&|_| ());
    let one = opportunity(&|bench| bench.promiser.load_duals(1, &price, &[]));
    assert!(one > 0 && both == 2 * one, "{both} {one}");
    let beside = opportunity(&|bench| {
        bench.promiser.load_policy(Policy {
            opportunity_beside_duals: true,
            ..policy()
        });
        bench.promiser.load_duals(1, &price, &[]);
    });
    assert_eq!(beside, both, "the policy may want both");
}

#[test]
fn lines_of_one_sku_are_charged_as_opportunity_everywhere_or_nowhere() {
    let bench = bench(&[("near", "a", 3), ("mid", "a", 3)]);
    let twins = [("a", 1), ("a", 2)];
    let before = placed(&bench, 1, &twins).plan.terms.opportunity;
    assert!(before > 0);
    bench
        .promiser
        .load_duals(1, &[stock_price("near", "a", 1)], &[]);
    let after = placed(&bench, 2, &twins);
    assert_eq!(nodes(&after.plan), [("mid", Method::Pickup)]);
    assert_eq!(after.plan.terms.opportunity, 0);
}

#[test]
fn options_are_the_stores_in_reach_cheapest_first() {
    let bench = bench(&[
        ("near", "a", 1),
        ("mid", "a", PLENTY),
        ("dark", "a", PLENTY),
    ]);
    let planner = bench.promiser.planner();
    let asked = options_ask(&[("a", 2), ("nothing", 1)]);
    assert_eq!(
        planner.options(&asked).unwrap_err(),
        OptionsError::NotLoaded
    );
    quoting(&bench);
    let read = options(&bench, &asked);
    // "mid" and "dark" do the line that there is; "near" and "far" do none.
    assert_eq!(names(&read), ["mid", "dark", "near", "far"]);
    assert_eq!(read.unknown_skus, ["nothing"]);
    assert_eq!(read.options[2].atp, [1, 0]);
    assert_eq!(
        read.options[0].plan.unfilled[0].reason,
        UnfilledReason::UnknownSku
    );
    let within = |radius_km, options_max| {
        let asked = OptionsAsk {
            radius_km: Some(radius_km),
            options_max,
            ..asked.clone()
        };
        options(&bench, &asked)
    };
    assert_eq!(names(&within(12, 50)), ["mid", "near"]);
    assert_eq!(
        names(&within(30_000, 1)),
        ["mid"],
        "the policy's reach is the most"
    );
    let only = |node_id: &str| OptionsAsk {
        near: Near::Store(node_id.to_owned()),
        ..asked.clone()
    };
    let far = options(&bench, &only("dark"));
    assert_eq!(
        far.options[0].plan.terms.other_store_km, 0,
        "it is the customer's store"
    );
    assert_eq!(
        planner.options(&only("x")).unwrap_err(),
        OptionsError::UnknownNode
    );
    assert_eq!(
        planner.options(&only("depot")).unwrap_err(),
        OptionsError::NoStore
    );
}

#[test]
fn a_dual_price_puts_options_into_another_order() {
    let bench = bench(&[("near", "a", PLENTY), ("mid", "a", PLENTY)]);
    quoting(&bench);
    let asked = options_ask(&[("a", 1)]);
    assert_eq!(names(&options(&bench, &asked))[..2], ["near", "mid"]);
    bench
        .promiser
        .load_duals(3, &[stock_price("near", "a", 9_000_000)], &[]);
    let read = options(&bench, &asked);
    assert_eq!(names(&read)[..2], ["mid", "near"]);
    assert_eq!(read.options[1].duals.unwrap().stock, 9_000_000);
    assert_eq!(
        read.options[1].plan.terms.total(),
        500_000,
        "a price is no cost"
    );
}

#[test]
fn an_option_taken_up_is_placed_as_it_was_quoted_at_the_same_cost() {
    let lines = [("a", 1), ("b", 2)];
    let bench = bench(&[
        ("near", "a", PLENTY),
        ("far", "a", 2),
        ("depot", "b", PLENTY),
    ]);
    quoting(&bench);
    let read = options(
        &bench,
        &OptionsAsk {
            ship_rest: true,
            ..options_ask(&lines)
        },
    );
    let far = read
        .options
        .iter()
        .find(|one| one.node_id == "far")
        .unwrap();
    assert_eq!(
        nodes(&far.plan),
        [("far", Method::Pickup), ("depot", Method::Ship)]
    );
    let placement = place(&bench.promiser, taken_up(far, &lines, false)).unwrap();
    assert_eq!(placement.plan, far.plan);
    assert_eq!(placement.quote_lost, None);
    assert_eq!(
        (bench.atp("far", "a"), bench.atp("depot", "b")),
        (1, PLENTY - 2)
    );
}

#[test]
fn an_option_that_is_gone_says_why_and_another_plan_is_placed_or_none() {
    let lines = [("a", 2)];
    let bench = bench(&[("near", "a", PLENTY), ("far", "a", 2)]);
    quoting(&bench);
    let read = options(&bench, &options_ask(&lines));
    let far = read
        .options
        .iter()
        .find(|one| one.node_id == "far")
        .unwrap();
    let fault = |change: &dyn Fn(&mut QuotedGroup)| {
        let mut asked = taken_up(far, &lines, true);
        change(&mut asked.quote.as_mut().unwrap().groups[0]);
        let refused = place(&bench.promiser, asked).unwrap();
        assert!(refused.plan.groups.is_empty() && refused.reservation.is_none());
        refused.quote_lost.unwrap().fault
    };
    assert_eq!(
        fault(&|group| group.node_id = "closed".into()),
        QuoteFault::NodeNotAllowed
    );
    assert_eq!(
        fault(&|group| group.node_id = "depot".into()),
        QuoteFault::NodeNotAllowed
    );
    let past = |group: &mut QuotedGroup| {
        group.window_start_s = NOON_S - HOUR_S;
        group.ready_s = NOON_S;
    };
    assert_eq!(fault(&past), QuoteFault::WindowPast);
    let closed = |group: &mut QuotedGroup| {
        group.window_start_s += 100 * HOUR_S;
        group.ready_s += 100 * HOUR_S;
    };
    assert_eq!(fault(&closed), QuoteFault::NoLabor);

    let mut first = taken_up(far, &[("a", 1)], true);
    first.request_id.0 = 1;
    first.reservation_id.0 = 1;
    assert_eq!(place(&bench.promiser, first).unwrap().quote_lost, None);
    let placement = place(&bench.promiser, taken_up(far, &lines, false)).unwrap();
    let lost = placement.quote_lost.unwrap();
    assert_eq!(
        (lost.fault, lost.node_id.as_str()),
        (QuoteFault::NoStock, "far")
    );
    assert_eq!(nodes(&placement.plan), [("near", Method::Pickup)]);
    assert!(placement.reservation.is_some());
}
