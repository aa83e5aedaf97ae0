//! Deadlines: exact, swept only when needed, in order, and seen before the act that needed them.

use bopis_ledger::{Command, Outcome, Record, Refusal, ReservationState};

use crate::support::{
    adjust, at, commit, hold, id, moves, refused, release, set, shortage, view_of, Fixture, A, B,
};

#[test]
fn a_hold_is_committed_a_moment_before_its_deadline_and_not_at_it() {
    let mut fixture = Fixture::with_stock(5, 5, 0);
    fixture.act(0, vec![hold(1, &[(A, 1)], 100), hold(2, &[(A, 1)], 100)]);
    assert!(matches!(
        fixture.one(99, commit(1)),
        Outcome::Reservation(_)
    ));
    assert_eq!(
        fixture.one(100, commit(2)),
        refused(Refusal::ReservationExpired)
    );
    assert_eq!(fixture.expired(), [2]);
    assert_eq!(fixture.state(2, 100), Some(ReservationState::Expired));
    assert_eq!((fixture.atp(A), fixture.view(A).held), (4, 0));
    fixture.assert_replays();
}

#[test]
fn due_holds_are_swept_in_the_order_of_deadlines_and_of_granting_until_the_request_fits() {
    let mut fixture = Fixture::with_stock(4, 1, 0);
    fixture.act(
        0,
        vec![
            hold(5, &[(A, 1)], 20),
            hold(4, &[(A, 1)], 10),
            hold(3, &[(B, 1)], 10),
            hold(2, &[(A, 1)], 20),
            hold(1, &[(A, 1)], 30),
        ],
    );
    let outcome = fixture.one(50, hold(9, &[(A, 2)], 100));
    assert_eq!(view_of(&outcome).state, ReservationState::Held);
    assert_eq!(fixture.expired(), [4, 3, 5]);
    assert_eq!(fixture.state(2, 50), Some(ReservationState::Held));
    assert!(matches!(fixture.records.last(), Some(Record::Act { .. })));
    fixture.assert_replays();
}

#[test]
fn a_request_that_fits_sweeps_nothing() {
    let mut fixture = Fixture::with_stock(4, 0, 0);
    fixture.one(0, hold(1, &[(A, 1)], 10));
    fixture.one(50, hold(2, &[(A, 3)], 10));
    assert_eq!(fixture.expired(), [0u128; 0]);
    fixture.assert_replays();
}

#[test]
fn a_request_is_refused_for_stock_only_when_nothing_is_due_any_more() {
    let mut fixture = Fixture::with_stock(4, 1, 0);
    fixture.act(
        0,
        vec![
            hold(1, &[(A, 3)], 10),
            hold(2, &[(B, 1)], 20),
            hold(3, &[(A, 1)], 60),
        ],
    );
    assert_eq!(
        fixture.one(50, hold(9, &[(A, 4)], 100)),
        Outcome::Insufficient(vec![shortage(0, A, 4, 3)])
    );
    assert_eq!(fixture.expired(), [1, 2]);
    fixture.assert_replays();
}

#[test]
fn a_move_sweeps_too_and_what_it_moves_must_not_be_due() {
    let mut fixture = Fixture::with_stock(2, 2, 0);
    fixture.act(
        0,
        vec![
            hold(1, &[(A, 2)], 10),
            hold(2, &[(B, 1)], 90),
            hold(3, &[(B, 1)], 40),
        ],
    );
    assert!(matches!(
        fixture.one(20, moves(&[(2, &[(A, 2)])])),
        Outcome::Moved(_)
    ));
    assert_eq!(fixture.expired(), [1]);
    let swap = moves(&[(2, &[(B, 1)]), (3, &[(A, 1)])]);
    assert_eq!(fixture.one(40, swap), refused(Refusal::ReservationExpired));
    assert_eq!(fixture.expired(), [1, 3]);
    fixture.assert_replays();
}

#[test]
fn an_expiry_that_a_later_command_needs_is_seen_by_the_whole_act() {
    let mut fixture = Fixture::with_stock(3, 0, 0);
    fixture.one(0, hold(1, &[(A, 2)], 10));
    let outcomes = fixture.act(10, vec![adjust(A, 1, 0), set(B, 2), hold(2, &[(A, 4)], 10)]);
    let Outcome::Cell(seen) = &outcomes[0] else {
        panic!("{outcomes:?}")
    };
    assert_eq!((seen.on_hand, seen.held), (4, 0));
    assert_eq!(view_of(&outcomes[2]).state, ReservationState::Held);
    fixture.assert_replays();
}

#[test]
fn holding_the_id_of_a_due_hold_shows_it_expired() {
    let mut fixture = Fixture::with_stock(3, 0, 0);
    fixture.one(0, hold(1, &[(A, 2)], 10));
    let outcome = fixture.one(10, hold(1, &[(A, 2)], 10));
    assert_eq!(view_of(&outcome).state, ReservationState::Expired);
    assert_eq!(view_of(&outcome).lines.len(), 0);
    assert_eq!(fixture.expired(), [1]);
    fixture.assert_replays();
}

