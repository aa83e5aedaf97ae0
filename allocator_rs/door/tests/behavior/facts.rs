//! `StockService` through the door, over an engine in memory.

use bopis_door::v1::adjust_stock_request::Reason;
use bopis_door::v1::record_sales_response::outcome::Outcome as SaleOutcome;
use bopis_door::v1::*;
use bopis_ledger::{Command, ItemName};
use tonic::{Code, Status};

use crate::support::*;

fn adjust(on_hand_delta: i64, unavailable_delta: i64) -> AdjustStockRequest {
    AdjustStockRequest {
        request_id: uuid(),
        node_id: NODE.into(),
        sku: SKU.into(),
        on_hand_delta,
        unavailable_delta,
        reason: Reason::Damaged.into(),
        ..Default::default()
    }
}

fn level(node_id: &str, sku: &str, on_hand: i64) -> StockLevel {
    StockLevel {
        node_id: node_id.into(),
        sku: sku.into(),
        on_hand,
        ..Default::default()
    }
}

fn feed(request_id: &str, message_sequence: i32, levels: Vec<StockLevel>) -> ImportStockRequest {
    ImportStockRequest {
        request_id: request_id.into(),
        message_sequence,
        levels,
    }
}

fn import(house: &House, messages: Vec<ImportStockRequest>) -> Result<ImportStockResponse, Status> {
    let stream = tokio_stream::iter(messages);
    house
        .block_on(house.stock().import_stock(stream))
        .map(tonic::Response::into_inner)
}

fn on_hand(house: &House, node_id: &str, sku: &str) -> i64 {
    let request = GetAvailabilityRequest {
        node_id: node_id.into(),
        sku: sku.into(),
        at_least_position: None,
        ..Default::default()
    };
    let answer = house
        .block_on(house.inventory().get_availability(request))
        .unwrap();
    answer.into_inner().availability.unwrap().on_hand
}

fn register_late(house: &House) {
    let late = vec![
        Command::RegisterLocation {
            name: "nowhere".into(),
        },
        Command::RegisterItem {
            name: ItemName::Sku("nothing".into()),
        },
    ];
    apply(&house.engine, late);
}

#[test]
fn a_fact_is_never_refused_for_what_is_promised_and_names_the_deficit() {
    let house = House::open();
    let request = reserve(vec![line(NODE, SKU, 8)]);
    house.block_on(house.inventory().reserve(request)).unwrap();
    let request = adjust(-5, 1);
    let ask = || {
        house
            .block_on(house.stock().adjust_stock(request.clone()))
            .unwrap()
    };
    let response = ask().into_inner();
    let cell = response.availability.clone().unwrap();
    assert_eq!(
        (cell.on_hand, cell.unavailable, cell.held, cell.atp),
        (5, 1, 8, -4)
    );
    assert_eq!(response.deficit_quantity, 4);
    assert_eq!(
        ask().into_inner(),
        response,
        "a repeat returns the first response"
    );
    assert_eq!(on_hand(&house, NODE, SKU), 5);
    let other = AdjustStockRequest {
        on_hand_delta: -6,
        ..request
    };
    let status = house
        .block_on(house.stock().adjust_stock(other))
        .unwrap_err();
    assert_eq!(reason(&status), "REQUEST_ID_REUSED");
    let below_zero = adjust(0, -100);
    let status = house
        .block_on(house.stock().adjust_stock(below_zero))
        .unwrap_err();
    let seen = (status.code(), reason(&status));
    assert_eq!(
        seen,
        (Code::InvalidArgument, "QUANTITY_OUT_OF_RANGE".into())
    );
}

#[test]
fn a_sale_takes_effect_once_whatever_batch_brings_it() {
    let house = House::open();
    let sale = |source_id: &str, node_id: &str, sku: &str, quantity| Sale {
        source_id: source_id.into(),
        node_id: node_id.into(),
        sku: sku.into(),
        quantity,
        ..Sale::default()
    };
    let batch = |sales| RecordSalesRequest {
        request_id: uuid(),
        sales,
    };
    let ask = |request: RecordSalesRequest| {
        let call = house.block_on(house.stock().record_sales(request));
        let outcomes = call.unwrap().into_inner().outcomes;
        outcomes
            .into_iter()
            .map(|one| one.outcome.unwrap())
            .collect::<Vec<_>>()
    };
    let request = batch(vec![
        sale("till-1/1", NODE, SKU, 3),
        sale("till-1/1", NODE, SKU, 3),
        sale("till-1/2", "nowhere", SKU, 1),
        sale("till-1/3", NODE, "nothing", 1),
        sale("till-1/4", NODE, SKU, 0),
        sale("till-1/5", NODE, SKU, 9),
    ]);
    let first = ask(request.clone());
    let error = |index: usize| match &first[index] {
        SaleOutcome::Error(error) => (error.reason(), error.field.clone()),
        other => panic!("{other:?}"),
    };
    assert_eq!(first[0], SaleOutcome::RecordedDeficitQuantity(0));
    assert_eq!(first[1], SaleOutcome::Duplicate(true));
    assert_eq!(error(2), (ErrorReason::NodeNotFound, "node_id".into()));
    assert_eq!(error(3), (ErrorReason::SkuNotFound, "sku".into()));
    assert_eq!(error(4), (ErrorReason::FieldInvalid, "quantity".into()));
    assert!(matches!(first[5], SaleOutcome::RecordedDeficitQuantity(_)));
    assert_eq!(on_hand(&house, NODE, SKU), ON_HAND - 12);
    register_late(&house);
    assert_eq!(
        ask(request),
        first,
        "a name that came later changes no earlier answer"
    );
    let again = ask(batch(vec![sale("till-1/5", NODE, SKU, 9)]));
    assert_eq!(again, [SaleOutcome::Duplicate(true)]);
    assert_eq!(on_hand(&house, NODE, SKU), ON_HAND - 12);
}

