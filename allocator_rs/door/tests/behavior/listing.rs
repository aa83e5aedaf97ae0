//! Reservations that are looked for, through the door.

use bopis_door::v1::list_reservations_request::{cell, Cell, Filter};
use bopis_door::v1::*;
use prost_types::{Duration, Timestamp};
use tonic::{Code, Status};

use crate::support::*;

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

/// A list that is refused with this reason, for this field.
type Wrong = (ListReservationsRequest, &'static str, &'static str);

fn with_token(request: ListReservationsRequest, page_token: &str) -> ListReservationsRequest {
    ListReservationsRequest {
        page_token: page_token.into(),
        ..request
    }
}

fn sized(page_size: i32) -> ListReservationsRequest {
    ListReservationsRequest {
        page_size,
        ..of_order("o")
    }
}

/// `token` is of a list of order o.
fn wrong_lists(token: &str) -> Vec<Wrong> {
    let no_item = ask(Filter::Cell(Cell {
        node_id: NODE.into(),
        item: None,
        staged: false,
    }));
    let long = "x".repeat(129);
    let invalid = "FIELD_INVALID";
    let not_ours = "TOKEN_INVALID";
    vec![
        (ListReservationsRequest::default(), invalid, "filter"),
        (of_order(""), invalid, "order_id"),
        (no_item, invalid, "cell.item"),
        (of_sku("", SKU), invalid, "cell.node_id"),
        (of_window(1), invalid, "cell.labor_window_start_time"),
        (expiring(0), invalid, "expire_within"),
        (expiring(86_401), invalid, "expire_within"),
        (sized(-1), invalid, "page_size"),
        (sized(1_001), invalid, "page_size"),
        (of_sku("nowhere", SKU), "NODE_NOT_FOUND", "cell.node_id"),
        (of_sku(NODE, "nothing"), "SKU_NOT_FOUND", "cell.sku"),
        (
            with_token(of_order("o"), "nonsense"),
            not_ours,
            "page_token",
        ),
        (with_token(of_order("p"), token), not_ours, "page_token"),
        (with_token(expiring(100), token), not_ours, "page_token"),
        (with_token(of_order("o"), &long), invalid, "page_token"),
    ]
}

#[test]
fn a_list_that_asks_for_nothing_known_says_what_is_wrong() {
    let house = House::open();
    for _ in 0..2 {
        hold(&house, for_order("o", vec![line(NODE, SKU, 1)], 100));
    }
    let token = list(&house, sized(1)).unwrap().next_page_token;
    assert!(!token.is_empty());
    for (request, expected, path) in wrong_lists(&token) {
        let status = list(&house, request.clone()).unwrap_err();
        let code = match expected {
            "NODE_NOT_FOUND" | "SKU_NOT_FOUND" => Code::NotFound,
            _ => Code::InvalidArgument,
        };
        let told = (status.code(), &*reason(&status));
        assert_eq!(told, (code, expected), "{request:?}");
        assert_eq!(fields(&status), [path], "{request:?}");
    }
    let rest = list(&house, with_token(of_order("o"), &token)).unwrap();
    assert_eq!(rest.reservations.len(), 1);
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
    let too_much = ReservationLine {
        staged: true,
        ..line(NODE, SKU, 1)
    };
    match hold(&house, reserve(vec![too_much])).outcome {
        Some(reserve_response::Outcome::Insufficient(lacks)) => {
            assert!(lacks.shortages[0].staged, "the shelf still has some");
        }
        other => panic!("{other:?}"),
    }
    assert!(list(&house, of_sku(NODE, SKU))
        .unwrap()
        .reservations
        .is_empty());
}
