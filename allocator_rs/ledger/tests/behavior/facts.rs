//! Facts: never refused for what is promised.

use bopis_ledger::{CellView, Outcome, ReservationState};

use crate::support::{adjust, commit, hold, lines, release, sale, set, Fixture, A, B};

#[test]
fn facts_take_effect_below_what_is_promised_and_leave_a_deficit() {
    let mut fixture = Fixture::with_stock(5, 0, 0);
    fixture.act(
        0,
        vec![hold(1, &[(A, 3)], 90), hold(2, &[(A, 2)], 90), commit(2)],
    );
    let facts = [
        (sale(1, A, 1, None), 4, 0, 1),
        (adjust(A, -2, 1), 2, 1, 4),
        (set(A, -7), -7, 1, 13),
        (set(A, 9), 9, 1, 0),
    ];
    for (fact, on_hand, unavailable, deficit) in facts {
        let view = CellView {
            on_hand,
            held: 3,
            committed: 2,
            unavailable,
            safety_stock: 0,
        };
        assert_eq!(fixture.one(1, fact), Outcome::Cell(view));
        assert_eq!(view.deficit(), deficit);
    }
    fixture.assert_replays();
}

#[test]
fn unavailable_units_cannot_be_promised_until_they_are_available_again() {
    let mut fixture = Fixture::with_stock(5, 0, 0);
    fixture.one(0, adjust(A, 0, 4));
    assert!(matches!(
        fixture.one(0, hold(1, &[(A, 2)], 9)),
        Outcome::Insufficient(_)
    ));
    fixture.one(0, adjust(A, -2, -2));
    assert_eq!((fixture.atp(A), fixture.view(A).on_hand), (1, 3));
    fixture.assert_replays();
}

#[test]
fn a_sale_that_names_a_committed_reservation_consumes_it() {
    let mut fixture = Fixture::with_stock(5, 5, 0);
    fixture.act(0, vec![hold(1, &[(A, 2), (B, 1)], 90), commit(1)]);
    fixture.one(1, sale(1, A, 1, Some(1)));
    assert_eq!(
        fixture.reservation(1, 1).unwrap().lines,
        lines(&[(A, 1), (B, 1)])
    );
    assert_eq!((fixture.view(A).on_hand, fixture.atp(A)), (4, 3));
    fixture.one(2, sale(2, A, 3, Some(1)));
    assert_eq!(fixture.reservation(1, 2).unwrap().lines, lines(&[(B, 1)]));
    assert_eq!(
        (fixture.view(A).on_hand, fixture.atp(A)),
        (1, 1),
        "more was sold than promised"
    );
    fixture.one(3, sale(3, B, 1, Some(1)));
    assert_eq!(fixture.state(1, 3), Some(ReservationState::Consumed));
    fixture.assert_replays();
}

#[test]
fn a_sale_happened_whatever_became_of_its_reservation() {
    let mut fixture = Fixture::with_stock(9, 9, 0);
    fixture.act(
        0,
        vec![
            hold(1, &[(A, 2)], 90),
            hold(2, &[(A, 2)], 10),
            hold(3, &[(A, 1)], 90),
        ],
    );
    fixture.act(0, vec![commit(3), release(3)]);
    for (source, reservation) in [(1, 1), (2, 2), (3, 3), (4, 4)] {
        let on_hand = 9 - i64::try_from(source).unwrap();
        let outcome = fixture.one(20, sale(source, A, 1, Some(reservation)));
        let Outcome::Cell(view) = outcome else {
            panic!("{outcome:?}")
        };
        assert_eq!((view.on_hand, view.held, view.committed), (on_hand, 4, 0));
    }
    assert_eq!(fixture.reservation(1, 20).unwrap().lines, lines(&[(A, 2)]));
    fixture.assert_replays();
}
