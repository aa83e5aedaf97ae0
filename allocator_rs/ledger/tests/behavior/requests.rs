//! The request window: one effect per request, remembered as long as promised.

use bopis_ledger::{
    Act, ActOutcome, Limits, Outcome, Refusal, RequestKey, ReservationState, REQUEST_ENTRY_BYTES,
    SALE_SOURCE_SCOPE,
};

use crate::support::{adjust, apply, at, commit, hold, release, sale, view_of, Fixture, A};

const SMALL: Limits = Limits {
    request_window_ms: 100,
    request_window_max: 4,
    request_window_bytes_max: u64::MAX,
    move_lines_max: 512,
    count_age_max_ms: 60,
    count_changes_max: 9,
};

#[test]
fn a_repeat_returns_the_first_outcomes_changes_nothing_and_is_not_journaled() {
    let mut fixture = Fixture::with_stock(5, 0, 0);
    let ask = vec![
        hold(1, &[(A, 2)], 100),
        adjust(A, 1, 0),
        hold(2, &[(A, 9)], 5),
    ];
    let first = fixture.ask(10, 77, 5, ask.clone());
    fixture.one(20, release(1));
    let (records, hash) = (fixture.records.len(), fixture.ledger.state_hash());
    assert_eq!(fixture.ask(30, 77, 5, ask), first);
    assert_eq!(fixture.ask(30, 77, 5, vec![]), first);
    assert_eq!(
        (fixture.records.len(), fixture.ledger.state_hash()),
        (records, hash)
    );
    fixture.assert_replays();
}

#[test]
fn another_fingerprint_is_refused_and_another_scope_is_another_request() {
    let mut fixture = Fixture::with_stock(5, 0, 0);
    fixture.ask(10, 77, 5, vec![adjust(A, 1, 0)]);
    let before = fixture.records.len();
    assert_eq!(
        fixture.ask(10, 77, 6, vec![adjust(A, 1, 0)]),
        ActOutcome::RequestIdReused
    );
    assert_eq!((fixture.records.len(), fixture.atp(A)), (before, 6));
    let act = Act {
        request: RequestKey { scope: 101, id: 77 },
        fingerprint: 6,
        commands: vec![adjust(A, 1, 0)],
    };
    let acts = [act.clone(), act];
    let outcomes = apply(&mut fixture.ledger, &acts, at(10), &mut fixture.records);
    assert_eq!(outcomes[0], outcomes[1]);
    assert_eq!((fixture.records.len(), fixture.atp(A)), (before + 1, 7));
    fixture.assert_replays();
}

#[test]
fn a_repeat_of_a_refusal_is_that_refusal_though_it_would_be_granted_now() {
    let mut fixture = Fixture::with_stock(1, 0, 0);
    let refusal = fixture.ask(1, 7, 0, vec![hold(1, &[(A, 2)], 9)]);
    fixture.one(2, adjust(A, 5, 0));
    assert_eq!(fixture.ask(3, 7, 0, vec![hold(1, &[(A, 2)], 9)]), refusal);
    assert_eq!(fixture.atp(A), 6);
    fixture.assert_replays();
}

#[test]
fn a_full_window_refuses_new_requests_and_still_answers_repeats() {
    let mut fixture = Fixture::with_limits(SMALL, [5, 0, 0]);
    let first = fixture.ask(10, 1, 0, vec![hold(1, &[(A, 1)], 500)]);
    fixture.ask(20, 2, 0, vec![]);
    fixture.ask(30, 3, 0, vec![]);
    let (records, hash) = (fixture.records.len(), fixture.ledger.state_hash());
    for now_ms in [30, 99] {
        let outcome = fixture.ask(now_ms, 4, 0, vec![adjust(A, 1, 0)]);
        assert_eq!(outcome, ActOutcome::RequestWindowFull);
        assert_eq!(fixture.ask(now_ms, 1, 0, vec![]), first);
        assert_eq!(
            fixture.ask(now_ms, 1, 9, vec![]),
            ActOutcome::RequestIdReused
        );
    }
    assert_eq!(
        (fixture.records.len(), fixture.ledger.state_hash()),
        (records, hash)
    );
    let outcome = fixture.ask(100, 4, 0, vec![adjust(A, 1, 0)]);
    assert!(
        matches!(outcome, ActOutcome::Done(_)),
        "the opening's entry is over: {outcome:?}"
    );
    assert_eq!(fixture.ledger.request_count(), 4);
    assert_eq!(
        fixture.ask(100, 5, 0, vec![]),
        ActOutcome::RequestWindowFull
    );
    fixture.assert_replays();
}

