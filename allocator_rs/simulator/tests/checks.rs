//! Every check passes what is right and finds what is wrong.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use bopis_ledger::{
    Act, ActOutcome, CellKey, CellView, Command, ItemId, Line, LocationId, OrderRef, Outcome,
    Outcomes, RequestKey, ReservationId, ReservationState, ReservationView, Stamp, QUANTITY_MAX,
};
use bopis_simulator::judge::books::{Books, Kept};
use bopis_simulator::judge::checks::{self, Check, Requests};

const CELL: CellKey = CellKey {
    location: LocationId(0),
    item: ItemId(0),
};
const ID: ReservationId = ReservationId(1);

fn fails_as(name: &str, check: Check) {
    assert_eq!(check.unwrap_err().check, name);
}

const fn stamp(now_ms: i64) -> Stamp {
    Stamp { now_ms, wall_ms: 0 }
}

fn hold(quantity: i64) -> (Command, Outcome) {
    let lines = vec![Line {
        cell: CELL,
        quantity,
    }];
    let command = Command::Hold {
        reservation: ID,
        order: OrderRef(0),
        lines: lines.clone().into(),
        ttl_ms: 10,
        priority: 0,
        terms: bopis_ledger::Terms::default(),
    };
    let view = ReservationView {
        id: ID,
        state: ReservationState::Held,
        deadline_ms: 10,
        expire_wall_ms: 10,
        priority: 0,
        lines: lines.into(),
    };
    (command, Outcome::Reservation(view))
}

/// Five on hand, and a hold of so many that is due at 10 ms.
fn books(quantity: i64) -> Books {
    let mut books = Books::default();
    let set = Command::SetOnHand {
        cell: CELL,
        on_hand: 5,
    };
    books.take(&set, &Outcome::Cell(CellView::default()), stamp(0));
    let (command, outcome) = hold(quantity);
    books.take(&command, &outcome, stamp(0));
    books
}

#[test]
fn a_grant_below_zero_is_found() {
    let (command, outcome) = hold(5);
    checks::no_grant_below_zero(&command, &outcome, &[], &[], &books(5)).unwrap();
    let (command, outcome) = hold(6);
    fails_as(
        "I1",
        checks::no_grant_below_zero(&command, &outcome, &[], &[], &books(6)),
    );
}

#[test]
fn counters_that_are_not_the_sums_or_out_of_range_are_found() {
    let right = CellView {
        on_hand: 5,
        held: 2,
        ..CellView::default()
    };
    checks::counters_are_the_sums(CELL, right, &books(2)).unwrap();
    fails_as("I2", checks::counters_are_the_sums(CELL, right, &books(3)));
    checks::counters_are_in_range(CELL, right).unwrap();
    for view in [
        CellView { held: -1, ..right },
        CellView {
            on_hand: QUANTITY_MAX + 1,
            ..right
        },
    ] {
        fails_as("I3", checks::counters_are_in_range(CELL, view));
    }
}

fn act(fingerprint: u64) -> Act {
    Act {
        request: RequestKey { scope: 1, id: 1 },
        fingerprint,
        commands: Vec::new(),
    }
}

#[test]
fn a_second_effect_and_another_answer_to_one_request_are_found() {
    let mut requests = Requests::default();
    let first = ActOutcome::Done([Outcome::Registered { index: 1 }].into_iter().collect());
    requests.is_first(&act(1), &first, 7, 0, 100).unwrap();
    let repeat = |act: &Act, outcome: &ActOutcome, sequence, now_ms| {
        requests.is_repeat(act, outcome, sequence, now_ms, 100)
    };
    repeat(&act(1), &first, 8, 99).unwrap();
    repeat(&act(2), &ActOutcome::RequestIdReused, 8, 99).unwrap();
    fails_as(
        "I4",
        repeat(&act(1), &ActOutcome::Done(Outcomes::new()), 8, 99),
    );
    fails_as("I4", repeat(&act(2), &first, 8, 99));
    fails_as("I4", repeat(&act(1), &ActOutcome::RequestIdReused, 8, 99));
    fails_as("I4", repeat(&act(1), &first, 6, 99));
    fails_as("I4", repeat(&act(1), &first, 8, 100));
    fails_as("I4", requests.is_first(&act(1), &first, 9, 99, 100));
    requests.is_first(&act(1), &first, 9, 199, 100).unwrap();
}

#[test]
fn an_answer_ahead_of_the_platter_and_a_loss_of_what_was_shown_are_found() {
    checks::acknowledged_is_durable(3, 3).unwrap();
    fails_as("I5", checks::acknowledged_is_durable(4, 3));
    checks::nothing_shown_is_rolled_back(&[1, 2], &[1, 2, 3]).unwrap();
    fails_as("I6", checks::nothing_shown_is_rolled_back(&[1, 2], &[1]));
    fails_as("I6", checks::nothing_shown_is_rolled_back(&[1, 2], &[1, 3]));
}

#[test]
fn an_expiry_too_early_too_late_or_twice_is_found() {
    let books = books(2);
    let kept: Kept = books.reservations[&ID].clone();
    checks::expires_once(ID, Some(&kept), 10).unwrap();
    fails_as("I7", checks::expires_once(ID, Some(&kept), 9));
    fails_as("I7", checks::expires_once(ID, None, 10));
    let mut after = books.clone();
    after.expire(ID, 10).unwrap();
    fails_as(
        "I7",
        checks::expires_once(ID, after.reservations.get(&ID), 10),
    );
    checks::nothing_is_due(&books, 9).unwrap();
    fails_as("I7", checks::nothing_is_due(&books, 10));
    checks::nothing_is_due(&after, 10).unwrap();
    let (_, outcome) = hold(2);
    let commit = Command::Commit { reservation: ID };
    let before = [(ID, kept)];
    checks::is_not_overdue(&commit, &outcome, &before, 9).unwrap();
    fails_as("I7", checks::is_not_overdue(&commit, &outcome, &before, 10));
}

#[test]
fn a_second_writer_and_another_state_are_found() {
    checks::one_writer(None).unwrap();
    fails_as("I8", checks::one_writer(Some("two".into())));
    checks::replay_is_live(1, 1, "now").unwrap();
    fails_as("I10", checks::replay_is_live(1, 2, "now"));
}