#[test]
fn expire_due_goes_by_deadline_in_slices_and_says_whether_more_are_due() {
    let mut fixture = Fixture::with_stock(9, 0, 0);
    for (reservation, ttl_ms) in [(1, 30), (2, 10), (3, 20), (4, 10), (5, 99)] {
        fixture.one(0, hold(reservation, &[(A, 1)], ttl_ms));
    }
    assert_eq!(fixture.ledger.next_deadline_ms(), Some(10));
    assert!(!fixture.expire_due(9, 100));
    assert!(fixture.expire_due(30, 0));
    assert!(fixture.expire_due(30, 3));
    assert_eq!(fixture.expired(), [2, 4, 3]);
    assert!(!fixture.expire_due(30, 1));
    assert!(!fixture.expire_due(30, 100));
    assert_eq!(fixture.expired(), [2, 4, 3, 1]);
    assert_eq!(
        (fixture.ledger.next_deadline_ms(), fixture.atp(A)),
        (Some(99), 8)
    );
    fixture.assert_replays();
}

#[test]
fn an_expired_hold_returns_its_units_once() {
    let mut fixture = Fixture::with_stock(3, 0, 0);
    fixture.one(0, hold(1, &[(A, 2)], 10));
    assert!(!fixture.expire_due(10, 9));
    let again = Command::Expire { reservation: id(1) };
    let outcomes = fixture.act(11, vec![again.clone(), release(1), commit(1), again]);
    assert_eq!(
        outcomes[1..3],
        [
            refused(Refusal::ReservationExpired),
            refused(Refusal::ReservationExpired)
        ]
    );
    assert_eq!(view_of(&outcomes[0]).state, ReservationState::Expired);
    assert_eq!((fixture.atp(A), fixture.expired()), (3, vec![1]));
    fixture.assert_replays();
}

#[test]
fn an_expire_command_expires_only_what_is_due() {
    let mut fixture = Fixture::with_stock(3, 0, 0);
    fixture.one(0, hold(1, &[(A, 2)], 10));
    let expire = Command::Expire { reservation: id(1) };
    assert_eq!(
        view_of(&fixture.one(9, expire.clone())).state,
        ReservationState::Held
    );
    assert_eq!(
        view_of(&fixture.one(10, expire)).state,
        ReservationState::Expired
    );
    assert_eq!(fixture.expired(), [1]);
    fixture.assert_replays();
}

#[test]
fn a_committed_reservation_has_no_deadline() {
    let mut fixture = Fixture::with_stock(3, 0, 0);
    fixture.act(0, vec![hold(1, &[(A, 3)], 10), commit(1)]);
    assert_eq!(fixture.ledger.next_deadline_ms(), None);
    assert_eq!(
        fixture.one(1000, hold(2, &[(A, 1)], 10)),
        Outcome::Insufficient(vec![shortage(0, A, 1, 0)])
    );
    assert_eq!(fixture.reservation(1, 1000).unwrap().expire_wall_ms, 0);
    fixture.assert_replays();
}

#[test]
fn time_that_goes_back_counts_as_the_last_journaled_time() {
    let mut fixture = Fixture::with_stock(3, 0, 0);
    fixture.one(100, hold(1, &[(A, 1)], 10));
    let outcome = fixture.one(50, hold(2, &[(A, 1)], 10));
    assert_eq!(view_of(&outcome).deadline_ms, 110);
    assert_eq!(fixture.ledger.now_ms(), 100);
    fixture.assert_replays();
}

/// All holds that expire until `until_ms`, in pages of `limit`.
fn expiring(fixture: &Fixture, until_ms: i64, limit: usize) -> Vec<(i64, u128)> {
    let mut found: Vec<(i64, u128)> = Vec::new();
    loop {
        let after = found
            .last()
            .map(|(deadline_ms, last)| (*deadline_ms, id(*last)));
        let page = fixture.ledger.next_to_expire(after, until_ms, limit);
        assert!(page.len() <= limit);
        let view = |id| fixture.ledger.reservation(id, at(0)).unwrap();
        found.extend(page.iter().map(|one| (view(*one).deadline_ms, one.0)));
        if page.len() < limit {
            return found;
        }
    }
}

#[test]
fn the_holds_that_expire_next_come_by_deadline_and_id_page_by_page() {
    let mut fixture = Fixture::with_stock(1_000, 0, 0);
    let mut live = std::collections::BTreeSet::new();
    for step in 0..300_u32 {
        let reservation = u128::from(step) * 7_919 % 1_009;
        let ttl_ms = 1 + i64::from(step) * 7_877 % if step % 3 == 0 { 9 } else { 90_000 };
        let now_ms = i64::from(step / 4);
        fixture.one(now_ms, hold(reservation, &[(A, 1)], ttl_ms));
        live.insert((now_ms + ttl_ms, reservation));
        let ended = u128::from(step / 2) * 7_919 % 1_009;
        let act = match step % 5 {
            0 => Some(commit(ended)),
            1 => Some(release(ended)),
            _ => None,
        };
        if act.is_some_and(|act| matches!(fixture.one(now_ms, act), Outcome::Reservation(_))) {
            live.retain(|(_, held)| *held != ended);
        }
        let is_held =
            |one: &(i64, u128)| fixture.state(one.1, now_ms) == Some(ReservationState::Held);
        live.retain(is_held);
        for (until_ms, limit) in [(i64::MAX, 7), (now_ms + 9, 2), (40_000, 1_000)] {
            let all = live
                .iter()
                .copied()
                .filter(|(deadline_ms, _)| *deadline_ms <= until_ms);
            let all: Vec<_> = all.collect();
            assert_eq!(expiring(&fixture, until_ms, limit), all, "step {step}");
        }
    }
    assert!(live.len() > 100, "{} holds are left", live.len());
    assert!(fixture.ledger.next_to_expire(None, i64::MAX, 0).is_empty());
}
