//! The day of a reservation, and what a partial one lacks, through the door.

use bopis_door::v1::*;
use prost_types::Duration;

use crate::support::*;

const DAY: i32 = 20_000;

fn read(house: &House, reservation_id: &str) -> Reservation {
    let request = GetReservationRequest {
        reservation_id: reservation_id.into(),
    };
    let answer = house.block_on(house.inventory().get_reservation(request));
    answer.unwrap().into_inner().reservation.unwrap()
}

fn shares(lines: &[GrantedLine]) -> Vec<(i32, i64, i64, i64)> {
    let share = |one: &GrantedLine| {
        let granted = (one.granted_quantity, one.missing_quantity);
        (one.line_index, one.requested_quantity, granted.0, granted.1)
    };
    lines.iter().map(share).collect()
}

#[test]
fn a_partial_answer_says_line_by_line_what_is_missing() {
    let house = House::open();
    let lines = vec![
        line(NODE, SKU, 8),
        line(NODE, OTHER_SKU, 4),
        line(NODE, SKU, 5),
        line(OTHER_NODE, SKU, 1),
    ];
    let request = ReserveRequest {
        partial: true,
        ..reserve(lines.clone())
    };
    let expected = [(0, 8, 8, 0), (1, 4, 4, 0), (2, 5, 2, 3), (3, 1, 0, 1)];
    for answer in [hold(&house, request.clone()), hold(&house, request)] {
        assert_eq!(shares(&answer.granted_lines), expected, "a repeat too");
        assert_eq!(granted(answer).lines.len(), 2);
    }
    let whole = hold(&house, reserve(vec![line(NODE, OTHER_SKU, 1)]));
    assert!(whole.granted_lines.is_empty(), "nothing was asked in part");
    let item = |partial, lines| BatchReserveItem {
        reservation_id: uuid(),
        partial,
        lines,
        ..BatchReserveItem::default()
    };
    let batch = BatchReserveRequest {
        request_id: uuid(),
        items: vec![
            item(true, vec![line(NODE, OTHER_SKU, 9)]),
            item(true, vec![line(NODE, SKU, 1)]),
            item(true, vec![line("nowhere", SKU, 1)]),
        ],
    };
    let answer = house.block_on(house.inventory().batch_reserve(batch));
    let outcomes = answer.unwrap().into_inner().outcomes;
    let granted: Vec<_> = outcomes
        .iter()
        .map(|one| shares(&one.granted_lines))
        .collect();
    assert_eq!(granted, [vec![(0, 9, 5, 4)], vec![], vec![]]);
}

fn held_for_day(house: &House) -> (ReserveRequest, Reservation) {
    let inbound = SetInboundRequest {
        request_id: uuid(),
        node_id: NODE.into(),
        sku: SKU.into(),
        day: DAY,
        quantity: 20,
    };
    house.block_on(house.stock().set_inbound(inbound)).unwrap();
    let request = ReserveRequest {
        day: DAY,
        ..reserve(vec![line(NODE, SKU, 12)])
    };
    let later = granted(hold(house, request.clone()));
    (request, later)
}

#[test]
fn a_new_reservation_tells_the_day_that_it_is_for() {
    let house = House::open();
    let shelf = granted(hold(&house, reserve(vec![line(NODE, SKU, 1)])));
    let (request, later) = held_for_day(&house);
    assert_eq!((shelf.day, later.day), (0, DAY));
    assert_eq!(granted(hold(&house, request.clone())), later, "a repeat");
    let again = ReserveRequest {
        request_id: uuid(),
        reservation_id: shelf.reservation_id.clone(),
        ..request
    };
    let in_use = granted(hold(&house, again));
    assert_eq!(
        (in_use.reservation_id, in_use.day),
        (shelf.reservation_id, 0)
    );
    let item = |(reservation_id, day)| BatchReserveItem {
        reservation_id,
        lines: vec![line(NODE, SKU, 1)],
        day,
        ..BatchReserveItem::default()
    };
    let items = [(uuid(), DAY), (uuid(), 0), (later.reservation_id, 0)];
    let batch = BatchReserveRequest {
        request_id: uuid(),
        items: items.map(item).to_vec(),
    };
    let answer = house.block_on(house.inventory().batch_reserve(batch));
    let outcomes = answer.unwrap().into_inner().outcomes;
    let day = |one: batch_reserve_response::Outcome| match one.outcome {
        Some(batch_reserve_response::outcome::Outcome::Reservation(one)) => one.day,
        other => panic!("{other:?}"),
    };
    let days: Vec<_> = outcomes.into_iter().map(day).collect();
    assert_eq!(days, [DAY, 0, DAY]);
}

