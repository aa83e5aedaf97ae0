//! Compare-and-set, transfers, safety stock and longer holds through the door.

use bopis_door::v1::*;
use tonic::Code;

use crate::support::*;

fn set(expected_on_hand: i64, on_hand: i64) -> SetStockRequest {
    SetStockRequest {
        request_id: uuid(),
        node_id: NODE.into(),
        sku: SKU.into(),
        expected_on_hand,
        on_hand,
    }
}

fn transfer(from: &str, to: &str, quantity: i64) -> TransferStockRequest {
    TransferStockRequest {
        request_id: uuid(),
        from_node_id: from.into(),
        to_node_id: to.into(),
        sku: SKU.into(),
        quantity,
        ..Default::default()
    }
}

fn held(house: &House, quantity: i64) -> Reservation {
    granted(hold(house, reserve(vec![line(NODE, SKU, quantity)])))
}

#[test]
fn stock_is_set_only_from_what_the_caller_saw() {
    let house = House::open();
    held(&house, 4);
    let first = set(ON_HAND, 3);
    let answer = house
        .block_on(house.stock().set_stock(first.clone()))
        .unwrap()
        .into_inner();
    assert_eq!(answer.availability.as_ref().unwrap().on_hand, 3);
    assert_eq!(answer.deficit_quantity, 1);
    let again = house.block_on(house.stock().set_stock(first)).unwrap();
    assert_eq!(again.into_inner().availability, answer.availability);
    let late = house
        .block_on(house.stock().set_stock(set(ON_HAND, 7)))
        .unwrap_err();
    assert_eq!(
        (late.code(), reason(&late)),
        (Code::Aborted, "STOCK_CHANGED".into())
    );
    house.block_on(house.stock().set_stock(set(3, 7))).unwrap();
}

#[test]
fn a_transfer_moves_units_in_one_act_and_names_the_deficit() {
    let house = House::open();
    held(&house, 9);
    let answer = house
        .block_on(house.stock().transfer_stock(transfer(NODE, OTHER_NODE, 4)))
        .unwrap()
        .into_inner();
    let (left, come) = (
        answer.from_availability.unwrap(),
        answer.to_availability.unwrap(),
    );
    assert_eq!(
        (left.node_id.as_str(), left.on_hand, left.atp),
        (NODE, 6, -3)
    );
    assert_eq!(
        (come.node_id.as_str(), come.on_hand, come.atp),
        (OTHER_NODE, 4, 4)
    );
    assert_eq!(answer.deficit_quantity, 3);
}

#[test]
fn a_transfer_that_names_nothing_known_says_which() {
    let house = House::open();
    let before = house.engine.position();
    for (request, expected, field) in [
        (transfer(NODE, NODE, 1), "FIELD_INVALID", "to_node_id"),
        (
            transfer("nowhere", NODE, 1),
            "NODE_NOT_FOUND",
            "from_node_id",
        ),
        (transfer(NODE, "nowhere", 1), "NODE_NOT_FOUND", "to_node_id"),
        (transfer(NODE, OTHER_NODE, 0), "FIELD_INVALID", "quantity"),
    ] {
        let refusal = house
            .block_on(house.stock().transfer_stock(request))
            .unwrap_err();
        assert_eq!(reason(&refusal), expected);
        assert_eq!(fields(&refusal), [field]);
    }
    assert_eq!(house.engine.position(), before);
}

#[test]
fn safety_stock_is_kept_back_from_new_promises() {
    let house = House::open();
    let request = SetSafetyStockRequest {
        request_id: uuid(),
        node_id: NODE.into(),
        sku: SKU.into(),
        safety_stock: 8,
    };
    let answer = house
        .block_on(house.stock().set_safety_stock(request))
        .unwrap()
        .into_inner();
    let counters = answer.availability.unwrap();
    assert_eq!((counters.safety_stock, counters.atp), (8, ON_HAND - 8));
    let request = reserve(vec![line(NODE, SKU, 3)]);
    let answer = house.block_on(house.inventory().reserve(request)).unwrap();
    assert!(matches!(
        answer.into_inner().outcome,
        Some(reserve_response::Outcome::Insufficient(_))
    ));
}

#[test]
fn a_hold_lives_as_long_as_it_is_extended() {
    let house = House::open();
    let reservation = held(&house, 2);
    let extend = |seconds| ExtendReservationRequest {
        request_id: uuid(),
        reservation_id: reservation.reservation_id.clone(),
        ttl: Some(prost_types::Duration { seconds, nanos: 0 }),
    };
    let answer = house
        .block_on(house.inventory().extend_reservation(extend(7200)))
        .unwrap();
    let longer = answer.into_inner().reservation.unwrap();
    let seconds = |one: &Reservation| one.expire_time.as_ref().unwrap().seconds;
    let gained = seconds(&longer) - seconds(&reservation);
    assert!(
        (7200 - 900 - 5..=7200 - 900 + 5).contains(&gained),
        "{gained}"
    );
    let commit = CommitReservationRequest {
        request_id: uuid(),
        reservation_id: reservation.reservation_id.clone(),
    };
    house
        .block_on(house.inventory().commit_reservation(commit))
        .unwrap();
    let late = house
        .block_on(house.inventory().extend_reservation(extend(60)))
        .unwrap_err();
    assert_eq!(reason(&late), "RESERVATION_ALREADY_COMMITTED");
    let without = ExtendReservationRequest {
        ttl: None,
        ..extend(1)
    };
    let refusal = house
        .block_on(house.inventory().extend_reservation(without))
        .unwrap_err();
    assert_eq!(fields(&refusal), ["ttl"]);
}
