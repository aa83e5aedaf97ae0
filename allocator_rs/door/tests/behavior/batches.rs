//! Batches and reads of `InventoryService` through the door.

use bopis_door::v1::batch_reserve_response::outcome::Outcome as ItemOutcome;
use bopis_door::v1::*;
use bopis_ledger::{Command, ItemName};
use tonic::Code;

use crate::support::*;

#[test]
fn a_batch_answers_item_by_item_and_a_repeat_finds_the_same() {
    let house = House::open();
    let item = |lines| BatchReserveItem {
        reservation_id: uuid(),
        lines,
        ..BatchReserveItem::default()
    };
    let request = BatchReserveRequest {
        request_id: uuid(),
        items: vec![
            item(vec![line(NODE, SKU, 4)]),
            item(vec![line(NODE, SKU, 1), line("nowhere", SKU, 1)]),
            item(vec![line(NODE, "nothing", 1)]),
            item(vec![line(NODE, SKU, 0)]),
            item(vec![line(NODE, SKU, 100)]),
            item(vec![line(NODE, OTHER_SKU, 1)]),
        ],
    };
    let ask = || {
        let call = house.block_on(house.inventory().batch_reserve(request.clone()));
        let outcomes = call.unwrap().into_inner().outcomes;
        outcomes
            .into_iter()
            .map(|one| one.outcome.unwrap())
            .collect::<Vec<_>>()
    };
    let first = ask();
    let error = |index: usize| match &first[index] {
        ItemOutcome::Error(error) => (error.reason(), error.field.clone()),
        other => panic!("{other:?}"),
    };
    assert!(matches!(first[0], ItemOutcome::Reservation(_)));
    assert_eq!(error(1), (ErrorReason::NodeNotFound, "lines".into()));
    assert_eq!(error(2), (ErrorReason::SkuNotFound, "lines".into()));
    assert_eq!(
        error(3),
        (ErrorReason::FieldInvalid, "lines[0].quantity".into())
    );
    assert!(matches!(first[4], ItemOutcome::Insufficient(_)));
    assert!(matches!(first[5], ItemOutcome::Reservation(_)));
    apply(
        &house.engine,
        vec![
            Command::RegisterLocation {
                name: "nowhere".into(),
            },
            Command::RegisterItem {
                name: ItemName::Sku("nothing".into()),
            },
        ],
    );
    assert_eq!(
        ask(),
        first,
        "a name that came later changes no earlier answer"
    );
}

#[test]
fn a_large_read_comes_in_messages_in_node_major_order() {
    let house = House::open();
    let skus: Vec<String> = (0..3000)
        .map(|n| [SKU, OTHER_SKU][n % 2].to_owned())
        .collect();
    let request = BatchGetAvailabilityRequest {
        node_ids: vec![NODE.into(), OTHER_NODE.into()],
        skus: skus.clone(),
        at_least_position: None,
    };
    let cells = house.block_on(async {
        let mut stream = house
            .inventory()
            .batch_get_availability(request)
            .await
            .unwrap()
            .into_inner();
        let mut cells = Vec::new();
        while let Some(message) = stream.message().await.unwrap() {
            assert!(message.availabilities.len() <= 4096 && message.position.is_some());
            cells.extend(message.availabilities);
        }
        cells
    });
    assert_eq!(cells.len(), 6000);
    for (index, cell) in cells.iter().enumerate() {
        assert_eq!(cell.node_id, [NODE, OTHER_NODE][index / 3000]);
        assert_eq!(cell.sku, skus[index % 3000]);
        assert_eq!(cell.on_hand, [ON_HAND, 0][index / 3000]);
    }
}

#[test]
fn a_position_that_nobody_assigned_fails_at_once() {
    let house = House::open();
    let known = {
        let request = reserve(vec![line(NODE, SKU, 1)]);
        house
            .block_on(house.inventory().reserve(request))
            .unwrap()
            .into_inner()
            .position
            .unwrap()
    };
    let above = Position {
        sequence: known.sequence + 1_000_000,
        ..known.clone()
    };
    let other = Position {
        journal_id: uuid(),
        ..known
    };
    for position in [above, other] {
        let request = GetAvailabilityRequest {
            node_id: NODE.into(),
            sku: SKU.into(),
            at_least_position: Some(position),
            ..Default::default()
        };
        let status = house
            .block_on(house.inventory().get_availability(request))
            .unwrap_err();
        let seen = (status.code(), reason(&status));
        assert_eq!(seen, (Code::OutOfRange, "POSITION_OUT_OF_RANGE".into()));
    }
}
