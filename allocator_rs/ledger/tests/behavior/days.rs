//! Dated supply: what can be promised for a day, and what a promise for a day leaves to others.

use bopis_ledger::{Outcome, ReservationState, Terms};

use crate::support::{
    self, at, commit, consume, consume_part, for_day, hold, hold_on, inbound, moves, receive,
    release, sale, set, view_of, Fixture, A, B,
};

fn atp(fixture: &Fixture, days: std::ops::RangeInclusive<i32>) -> Vec<i64> {
    days.map(|day| fixture.ledger.atp_of_day(A, day)).collect()
}

/// The example that Dynamics 365 Inventory Visibility documents.
fn documented() -> Fixture {
    let mut fixture = Fixture::with_stock(20, 0, 0);
    fixture.act(
        0,
        vec![inbound(A, 3, 10), inbound(A, 5, 1), inbound(A, 6, 3)],
    );
    fixture.one(0, hold_on(for_day(1), 1, &[(A, 3)], 1000));
    fixture.one(0, hold_on(for_day(4), 2, &[(A, 15)], 1000));
    fixture
}

#[test]
fn the_atp_of_a_day_is_the_least_projected_from_it_on() {
    let mut fixture = documented();
    assert_eq!(atp(&fixture, 1..=7), [12, 12, 12, 12, 13, 16, 16]);
    assert_eq!(fixture.atp(A), 12, "of today, which the counters tell");
    fixture.act(1, vec![commit(1), consume(1), inbound(A, 3, 0)]);
    assert_eq!(
        atp(&fixture, 4..=7),
        [2, 3, 6, 6],
        "the supply of day 3 did not come"
    );
    fixture.assert_replays();
}

#[test]
fn a_hold_for_a_day_leaves_no_later_day_below_0_and_takes_nothing_from_earlier_ones() {
    let mut fixture = Fixture::with_stock(2, 0, 0);
    fixture.act(0, vec![inbound(A, 10, 5), inbound(A, 20, 5)]);
    let lacks = fixture.one(0, hold_on(for_day(9), 1, &[(A, 3)], 99));
    assert!(matches!(lacks, Outcome::Insufficient(_)), "{lacks:?}");
    fixture.one(0, hold_on(for_day(10), 1, &[(A, 5)], 99));
    assert_eq!(atp(&fixture, 9..=10), [2, 2]);
    assert_eq!((fixture.atp(A), fixture.view(A).held), (2, 0));
    fixture.one(0, hold_on(for_day(20), 2, &[(A, 7)], 99));
    assert_eq!(
        atp(&fixture, 9..=20),
        [0; 12],
        "the last day has nothing left, so none has"
    );
    let lacks = fixture.one(0, hold(3, &[(A, 1)], 99));
    assert!(matches!(lacks, Outcome::Insufficient(_)), "{lacks:?}");
    fixture.assert_replays();
}

#[test]
fn a_hold_of_today_cannot_take_what_is_promised_for_later() {
    let mut fixture = Fixture::with_stock(5, 0, 0);
    fixture.one(0, hold_on(for_day(4), 1, &[(A, 3)], 99));
    let view = fixture.view(A);
    assert_eq!((view.held, view.atp(), view.deficit()), (3, 2, 0));
    let lacks = fixture.one(0, hold(2, &[(A, 3)], 99));
    assert!(matches!(lacks, Outcome::Insufficient(_)), "{lacks:?}");
    fixture.one(0, inbound(A, 4, 2));
    assert_eq!(fixture.atp(A), 4);
    fixture.one(0, hold(2, &[(A, 4)], 99));
    fixture.assert_replays();
}

#[test]
fn what_is_received_is_no_longer_expected_in_the_same_act() {
    let mut fixture = documented();
    fixture.one(1, receive(A, 8, Some(3)));
    assert_eq!(fixture.view(A).on_hand, 28);
    assert_eq!(
        atp(&fixture, 1..=7),
        [10, 10, 10, 10, 11, 14, 14],
        "2 of 10 did not come"
    );
    fixture.one(2, receive(A, 2, None));
    assert_eq!(atp(&fixture, 1..=7), [12, 12, 12, 12, 13, 16, 16]);
    fixture.assert_replays();
}

