//! Supply, counts, parts of reservations and watched counters through the door.

use std::time::Duration;

use bopis_door::v1::*;
use prost_types::Timestamp;
use tonic::{Code, Streaming};

use crate::support::*;

fn expect(day: i32, quantity: i64) -> SetInboundRequest {
    SetInboundRequest {
        request_id: uuid(),
        node_id: NODE.into(),
        sku: SKU.into(),
        day,
        quantity,
    }
}

fn read(house: &House, with_days: bool) -> GetAvailabilityResponse {
    let request = GetAvailabilityRequest {
        node_id: NODE.into(),
        sku: SKU.into(),
        with_days,
        ..Default::default()
    };
    house
        .block_on(house.inventory().get_availability(request))
        .unwrap()
        .into_inner()
}

fn held(house: &House, request: ReserveRequest) -> Reservation {
    granted(hold(house, request))
}

fn sale(quantity: i64, seconds_ago: i64, house: &House) -> RecordSalesRequest {
    let sale = Sale {
        source_id: uuid(),
        node_id: NODE.into(),
        sku: SKU.into(),
        quantity,
        reservation_id: String::new(),
        effective_time: Some(ago(house, seconds_ago)),
    };
    RecordSalesRequest {
        request_id: uuid(),
        sales: vec![sale],
    }
}

fn ago(house: &House, seconds: i64) -> Timestamp {
    Timestamp {
        seconds: house.engine.wall_ms() / 1000 - seconds,
        nanos: 0,
    }
}

fn count(counted_quantity: i64, time: Option<Timestamp>) -> CountStockRequest {
    CountStockRequest {
        request_id: uuid(),
        node_id: NODE.into(),
        sku: SKU.into(),
        counted_quantity,
        effective_time: time,
    }
}

#[test]
fn what_is_expected_can_be_promised_for_its_day_and_is_received_in_one_act() {
    let house = House::open();
    let answer = house.block_on(house.stock().set_inbound(expect(20_700, 5)));
    let counters = answer.unwrap().into_inner().availability.unwrap();
    assert_eq!((counters.atp, counters.on_hand), (ON_HAND, ON_HAND));
    let mut later = reserve(vec![line(NODE, SKU, ON_HAND + 2)]);
    later.day = 20_700;
    held(&house, later);
    let days = read(&house, true);
    let [day] = &days.days[..] else {
        panic!("{days:?}");
    };
    assert_eq!((day.day, day.inbound_quantity), (20_700, 5));
    assert_eq!((day.reserved_quantity, day.atp), (ON_HAND + 2, 3));
    let counters = days.availability.unwrap();
    assert_eq!(
        (counters.atp, counters.held),
        (3, 7),
        "7 of today's are needed then"
    );
    assert_eq!(read(&house, false).availability, Some(counters));
    let request = ReceiveStockRequest {
        request_id: uuid(),
        node_id: NODE.into(),
        sku: SKU.into(),
        quantity: 4,
        expected_day: 20_700,
        effective_time: None,
    };
    let answer = house.block_on(house.stock().receive_stock(request.clone()));
    let counters = answer.unwrap().into_inner().availability.unwrap();
    assert_eq!((counters.on_hand, counters.atp), (ON_HAND + 4, 2));
    let again = house.block_on(house.stock().receive_stock(request));
    assert_eq!(again.unwrap().into_inner().availability, Some(counters));
    assert_eq!(read(&house, true).days[0].inbound_quantity, 0);
}

#[test]
fn a_count_names_its_drift_and_includes_what_was_sold_before() {
    let house = House::open();
    let answer = house.block_on(
        house
            .stock()
            .count_stock(count(7, Some(ago(&house, 25 * 3600)))),
    );
    let answer = answer.unwrap_err();
    assert_eq!(reason(&answer), "COUNT_TOO_OLD");
    assert_eq!(answer.code(), Code::FailedPrecondition);
    let answer = house.block_on(house.stock().count_stock(count(7, None)));
    let counted = answer.unwrap().into_inner();
    assert_eq!(
        (counted.drift_quantity, counted.is_included),
        (7 - ON_HAND, false)
    );
    let sold = house.block_on(house.stock().record_sales(sale(2, 120, &house)));
    assert!(sold.is_ok());
    let counters = read(&house, false).availability.unwrap();
    assert_eq!(counters.on_hand, 7, "the count includes the sale");
}