#[test]
fn a_reservation_that_changes_tells_its_day_as_long_as_it_is_live() {
    let house = House::open();
    let (_, later) = held_for_day(&house);
    let shelf = granted(hold(&house, reserve(vec![line(NODE, SKU, 1)])));
    let extend = ExtendReservationRequest {
        request_id: uuid(),
        reservation_id: later.reservation_id.clone(),
        ttl: Some(Duration {
            seconds: 50,
            nanos: 0,
        }),
    };
    let extended = house.block_on(house.inventory().extend_reservation(extend));
    assert_eq!(extended.unwrap().into_inner().reservation.unwrap().day, DAY);
    assert_eq!(commit(&house, &later.reservation_id).day, DAY);
    let new_lines = |(reservation_id, quantity): (&String, i64)| move_reservation_request::Move {
        reservation_id: reservation_id.clone(),
        lines: vec![line(NODE, SKU, quantity)],
    };
    let moves = [(&later.reservation_id, 11), (&shelf.reservation_id, 2)];
    let request = MoveReservationRequest {
        request_id: uuid(),
        moves: moves.map(new_lines).to_vec(),
    };
    let answer = house.block_on(house.inventory().move_reservation(request));
    match answer.unwrap().into_inner().outcome {
        Some(move_reservation_response::Outcome::Moved(moved)) => {
            let days: Vec<_> = moved.reservations.iter().map(|one| one.day).collect();
            assert_eq!(days, [DAY, 0]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(read(&house, &later.reservation_id).day, DAY);
    let part = vec![line(NODE, SKU, 1)];
    assert_eq!(release(&house, &later.reservation_id, part).day, DAY);
    let all = release(&house, &later.reservation_id, Vec::new());
    assert_eq!(all.day, 0);
    assert_eq!(read(&house, &later.reservation_id), all);
}

#[test]
fn a_repeat_tells_the_day_of_the_first_answer_after_the_reservation_ended() {
    let house = House::open();
    held_for_day(&house);
    let request = ReserveRequest {
        day: DAY,
        ..reserve(vec![line(NODE, SKU, 1)])
    };
    let first = hold(&house, request.clone());
    let made = granted(first.clone());
    assert_eq!(made.day, DAY);
    assert_eq!(release(&house, &made.reservation_id, Vec::new()).day, 0);
    assert_eq!(hold(&house, request).outcome, first.outcome);
}

#[test]
fn a_list_tells_the_days() {
    let house = House::open();
    let (_, later) = held_for_day(&house);
    let shelf = granted(hold(&house, reserve(vec![line(NODE, SKU, 1)])));
    let cell = list_reservations_request::Cell {
        node_id: NODE.into(),
        item: Some(list_reservations_request::cell::Item::Sku(SKU.into())),
        staged: false,
    };
    let request = ListReservationsRequest {
        filter: Some(list_reservations_request::Filter::Cell(cell)),
        ..ListReservationsRequest::default()
    };
    let found = house.block_on(house.inventory().list_reservations(request));
    let found = found.unwrap().into_inner().reservations;
    let days: Vec<_> = found
        .iter()
        .map(|one| (&one.reservation_id, one.day))
        .collect();
    let expected = [(&later.reservation_id, DAY), (&shelf.reservation_id, 0)];
    assert_eq!(days, expected);
}
