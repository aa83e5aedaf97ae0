//! Bad input of the native services: each case gets its code, its reason and its paths, and
//! changes nothing.

use bopis_door::v1::move_reservation_request::Move;
use bopis_door::v1::*;
use prost_types::{Duration, Timestamp};
use tonic::{Code, Status};

use crate::support::*;

struct Case {
    name: &'static str,
    status: Status,
    code: Code,
    reason: &'static str,
    fields: Vec<&'static str>,
}

fn check(house: &House, cases: Vec<Case>, before: u64) {
    for case in cases {
        let seen = (
            case.status.code(),
            reason(&case.status),
            fields(&case.status),
        );
        let fields = case
            .fields
            .iter()
            .map(|field| (*field).to_owned())
            .collect();
        assert_eq!(
            seen,
            (case.code, case.reason.to_owned(), fields),
            "{}",
            case.name
        );
    }
    assert_eq!(house.engine.position(), before, "bad input changes nothing");
}

fn adjust(sku: &str, on_hand_delta: i64, reason: i32) -> AdjustStockRequest {
    AdjustStockRequest {
        request_id: uuid(),
        node_id: NODE.into(),
        sku: sku.into(),
        on_hand_delta,
        unavailable_delta: 0,
        reason,
        ..Default::default()
    }
}

fn one(change: impl FnOnce(&mut ReserveRequest)) -> ReserveRequest {
    let mut request = reserve(vec![line(NODE, SKU, 1)]);
    change(&mut request);
    request
}

fn lines(lines: Vec<ReservationLine>) -> ReserveRequest {
    one(|request| request.lines = lines)
}

fn ttl(seconds: i64, nanos: i32) -> ReserveRequest {
    one(|request| request.ttl = Some(Duration { seconds, nanos }))
}

fn window(seconds: i64, nanos: i32) -> ReserveRequest {
    let start = Timestamp { seconds, nanos };
    let item = Some(reservation_line::Item::LaborWindowStartTime(start));
    lines(vec![ReservationLine {
        node_id: NODE.into(),
        item,
        quantity: 1,
        staged: false,
    }])
}

fn request_id(text: &str) -> ReserveRequest {
    one(|request| request.request_id = text.to_owned())
}

fn order_id(text: &str) -> ReserveRequest {
    one(|request| request.order_id = text.to_owned())
}

