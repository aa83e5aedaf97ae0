//! What the engine does while it serves.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{mpsc, Arc, Barrier};
use std::thread;
use std::time::Duration;

use bopis_engine::{Engine, EngineOptions, PositionError, SubmitError};
use bopis_ledger::{
    ActOutcome, CellView, Command, ItemName, Line, LocationId, Outcome, Refusal, ReservationId,
    ReservationState,
};

use crate::support::{
    act, adjust, cell, done, hold, key, manual_clock, memory, outcomes, register, state,
    submit_patiently, wait_until,
};

#[test]
fn a_hold_is_visible_to_reads_when_its_answer_comes() {
    let engine = memory();
    register(&engine, 1, 1);
    done(&engine, act(1, vec![adjust(key(0, 0), 5)]));
    let held = done(&engine, act(2, vec![hold(7, key(0, 0), 2, 60_000)]));
    assert_eq!(held.sequence, 3);
    assert_eq!(engine.position(), 3);
    assert_eq!(engine.atp(key(0, 0)), 3);
    assert_eq!(
        cell(&engine, key(0, 0)),
        CellView {
            on_hand: 5,
            held: 2,
            ..CellView::default()
        }
    );
    assert_eq!(state(&engine, 7), Some(ReservationState::Held));
}

#[test]
fn a_repeat_gets_the_first_answer_and_writes_nothing() {
    let engine = memory();
    register(&engine, 1, 1);
    let first = done(&engine, act(1, vec![adjust(key(0, 0), 5)]));
    let again = done(&engine, act(1, vec![adjust(key(0, 0), 5)]));
    assert_eq!(again.outcome, first.outcome);
    assert_eq!(again.sequence, first.sequence);
    assert_eq!(engine.position(), 2);
    let mut other = act(1, vec![adjust(key(0, 0), 6)]);
    other.fingerprint = 99;
    assert_eq!(done(&engine, other).outcome, ActOutcome::RequestIdReused);
    assert_eq!(cell(&engine, key(0, 0)).on_hand, 5);
}

#[test]
fn a_refused_command_is_an_outcome() {
    let engine = memory();
    let reply = done(
        &engine,
        act(
            1,
            vec![Command::Commit {
                reservation: ReservationId(9),
            }],
        ),
    );
    assert_eq!(
        outcomes(&reply),
        [Outcome::Refused(Refusal::ReservationNotFound)]
    );
}

#[test]
fn names_are_found_in_both_directions() {
    let engine = memory();
    assert_eq!(engine.location("node-0"), None);
    register(&engine, 2, 1);
    let labor = Command::RegisterItem {
        name: ItemName::Labor {
            window_start_s: 3_600,
        },
    };
    done(&engine, act(5, vec![labor]));
    assert_eq!(engine.location("node-1"), Some(LocationId(1)));
    assert_eq!(
        engine.location_name(LocationId(1)).as_deref(),
        Some("node-1")
    );
    let (sku, labor) = (engine.sku("sku-0").unwrap(), engine.labor(3_600).unwrap());
    assert_ne!(sku, labor);
    assert_eq!(
        *engine.item_name(labor).unwrap(),
        ItemName::Labor {
            window_start_s: 3_600
        }
    );
}

