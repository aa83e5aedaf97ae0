//! Replay and verify: the same state from the records, and a planted divergence is found.

use bopis_ledger::{
    ActOutcome, Command, Divergence, Ledger, Limits, Outcome, Outcomes, Record, Refusal,
    ReplayError, ReservationState, Stamp,
};

use crate::support::{
    self, adjust, at, commit, consume, hold, moves, release, sale, shortage, Fixture, A, B, C,
};

type Tamper = fn(&mut Record);

/// A journal with every kind of effect in it.
fn journal() -> Fixture {
    let mut fixture = Fixture::with_stock(5, 5, 100);
    fixture.one(1, hold(1, &[(A, 2), (C, 30)], 10));
    fixture.one(2, hold(2, &[(A, 3), (B, 1)], 90));
    fixture.one(3, hold(3, &[(A, 1)], 90));
    fixture.one(11, hold(4, &[(A, 2)], 90));
    fixture.act(
        12,
        vec![commit(2), moves(&[(2, &[(B, 2)]), (4, &[(A, 4)])])],
    );
    fixture.act(
        13,
        vec![adjust(A, 2, 1), sale(1, A, 1, None), sale(1, A, 1, None)],
    );
    fixture.act(14, vec![consume(2), release(4), commit(1)]);
    fixture.assert_replays();
    fixture
}

/// Replays up to the record at `index`, which `tamper` then changes.
fn tampered(
    index: usize,
    tamper: impl FnOnce(&mut Record),
) -> (Result<(), ReplayError>, Result<(), Divergence>) {
    let fixture = journal();
    let (mut replayed, mut verified) = (Ledger::new(fixture.limits), Ledger::new(fixture.limits));
    for record in &fixture.records[..index] {
        replayed.replay(record).unwrap();
        verified.verify(record).unwrap();
    }
    let mut record = fixture.records[index].clone();
    tamper(&mut record);
    assert_ne!(record, fixture.records[index], "the test tampers");
    (replayed.replay(&record), verified.verify(&record))
}

fn outcomes_of(record: &mut Record) -> &mut Outcomes {
    match record {
        Record::Act {
            outcome: ActOutcome::Done(outcomes),
            ..
        } => outcomes,
        other => panic!("{other:?}"),
    }
}

fn index_of(wanted: impl Fn(&Record) -> bool) -> usize {
    journal()
        .records
        .iter()
        .position(wanted)
        .expect("the journal has it")
}

fn with_outcome(wanted: impl Fn(&Outcome) -> bool) -> usize {
    index_of(|record| match record {
        Record::Act {
            outcome: ActOutcome::Done(outcomes),
            ..
        } => outcomes.iter().any(&wanted),
        _ => false,
    })
}

fn expiry() -> usize {
    index_of(|record| matches!(record, Record::Expire { .. }))
}

fn assert_fits_neither(
    index: usize,
    replayed: &Result<(), ReplayError>,
    verified: &Result<(), Divergence>,
) {
    assert!(
        matches!(replayed, Err(ReplayError::Command { command, .. }) if *command == index),
        "{replayed:?}"
    );
    assert!(
        matches!(verified, Err(Divergence::Outcome { command, .. }) if *command == index),
        "{verified:?}"
    );
}

#[test]
fn a_grant_recorded_as_a_refusal_diverges() {
    let index = with_outcome(|o| matches!(o, Outcome::Reservation(_)));
    let (replayed, verified) = tampered(index, |r| {
        outcomes_of(r)[0] = Outcome::Refused(Refusal::Malformed)
    });
    assert_eq!(replayed, Ok(()), "replay does not decide");
    assert!(
        matches!(verified, Err(Divergence::Outcome { command: 0, .. })),
        "{verified:?}"
    );
}

#[test]
fn a_refusal_with_another_shortage_diverges() {
    let index = with_outcome(|o| matches!(o, Outcome::Insufficient(_)));
    let other = || Outcome::Insufficient(vec![shortage(0, A, 1, 1)]);
    let (replayed, verified) = tampered(index, |r| outcomes_of(r)[0] = other());
    assert_eq!(replayed, Ok(()));
    let Err(Divergence::Outcome {
        recorded, decided, ..
    }) = verified
    else {
        panic!("{verified:?}")
    };
    assert_eq!(*recorded, other());
    assert_eq!(*decided, Outcome::Insufficient(vec![shortage(0, A, 1, 0)]));
}

#[test]
fn a_grant_without_the_expiry_that_it_needed_diverges() {
    let fixture = journal();
    let (mut replayed, mut verified) = (Ledger::new(fixture.limits), Ledger::new(fixture.limits));
    for record in &fixture.records[..expiry()] {
        replayed.replay(record).unwrap();
        verified.verify(record).unwrap();
    }
    let grant = &fixture.records[expiry() + 1];
    assert_eq!(
        verified.verify(grant),
        Err(Divergence::MissingExpiry { command: 0 })
    );
    assert_eq!(replayed.replay(grant), Ok(()));
    assert_eq!(
        replayed.cell(A).unwrap().atp(),
        -2,
        "and replay alone would oversell"
    );
}

#[test]
fn an_effect_with_other_counters_fits_neither() {
    let index = with_outcome(|o| matches!(o, Outcome::Cell(view) if view.unavailable == 1));
    let (replayed, verified) = tampered(index, |r| match &mut outcomes_of(r)[0] {
        Outcome::Cell(view) => view.on_hand += 1,
        other => panic!("{other:?}"),
    });
    assert_fits_neither(0, &replayed, &verified);
}