/// Name, request, paths; all FIELD_INVALID.
fn field_cases() -> Vec<(&'static str, ReserveRequest, Vec<&'static str>)> {
    let overlong = "x".repeat(10_240);
    let many = vec![line(NODE, SKU, 1); 513];
    let hundred_thousand = vec![line(NODE, SKU, 1); 100_000];
    let first = "lines[0].labor_window_start_time";
    let (node, sku, quantity) = ("lines[0].node_id", "lines[0].sku", "lines[0].quantity");
    let unset = ReservationLine {
        node_id: NODE.into(),
        item: None,
        quantity: 1,
        staged: false,
    };
    vec![
        ("request_id missing", request_id(""), vec!["request_id"]),
        (
            "request_id of 10 kB",
            request_id(&overlong),
            vec!["request_id"],
        ),
        (
            "request_id without hyphens",
            request_id(&"a".repeat(32)),
            vec!["request_id"],
        ),
        (
            "request_id in braces",
            request_id("{00000000-0000-4000-8000-00000000000"),
            vec!["request_id"],
        ),
        ("order_id overlong", order_id(&overlong), vec!["order_id"]),
        ("order_id with NUL", order_id("a\0b"), vec!["order_id"]),
        (
            "order_id that looks alike",
            order_id("\u{43e}rder"),
            vec!["order_id"],
        ),
        (
            "order_id with a space before",
            order_id(" a"),
            vec!["order_id"],
        ),
        ("no lines", lines(vec![]), vec!["lines"]),
        ("513 lines", lines(many), vec!["lines"]),
        ("100,000 lines", lines(hundred_thousand), vec!["lines"]),
        (
            "quantity 0",
            lines(vec![line(NODE, SKU, 0)]),
            vec![quantity],
        ),
        (
            "quantity -1",
            lines(vec![line(NODE, SKU, -1)]),
            vec![quantity],
        ),
        (
            "quantity 2^63-1",
            lines(vec![line(NODE, SKU, i64::MAX)]),
            vec![quantity],
        ),
        (
            "quantity -2^63",
            lines(vec![line(NODE, SKU, i64::MIN)]),
            vec![quantity],
        ),
        ("node empty", lines(vec![line("", SKU, 1)]), vec![node]),
        (
            "node with a newline",
            lines(vec![line("a\n", SKU, 1)]),
            vec![node],
        ),
        ("SKU empty", lines(vec![line(NODE, "", 1)]), vec![sku]),
        ("no item", lines(vec![unset]), vec!["lines[0].item"]),
        (
            "everything wrong",
            lines(vec![line(NODE, SKU, 1), line("", "", 0)]),
            vec!["lines[1].node_id", "lines[1].sku", "lines[1].quantity"],
        ),
        ("ttl 0", ttl(0, 0), vec!["ttl"]),
        ("ttl below 1 ms", ttl(0, 999_999), vec!["ttl"]),
        ("ttl negative", ttl(-1, 0), vec!["ttl"]),
        ("ttl of a year", ttl(365 * 24 * 3600, 0), vec!["ttl"]),
        ("ttl above 24 h by a nano", ttl(24 * 3600, 1), vec!["ttl"]),
        (
            "priority -1",
            one(|request| request.priority = -1),
            vec!["priority"],
        ),
        (
            "priority 101",
            one(|request| request.priority = 101),
            vec!["priority"],
        ),
        (
            "window in the year 0",
            window(-62_167_219_200, 0),
            vec![first],
        ),
        (
            "window in the year 9999",
            window(253_402_300_000 / 3600 * 3600, 0),
            vec![first],
        ),
        ("window off the hour", window(1_800_000_001, 0), vec![first]),
        ("window with nanos", window(1_800_000_000, 1), vec![first]),
        ("window far ahead", window(7_200_000_000, 0), vec![first]),
        ("window long past", window(0, 0), vec![first]),
        (
            "reservation_id no UUID",
            one(|request| request.reservation_id = "x".into()),
            vec!["reservation_id"],
        ),
    ]
}

#[test]
fn every_broken_rule_of_a_reservation_is_named_by_its_path() {
    let house = House::open();
    let before = house.engine.position();
    let cases = field_cases()
        .into_iter()
        .map(|(name, request, fields)| Case {
            name,
            status: house
                .block_on(house.inventory().reserve(request))
                .expect_err(name),
            code: Code::InvalidArgument,
            reason: "FIELD_INVALID",
            fields,
        });
    check(&house, cases.collect(), before);
}

#[test]
fn violations_are_reported_all_up_to_a_limit() {
    let house = House::open();
    let request = lines(vec![line("", "", 0); 500]);
    let status = house
        .block_on(house.inventory().reserve(request))
        .unwrap_err();
    let seen = fields(&status);
    assert_eq!(seen.len(), 16);
    assert_eq!(
        seen[..3],
        ["lines[0].node_id", "lines[0].sku", "lines[0].quantity"]
    );
    assert_eq!(seen[15], "lines[5].node_id");
}