#[test]
fn the_window_is_full_at_a_bound_of_bytes_and_has_room_again_when_they_are_over() {
    let limits = Limits {
        request_window_max: 1_000_000,
        request_window_bytes_max: 40 * REQUEST_ENTRY_BYTES,
        ..SMALL
    };
    let mut fixture = Fixture::with_limits(limits, [0, 0, 0]);
    let facts = |count| vec![adjust(A, 1, 0); count];
    let (mut taken, mut bytes) = (0_u128, REQUEST_ENTRY_BYTES);
    while let ActOutcome::Done(outcomes) = fixture.ask(10, taken + 1, 0, facts(30)) {
        // A cell's counters take from 5 bytes on.
        bytes += REQUEST_ENTRY_BYTES + 5 * outcomes.len() as u64;
        taken += 1;
    }
    assert!(bytes < limits.request_window_bytes_max + 2 * REQUEST_ENTRY_BYTES);
    assert!((4..38).contains(&taken), "{taken}");
    let (records, hash) = (fixture.records.len(), fixture.ledger.state_hash());
    assert_eq!(
        fixture.ask(99, 500, 0, facts(1)),
        ActOutcome::RequestWindowFull
    );
    let sales = (0..20).map(|n| sale(n, A, 1, None)).collect();
    assert_eq!(
        fixture.ask(99, 501, 0, sales),
        ActOutcome::RequestWindowFull
    );
    assert!(matches!(
        fixture.ask(99, 1, 0, facts(30)),
        ActOutcome::Done(_)
    ));
    assert_eq!(
        (fixture.records.len(), fixture.ledger.state_hash()),
        (records, hash)
    );
    let sales = (0..20).map(|n| sale(n, A, 1, None)).collect();
    assert!(matches!(
        fixture.ask(110, 502, 0, sales),
        ActOutcome::Done(_)
    ));
    assert_eq!(fixture.ledger.request_count(), 21);
    fixture.assert_replays();
}

#[test]
fn one_large_outcome_passes_the_bound_of_bytes_by_itself_only() {
    let limits = Limits {
        request_window_max: 1_000_000,
        request_window_bytes_max: 10 * REQUEST_ENTRY_BYTES,
        ..SMALL
    };
    let mut fixture = Fixture::with_limits(limits, [0, 0, 0]);
    let facts = vec![adjust(A, 1, 0); 4_000];
    assert!(matches!(fixture.ask(10, 1, 0, facts), ActOutcome::Done(_)));
    assert_eq!(fixture.ask(10, 2, 0, vec![]), ActOutcome::RequestWindowFull);
    assert!(matches!(
        fixture.ask(110, 2, 0, vec![]),
        ActOutcome::Done(_)
    ));
    fixture.assert_replays();
}

#[test]
fn a_request_is_remembered_to_the_millisecond() {
    let mut fixture = Fixture::with_limits(SMALL, [5, 0, 0]);
    let add = || vec![adjust(A, 1, 0)];
    fixture.ask(10, 1, 0, add());
    fixture.ask(109, 1, 0, add());
    assert_eq!(fixture.atp(A), 6);
    fixture.ask(110, 1, 0, add());
    assert_eq!(fixture.atp(A), 7);
    fixture.assert_replays();
}

#[test]
fn expiries_go_on_at_a_full_window() {
    let mut fixture = Fixture::with_limits(SMALL, [5, 0, 0]);
    for request in 1..4 {
        fixture.ask(1, request, 0, vec![hold(request, &[(A, 1)], 10)]);
    }
    assert_eq!(
        fixture.ask(11, 9, 0, vec![release(1)]),
        ActOutcome::RequestWindowFull
    );
    assert!(!fixture.expire_due(11, 10));
    assert_eq!(fixture.atp(A), 5);
    fixture.assert_replays();
}

#[test]
fn a_sale_takes_effect_once_per_source_whatever_request_brings_it() {
    let mut fixture = Fixture::with_stock(5, 0, 0);
    let outcomes = fixture.act(1, vec![sale(9, A, 2, None), sale(9, A, 2, None)]);
    assert!(matches!(outcomes[0], Outcome::Cell(_)));
    assert_eq!(outcomes[1], Outcome::Duplicate);
    assert_eq!(fixture.one(2, sale(9, A, 1, None)), Outcome::Duplicate);
    assert_eq!(fixture.view(A).on_hand, 3);
    assert!(matches!(
        fixture.one(2, sale(8, A, 1, None)),
        Outcome::Cell(_)
    ));
    fixture.assert_replays();
}

#[test]
fn a_refused_sale_may_come_again() {
    let mut fixture = Fixture::with_stock(5, 0, 0);
    fixture.one(1, sale(9, A, i64::MAX, None));
    assert!(matches!(
        fixture.one(2, sale(9, A, 1, None)),
        Outcome::Cell(_)
    ));
    fixture.assert_replays();
}

