//! Holds and moves: what is granted, and what stays as it was.

use bopis_ledger::{Outcome, ReservationState};

use crate::support::{
    adjust, commit, consume_part, hold, id, lines, moves, release, release_part, set, shortage,
    view_of, Fixture, A, B, C, WALL_AHEAD_MS,
};

#[test]
fn a_hold_takes_stock_and_labor_together_until_its_deadline() {
    let mut fixture = Fixture::with_stock(5, 5, 3600);
    let outcome = fixture.one(10, hold(1, &[(A, 2), (C, 90)], 900));
    let view = view_of(&outcome);
    assert_eq!(view.state, ReservationState::Held);
    assert_eq!(
        (view.deadline_ms, view.expire_wall_ms),
        (910, 910 + WALL_AHEAD_MS)
    );
    assert_eq!(
        (view.priority, &view.lines),
        (7, &lines(&[(A, 2), (C, 90)]))
    );
    assert_eq!((fixture.atp(A), fixture.atp(C)), (3, 3510));
    fixture.assert_replays();
}

#[test]
fn lines_that_name_the_same_cell_are_summed_before_the_check() {
    let mut fixture = Fixture::with_stock(5, 5, 0);
    let outcome = fixture.one(1, hold(1, &[(B, 2), (A, 3), (B, 3), (A, 2)], 9));
    assert_eq!(view_of(&outcome).lines, lines(&[(B, 5), (A, 5)]));
    assert_eq!(
        fixture.one(1, hold(2, &[(A, 1), (A, 1)], 9)),
        Outcome::Insufficient(vec![shortage(0, A, 2, 0)])
    );
    fixture.assert_replays();
}

#[test]
fn many_lines_over_many_cells_are_summed_as_few_are() {
    let mut fixture = Fixture::with_stock(400, 400, 400);
    let what: Vec<_> = (0..512).map(|n| ([A, B, C][n % 3], 2)).collect();
    let outcome = fixture.one(1, hold(1, &what, 9));
    assert_eq!(
        view_of(&outcome).lines,
        lines(&[(A, 342), (B, 342), (C, 340)])
    );
    fixture.assert_replays();
}

#[test]
fn a_hold_of_an_id_in_use_returns_that_reservation_unchanged() {
    let mut fixture = Fixture::with_stock(5, 5, 0);
    let first = fixture.one(1, hold(1, &[(A, 2)], 90));
    assert_eq!(fixture.one(1, hold(1, &[(B, 4), (A, 99)], 7)), first);
    fixture.one(2, commit(1));
    let outcome = fixture.one(2, hold(1, &[(B, 4)], 7));
    assert_eq!(view_of(&outcome).state, ReservationState::Committed);
    fixture.one(3, release(1));
    let outcome = fixture.one(3, hold(1, &[(B, 4)], 7));
    assert_eq!(view_of(&outcome).state, ReservationState::Released);
    assert_eq!((fixture.atp(A), fixture.atp(B)), (5, 5));
    fixture.assert_replays();
}

#[test]
fn a_part_is_released_or_consumed_and_the_rest_remains() {
    let mut fixture = Fixture::with_stock(5, 5, 100);
    fixture.act(1, vec![hold(1, &[(A, 3), (B, 2), (C, 60)], 90), commit(1)]);
    let outcome = fixture.one(2, consume_part(1, &[(A, 1), (C, 60), (A, 1)]));
    assert_eq!(view_of(&outcome).lines, lines(&[(A, 1), (B, 2)]));
    let outcome = fixture.one(3, release_part(1, &[(B, 2)]));
    assert_eq!(view_of(&outcome).state, ReservationState::Committed);
    assert_eq!((fixture.view(A).on_hand, fixture.atp(A)), (3, 2));
    assert_eq!(
        (fixture.atp(B), fixture.atp(C), fixture.view(C).on_hand),
        (5, 40, 40)
    );
    let outcome = fixture.one(4, consume_part(1, &[(A, 1)]));
    assert_eq!(view_of(&outcome).state, ReservationState::Consumed);
    assert_eq!((fixture.view(A).on_hand, fixture.atp(A)), (2, 2));
    fixture.assert_replays();
}

