//! Reservations of orders: read through `InventoryService`, changed by orders' verbs alone.

use bopis_door::v1::move_reservation_request::Move;
use bopis_door::v1::reservation::State;
use bopis_door::v1::*;
use bopis_ledger::{CellKey, Command, Line, OrderRef, ReservationId, Terms};
use tonic::Code;

use crate::support::*;

/// An order's reservation of three units, committed past the door.
fn of_an_order(house: &House) -> String {
    let id = "00000000-0000-8000-8000-0000000000aa";
    let location = house.engine.location(NODE).unwrap();
    let item = house.engine.sku(SKU).unwrap();
    let reservation = ReservationId(0x8000_8000_0000_0000_00aa);
    let hold = Command::Hold {
        reservation,
        order: OrderRef(7),
        lines: [Line {
            cell: CellKey { location, item },
            quantity: 3,
        }]
        .into_iter()
        .collect(),
        ttl_ms: 60_000,
        priority: 0,
        terms: Terms::default(),
    };
    apply(&house.engine, vec![hold, Command::Commit { reservation }]);
    id.to_owned()
}

#[test]
fn an_orders_reservation_is_read_and_changed_by_no_client() {
    let house = House::open();
    let id = of_an_order(&house);
    let find = || {
        let request = GetReservationRequest {
            reservation_id: id.clone(),
        };
        let found = house.block_on(house.inventory().get_reservation(request));
        found.unwrap().into_inner().reservation.unwrap()
    };
    let before = find();
    assert_eq!(before.state(), State::Committed);
    let release = ReleaseReservationRequest {
        request_id: uuid(),
        reservation_id: id.clone(),
        ..Default::default()
    };
    let commit = CommitReservationRequest {
        request_id: uuid(),
        reservation_id: id.clone(),
    };
    let other = MoveReservationRequest {
        request_id: uuid(),
        moves: vec![Move {
            reservation_id: id.clone(),
            lines: vec![line(NODE, SKU, 1)],
        }],
    };
    let refusals = [
        house
            .block_on(house.inventory().release_reservation(release))
            .unwrap_err(),
        house
            .block_on(house.inventory().commit_reservation(commit))
            .unwrap_err(),
        house
            .block_on(house.inventory().move_reservation(other))
            .unwrap_err(),
    ];
    for refusal in &refusals {
        assert_eq!(refusal.code(), Code::FailedPrecondition);
        assert_eq!(reason(refusal), "RESERVATION_OF_ORDER");
    }
    assert_eq!(fields(&refusals[2]), ["moves[0].reservation_id"]);
    let sold = Sale {
        source_id: "till-1/1".into(),
        node_id: NODE.into(),
        sku: SKU.into(),
        quantity: 3,
        reservation_id: id.clone(),
        effective_time: None,
    };
    let sales = RecordSalesRequest {
        request_id: uuid(),
        sales: vec![sold],
    };
    let recorded = house.block_on(house.stock().record_sales(sales)).unwrap();
    let outcome = recorded.into_inner().outcomes.remove(0).outcome;
    let Some(record_sales_response::outcome::Outcome::Error(error)) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(error.reason(), ErrorReason::ReservationOfOrder);
    assert_eq!(find(), before);
    assert_eq!(available(&house, SKU).on_hand, ON_HAND);
}

#[test]
fn no_client_takes_an_id_that_is_an_orders() {
    let house = House::open();
    let id = "00000000-0000-8000-8000-0000000000bb".to_owned();
    let chosen = ReserveRequest {
        reservation_id: id.clone(),
        ..reserve(vec![line(NODE, SKU, 1)])
    };
    let by_default = ReserveRequest {
        request_id: id.clone(),
        ..reserve(vec![line(NODE, SKU, 1)])
    };
    for (request, field) in [(chosen, "reservation_id"), (by_default, "request_id")] {
        let refusal = house
            .block_on(house.inventory().reserve(request))
            .unwrap_err();
        assert_eq!(reason(&refusal), "FIELD_INVALID");
        assert_eq!(fields(&refusal), [field]);
    }
    let item = BatchReserveItem {
        reservation_id: id,
        lines: vec![line(NODE, SKU, 1)],
        ..BatchReserveItem::default()
    };
    let batch = BatchReserveRequest {
        request_id: uuid(),
        items: vec![item],
    };
    let answer = house
        .block_on(house.inventory().batch_reserve(batch))
        .unwrap();
    let outcome = answer.into_inner().outcomes.remove(0).outcome;
    let Some(batch_reserve_response::outcome::Outcome::Error(error)) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(error.reason(), ErrorReason::FieldInvalid);
    assert_eq!(available(&house, SKU).held, 0);
}