#[test]
fn supply_that_falls_away_leaves_a_deficit_and_refuses_nobody() {
    let mut fixture = Fixture::with_stock(0, 0, 0);
    fixture.one(0, inbound(A, 3, 10));
    fixture.act(0, vec![hold_on(for_day(3), 1, &[(A, 6)], 99), commit(1)]);
    assert_eq!(fixture.view(A).deficit(), 0);
    let outcome = fixture.one(1, inbound(A, 3, 4));
    let Outcome::Cell(view) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!((view.atp(), view.deficit()), (-2, 2));
    assert_eq!(fixture.ledger.promised_of(A), [support::id(1)]);
    fixture.assert_replays();
}

#[test]
fn a_day_s_promise_ends_like_any_other_and_gives_its_demand_back() {
    let ends: [fn(&mut Fixture); 5] = [
        |f| drop(f.one(1, release(1))),
        |f| drop(f.act(1, vec![commit(1), consume_part(1, &[(A, 4)]), release(1)])),
        |f| drop(f.act(1, vec![commit(1), sale(1, A, 6, Some(1))])),
        |f| {
            f.expire_due(50, 9);
        },
        |f| drop(f.one(50, commit(1))),
    ];
    for end in ends {
        let mut fixture = Fixture::with_stock(20, 0, 0);
        fixture.one(0, inbound(A, 2, 1));
        fixture.one(0, hold_on(for_day(2), 1, &[(A, 6)], 50));
        assert_eq!(fixture.ledger.atp_of_day(A, 2), 15);
        end(&mut fixture);
        let live = [
            Some(ReservationState::Held),
            Some(ReservationState::Committed),
        ];
        assert!(!live.contains(&fixture.state(1, 60)));
        let on_hand = fixture.view(A).on_hand;
        assert_eq!(fixture.ledger.atp_of_day(A, 2), on_hand + 1);
        assert_eq!(fixture.view(A).held, 0);
        fixture.assert_replays();
    }
}

#[test]
fn reservations_of_days_move_in_one_act_and_keep_their_days() {
    let mut fixture = Fixture::with_stock(3, 3, 0);
    fixture.one(0, inbound(A, 5, 4));
    fixture.one(0, hold_on(for_day(5), 1, &[(A, 7)], 99));
    fixture.one(0, hold_on(for_day(2), 2, &[(B, 3)], 99));
    let lacks = fixture.one(1, moves(&[(1, &[(A, 1), (B, 3)]), (2, &[(A, 4)])]));
    let Outcome::Insufficient(lacks) = lacks else {
        panic!("{lacks:?}");
    };
    let [lack] = &lacks[..] else {
        panic!("{lacks:?}");
    };
    assert_eq!(
        (lack.cell, lack.requested, lack.available),
        (A, 1, 0),
        "4 on day 2, 3 there"
    );
    let moved = fixture.one(1, moves(&[(1, &[(A, 4), (B, 3)]), (2, &[(A, 3)])]));
    assert!(matches!(moved, Outcome::Moved(_)), "{moved:?}");
    assert_eq!([2, 5].map(|day| fixture.ledger.atp_of_day(A, day)), [0, 0]);
    fixture.assert_replays();
}

#[test]
fn a_command_that_touches_days_sees_no_due_hold() {
    let mut fixture = Fixture::with_stock(5, 0, 0);
    fixture.one(0, inbound(A, 3, 2));
    fixture.one(0, hold_on(for_day(3), 1, &[(A, 6)], 10));
    let outcomes = fixture.act(10, vec![set(A, 4), inbound(A, 3, 0), hold(2, &[(A, 4)], 9)]);
    assert_eq!(fixture.expired(), [1]);
    let held = |outcome: &Outcome| match outcome {
        Outcome::Cell(view) => view.held,
        other => panic!("{other:?}"),
    };
    assert_eq!([held(&outcomes[0]), held(&outcomes[1])], [0, 0]);
    assert_eq!(view_of(&outcomes[2]).expire_wall_ms, at(19).wall_ms);
    fixture.assert_replays();
}

#[test]
fn a_partial_hold_for_a_day_takes_what_there_is_by_then() {
    let mut fixture = Fixture::with_stock(2, 0, 0);
    fixture.one(0, inbound(A, 3, 4));
    let terms = Terms {
        is_partial: true,
        day: Some(3),
    };
    let outcome = fixture.one(0, hold_on(terms, 1, &[(A, 9)], 99));
    assert_eq!(view_of(&outcome).lines, support::lines(&[(A, 6)]));
    assert_eq!(fixture.atp(A), 0);
    fixture.assert_replays();
}