#[test]
fn a_part_of_a_reservation_is_given_back_by_line() {
    let house = House::open();
    let lines = vec![line(NODE, SKU, 4), line(NODE, OTHER_SKU, 2)];
    let reservation = held(&house, reserve(lines));
    let release = |lines| ReleaseReservationRequest {
        request_id: uuid(),
        reservation_id: reservation.reservation_id.clone(),
        lines,
    };
    let part = release(vec![line(NODE, SKU, 3)]);
    let answer = house.block_on(house.inventory().release_reservation(part));
    let left = answer.unwrap().into_inner().reservation.unwrap();
    assert_eq!(left.lines, [line(NODE, SKU, 1), line(NODE, OTHER_SKU, 2)]);
    for (lines, expected) in [
        (vec![line(NODE, SKU, 2)], "LINE_NOT_FOUND"),
        (vec![line("nowhere", SKU, 1)], "NODE_NOT_FOUND"),
        (vec![line(NODE, SKU, 0)], "FIELD_INVALID"),
    ] {
        let answer = house.block_on(house.inventory().release_reservation(release(lines)));
        assert_eq!(reason(&answer.unwrap_err()), expected);
    }
    let rest = house.block_on(house.inventory().release_reservation(release(Vec::new())));
    let ended = rest.unwrap().into_inner().reservation.unwrap();
    assert_eq!(ended.state, i32::from(reservation::State::Released));
}

#[test]
fn a_partial_reservation_takes_what_there_is() {
    let house = House::open();
    let mut request = reserve(vec![line(NODE, SKU, ON_HAND + 5), line(OTHER_NODE, SKU, 1)]);
    request.partial = true;
    let reservation = held(&house, request.clone());
    assert_eq!(reservation.lines, [line(NODE, SKU, ON_HAND)]);
    request.request_id = uuid();
    let answer = house.block_on(house.inventory().reserve(request)).unwrap();
    assert!(matches!(
        answer.into_inner().outcome,
        Some(reserve_response::Outcome::Insufficient(_))
    ));
}

#[test]
fn picked_units_are_staged_with_their_promise_and_sold_from_there() {
    let house = House::open();
    let reservation = held(&house, reserve(vec![line(NODE, SKU, 4)]));
    let commit = CommitReservationRequest {
        request_id: uuid(),
        reservation_id: reservation.reservation_id.clone(),
    };
    house
        .block_on(house.inventory().commit_reservation(commit))
        .unwrap();
    let stage = TransferStockRequest {
        request_id: uuid(),
        from_node_id: NODE.into(),
        to_node_id: NODE.into(),
        sku: SKU.into(),
        quantity: 3,
        to_staging: true,
        reservation_id: reservation.reservation_id.clone(),
        ..Default::default()
    };
    let answer = house
        .block_on(house.stock().transfer_stock(stage.clone()))
        .unwrap();
    let staged = ReservationLine {
        staged: true,
        ..line(NODE, SKU, 3)
    };
    let lines = answer.into_inner().reservation.unwrap().lines;
    assert_eq!(lines, [line(NODE, SKU, 1), staged.clone()]);
    let counters = |staged| {
        let request = GetAvailabilityRequest {
            node_id: NODE.into(),
            sku: SKU.into(),
            staged,
            ..Default::default()
        };
        let answer = house.block_on(house.inventory().get_availability(request));
        let counters = answer.unwrap().into_inner().availability.unwrap();
        (counters.on_hand, counters.committed, counters.atp)
    };
    assert_eq!(counters(false), (ON_HAND - 3, 1, ON_HAND - 4));
    assert_eq!(counters(true), (3, 3, 0));
    let release = ReleaseReservationRequest {
        request_id: uuid(),
        reservation_id: reservation.reservation_id,
        lines: vec![staged],
    };
    house
        .block_on(house.inventory().release_reservation(release))
        .unwrap();
    assert_eq!(counters(true), (3, 0, 3));
    let back = TransferStockRequest {
        request_id: uuid(),
        from_staging: true,
        to_staging: false,
        reservation_id: String::new(),
        ..stage
    };
    let answer = house.block_on(house.stock().transfer_stock(back)).unwrap();
    assert_eq!(
        answer.into_inner().to_availability.unwrap().on_hand,
        ON_HAND
    );
    assert_eq!(counters(true), (0, 0, 0));
}

