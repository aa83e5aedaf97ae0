//! Plans with transfers on a real engine in memory: held in one act, offered to who asks for stores.

use bopis_ledger::CellKey;
use bopis_promise::{Method, QuoteFault};

use crate::bench::{bench, options, options_ask, place, place_ask, quoting, taken_up, Bench};
use crate::town::{ask, nodes, policy, transfers, HOUR_S, NOON_S};

const BASKET: [(&str, i64); 2] = [("a", 2), ("b", 3)];

/// One line at the customer's store, one at the dark store 21 km from it.
fn moving() -> Bench {
    let bench = bench(&[("near", "a", 9), ("dark", "b", 9)]);
    let mut policy = policy();
    policy.transfers = Some(transfers());
    bench.promiser.load_policy(policy);
    quoting(&bench);
    bench
}

fn labor(bench: &Bench, node: &str, hour: i64) -> i64 {
    bench.engine.atp(CellKey {
        location: bench.engine.location(node).unwrap(),
        item: bench.engine.labor(NOON_S + hour * HOUR_S).unwrap(),
    })
}

#[test]
fn one_act_holds_units_and_labor_at_the_source_and_the_labor_of_receiving() {
    let bench = moving();
    let asked = ask(Method::Pickup, &BASKET);
    let placement = place(&bench.promiser, place_ask(asked, 1)).unwrap();
    assert_eq!(
        nodes(&placement.plan),
        [("near", Method::Pickup), ("dark", Method::Transfer)]
    );
    assert_eq!(placement.plan.groups[1].ready_s, NOON_S + 3 * HOUR_S);
    let held = placement.reservation.unwrap();
    assert_eq!(held.lines.len(), 5, "two cells of stock, three of labor");
    assert_eq!((bench.atp("near", "a"), bench.atp("dark", "b")), (7, 6));
    assert_eq!(labor(&bench, "dark", 0), 3_600 - 60);
    assert_eq!(labor(&bench, "near", 0), 3_600 - 60);
    assert_eq!(labor(&bench, "near", 2), 3_600 - 30);
}

#[test]
fn a_store_is_offered_with_when_the_transfer_will_have_been_received() {
    let bench = moving();
    let found = options(&bench, &options_ask(&BASKET));
    let near = found.options.iter().find(|one| one.node_id == "near");
    let near = near.unwrap();
    assert!(near.plan.unfilled.is_empty());
    assert_eq!(
        nodes(&near.plan),
        [("near", Method::Pickup), ("dark", Method::Transfer)]
    );
    let ready_s = near.plan.groups.iter().map(|group| group.ready_s).max();
    // The clock is a little past noon: the first whole hour of picking begins at one.
    assert_eq!(ready_s, Some(NOON_S + 4 * HOUR_S));
    assert_eq!(near.atp, [9, 0]);
}

#[test]
fn a_quote_with_a_transfer_is_not_kept_as_it_names_no_hour_of_receiving() {
    let bench = moving();
    let found = options(&bench, &options_ask(&BASKET));
    let near = found.options.iter().find(|one| one.node_id == "near");
    let refused = place(&bench.promiser, taken_up(near.unwrap(), &BASKET, true)).unwrap();
    let lost = refused.quote_lost.unwrap();
    assert_eq!(lost.fault, QuoteFault::NodeNotAllowed);
    assert_eq!(lost.node_id, "dark");
    assert_eq!(refused.reservation, None);
}
