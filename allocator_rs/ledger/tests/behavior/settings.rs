//! Compare-and-set, transfers, safety stock and longer holds.

use bopis_ledger::{CellKey, Outcome, Refusal, ReservationState, QUANTITY_MAX};

use crate::support::{
    cell, commit, compare_and_set, extend, hold, refused, release, safety_stock, set, transfer,
    Fixture, A, B, UNKNOWN,
};

/// The item of A, in the other store.
const ELSEWHERE: CellKey = cell(1, 0);

fn on_hand(outcome: &Outcome) -> i64 {
    match outcome {
        Outcome::Cell(view) => view.on_hand,
        other => panic!("{other:?}"),
    }
}

#[test]
fn compare_and_set_takes_effect_only_on_what_the_caller_saw() {
    let mut fixture = Fixture::with_stock(5, 0, 0);
    let as_expected = fixture.one(0, compare_and_set(A, 5, 9));
    assert_eq!(on_hand(&as_expected), 9);
    let table = [
        (compare_and_set(UNKNOWN, 0, 1), Refusal::Malformed),
        (compare_and_set(A, 5, 1), Refusal::NotAsExpected),
        (compare_and_set(A, 5, i64::MAX), Refusal::NotAsExpected),
        (compare_and_set(A, 9, i64::MAX), Refusal::QuantityOutOfRange),
        (compare_and_set(A, 9, i64::MIN), Refusal::QuantityOutOfRange),
    ];
    for (command, refusal) in table {
        assert_eq!(
            fixture.one(1, command.clone()),
            refused(refusal),
            "{command:?}"
        );
    }
    assert_eq!(fixture.view(A).on_hand, 9);
    fixture.assert_replays();
}

#[test]
fn a_transfer_moves_units_and_may_leave_a_deficit() {
    let mut fixture = Fixture::with_stock(5, 5, 0);
    fixture.act(0, vec![hold(1, &[(A, 4)], 90), commit(1)]);
    let outcome = fixture.one(1, transfer(A, ELSEWHERE, 3));
    let Outcome::Transferred(left, come) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!((left.on_hand, left.deficit()), (2, 2));
    assert_eq!((come.on_hand, come.atp()), (3, 3));
    assert_eq!((fixture.view(A), fixture.view(ELSEWHERE)), (left, come));
    fixture.assert_replays();
}

#[test]
fn a_transfer_that_makes_no_sense_changes_nothing() {
    let mut fixture = Fixture::with_stock(5, 5, 0);
    fixture.one(0, set(ELSEWHERE, QUANTITY_MAX));
    let table = [
        (transfer(A, ELSEWHERE, 0), Refusal::Malformed),
        (transfer(A, ELSEWHERE, -1), Refusal::Malformed),
        (transfer(A, A, 1), Refusal::Malformed),
        (transfer(A, B, 1), Refusal::Malformed),
        (transfer(A, UNKNOWN, 1), Refusal::Malformed),
        (transfer(UNKNOWN, A, 1), Refusal::Malformed),
        (transfer(A, ELSEWHERE, 1), Refusal::QuantityOutOfRange),
        (
            transfer(A, ELSEWHERE, i64::MAX),
            Refusal::QuantityOutOfRange,
        ),
    ];
    for (command, refusal) in table {
        assert_eq!(
            fixture.one(1, command.clone()),
            refused(refusal),
            "{command:?}"
        );
    }
    assert_eq!(fixture.view(A).on_hand, 5);
    fixture.assert_replays();
}

#[test]
fn safety_stock_is_never_promised_and_causes_no_deficit() {
    let mut fixture = Fixture::with_stock(5, 0, 0);
    fixture.one(0, safety_stock(A, 2));
    assert_eq!(fixture.atp(A), 3);
    let outcome = fixture.one(0, hold(1, &[(A, 4)], 90));
    assert!(matches!(outcome, Outcome::Insufficient(_)), "{outcome:?}");
    fixture.one(0, hold(1, &[(A, 3)], 90));
    fixture.one(1, safety_stock(A, 9));
    let view = fixture.view(A);
    assert_eq!((view.atp(), view.deficit()), (-7, 0));
    for (command, refusal) in [
        (safety_stock(UNKNOWN, 1), Refusal::Malformed),
        (safety_stock(A, -1), Refusal::Malformed),
        (
            safety_stock(A, QUANTITY_MAX + 1),
            Refusal::QuantityOutOfRange,
        ),
    ] {
        assert_eq!(
            fixture.one(1, command.clone()),
            refused(refusal),
            "{command:?}"
        );
    }
    fixture.one(2, safety_stock(A, 0));
    assert_eq!(fixture.atp(A), 2);
    fixture.assert_replays();
}

#[test]
fn an_extended_hold_expires_at_its_new_deadline_and_not_before() {
    let mut fixture = Fixture::with_stock(5, 0, 0);
    fixture.one(0, hold(1, &[(A, 4)], 10));
    let outcome = fixture.one(9, extend(1, 50));
    let Outcome::Reservation(view) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!((view.state, view.deadline_ms), (ReservationState::Held, 59));
    assert!(!fixture.expire_due(58, 10));
    assert_eq!(fixture.state(1, 58), Some(ReservationState::Held));
    assert!(!fixture.expire_due(59, 10));
    assert_eq!(fixture.state(1, 59), Some(ReservationState::Expired));
    assert_eq!(fixture.atp(A), 5);
    fixture.assert_replays();
}

#[test]
fn a_hold_can_be_made_shorter() {
    let mut fixture = Fixture::with_stock(5, 0, 0);
    fixture.one(0, hold(1, &[(A, 4)], 1000));
    fixture.one(1, extend(1, 1));
    let taken = fixture.one(2, hold(2, &[(A, 5)], 9));
    assert!(matches!(taken, Outcome::Reservation(_)), "{taken:?}");
    assert_eq!(fixture.expired(), [1]);
    fixture.assert_replays();
}

#[test]
fn extend_is_refused_in_order_of_precedence() {
    let mut fixture = Fixture::with_stock(50, 0, 0);
    for (id, ttl_ms) in [(1, 1000), (2, 1000), (3, 1000), (4, 5), (5, 10)] {
        fixture.one(0, hold(id, &[(A, 1)], ttl_ms));
    }
    fixture.act(1, vec![commit(2), release(3)]);
    assert!(!fixture.expire_due(6, 10));
    let table = [
        (extend(9, 0), Refusal::Malformed),
        (extend(9, 1), Refusal::ReservationNotFound),
        (extend(4, 9), Refusal::ReservationExpired),
        (extend(5, 9), Refusal::ReservationExpired),
        (extend(3, 9), Refusal::ReservationEnded),
        (extend(2, i64::MAX), Refusal::AlreadyCommitted),
        (extend(1, i64::MAX), Refusal::QuantityOutOfRange),
    ];
    for (command, refusal) in table {
        assert_eq!(
            fixture.one(10, command.clone()),
            refused(refusal),
            "{command:?}"
        );
    }
    fixture.assert_replays();
}
