//! Every refusal of the commands about supply, counts, windows and places, in order of precedence.

use bopis_ledger::{Command, Outcome, Refusal, Terms, DAY_MAX, INBOUND_DAYS_MAX, QUANTITY_MAX};
use Refusal::{CountTooOld, LineNotHeld, Malformed, NotCommitted, QuantityOutOfRange};

use crate::support::{
    cell, commit, count, for_day, hold, hold_on, inbound, moves, receive, refused, release,
    relocate, set, Fixture, A, B, C, UNKNOWN,
};

const STAGED: bopis_ledger::CellKey = cell(1, 0);
const HELD: u128 = 1;
const COMMITTED: u128 = 2;
const RELEASED: u128 = 3;
const EXPIRED: u128 = 4;
/// Due at the time of the tables, its expiry not journaled yet.
const DUE: u128 = 5;
const NOBODY: u128 = 6;

const NOW_MS: i64 = 100;

fn house() -> Fixture {
    let mut fixture = Fixture::with_stock(100, 100, 100);
    for (id, ttl_ms) in [
        (HELD, 1000),
        (COMMITTED, 9),
        (RELEASED, 9),
        (EXPIRED, 50),
        (DUE, 90),
    ] {
        fixture.one(0, hold(id, &[(A, 2), (C, 1)], ttl_ms));
    }
    fixture.act(5, vec![commit(COMMITTED), release(RELEASED)]);
    assert!(!fixture.expire_due(60, 10));
    fixture
}

fn check(table: Vec<(&str, Command, Refusal)>) {
    for (name, command, refusal) in table {
        let mut fixture = house();
        let before = [A, B, C, STAGED].map(|cell| fixture.view(cell));
        assert_eq!(fixture.one(NOW_MS, command), refused(refusal), "{name}");
        if fixture.expired() == [EXPIRED] {
            assert_eq!(
                [A, B, C, STAGED].map(|cell| fixture.view(cell)),
                before,
                "{name}"
            );
        }
        fixture.assert_replays();
    }
}

#[test]
fn inbound_is_refused_in_order_of_precedence() {
    check(vec![
        ("an unknown cell", inbound(UNKNOWN, 1, i64::MAX), Malformed),
        ("labor", inbound(C, 1, 1), Malformed),
        ("less than nothing", inbound(A, 1, -1), Malformed),
        ("a day before 1970", inbound(A, -1, 1), Malformed),
        (
            "a day after 9999",
            inbound(A, DAY_MAX + 1, i64::MAX),
            Malformed,
        ),
        (
            "too much",
            inbound(A, 1, QUANTITY_MAX + 1),
            QuantityOutOfRange,
        ),
    ]);
}

#[test]
fn a_cell_expects_supply_on_so_many_days_and_so_much_in_all() {
    let mut fixture = house();
    let days = i32::try_from(INBOUND_DAYS_MAX).unwrap();
    fixture.act(NOW_MS, (1..=days).map(|day| inbound(A, day, 1)).collect());
    let one_more = inbound(A, days + 1, 1);
    assert_eq!(
        fixture.one(NOW_MS, one_more.clone()),
        refused(QuantityOutOfRange)
    );
    let most = QUANTITY_MAX - i64::from(days) + 1;
    assert_eq!(
        fixture.one(NOW_MS, inbound(A, 1, most + 1)),
        refused(QuantityOutOfRange)
    );
    fixture.act(NOW_MS, vec![inbound(A, 1, most), inbound(A, 2, 0)]);
    let outcome = fixture.one(NOW_MS, inbound(A, days + 1, 1));
    assert!(matches!(outcome, Outcome::Cell(_)), "{outcome:?}");
    fixture.assert_replays();
}

#[test]
fn receipts_are_refused_in_order_of_precedence() {
    check(vec![
        ("an unknown cell", receive(UNKNOWN, 1, None), Malformed),
        ("labor", receive(C, 1, None), Malformed),
        ("nothing", receive(A, 0, None), Malformed),
        (
            "a day before 1970",
            receive(A, i64::MAX, Some(-1)),
            Malformed,
        ),
        (
            "too much",
            receive(A, QUANTITY_MAX, Some(3)),
            QuantityOutOfRange,
        ),
    ]);
}

#[test]
fn counts_are_refused_in_order_of_precedence() {
    let day_ms = 24 * 60 * 60 * 1000;
    check(vec![
        ("an unknown cell", count(UNKNOWN, 1, -day_ms), Malformed),
        ("labor", count(C, 1, NOW_MS), Malformed),
        ("less than nothing", count(A, -1, -day_ms), Malformed),
        (
            "too old",
            count(A, i64::MAX, NOW_MS - day_ms - 1),
            CountTooOld,
        ),
        ("too much", count(A, i64::MAX, NOW_MS), QuantityOutOfRange),
        (
            "more than a counter holds",
            count(A, QUANTITY_MAX + 1, NOW_MS),
            QuantityOutOfRange,
        ),
    ]);
}

