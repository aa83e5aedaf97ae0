//! Reservations that are looked for, their days, and what a partial one lacks, through the door.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use bopis_door::v1::list_reservations_request::{cell, Cell, Filter};
use bopis_door::v1::*;
use prost_types::{Duration, Timestamp};
use support::*;
use tonic::{Code, Status};

const DAY: i32 = 20_000;

fn hold(house: &House, request: ReserveRequest) -> ReserveResponse {
    let answer = house.block_on(house.inventory().reserve(request));
    answer.unwrap().into_inner()
}

fn granted(response: ReserveResponse) -> Reservation {
    match response.outcome {
        Some(reserve_response::Outcome::Reservation(reservation)) => reservation,
        other => panic!("{other:?}"),
    }
}

fn for_order(order_id: &str, lines: Vec<ReservationLine>, ttl_s: i64) -> ReserveRequest {
    ReserveRequest {
        order_id: order_id.into(),
        ttl: Some(Duration {
            seconds: ttl_s,
            nanos: 0,
        }),
        ..reserve(lines)
    }
}

fn ask(filter: Filter) -> ListReservationsRequest {
    ListReservationsRequest {
        filter: Some(filter),
        ..ListReservationsRequest::default()
    }
}

fn of_order(order_id: &str) -> ListReservationsRequest {
    ask(Filter::OrderId(order_id.into()))
}

fn of_cell(node_id: &str, item: cell::Item) -> ListReservationsRequest {
    ask(Filter::Cell(Cell {
        node_id: node_id.into(),
        item: Some(item),
        staged: false,
    }))
}

fn of_sku(node_id: &str, sku: &str) -> ListReservationsRequest {
    of_cell(node_id, cell::Item::Sku(sku.into()))
}

fn of_window(seconds: i64) -> ListReservationsRequest {
    let start = Timestamp { seconds, nanos: 0 };
    of_cell(NODE, cell::Item::LaborWindowStartTime(start))
}

fn expiring(seconds: i64) -> ListReservationsRequest {
    ask(Filter::ExpireWithin(Duration { seconds, nanos: 0 }))
}

fn list(
    house: &House,
    request: ListReservationsRequest,
) -> Result<ListReservationsResponse, Status> {
    let answer = house.block_on(house.inventory().list_reservations(request));
    answer.map(tonic::Response::into_inner)
}

fn ids(found: &[Reservation]) -> Vec<&str> {
    found.iter().map(|one| &*one.reservation_id).collect()
}

/// All pages of a list, and that each but the last is full.
fn pages(house: &House, request: &ListReservationsRequest, page_size: i32) -> Vec<Reservation> {
    let mut found = Vec::new();
    let mut page_token = String::new();
    loop {
        let page = ListReservationsRequest {
            page_size,
            page_token,
            ..request.clone()
        };
        let answer = list(house, page).unwrap();
        let count = i32::try_from(answer.reservations.len()).unwrap();
        found.extend(answer.reservations);
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            assert!(count <= page_size);
            return found;
        }
        assert_eq!(count, page_size);
    }
}

fn commit(house: &House, reservation_id: &str) -> Reservation {
    let request = CommitReservationRequest {
        request_id: uuid(),
        reservation_id: reservation_id.into(),
    };
    let answer = house.block_on(house.inventory().commit_reservation(request));
    answer.unwrap().into_inner().reservation.unwrap()
}

fn release(house: &House, reservation_id: &str, lines: Vec<ReservationLine>) -> Reservation {
    let request = ReleaseReservationRequest {
        request_id: uuid(),
        reservation_id: reservation_id.into(),
        lines,
    };
    let answer = house.block_on(house.inventory().release_reservation(request));
    answer.unwrap().into_inner().reservation.unwrap()
}

#[test]
fn reservations_are_listed_by_order_by_cell_and_by_deadline() {
    let house = House::open();
    let window = window_start_s(&house.engine);
    let apple = || line(NODE, SKU, 1);
    let with_labor = vec![apple(), labor_line(NODE, window, 60)];
    let first = granted(hold(&house, for_order("o", with_labor, 300)));
    let second = granted(hold(&house, for_order("o", vec![apple()], 200)));
    let third = granted(hold(
        &house,
        for_order("p", vec![line(NODE, OTHER_SKU, 1)], 100),
    ));
    let fourth = granted(hold(&house, for_order("p", vec![apple()], 86_400)));
    let committed = commit(&house, &second.reservation_id);
    release(&house, &first.reservation_id, vec![apple()]);
    let of_o = list(&house, of_order("o")).unwrap();
    assert_eq!(
        ids(&of_o.reservations),
        [&*first.reservation_id, &second.reservation_id]
    );
    assert_eq!(of_o.reservations[1], committed, "as it stands");
    assert_eq!(of_o.reservations[0].lines, [labor_line(NODE, window, 60)]);
    assert!(of_o.position.is_some_and(|position| position.sequence > 0));
    let of_apples = list(&house, of_sku(NODE, SKU)).unwrap().reservations;
    assert_eq!(
        ids(&of_apples),
        [&*second.reservation_id, &fourth.reservation_id]
    );
    let of_labor = list(&house, of_window(window)).unwrap().reservations;
    assert_eq!(ids(&of_labor), [&*first.reservation_id]);
    let next = list(&house, expiring(86_400)).unwrap().reservations;
    let by_deadline = [&third, &first, &fourth].map(|one| &*one.reservation_id);
    assert_eq!(ids(&next), by_deadline, "a committed one does not expire");
    let soon = list(&house, expiring(150)).unwrap().reservations;
    assert_eq!(ids(&soon), [&*third.reservation_id]);
    release(&house, &fourth.reservation_id, Vec::new());
    let of_p = list(&house, of_order("p")).unwrap().reservations;
    let states: Vec<_> = of_p.iter().map(Reservation::state).collect();
    let expected = [reservation::State::Held, reservation::State::Released];
    assert_eq!(states, expected, "ended ones are kept");
    for nothing in [
        of_order("nobody"),
        of_sku(OTHER_NODE, SKU),
        of_window(window + 36_000),
    ] {
        let found = list(&house, nothing).unwrap();
        assert_eq!((found.reservations.len(), &*found.next_page_token), (0, ""));
    }
}

