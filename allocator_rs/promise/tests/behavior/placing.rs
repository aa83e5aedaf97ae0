//! Plan + hold against a real engine in memory.

use std::sync::mpsc;

use bopis_ledger::{CellKey, ReservationId, ReservationState};
use bopis_promise::{Method, PlaceError, Placement, Promiser, PromiserOptions, UnfilledReason};

use crate::bench::{bench, place, place_ask, DEADLINE};
use crate::town::{ask, NOON_S};

#[test]
fn a_placement_holds_the_stock_and_labor_of_all_groups() {
    let bench = bench(&[("near", "a", 9), ("depot", "b", 9)]);
    let asked = ask(Method::Pickup, &[("a", 2), ("b", 3)]);
    let placement = place(&bench.promiser, place_ask(asked, 1)).unwrap();
    let view = placement.reservation.unwrap();
    assert_eq!(view.state, ReservationState::Held);
    assert_eq!(view.lines.len(), 4, "two cells of stock, two of labor");
    assert_eq!(view.expire_wall_ms, placement.wall_ms + 900_000);
    assert_eq!(placement.plan.groups.len(), 2);
    assert_eq!((bench.atp("near", "a"), bench.atp("depot", "b")), (7, 6));
    let near = bench.engine.location("near").unwrap();
    let labor = bench.engine.labor(NOON_S).unwrap();
    assert_eq!(
        bench.engine.atp(CellKey {
            location: near,
            item: labor
        }),
        3_600 - 60
    );
}

#[test]
fn an_order_that_nothing_fills_holds_nothing_and_says_why() {
    let bench = bench(&[]);
    let placement = place(
        &bench.promiser,
        place_ask(ask(Method::Ship, &[("a", 1)]), 1),
    )
    .unwrap();
    assert_eq!(placement.reservation, None);
    assert_eq!(placement.plan.unfilled[0].reason, UnfilledReason::NoStock);
}

#[test]
fn a_reservation_id_in_use_for_something_else_is_refused() {
    let bench = bench(&[("near", "a", 9), ("near", "b", 9)]);
    place(
        &bench.promiser,
        place_ask(ask(Method::Pickup, &[("a", 1)]), 1),
    )
    .unwrap();
    let mut other = place_ask(ask(Method::Pickup, &[("b", 1)]), 2);
    other.reservation_id = ReservationId(1_001);
    let refused = place(&bench.promiser, other);
    assert_eq!(refused, Err(PlaceError::ReservationMismatch));
    assert_eq!(bench.atp("near", "b"), 9);
}

#[test]
fn many_orders_that_race_for_few_units_take_each_unit_once() {
    let bench = bench(&[("near", "a", 30), ("mid", "a", 30), ("depot", "a", 40)]);
    // While the writer stands still, all orders are planned on the same stock.
    let (resume, stand_still) = mpsc::channel::<()>();
    let pause = Box::new(move |_| stand_still.recv_timeout(DEADLINE).unwrap());
    bench.engine.reservation(ReservationId(1), pause).unwrap();
    let (send, receive) = mpsc::channel();
    for number in 0..150 {
        let send = send.clone();
        let asked = place_ask(ask(Method::Pickup, &[("a", 1)]), number);
        let done = Box::new(move |result| send.send(result).unwrap());
        bench.promiser.place(asked, done).unwrap();
    }
    let deadline = std::time::Instant::now() + DEADLINE;
    while bench.promiser.waiting() > 0 {
        assert!(
            std::time::Instant::now() < deadline,
            "the promiser plans while the writer stands"
        );
        std::thread::yield_now();
    }
    resume.send(()).unwrap();
    let results: Vec<Placement> = (0..150)
        .map(|_| receive.recv_timeout(DEADLINE).unwrap().unwrap())
        .collect();
    let held = results.iter().filter(|p| p.reservation.is_some()).count();
    assert_eq!(held, 100);
    let left = ["near", "mid", "depot"].map(|node| bench.atp(node, "a"));
    assert_eq!(left, [0, 0, 0]);
    let raced = results.iter().filter(|p| p.attempts > 1).count();
    assert!(
        raced >= 60,
        "{raced}: all but 30 planned for units that others took first"
    );
}

#[test]
fn placements_before_loading_and_after_stopping_are_refused() {
    let bench = bench(&[("near", "a", 1)]);
    let empty = Promiser::start(bench.engine.clone(), PromiserOptions::default()).unwrap();
    let asked = place_ask(ask(Method::Pickup, &[("a", 1)]), 1);
    assert_eq!(place(&empty, asked.clone()), Err(PlaceError::NotLoaded));
    empty.stop();
    let refused = empty.place(asked.clone(), Box::new(|_| panic!("must not be called")));
    assert_eq!(refused, Err(PlaceError::Stopped));
    bench.engine.drain().unwrap();
    assert_eq!(place(&bench.promiser, asked), Err(PlaceError::Stopped));
}

#[test]
fn plans_without_a_hold_change_nothing() {
    let bench = bench(&[("near", "a", 5), ("depot", "a", 5)]);
    let plans = bench
        .promiser
        .plan(&ask(Method::Pickup, &[("a", 1)]), 3)
        .unwrap();
    assert_eq!(plans.len(), 3, "near, depot, and nobody");
    assert_eq!(bench.atp("near", "a"), 5);
}