fn watch(house: &House, resume_token: &str) -> Streaming<WatchAvailabilityResponse> {
    let request = WatchAvailabilityRequest {
        node_ids: vec![NODE.into(), OTHER_NODE.into()],
        skus: vec![SKU.into()],
        resume_token: resume_token.into(),
    };
    house
        .block_on(house.inventory().watch_availability(request))
        .unwrap()
        .into_inner()
}

fn next(
    house: &House,
    stream: &mut Streaming<WatchAvailabilityResponse>,
) -> WatchAvailabilityResponse {
    house
        .block_on(stream.message())
        .unwrap()
        .expect("it has no end")
}

fn take(house: &House, on_hand_delta: i64) {
    let request = AdjustStockRequest {
        request_id: uuid(),
        node_id: NODE.into(),
        sku: SKU.into(),
        on_hand_delta,
        reason: adjust_stock_request::Reason::Damaged.into(),
        ..Default::default()
    };
    house.block_on(house.stock().adjust_stock(request)).unwrap();
}

#[test]
fn watched_counters_come_whole_then_as_they_change_and_a_deficit_once() {
    let house = House::open();
    let reservation = held(&house, reserve(vec![line(NODE, SKU, 6)]));
    let mut stream = watch(&house, "");
    let first = next(&house, &mut stream);
    assert!(first.is_snapshot);
    let atp = |message: &WatchAvailabilityResponse| {
        let cells = message.availabilities.iter();
        cells.map(|cell| cell.atp).collect::<Vec<_>>()
    };
    assert_eq!(atp(&first), [ON_HAND - 6, 0]);
    take(&house, -7);
    let second = next(&house, &mut stream);
    assert!(!second.is_snapshot);
    assert_eq!(atp(&second), [-3]);
    let [deficit] = &second.deficits[..] else {
        panic!("{second:?}");
    };
    assert_eq!((deficit.node_id.as_str(), deficit.quantity), (NODE, 3));
    assert_eq!(deficit.reservation_ids, vec![reservation.reservation_id]);
    drop(stream);
    // What changes meanwhile is in the first message after it is resumed.
    take(&house, 1);
    take(&house, 5);
    let mut resumed = watch(&house, &second.resume_token);
    let third = next(&house, &mut resumed);
    assert!(!third.is_snapshot);
    assert_eq!(atp(&third), [3]);
    let gaps: Vec<_> = third.deficits.iter().map(|one| one.quantity).collect();
    assert_eq!(gaps, [2, 0], "each change of it once");
}

#[test]
fn watching_what_is_unknown_or_from_elsewhere_is_refused() {
    let house = House::open();
    let ask = |node: &str, resume_token: &str| WatchAvailabilityRequest {
        node_ids: vec![node.into()],
        skus: vec![SKU.into()],
        resume_token: resume_token.into(),
    };
    for (request, expected) in [
        (ask("nowhere", ""), "NODE_NOT_FOUND"),
        (ask(NODE, "7"), "TOKEN_INVALID"),
        (ask(NODE, "x.7"), "TOKEN_INVALID"),
    ] {
        let answer = house.block_on(house.inventory().watch_availability(request));
        assert_eq!(reason(&answer.unwrap_err()), expected);
    }
    let other_journal = format!("{}.7", uuid());
    assert!(next(&house, &mut watch(&house, &other_journal)).is_snapshot);
}

#[test]
fn a_watched_stream_ends_with_the_door() {
    let house = House::open();
    let mut stream = watch(&house, "");
    next(&house, &mut stream);
    assert!(house.door.stop(Duration::from_secs(5)).finished);
    let ended = house.block_on(stream.message());
    assert_eq!(reason(&ended.unwrap_err()), "NOT_SERVING");
}