#[test]
fn a_list_comes_in_pages_each_reservation_once() {
    let house = House::open();
    let held: Vec<_> = (0..10)
        .map(|number| {
            let ttl_s = 1_000 + 100 * (number % 3);
            granted(hold(
                &house,
                for_order("o", vec![line(NODE, SKU, 1)], ttl_s),
            ))
        })
        .collect();
    let sorted = ids(&held);
    assert!(sorted.is_sorted());
    for page_size in [1, 3, 5, 10, 1_000] {
        for request in [of_order("o"), of_sku(NODE, SKU)] {
            assert_eq!(ids(&pages(&house, &request, page_size)), sorted);
        }
        let next = pages(&house, &expiring(86_400), page_size);
        let numbers = (0..3).flat_map(|first| (first..10).step_by(3));
        let by_deadline: Vec<_> = numbers.map(|number| sorted[number]).collect();
        assert_eq!(ids(&next), by_deadline);
    }
    assert_eq!(list(&house, of_order("o")).unwrap().reservations.len(), 10);
}

#[test]
fn a_list_that_asks_for_nothing_known_says_what_is_wrong() {
    let house = House::open();
    for _ in 0..2 {
        hold(&house, for_order("o", vec![line(NODE, SKU, 1)], 100));
    }
    let one = |request| ListReservationsRequest {
        page_size: 1,
        ..request
    };
    let token = list(&house, one(of_order("o"))).unwrap().next_page_token;
    assert!(!token.is_empty());
    let with_token = |request, page_token: &str| ListReservationsRequest {
        page_token: page_token.into(),
        ..request
    };
    let no_item = ask(Filter::Cell(Cell {
        node_id: NODE.into(),
        item: None,
        staged: false,
    }));
    let sized = |page_size| ListReservationsRequest {
        page_size,
        ..of_order("o")
    };
    let wrong = "FIELD_INVALID";
    let cases = [
        (ListReservationsRequest::default(), wrong, "filter"),
        (of_order(""), wrong, "order_id"),
        (no_item, wrong, "cell.item"),
        (of_sku("", SKU), wrong, "cell.node_id"),
        (of_window(1), wrong, "cell.labor_window_start_time"),
        (expiring(0), wrong, "expire_within"),
        (expiring(86_401), wrong, "expire_within"),
        (sized(-1), wrong, "page_size"),
        (sized(1_001), wrong, "page_size"),
        (of_sku("nowhere", SKU), "NODE_NOT_FOUND", "cell.node_id"),
        (of_sku(NODE, "nothing"), "SKU_NOT_FOUND", "cell.sku"),
        (
            with_token(of_order("o"), "nonsense"),
            "TOKEN_INVALID",
            "page_token",
        ),
        (
            with_token(of_order("p"), &token),
            "TOKEN_INVALID",
            "page_token",
        ),
        (
            with_token(expiring(100), &token),
            "TOKEN_INVALID",
            "page_token",
        ),
        (
            with_token(of_order("o"), &"x".repeat(129)),
            wrong,
            "page_token",
        ),
    ];
    for (request, expected, path) in cases {
        let status = list(&house, request.clone()).unwrap_err();
        let code = match expected {
            "NODE_NOT_FOUND" | "SKU_NOT_FOUND" => Code::NotFound,
            _ => Code::InvalidArgument,
        };
        assert_eq!(
            (status.code(), &*reason(&status)),
            (code, expected),
            "{request:?}"
        );
        assert_eq!(fields(&status), [path], "{request:?}");
    }
    assert_eq!(
        list(&house, with_token(of_order("o"), &token))
            .unwrap()
            .reservations
            .len(),
        1
    );
}