#[test]
fn unknown_names_are_not_found_by_reason_and_path() {
    let house = House::open();
    let before = house.engine.position();
    let reserve = |lines| house.block_on(house.inventory().reserve(reserve(lines)));
    let read = |node_id: &str, sku: &str| {
        let (node_id, sku) = (node_id.to_owned(), sku.to_owned());
        let request = GetAvailabilityRequest {
            node_id,
            sku,
            at_least_position: None,
            ..Default::default()
        };
        house
            .block_on(house.inventory().get_availability(request))
            .unwrap_err()
    };
    let read_many = |node_id: &str, sku: &str| {
        let request = BatchGetAvailabilityRequest {
            node_ids: vec![NODE.into(), node_id.into()],
            skus: vec![SKU.into(), sku.into()],
            at_least_position: None,
        };
        house
            .block_on(house.inventory().batch_get_availability(request))
            .unwrap_err()
    };
    let adjust = house
        .block_on(house.stock().adjust_stock(adjust("nothing", 1, 1)))
        .unwrap_err();
    let two = |node_id: &str, sku: &str| vec![line(NODE, SKU, 1), line(node_id, sku, 1)];
    let (node, sku) = ("NODE_NOT_FOUND", "SKU_NOT_FOUND");
    let case = |name, status, reason, field| Case {
        name,
        status,
        code: Code::NotFound,
        reason,
        fields: vec![field],
    };
    let cases = vec![
        case(
            "hold, node",
            reserve(two("nowhere", SKU)).unwrap_err(),
            node,
            "lines[1].node_id",
        ),
        case(
            "hold, SKU",
            reserve(two(NODE, "nothing")).unwrap_err(),
            sku,
            "lines[1].sku",
        ),
        case("read, node", read("nowhere", SKU), node, "node_id"),
        case("read, SKU", read(NODE, "nothing"), sku, "sku"),
        case(
            "batch read, node",
            read_many("nowhere", SKU),
            node,
            "node_ids[1]",
        ),
        case(
            "batch read, SKU",
            read_many(NODE, "nothing"),
            sku,
            "skus[1]",
        ),
        case("adjust, SKU", adjust, sku, "sku"),
    ];
    check(&house, cases, before);
}

#[test]
fn limits_across_fields_are_kept() {
    let house = House::open();
    let before = house.engine.position();
    let invalid = |name, status, field| Case {
        name,
        status,
        code: Code::InvalidArgument,
        reason: "FIELD_INVALID",
        fields: vec![field],
    };
    let read = BatchGetAvailabilityRequest {
        node_ids: vec![NODE.into(); 101],
        skus: vec![SKU.into(); 5000],
        at_least_position: None,
    };
    let read = house
        .block_on(house.inventory().batch_get_availability(read))
        .unwrap_err();
    let moved = |count: usize| {
        let one = |_| Move {
            reservation_id: uuid(),
            lines: vec![line(NODE, SKU, 1); count],
        };
        let request = MoveReservationRequest {
            request_id: uuid(),
            moves: (0..3).map(one).collect(),
        };
        house
            .block_on(house.inventory().move_reservation(request))
            .unwrap_err()
    };
    let adjust = |on_hand_delta, reason| {
        let request = adjust(SKU, on_hand_delta, reason);
        house
            .block_on(house.stock().adjust_stock(request))
            .unwrap_err()
    };
    let cases = vec![
        invalid("505,000 cells", read, "skus"),
        invalid("513 lines in all", moved(171), "moves"),
        Case {
            fields: vec!["moves[0].lines", "moves[1].lines", "moves[2].lines"],
            ..invalid("513 lines in one", moved(513), "")
        },
        invalid("no change", adjust(0, 1), "on_hand_delta"),
        invalid("no reason", adjust(1, 0), "reason"),
        invalid("an unknown reason", adjust(1, 99), "reason"),
        invalid(
            "a delta too large",
            adjust(1_000_000_001, 1),
            "on_hand_delta",
        ),
    ];
    check(&house, cases, before);
}

#[test]
fn a_sum_that_no_counter_holds_is_out_of_range() {
    let house = House::open();
    let mut client = house.stock();
    let huge = bopis_ledger::Command::SetOnHand {
        cell: bopis_ledger::CellKey {
            location: house.engine.location(NODE).unwrap(),
            item: house.engine.sku(SKU).unwrap(),
        },
        on_hand: (1 << 53) - 1,
    };
    apply(&house.engine, vec![huge]);
    let request = adjust(SKU, 1_000_000_000, 1);
    let status = house.block_on(client.adjust_stock(request)).unwrap_err();
    let seen = (status.code(), reason(&status));
    assert_eq!(
        seen,
        (Code::InvalidArgument, "QUANTITY_OUT_OF_RANGE".into())
    );
}
