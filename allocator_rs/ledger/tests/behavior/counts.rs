//! Counts: drift against what was there at their time, and facts that they include.

use bopis_ledger::{Limits, Outcome, Refusal};

use crate::support::{
    adjust, cell, commit, consume, count, effective, hold, receive, refused, sale, set, transfer,
    Fixture, A,
};

const ELSEWHERE: bopis_ledger::CellKey = cell(1, 0);
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// (on hand, drift, whether a later count includes it).
fn counted(outcome: &Outcome) -> (i64, i64, bool) {
    match outcome {
        Outcome::Counted {
            view,
            drift,
            is_included,
        } => (view.on_hand, *drift, *is_included),
        other => panic!("{other:?}"),
    }
}

#[test]
fn drift_is_against_what_was_there_when_it_was_counted() {
    let mut fixture = Fixture::with_stock(10, 0, 0);
    fixture.one(100, sale(1, A, 2, None));
    fixture.one(200, receive(A, 5, None));
    fixture.act(300, vec![hold(1, &[(A, 3)], 99), commit(1), consume(1)]);
    assert_eq!(fixture.view(A).on_hand, 10);
    let outcome = fixture.one(400, count(A, 7, 150));
    assert_eq!(
        counted(&outcome),
        (9, -1, false),
        "8 were there, 2 more came since"
    );
    let outcome = fixture.one(500, count(A, 9, 400));
    assert_eq!(counted(&outcome), (9, 0, false));
    fixture.assert_replays();
}

#[test]
fn a_fact_from_before_the_count_changes_nothing_on_hand() {
    let mut fixture = Fixture::with_stock(10, 0, 0);
    fixture.act(50, vec![hold(1, &[(A, 2)], 99), commit(1)]);
    fixture.one(200, count(A, 10, 200));
    let late = [
        effective(sale(1, A, 2, Some(1)), 150),
        effective(receive(A, 5, None), 200),
        effective(adjust(A, -3, 1), 199),
        effective(transfer(A, ELSEWHERE, 4), 10),
    ];
    for fact in late {
        fixture.one(300, fact);
        assert_eq!(fixture.view(A).on_hand, 10);
    }
    let view = fixture.view(A);
    assert_eq!(
        (view.committed, view.unavailable),
        (0, 1),
        "the rest of the facts is true"
    );
    assert_eq!(fixture.view(ELSEWHERE).on_hand, 4, "nobody counted there");
    assert_eq!(fixture.one(301, sale(1, A, 2, Some(1))), Outcome::Duplicate);
    fixture.one(302, effective(adjust(A, -3, 0), 201));
    assert_eq!(fixture.view(A).on_hand, 7);
    fixture.one(303, adjust(A, 1, 0));
    assert_eq!(
        fixture.view(A).on_hand,
        8,
        "a fact that names no time is of now"
    );
    fixture.assert_replays();
}

#[test]
fn a_late_fact_from_after_the_count_is_added_to_it() {
    let mut fixture = Fixture::with_stock(10, 0, 0);
    fixture.one(300, effective(sale(1, A, 2, None), 100));
    let outcome = fixture.one(300, count(A, 10, 50));
    assert_eq!(counted(&outcome), (8, 0, false));
    fixture.assert_replays();
}

#[test]
fn a_count_from_before_the_last_one_is_inside_it() {
    let mut fixture = Fixture::with_stock(10, 0, 0);
    fixture.one(100, sale(1, A, 1, None));
    fixture.one(200, count(A, 7, 200));
    let outcome = fixture.one(300, count(A, 12, 50));
    assert_eq!(counted(&outcome), (7, 2, true));
    let outcome = fixture.one(300, count(A, 6, 200));
    assert_eq!(
        counted(&outcome),
        (6, -1, false),
        "the same time again: it was counted anew"
    );
    fixture.assert_replays();
}

#[test]
fn a_count_is_never_refused_for_what_is_promised() {
    let mut fixture = Fixture::with_stock(10, 0, 0);
    fixture.act(0, vec![hold(1, &[(A, 9)], 99), commit(1)]);
    let outcome = fixture.one(1, count(A, 0, 1));
    assert_eq!(counted(&outcome), (0, -10, false));
    assert_eq!(fixture.view(A).deficit(), 9);
    fixture.assert_replays();
}

#[test]
fn a_count_of_a_time_to_come_is_of_now() {
    let mut fixture = Fixture::with_stock(10, 0, 0);
    let outcome = fixture.one(100, count(A, 9, 5_000));
    assert_eq!(counted(&outcome), (9, -1, false));
    fixture.one(101, effective(sale(1, A, 1, None), 101));
    assert_eq!(fixture.view(A).on_hand, 8);
    fixture.assert_replays();
}

#[test]
fn a_count_is_too_old_after_a_day_and_not_before() {
    let mut fixture = Fixture::with_stock(10, 0, 0);
    fixture.one(1000, sale(1, A, 2, None));
    let too_old = refused(Refusal::CountTooOld);
    assert_eq!(fixture.one(DAY_MS + 501, count(A, 10, 500)), too_old);
    let outcome = fixture.one(DAY_MS + 501, count(A, 10, 501));
    assert_eq!(counted(&outcome), (8, 0, false));
    fixture.one(DAY_MS + 1001, set(A, 8));
    let outcome = fixture.one(DAY_MS + 1001, count(A, 8, 1001));
    assert_eq!(counted(&outcome), (8, 0, false));
    fixture.assert_replays();
}

#[test]
fn past_the_bound_counts_from_before_the_oldest_change_kept_are_too_old() {
    let limits = Limits {
        count_changes_max: 3,
        ..Limits::default()
    };
    let mut fixture = Fixture::with_limits(limits, [10, 0, 0]);
    for now_ms in 1..=5 {
        fixture.one(now_ms * 10, adjust(A, 1, 0));
    }
    assert_eq!(
        fixture.one(60, count(A, 10, 19)),
        refused(Refusal::CountTooOld)
    );
    let outcome = fixture.one(60, count(A, 10, 20));
    assert_eq!(counted(&outcome), (13, -2, false));
    fixture.assert_replays();
}