#[test]
fn sixty_four_threads_race_for_one_unit_and_exactly_one_wins_each_round() {
    const THREADS: usize = 64;
    const ROUNDS: usize = 200;
    let engine = memory();
    register(&engine, 1, ROUNDS as u32);
    let stock = (0..ROUNDS as u32)
        .map(|sku| adjust(key(0, sku), 1))
        .collect();
    done(&engine, act(1, stock));
    let wins: Arc<Vec<AtomicUsize>> = Arc::new((0..ROUNDS).map(|_| AtomicUsize::new(0)).collect());
    let barrier = Arc::new(Barrier::new(THREADS));
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (engine, wins, barrier) = (engine.clone(), wins.clone(), barrier.clone());
            thread::spawn(move || {
                for round in 0..ROUNDS {
                    barrier.wait();
                    let id = (1_000 + round * THREADS + thread) as u128;
                    let command = hold(id, key(0, round as u32), 1, 60_000);
                    let reply = done(&engine, act(id, vec![command]));
                    if matches!(outcomes(&reply), [Outcome::Reservation(_)]) {
                        wins[round].fetch_add(1, Ordering::SeqCst);
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    for (round, wins) in wins.iter().enumerate() {
        assert_eq!(wins.load(Ordering::SeqCst), 1, "round {round}");
    }
}

#[test]
fn thousands_of_cells_are_read_at_one_sequence_while_the_writer_hammers() {
    const CELLS: u32 = 4_096;
    const TOTAL: i64 = 1_000_000;
    let engine = memory();
    register(&engine, 1, CELLS);
    done(&engine, act(1, vec![adjust(key(0, 0), TOTAL)]));
    let stop = Arc::new(AtomicBool::new(false));
    let moved = Arc::new(AtomicUsize::new(0));
    let writer = {
        let (engine, stop, moved) = (engine.clone(), stop.clone(), moved.clone());
        thread::spawn(move || {
            let mut id = 10_u128;
            while !stop.load(Ordering::Relaxed) {
                // Each act moves a unit from one cell to another: the sum never changes.
                let from = (id * 7_919 % u128::from(CELLS)) as u32;
                let to = (id * 104_729 % u128::from(CELLS)) as u32;
                let act = act(id, vec![adjust(key(0, from), -1), adjust(key(0, to), 1)]);
                let moved = moved.clone();
                submit_patiently(&engine, &act, || {
                    let moved = moved.clone();
                    Box::new(move |_| {
                        moved.fetch_add(1, Ordering::Relaxed);
                    })
                });
                id += 1;
            }
        })
    };
    let keys: Vec<_> = (0..CELLS).map(|sku| key(0, sku)).collect();
    let mut out = Vec::new();
    let (mut last, mut different) = (0, 0);
    wait_until("200 reads saw news", || {
        let stamp = engine.read(&keys, &mut out);
        assert_eq!(out.iter().map(|view| view.on_hand).sum::<i64>(), TOTAL);
        assert!(stamp.sequence >= last);
        different += usize::from(stamp.sequence > last);
        last = stamp.sequence;
        different == 200
    });
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    assert!(
        different > 30,
        "the writer stood still: {different} of 300 reads saw news"
    );
    assert!(moved.load(Ordering::Relaxed) > 100);
}

#[test]
fn a_full_queue_refuses_and_never_calls_back() {
    let clock = manual_clock();
    let options = EngineOptions {
        queue_max: 4,
        ..EngineOptions::memory(clock)
    };
    let engine = Engine::open(options).unwrap();
    let (release, blocked) = mpsc::channel::<()>();
    let (entered, inside) = mpsc::channel();
    let block = Box::new(move |_| {
        entered.send(()).unwrap();
        blocked.recv().unwrap();
    });
    engine.submit(act(1, vec![]), block).unwrap();
    inside.recv_timeout(Duration::from_secs(30)).unwrap();
    let called = Arc::new(AtomicUsize::new(0));
    let mut results = Vec::new();
    for id in 2..12 {
        let called = called.clone();
        let count = Box::new(move |_| {
            called.fetch_add(1, Ordering::SeqCst);
        });
        results.push(engine.submit(act(id, vec![]), count));
    }
    assert!(results[..4].iter().all(Result::is_ok));
    assert!(results[4..]
        .iter()
        .all(|result| *result == Err(SubmitError::Overloaded)));
    release.send(()).unwrap();
    engine.drain().unwrap();
    assert_eq!(called.load(Ordering::SeqCst), 4);
}

#[test]
fn an_act_beyond_the_limits_is_refused() {
    let engine = memory();
    let commit = || Command::Commit {
        reservation: ReservationId(1),
    };
    let many = act(1, (0..4_097).map(|_| commit()).collect());
    assert_eq!(
        engine.submit(many, Box::new(|_| {})),
        Err(SubmitError::TooLarge)
    );
    let lines = vec![
        Line {
            cell: key(0, 0),
            quantity: 1
        };
        100_000
    ];
    let long = act(
        1,
        vec![Command::Release {
            reservation: ReservationId(1),
            lines: Some(lines.into()),
        }],
    );
    assert_eq!(
        engine.submit(long, Box::new(|_| {})),
        Err(SubmitError::TooLarge)
    );
}

#[test]
fn waiting_for_a_position_above_the_last_fails_at_once() {
    let engine = memory();
    register(&engine, 1, 1);
    assert_eq!(engine.wait_for(1), Ok(()));
    let error = PositionError::NotAssigned { asked: 2, last: 1 };
    assert_eq!(engine.wait_for(2), Err(error));
}

#[test]
fn the_feed_tells_each_change_and_the_deficit_it_caused() {
    let clock = manual_clock();
    let options = EngineOptions {
        changes_max: 4,
        ..EngineOptions::memory(clock)
    };
    let engine = Engine::open(options).unwrap();
    register(&engine, 1, 1);
    done(&engine, act(1, vec![adjust(key(0, 0), 3)]));
    done(&engine, act(2, vec![hold(1, key(0, 0), 3, 60_000)]));
    done(&engine, act(3, vec![adjust(key(0, 0), -2)]));
    let changes = engine.changes_since(1).unwrap();
    let told: Vec<_> = changes
        .iter()
        .map(|change| (change.sequence, change.deficit))
        .collect();
    assert_eq!(told, [(2, 0), (3, 0), (4, 2)]);
    assert_eq!(engine.changes_since(4).unwrap(), []);
    for id in 10..12 {
        done(&engine, act(id, vec![adjust(key(0, 0), 1)]));
    }
    assert_eq!(engine.changes_since(1), None, "the oldest is forgotten");
    assert_eq!(engine.changes_since(2).unwrap().len(), 4);
}