#[test]
fn units_in_a_staging_pool_are_listed_there() {
    let house = House::open();
    let held = granted(hold(&house, for_order("o", vec![line(NODE, SKU, 3)], 100)));
    let staged = || {
        ask(Filter::Cell(Cell {
            node_id: NODE.into(),
            item: Some(cell::Item::Sku(SKU.into())),
            staged: true,
        }))
    };
    assert!(list(&house, staged()).unwrap().reservations.is_empty());
    commit(&house, &held.reservation_id);
    let transfer = TransferStockRequest {
        request_id: uuid(),
        from_node_id: NODE.into(),
        to_node_id: NODE.into(),
        sku: SKU.into(),
        quantity: 3,
        to_staging: true,
        reservation_id: held.reservation_id.clone(),
        ..TransferStockRequest::default()
    };
    house
        .block_on(house.stock().transfer_stock(transfer))
        .unwrap();
    let found = list(&house, staged()).unwrap().reservations;
    assert_eq!(ids(&found), [&*held.reservation_id]);
    assert!(found[0].lines[0].staged);
    assert!(list(&house, of_sku(NODE, SKU))
        .unwrap()
        .reservations
        .is_empty());
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

#[test]
fn a_reservation_tells_its_day_wherever_it_is_told_of_as_long_as_it_is_live() {
    let house = House::open();
    let inbound = SetInboundRequest {
        request_id: uuid(),
        node_id: NODE.into(),
        sku: SKU.into(),
        day: DAY,
        quantity: 20,
    };
    house.block_on(house.stock().set_inbound(inbound)).unwrap();
    let shelf = granted(hold(&house, reserve(vec![line(NODE, SKU, 1)])));
    let request = ReserveRequest {
        day: DAY,
        ..for_order("o", vec![line(NODE, SKU, 12)], 1_000)
    };
    let later = granted(hold(&house, request.clone()));
    assert_eq!((shelf.day, later.day), (0, DAY));
    assert_eq!(granted(hold(&house, request.clone())), later, "a repeat");
    let id = || later.reservation_id.clone();
    let again = ReserveRequest {
        request_id: uuid(),
        reservation_id: shelf.reservation_id.clone(),
        ..request
    };
    assert_eq!(granted(hold(&house, again)).day, 0, "the id was in use");
    let extend = ExtendReservationRequest {
        request_id: uuid(),
        reservation_id: id(),
        ttl: Some(Duration {
            seconds: 50,
            nanos: 0,
        }),
    };
    let extended = house.block_on(house.inventory().extend_reservation(extend));
    assert_eq!(extended.unwrap().into_inner().reservation.unwrap().day, DAY);
    assert_eq!(commit(&house, &later.reservation_id).day, DAY);
    let moved = MoveReservationRequest {
        request_id: uuid(),
        moves: [(id(), 11), (shelf.reservation_id.clone(), 2)]
            .map(
                |(reservation_id, quantity)| move_reservation_request::Move {
                    reservation_id,
                    lines: vec![line(NODE, SKU, quantity)],
                },
            )
            .to_vec(),
    };
    let moved = house.block_on(house.inventory().move_reservation(moved));
    match moved.unwrap().into_inner().outcome {
        Some(move_reservation_response::Outcome::Moved(moved)) => {
            let days: Vec<_> = moved.reservations.iter().map(|one| one.day).collect();
            assert_eq!(days, [DAY, 0]);
        }
        other => panic!("{other:?}"),
    }
    let read = |request: GetReservationRequest| {
        let answer = house.block_on(house.inventory().get_reservation(request));
        answer.unwrap().into_inner().reservation.unwrap()
    };
    assert_eq!(
        read(GetReservationRequest {
            reservation_id: id()
        })
        .day,
        DAY
    );
    let listed = list(&house, of_sku(NODE, SKU)).unwrap().reservations;
    let days: Vec<_> = listed
        .iter()
        .map(|one| (&*one.reservation_id, one.day))
        .collect();
    assert_eq!(
        days,
        [(&*shelf.reservation_id, 0), (&*later.reservation_id, DAY)]
    );
    assert_eq!(
        release(&house, &later.reservation_id, vec![line(NODE, SKU, 1)]).day,
        DAY
    );
    assert_eq!(release(&house, &later.reservation_id, Vec::new()).day, 0);
    assert_eq!(
        read(GetReservationRequest {
            reservation_id: id()
        })
        .day,
        0
    );
    let batch = BatchReserveRequest {
        request_id: uuid(),
        items: [DAY, 0]
            .map(|day| BatchReserveItem {
                reservation_id: uuid(),
                lines: vec![line(NODE, SKU, 1)],
                day,
                ..BatchReserveItem::default()
            })
            .to_vec(),
    };
    let answer = house.block_on(house.inventory().batch_reserve(batch));
    let outcomes = answer.unwrap().into_inner().outcomes;
    let days: Vec<_> = outcomes
        .into_iter()
        .map(|one| match one.outcome {
            Some(batch_reserve_response::outcome::Outcome::Reservation(one)) => one.day,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(days, [DAY, 0]);
}