#[test]
fn only_windows_are_closed() {
    let close = |cell| Command::CloseWindow { cell };
    check(vec![
        ("an unknown cell", close(UNKNOWN), Malformed),
        ("stock", close(A), Malformed),
    ]);
}

#[test]
fn a_hold_for_a_day_that_cannot_be_named_is_malformed() {
    let partial = |day| Terms {
        is_partial: true,
        day: Some(day),
    };
    check(vec![
        (
            "before 1970",
            hold_on(for_day(-1), NOBODY, &[(A, 1)], 9),
            Malformed,
        ),
        (
            "after 9999",
            hold_on(partial(DAY_MAX + 1), HELD, &[(A, 1)], 9),
            Malformed,
        ),
        (
            "out of range before what there is",
            hold_on(partial(1), NOBODY, &[(A, i64::MAX)], 9),
            QuantityOutOfRange,
        ),
    ]);
}

#[test]
fn relocate_is_refused_in_order_of_precedence() {
    use Refusal::{ReservationEnded, ReservationExpired, ReservationNotFound};
    check(vec![
        ("no lines", relocate(NOBODY, 1, &[]), Malformed),
        (
            "an unknown location",
            relocate(COMMITTED, 9, &[(A, 1)]),
            Malformed,
        ),
        (
            "to where they are",
            relocate(COMMITTED, 0, &[(A, 1)]),
            Malformed,
        ),
        ("labor", relocate(COMMITTED, 0, &[(C, 1)]), Malformed),
        ("a quantity of 0", relocate(NOBODY, 1, &[(A, 0)]), Malformed),
        (
            "unknown",
            relocate(NOBODY, 1, &[(A, 9)]),
            ReservationNotFound,
        ),
        (
            "expired",
            relocate(EXPIRED, 1, &[(A, 9)]),
            ReservationExpired,
        ),
        ("due", relocate(DUE, 1, &[(A, 9)]), ReservationExpired),
        (
            "released",
            relocate(RELEASED, 1, &[(A, 9)]),
            ReservationEnded,
        ),
        ("held", relocate(HELD, 1, &[(A, 9)]), NotCommitted),
        (
            "more than remains",
            relocate(COMMITTED, 1, &[(A, 1), (A, 2)]),
            LineNotHeld,
        ),
        (
            "another cell",
            relocate(COMMITTED, 1, &[(B, 1)]),
            LineNotHeld,
        ),
    ]);
    let mut fixture = house();
    fixture.one(NOW_MS, set(STAGED, QUANTITY_MAX));
    let outcome = fixture.one(NOW_MS, relocate(COMMITTED, 1, &[(A, 1)]));
    assert_eq!(outcome, refused(QuantityOutOfRange));
    fixture.assert_replays();
}

/// Half of what a counter can hold is held of `STAGED`, and all of it is committed there.
fn full_of_promises() -> Fixture {
    let mut fixture = Fixture::with_stock(QUANTITY_MAX, 0, 0);
    fixture.one(1, set(STAGED, QUANTITY_MAX));
    fixture.one(2, hold(HELD, &[(STAGED, QUANTITY_MAX / 2)], 1000));
    fixture.one(3, set(STAGED, 0));
    fixture.one(4, hold(COMMITTED, &[(A, QUANTITY_MAX)], 1000));
    fixture.one(5, commit(COMMITTED));
    fixture.one(6, relocate(COMMITTED, 1, &[(A, QUANTITY_MAX)]));
    assert_eq!(fixture.view(STAGED).committed, QUANTITY_MAX);
    fixture
}

#[test]
fn a_commit_that_a_counter_cannot_hold_is_refused() {
    let mut fixture = full_of_promises();
    assert_eq!(fixture.one(7, commit(HELD)), refused(QuantityOutOfRange));
    fixture.assert_replays();
}

#[test]
fn a_move_that_a_counter_cannot_hold_is_refused() {
    let mut fixture = full_of_promises();
    fixture.one(7, set(A, 1));
    fixture.one(8, hold(NOBODY, &[(A, 1)], 1000));
    fixture.one(9, commit(NOBODY));
    let half = QUANTITY_MAX / 2;
    let swap = moves(&[(HELD, &[(A, 1)]), (NOBODY, &[(STAGED, half)])]);
    assert_eq!(fixture.one(10, swap), refused(QuantityOutOfRange));
    fixture.assert_replays();
}