#[test]
fn two_reservations_exchange_the_last_units_in_one_act() {
    let mut fixture = Fixture::with_stock(1, 1, 0);
    fixture.act(
        1,
        vec![hold(1, &[(A, 1)], 90), hold(2, &[(B, 1)], 50), commit(2)],
    );
    assert_eq!(
        fixture.one(2, moves(&[(1, &[(B, 1)])])),
        Outcome::Insufficient(vec![shortage(0, B, 1, 0)])
    );
    let Outcome::Moved(views) = fixture.one(2, moves(&[(1, &[(B, 1)]), (2, &[(A, 1)])])) else {
        panic!("not moved")
    };
    assert_eq!((views[0].id, &views[0].lines), (id(1), &lines(&[(B, 1)])));
    assert_eq!(
        (views[0].state, views[0].deadline_ms),
        (ReservationState::Held, 91)
    );
    assert_eq!((views[1].id, &views[1].lines), (id(2), &lines(&[(A, 1)])));
    assert_eq!(views[1].state, ReservationState::Committed);
    assert_eq!((fixture.view(A).committed, fixture.view(A).held), (1, 0));
    assert_eq!((fixture.view(B).committed, fixture.view(B).held), (0, 1));
    fixture.assert_replays();
}

#[test]
fn a_move_lacks_only_what_it_asks_beyond_what_it_gives_back() {
    let mut fixture = Fixture::with_stock(4, 0, 0);
    fixture.act(1, vec![hold(1, &[(A, 2)], 90), hold(2, &[(A, 1)], 90)]);
    let too_much = moves(&[(1, &[(A, 3)]), (2, &[(A, 2), (B, 1)])]);
    assert_eq!(
        fixture.one(2, too_much),
        Outcome::Insufficient(vec![shortage(0, A, 2, 1), shortage(2, B, 1, 0)])
    );
    assert_eq!(fixture.atp(A), 1);
    assert!(matches!(
        fixture.one(2, moves(&[(1, &[(A, 3)])])),
        Outcome::Moved(_)
    ));
    assert_eq!(fixture.atp(A), 0);
    fixture.assert_replays();
}

#[test]
fn a_move_that_reduces_demand_on_a_cell_in_deficit_is_granted() {
    let mut fixture = Fixture::with_stock(5, 10, 0);
    fixture.act(
        1,
        vec![
            hold(1, &[(A, 3)], 90),
            hold(2, &[(A, 2)], 90),
            commit(1),
            set(A, 1),
        ],
    );
    assert_eq!((fixture.atp(A), fixture.view(A).deficit()), (-4, 4));
    assert_eq!(
        fixture.one(2, hold(3, &[(A, 1)], 9)),
        Outcome::Insufficient(vec![shortage(0, A, 1, 0)])
    );
    let outcome = fixture.one(2, moves(&[(1, &[(A, 2), (B, 1)])]));
    assert!(matches!(outcome, Outcome::Moved(_)), "{outcome:?}");
    let outcome = fixture.one(2, moves(&[(1, &[(A, 1), (B, 2)]), (2, &[(A, 3)])]));
    assert!(matches!(outcome, Outcome::Moved(_)), "{outcome:?}");
    assert_eq!(fixture.atp(A), -3);
    assert_eq!(
        fixture.one(2, moves(&[(1, &[(A, 2)]), (2, &[(A, 3)])])),
        Outcome::Insufficient(vec![shortage(0, A, 1, 0)])
    );
    fixture.assert_replays();
}

#[test]
fn changed_cells_are_named_once_as_they_are_now() {
    let mut fixture = Fixture::with_stock(5, 5, 5);
    let mut changed = Vec::new();
    fixture.ledger.take_changed_cells(&mut changed);
    let numbers: Vec<_> = changed.iter().map(|one| (one.cell, one.number)).collect();
    assert_eq!(numbers, [(A, 0), (B, 1), (C, 2)]);
    changed.clear();
    fixture.act(
        1,
        vec![hold(1, &[(B, 1), (A, 1)], 9), adjust(A, 1, 1), release(1)],
    );
    fixture.ledger.take_changed_cells(&mut changed);
    let named: Vec<_> = changed.iter().map(|one| (one.cell, one.view)).collect();
    assert_eq!(named, [(B, fixture.view(B)), (A, fixture.view(A))]);
    let again: Vec<_> = changed.iter().map(|one| (one.cell, one.number)).collect();
    assert_eq!(again, [(B, 1), (A, 0)]);
    changed.clear();
    fixture.ledger.take_changed_cells(&mut changed);
    assert_eq!(changed, []);
}

#[test]
fn insufficient_names_every_cell_that_lacks_and_changes_nothing() {
    let mut fixture = Fixture::with_stock(3, 5, 0);
    let lines = [(C, 1), (A, 2), (B, 5), (A, 2), (C, 1)];
    assert_eq!(
        fixture.one(1, hold(1, &lines, 9)),
        Outcome::Insufficient(vec![shortage(0, C, 2, 0), shortage(1, A, 4, 3)])
    );
    assert_eq!([fixture.atp(A), fixture.atp(B), fixture.atp(C)], [3, 5, 0]);
    assert_eq!(fixture.reservation(1, 1), None);
    fixture.assert_replays();
}
