//! `InventoryService` through the door, over an engine in memory.

use bopis_door::v1::insufficient::NextStep;
use bopis_door::v1::move_reservation_request::Move;
use bopis_door::v1::reservation::State;
use bopis_door::v1::reserve_response::Outcome;
use bopis_door::v1::*;
use tonic::Code;

use crate::support::*;

fn lacking(response: ReserveResponse) -> Insufficient {
    match response.outcome {
        Some(Outcome::Insufficient(insufficient)) => insufficient,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reservation_takes_stock_and_labor_in_one_act() {
    let house = House::open();
    let start = window_start_s(&house.engine);
    let lines = vec![
        line(NODE, SKU, 3),
        labor_line(NODE, start, 90),
        line(NODE, SKU, 1),
    ];
    let response = house
        .block_on(house.inventory().reserve(reserve(lines)))
        .unwrap();
    let timing = response
        .metadata()
        .get("server-timing")
        .expect("a trailer")
        .to_str()
        .unwrap();
    assert!(timing.starts_with("ledger;dur="), "{timing}");
    let response = response.into_inner();
    let position = response.position.clone().unwrap();
    let reservation = granted(response);
    assert_eq!(reservation.state(), State::Held);
    assert!(reservation.expire_time.is_some());
    let lines: Vec<i64> = reservation.lines.iter().map(|line| line.quantity).collect();
    assert_eq!(lines, [4, 90]);
    let cell = available(&house, SKU);
    assert_eq!(
        (cell.atp, cell.held, cell.on_hand),
        (ON_HAND - 4, 4, ON_HAND)
    );
    let own_write = GetAvailabilityRequest {
        node_id: NODE.into(),
        sku: SKU.into(),
        at_least_position: Some(position),
        ..Default::default()
    };
    house
        .block_on(house.inventory().get_availability(own_write))
        .unwrap();
}

#[test]
fn too_little_is_an_outcome_that_names_every_cell_and_the_next_step() {
    let house = House::open();
    let start = window_start_s(&house.engine);
    let lines = vec![
        line(NODE, SKU, 7),
        line(NODE, SKU, 7),
        labor_line(NODE, start, 9999),
    ];
    let response = house
        .block_on(house.inventory().reserve(reserve(lines)))
        .unwrap();
    let lack = lacking(response.into_inner());
    assert_eq!(lack.next_step(), NextStep::LowerQuantity);
    let seen: Vec<(i32, i64, i64)> = lack
        .shortages
        .iter()
        .map(|one| {
            (
                one.line_index,
                one.requested_quantity,
                one.available_quantity,
            )
        })
        .collect();
    assert_eq!(seen, [(0, 14, ON_HAND), (2, 9999, LABOR_SECONDS)]);
    let elsewhere = reserve(vec![line(OTHER_NODE, SKU, 1)]);
    let response = house
        .block_on(house.inventory().reserve(elsewhere))
        .unwrap();
    assert_eq!(
        lacking(response.into_inner()).next_step(),
        NextStep::ChooseAnother
    );
    assert_eq!(available(&house, SKU).held, 0);
}

#[test]
fn a_labor_window_that_no_store_offers_lacks_labor() {
    let house = House::open();
    let start = window_start_s(&house.engine) + 24 * 3600;
    let request = reserve(vec![labor_line(NODE, start, 60)]);
    let response = house.block_on(house.inventory().reserve(request)).unwrap();
    assert_eq!(
        lacking(response.into_inner()).shortages[0].available_quantity,
        0
    );
    let far = reserve(vec![labor_line(NODE, start + 500 * 24 * 3600, 60)]);
    let status = house.block_on(house.inventory().reserve(far)).unwrap_err();
    assert_eq!(
        (status.code(), reason(&status)),
        (Code::InvalidArgument, "FIELD_INVALID".into())
    );
    assert_eq!(fields(&status), ["lines[0].labor_window_start_time"]);
}

#[test]
fn a_repeat_returns_the_first_response_and_another_body_is_refused() {
    let house = House::open();
    let request = reserve(vec![line(NODE, SKU, 2)]);
    let first = house
        .block_on(house.inventory().reserve(request.clone()))
        .unwrap()
        .into_inner();
    let again = house
        .block_on(house.inventory().reserve(request.clone()))
        .unwrap()
        .into_inner();
    assert_eq!(first.outcome, again.outcome);
    assert_eq!(available(&house, SKU).held, 2);
    let other = ReserveRequest {
        priority: 9,
        ..request
    };
    let status = house
        .block_on(house.inventory().reserve(other))
        .unwrap_err();
    let seen = (status.code(), reason(&status));
    assert_eq!(seen, (Code::InvalidArgument, "REQUEST_ID_REUSED".into()));
}

#[test]
fn a_reservation_is_committed_once_and_released_once() {
    let house = House::open();
    let mut client = house.inventory();
    let request = ReserveRequest {
        reservation_id: uuid(),
        ..reserve(vec![line(NODE, SKU, 2)])
    };
    let reservation_id = request.reservation_id.clone();
    house.block_on(client.reserve(request)).unwrap();
    let commit = || CommitReservationRequest {
        request_id: uuid(),
        reservation_id: reservation_id.clone(),
    };
    let committed = house
        .block_on(client.commit_reservation(commit()))
        .unwrap()
        .into_inner();
    assert_eq!(committed.reservation.unwrap().state(), State::Committed);
    let status = house
        .block_on(client.commit_reservation(commit()))
        .unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(reason(&status), "RESERVATION_ALREADY_COMMITTED");
    let release = || ReleaseReservationRequest {
        request_id: uuid(),
        reservation_id: reservation_id.clone(),
        ..Default::default()
    };
    let released = house
        .block_on(client.release_reservation(release()))
        .unwrap()
        .into_inner();
    assert_eq!(released.reservation.unwrap().state(), State::Released);
    let status = house
        .block_on(client.release_reservation(release()))
        .unwrap_err();
    assert_eq!(reason(&status), "RESERVATION_ENDED");
    assert_eq!(available(&house, SKU).atp, ON_HAND);
    let find = GetReservationRequest { reservation_id };
    let found = house
        .block_on(client.get_reservation(find))
        .unwrap()
        .into_inner();
    assert_eq!(found.reservation.unwrap().state(), State::Released);
    let nobody = GetReservationRequest {
        reservation_id: uuid(),
    };
    let status = house.block_on(client.get_reservation(nobody)).unwrap_err();
    assert_eq!(
        (status.code(), reason(&status)),
        (Code::NotFound, "RESERVATION_NOT_FOUND".into())
    );
    let before_hold = CommitReservationRequest {
        request_id: uuid(),
        reservation_id: uuid(),
    };
    let status = house
        .block_on(client.commit_reservation(before_hold))
        .unwrap_err();
    assert_eq!(reason(&status), "RESERVATION_NOT_FOUND");
}

#[test]
fn a_hold_past_its_deadline_cannot_be_committed() {
    let house = House::open();
    let mut client = house.inventory();
    let request = ReserveRequest {
        ttl: Some(prost_types::Duration {
            seconds: 0,
            nanos: 1_000_000,
        }),
        ..reserve(vec![line(NODE, SKU, 2)])
    };
    let reservation_id = request.request_id.clone();
    house.block_on(client.reserve(request)).unwrap();
    let find = GetReservationRequest {
        reservation_id: reservation_id.clone(),
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    loop {
        let found = house
            .block_on(client.get_reservation(find.clone()))
            .unwrap()
            .into_inner();
        if found.reservation.unwrap().state() == State::Expired {
            break;
        }
        assert!(
            std::time::Instant::now() < deadline,
            "the hold never expires"
        );
    }
    let commit = CommitReservationRequest {
        request_id: uuid(),
        reservation_id,
    };
    let status = house
        .block_on(client.commit_reservation(commit))
        .unwrap_err();
    let seen = (status.code(), reason(&status));
    assert_eq!(
        seen,
        (Code::FailedPrecondition, "RESERVATION_EXPIRED".into())
    );
}

#[test]
fn two_reservations_swap_units_in_one_move() {
    let house = House::open();
    let mut client = house.inventory();
    let one = reserve(vec![line(NODE, SKU, ON_HAND)]);
    let two = reserve(vec![line(NODE, OTHER_SKU, ON_HAND)]);
    let (first, second) = (one.request_id.clone(), two.request_id.clone());
    house.block_on(client.reserve(one)).unwrap();
    house.block_on(client.reserve(two)).unwrap();
    let swap = MoveReservationRequest {
        request_id: uuid(),
        moves: vec![
            Move {
                reservation_id: first.clone(),
                lines: vec![line(NODE, OTHER_SKU, ON_HAND)],
            },
            Move {
                reservation_id: second,
                lines: vec![line(NODE, SKU, ON_HAND)],
            },
        ],
    };
    let moved = house
        .block_on(client.move_reservation(swap))
        .unwrap()
        .into_inner();
    let Some(move_reservation_response::Outcome::Moved(moved)) = moved.outcome else {
        panic!("{moved:?}")
    };
    assert_eq!(
        moved.reservations[0].lines,
        [line(NODE, OTHER_SKU, ON_HAND)]
    );
    let twice = Move {
        reservation_id: first,
        lines: vec![line(NODE, SKU, 1)],
    };
    let request = MoveReservationRequest {
        request_id: uuid(),
        moves: vec![twice.clone(), twice],
    };
    let status = house
        .block_on(client.move_reservation(request))
        .unwrap_err();
    assert_eq!(fields(&status), ["moves[1].reservation_id"]);
}