#[test]
fn a_sale_that_names_a_reservation_consumes_it() {
    let house = House::open();
    let request = reserve(vec![line(NODE, SKU, 4)]);
    let reservation_id = request.request_id.clone();
    house.block_on(house.inventory().reserve(request)).unwrap();
    let commit = CommitReservationRequest {
        request_id: uuid(),
        reservation_id: reservation_id.clone(),
    };
    house
        .block_on(house.inventory().commit_reservation(commit))
        .unwrap();
    let sale = Sale {
        source_id: "till-1/1".into(),
        node_id: NODE.into(),
        sku: SKU.into(),
        quantity: 4,
        reservation_id: reservation_id.clone(),
        ..Sale::default()
    };
    let request = RecordSalesRequest {
        request_id: uuid(),
        sales: vec![sale],
    };
    house.block_on(house.stock().record_sales(request)).unwrap();
    let find = GetReservationRequest { reservation_id };
    let found = house
        .block_on(house.inventory().get_reservation(find))
        .unwrap()
        .into_inner();
    assert_eq!(
        found.reservation.unwrap().state(),
        reservation::State::Consumed
    );
    assert_eq!(on_hand(&house, NODE, SKU), ON_HAND - 4);
}

#[test]
fn a_feed_sets_what_it_names_and_tells_level_by_level_what_failed() {
    let house = House::open();
    let id = uuid();
    let messages = vec![
        feed(&id, 0, vec![level(NODE, SKU, 70), level("nowhere", SKU, 1)]),
        feed(
            &id,
            1,
            vec![level(NODE, "nothing", 1), level(NODE, OTHER_SKU, -1)],
        ),
        feed(&id, 2, vec![level("", SKU, 1)]),
        feed(&id, 3, vec![level(OTHER_NODE, OTHER_SKU, 5)]),
    ];
    let response = import(&house, messages.clone()).unwrap();
    assert_eq!((response.imported_count, response.failure_count), (2, 4));
    let failures: Vec<(i32, i32, ErrorReason, String)> = response
        .failures
        .iter()
        .map(|one| {
            let error = one.error.clone().unwrap();
            (
                one.message_sequence,
                one.level_index,
                error.reason(),
                error.field,
            )
        })
        .collect();
    let expected = [
        (0, 1, ErrorReason::NodeNotFound, "node_id"),
        (1, 0, ErrorReason::SkuNotFound, "sku"),
        (1, 1, ErrorReason::FieldInvalid, "on_hand"),
        (2, 0, ErrorReason::FieldInvalid, "node_id"),
    ];
    assert_eq!(
        failures,
        expected.map(|(m, l, reason, field)| (m, l, reason, field.to_owned()))
    );
    assert_eq!(on_hand(&house, NODE, SKU), 70);
    assert_eq!(
        on_hand(&house, NODE, OTHER_SKU),
        ON_HAND,
        "cells not named keep theirs"
    );
    assert_eq!(on_hand(&house, OTHER_NODE, OTHER_SKU), 5);
    // A repeat sets nothing again, though the cell changed in between and names came.
    house
        .block_on(house.stock().adjust_stock(adjust(-1, 0)))
        .unwrap();
    register_late(&house);
    let again = import(&house, messages).unwrap();
    assert_eq!(again.failures, response.failures);
    assert_eq!(on_hand(&house, NODE, SKU), 69);
}

#[test]
fn a_feed_out_of_order_stops_where_it_is_wrong() {
    let house = House::open();
    let (id, other) = (uuid(), uuid());
    let good = || feed(&id, 0, vec![level(NODE, SKU, 7)]);
    let cases = [
        (vec![], "request_id"),
        (
            vec![feed(&id, 1, vec![level(NODE, SKU, 1)])],
            "message_sequence",
        ),
        (
            vec![good(), feed(&other, 1, vec![level(NODE, SKU, 1)])],
            "request_id",
        ),
        (vec![good(), good()], "message_sequence"),
        (vec![feed(&id, 0, vec![])], "levels"),
        (vec![feed("x", 0, vec![level(NODE, SKU, 1)])], "request_id"),
    ];
    for (messages, field) in cases {
        let status = import(&house, messages).unwrap_err();
        let seen = (status.code(), reason(&status), fields(&status));
        assert_eq!(
            seen,
            (
                Code::InvalidArgument,
                "FIELD_INVALID".into(),
                vec![field.into()]
            )
        );
    }
    assert_eq!(on_hand(&house, NODE, SKU), 7);
    let changed = import(&house, vec![feed(&id, 0, vec![level(NODE, SKU, 8)])]).unwrap_err();
    assert_eq!(reason(&changed), "REQUEST_ID_REUSED");
}