#[test]
fn sales_take_room_in_the_window() {
    let mut fixture = Fixture::with_limits(SMALL, [5, 0, 0]);
    let sales = |count: u128| (0..count).map(|n| sale(n, A, 1, None)).collect::<Vec<_>>();
    assert_eq!(
        fixture.ask(1, 1, 0, sales(3)),
        ActOutcome::RequestWindowFull
    );
    assert!(matches!(
        fixture.ask(1, 1, 0, sales(2)),
        ActOutcome::Done(_)
    ));
    assert_eq!(
        (fixture.ledger.request_count(), fixture.view(A).on_hand),
        (4, 3)
    );
    assert_eq!(fixture.ask(99, 2, 0, vec![]), ActOutcome::RequestWindowFull);
    assert!(matches!(
        fixture.ask(101, 3, 0, sales(1)),
        ActOutcome::Done(_)
    ));
    assert_eq!(fixture.view(A).on_hand, 2);
    fixture.assert_replays();
}

#[test]
fn no_act_may_use_the_scope_of_sale_sources() {
    let mut fixture = Fixture::with_stock(5, 0, 0);
    let act = Act {
        request: RequestKey {
            scope: SALE_SOURCE_SCOPE,
            id: 1,
        },
        fingerprint: 0,
        commands: vec![adjust(A, 1, 0)],
    };
    let outcomes = apply(&mut fixture.ledger, &[act], at(1), &mut fixture.records);
    assert_eq!(outcomes, [ActOutcome::RequestIdReused]);
    assert_eq!(fixture.atp(A), 5);
}

#[test]
fn an_ended_reservation_is_kept_as_long_as_a_request_and_then_its_id_is_free() {
    let limits = Limits {
        request_window_max: 100,
        ..SMALL
    };
    let mut fixture = Fixture::with_limits(limits, [5, 0, 0]);
    fixture.act(10, vec![hold(1, &[(A, 1)], 500), commit(1), release(1)]);
    assert_eq!(fixture.state(1, 109), Some(ReservationState::Released));
    assert_eq!(
        fixture.state(1, 110),
        None,
        "also before anything was journaled"
    );
    let outcome = fixture.one(109, hold(1, &[(A, 1)], 500));
    assert_eq!(view_of(&outcome).state, ReservationState::Released);
    let outcome = fixture.one(110, hold(1, &[(A, 2)], 500));
    assert_eq!(view_of(&outcome).state, ReservationState::Held);
    assert_eq!(fixture.ledger.reservation_count(), 1);
    fixture.assert_replays();
}

#[test]
fn a_place_that_one_batch_gives_to_another_reservation_is_not_taken_for_the_first() {
    let limits = Limits {
        request_window_max: 100,
        ..SMALL
    };
    let mut fixture = Fixture::with_limits(limits, [5, 0, 0]);
    fixture.act(10, vec![hold(1, &[(A, 1)], 500), release(1)]);
    let act = |id: u128, command| Act {
        request: RequestKey { scope: 100, id },
        fingerprint: 0,
        commands: vec![command],
    };
    // Reservation 1 is still there when the batch is looked at; the first act drops it.
    let acts = [act(1, hold(2, &[(A, 1)], 500)), act(2, commit(1))];
    let answers = apply(&mut fixture.ledger, &acts, at(110), &mut fixture.records);
    let not_found = Outcome::Refused(Refusal::ReservationNotFound);
    assert_eq!(
        answers[1],
        ActOutcome::Done([not_found].into_iter().collect())
    );
    assert_eq!(fixture.state(2, 110), Some(ReservationState::Held));
    fixture.assert_replays();
}

#[test]
fn a_request_is_new_again_after_many_others_however_its_index_is_swept() {
    let limits = Limits {
        request_window_max: usize::MAX,
        ..SMALL
    };
    let mut fixture = Fixture::with_limits(limits, [0, 0, 0]);
    let mut applied = 0;
    for round in 0..40_i64 {
        for id in 0..500 {
            let act = Act {
                request: RequestKey { scope: 100, id },
                fingerprint: 0,
                commands: vec![adjust(A, 1, 0)],
            };
            let time = at(1_000 + round * 50 + i64::try_from(id).unwrap() / 20);
            apply(&mut fixture.ledger, &[act], time, &mut fixture.records);
        }
        // Kept for 100 ms: two rounds long.
        applied += i64::from(round % 2 == 0) * 500;
        assert_eq!(fixture.view(A).on_hand, applied, "round {round}");
    }
    assert_eq!(fixture.ledger.check_invariants(), Ok(()));
    fixture.assert_replays();
}
