//! Partial holds, closed windows, and units that are relocated.

use bopis_ledger::{CellKey, Command, Outcome, ReservationState};

use crate::support::{
    cell, commit, consume, hold, hold_on, lines, moves, release, relocate, safety_stock, set,
    view_of, Fixture, A, B, C, PARTIAL,
};

/// The item of A in the staging pool, which is a location like any other.
const STAGED: CellKey = cell(1, 0);

const fn close(cell: CellKey) -> Command {
    Command::CloseWindow { cell }
}

#[test]
fn a_partial_hold_takes_what_there_is_of_each_line() {
    let mut fixture = Fixture::with_stock(5, 0, 9);
    let outcome = fixture.one(
        0,
        hold_on(PARTIAL, 1, &[(A, 4), (B, 2), (C, 9), (A, 4)], 99),
    );
    assert_eq!(view_of(&outcome).lines, lines(&[(A, 5), (C, 9)]));
    assert_eq!([A, B, C].map(|cell| fixture.atp(cell)), [0, 0, 0]);
    fixture.one(1, release(1));
    assert_eq!([A, B, C].map(|cell| fixture.atp(cell)), [5, 0, 9]);
    fixture.assert_replays();
}

#[test]
fn a_partial_hold_takes_labor_whole_or_nothing_at_all() {
    let mut fixture = Fixture::with_stock(5, 5, 8);
    for what in [&[(A, 9), (C, 9)][..], &[(C, 9)]] {
        let outcome = fixture.one(0, hold_on(PARTIAL, 1, what, 99));
        assert!(matches!(outcome, Outcome::Insufficient(_)), "{outcome:?}");
    }
    fixture.one(0, set(A, 0));
    let outcome = fixture.one(0, hold_on(PARTIAL, 1, &[(A, 1), (C, 2)], 99));
    assert!(
        matches!(outcome, Outcome::Insufficient(_)),
        "labor for nothing: {outcome:?}"
    );
    assert_eq!(fixture.ledger.reservation_count(), 0);
    fixture.assert_replays();
}

#[test]
fn a_partial_hold_is_whole_once_due_holds_gave_back_enough() {
    let mut fixture = Fixture::with_stock(5, 5, 0);
    fixture.one(0, hold(1, &[(B, 1)], 10));
    fixture.one(0, hold(2, &[(A, 4)], 11));
    let outcome = fixture.one(20, hold_on(PARTIAL, 3, &[(A, 5)], 99));
    assert_eq!(view_of(&outcome).lines, lines(&[(A, 5)]));
    assert_eq!(fixture.expired(), [1, 2]);
    fixture.assert_replays();
}

#[test]
fn no_new_grant_takes_seconds_of_a_closed_window_and_what_is_promised_stays() {
    let mut fixture = Fixture::with_stock(9, 0, 100);
    fixture.act(0, vec![hold(1, &[(C, 40)], 99), commit(1)]);
    fixture.one(1, close(C));
    let view = fixture.view(C);
    assert_eq!((view.on_hand, view.committed, view.deficit()), (100, 40, 0));
    let lacks = fixture.one(2, hold(2, &[(C, 1)], 9));
    assert!(matches!(lacks, Outcome::Insufficient(_)), "{lacks:?}");
    let lacks = fixture.one(2, moves(&[(1, &[(C, 41)])]));
    assert!(matches!(lacks, Outcome::Insufficient(_)), "{lacks:?}");
    fixture.one(3, moves(&[(1, &[(C, 30)])]));
    fixture.one(4, set(C, 200));
    let lacks = fixture.one(4, hold(2, &[(C, 1)], 9));
    assert!(
        matches!(lacks, Outcome::Insufficient(_)),
        "more labor does not open it: {lacks:?}"
    );
    fixture.one(5, consume(1));
    fixture.one(6, safety_stock(C, 0));
    assert_eq!(fixture.atp(C), 170);
    fixture.assert_replays();
}

#[test]
fn relocated_units_take_their_promise_with_them() {
    let mut fixture = Fixture::with_stock(5, 5, 0);
    fixture.act(0, vec![hold(1, &[(A, 3), (B, 1)], 99), commit(1)]);
    let outcome = fixture.one(1, relocate(1, 1, &[(A, 2)]));
    assert_eq!(
        view_of(&outcome).lines,
        lines(&[(A, 1), (B, 1), (STAGED, 2)])
    );
    let counters = |cell| {
        let view = fixture.view(cell);
        (view.on_hand, view.committed, view.atp())
    };
    assert_eq!([counters(A), counters(STAGED)], [(3, 1, 2), (2, 2, 0)]);
    fixture.one(2, relocate(1, 1, &[(A, 1)]));
    assert_eq!(fixture.view(STAGED).committed, 3);
    fixture.one(3, relocate(1, 0, &[(STAGED, 3)]));
    assert_eq!((fixture.view(A).on_hand, fixture.view(A).committed), (5, 3));
    fixture.one(4, consume(1));
    assert_eq!(fixture.state(1, 4), Some(ReservationState::Consumed));
    assert_eq!(
        (fixture.view(A).on_hand, fixture.view(STAGED).on_hand),
        (2, 0)
    );
    fixture.assert_replays();
}