#[test]
fn a_moved_reservation_in_another_state_fits_neither() {
    let index = with_outcome(|o| matches!(o, Outcome::Moved(_)));
    let (replayed, verified) = tampered(index, |r| match &mut outcomes_of(r)[1] {
        Outcome::Moved(views) => views[0].state = ReservationState::Held,
        other => panic!("{other:?}"),
    });
    assert_fits_neither(1, &replayed, &verified);
}

#[test]
fn an_expiry_of_what_is_not_due_fits_neither() {
    for (reservation, now_ms) in [(2, 11), (1, 10), (9, 11)] {
        let (replayed, verified) = tampered(expiry(), |record| {
            *record = Record::Expire {
                stamp: at(now_ms),
                reservation: support::id(reservation),
            };
        });
        assert_eq!(replayed, Err(ReplayError::NotDue));
        assert_eq!(verified, Err(Divergence::Replay(ReplayError::NotDue)));
    }
}

#[test]
fn records_that_cannot_follow_are_named() {
    let index = with_outcome(|o| matches!(o, Outcome::Moved(_)));
    let back = ReplayError::TimeWentBack {
        last_ms: 11,
        record_ms: 10,
    };
    let cases: [(Tamper, ReplayError); 4] = [
        (
            |r| match r {
                Record::Act { stamp, .. } => {
                    *stamp = Stamp {
                        now_ms: 10,
                        ..*stamp
                    }
                }
                Record::Expire { .. } => panic!("an act"),
            },
            back,
        ),
        (
            |r| match r {
                Record::Act { outcome, .. } => *outcome = ActOutcome::RequestWindowFull,
                Record::Expire { .. } => panic!("an act"),
            },
            ReplayError::NotAnEffect,
        ),
        (
            |r| drop(outcomes_of(r).pop()),
            ReplayError::OutcomeCount {
                commands: 2,
                outcomes: 1,
            },
        ),
        (
            |r| match r {
                Record::Act { act, .. } => act.request.id = (1 << 64) + 1,
                Record::Expire { .. } => panic!("an act"),
            },
            ReplayError::Repeated,
        ),
    ];
    for (tamper, error) in cases {
        let (replayed, verified) = tampered(index, tamper);
        assert_eq!(replayed, Err(error.clone()));
        assert_eq!(verified, Err(Divergence::Replay(error)));
    }
}

#[test]
fn an_outcome_of_another_kind_of_command_fits_neither() {
    for index in 0..journal().records.len() {
        let fixture = journal();
        let Record::Act { act, .. } = &fixture.records[index] else {
            continue;
        };
        for command in 0..act.commands.len() {
            let foreign = Outcome::Moved(vec![]);
            let (replayed, verified) = tampered(index, |r| outcomes_of(r)[command] = foreign);
            assert!(replayed.is_err(), "record {index}, command {command}");
            assert!(verified.is_err(), "record {index}, command {command}");
        }
    }
}

#[test]
fn lower_bounds_of_the_request_window_do_not_keep_a_journal_from_being_taken_over() {
    let fixture = journal();
    let limits = Limits {
        request_window_max: 1,
        request_window_bytes_max: 1,
        ..fixture.limits
    };
    let (mut replayed, mut verified) = (Ledger::new(limits), Ledger::new(limits));
    for record in &fixture.records {
        replayed.replay(record).unwrap();
        verified.verify(record).unwrap();
    }
    assert_eq!(replayed.state_hash(), fixture.ledger.state_hash());
    assert_eq!(verified.state_hash(), fixture.ledger.state_hash());
}

#[test]
fn the_state_hash_tells_states_apart() {
    let mut hashes = std::collections::BTreeSet::new();
    let fixture = journal();
    let mut ledger = Ledger::new(fixture.limits);
    hashes.insert(ledger.state_hash());
    for record in &fixture.records {
        ledger.replay(record).unwrap();
        assert!(hashes.insert(ledger.state_hash()), "{record:?}");
    }
}

#[test]
fn recovery_goes_on_where_the_live_ledger_was() {
    let mut fixture = journal();
    let mut recovered = Ledger::new(fixture.limits);
    for record in &fixture.records {
        recovered.replay(record).unwrap();
    }
    fixture.ledger = recovered;
    fixture.act(
        20,
        vec![
            hold(8, &[(B, 1)], 5),
            hold(3, &[(A, 1)], 5),
            sale(1, A, 1, None),
        ],
    );
    fixture.expire_due(30, 10);
    fixture.assert_replays();
}

#[test]
fn a_move_recorded_with_a_reservation_twice_fits_neither() {
    let index = with_outcome(|o| matches!(o, Outcome::Moved(_)));
    let (replayed, verified) = tampered(index, |record| {
        if let Record::Act {
            act,
            outcome: ActOutcome::Done(outcomes),
            ..
        } = record
        {
            let (Command::Move { moves }, Outcome::Moved(views)) =
                (&mut act.commands[1], &mut outcomes[1])
            else {
                panic!("a move")
            };
            moves[1] = moves[0].clone();
            views[1] = views[0].clone();
        }
    });
    assert_fits_neither(1, &replayed, &verified);
}
