//! The engine on a disk that fails, and on one that is full.

use std::sync::atomic::{AtomicU64, Ordering};

use bopis_engine::{Engine, EngineStatus, PositionError, SubmitError, Unanswered};
use bopis_ledger::{Command, ReservationId, ReservationState};

use crate::disk::MemoryDisk;
use crate::support::{
    act, adjust, ask, cell, done, hold, key, open_on, register, state, wait_until, SEGMENT,
};

/// Another thread makes it: with the flush of the folder it is done, and touches the disk no more.
fn wait_for_the_segment_ahead(disk: &MemoryDisk) {
    wait_until("the next segment is there", || {
        disk.0.lock().unwrap().names_flushed == 2
    });
}

#[test]
fn a_failed_write_stops_the_engine_and_nothing_unacknowledged_is_shown() {
    for operations in [0, 1, 2, 7, 30] {
        let folder = tempfile::tempdir().unwrap();
        let disk = MemoryDisk::default();
        let engine = open_on(folder.path(), &disk);
        register(&engine, 1, 1);
        wait_for_the_segment_ahead(&disk);
        let before = done(&engine, act(1, vec![adjust(key(0, 0), 1)])).sequence;
        disk.0.lock().unwrap().operations_left = Some(operations);
        let mut acknowledged = 1;
        for id in 2.. {
            match ask(&engine, act(id, vec![adjust(key(0, 0), 1)])) {
                Ok(_) => acknowledged += 1,
                Err(Unanswered::Stopped) => break,
                Err(Unanswered::DiskFull) => panic!("there is room"),
            }
        }
        assert_eq!(engine.status(), EngineStatus::Stopped);
        assert!(
            engine.failure().unwrap().contains("segment-"),
            "{:?}",
            engine.failure()
        );
        let refused = engine.submit(act(99_999, vec![]), Box::new(|_| {}));
        assert_eq!(refused, Err(SubmitError::Stopped));
        assert_eq!(cell(&engine, key(0, 0)).on_hand, acknowledged);
        let shown = engine.position();
        assert!(shown >= before);
        assert_eq!(engine.wait_for(shown + 1), Err(PositionError::Stopped));
        assert!(engine.drain().is_err());
        assert!(!folder.path().join("drained.json").exists());
        drop(engine);
        let engine = open_on(folder.path(), &disk.copied());
        assert!(cell(&engine, key(0, 0)).on_hand >= acknowledged);
        assert!(engine.position() >= shown);
    }
}

#[test]
fn a_full_disk_refuses_grants_serves_facts_and_releases_and_resumes_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let disk = MemoryDisk::default();
    disk.0.lock().unwrap().capacity = Some(2 * SEGMENT);
    let engine = open_on(folder.path(), &disk);
    register(&engine, 1, 1);
    done(
        &engine,
        act(1, vec![adjust(key(0, 0), 1), hold(1, key(0, 0), 1, 60_000)]),
    );
    let next = AtomicU64::new(2);
    let fact = || {
        act(
            u128::from(next.fetch_add(1, Ordering::SeqCst)),
            vec![adjust(key(0, 0), 1)],
        )
    };
    wait_for_the_segment_ahead(&disk);
    // Another thread finds out that there is no room for a third: more facts meanwhile might use
    // up the second, and its last one would wait for room.
    while disk.file(2).starts_with(&[0]) {
        done(&engine, fact());
    }
    wait_until("it is known that the disk is full", || {
        engine.status() == EngineStatus::DiskFull
    });
    let grant = act(5_000_000, vec![hold(2, key(0, 0), 1, 60_000)]);
    assert_eq!(
        engine.submit(grant.clone(), Box::new(|_| {})),
        Err(SubmitError::DiskFull)
    );
    let release = Command::Release {
        reservation: ReservationId(1),
        lines: None,
    };
    done(&engine, act(6_000_000, vec![release]));
    assert_eq!(state(&engine, 1), Some(ReservationState::Released));
    let facts = submit_facts_until_there_is_no_room(&engine, &fact);
    assert!(facts > 5, "{facts} facts were taken on the full disk");
    assert_eq!(cell(&engine, key(0, 0)).held, 0, "reads live");
    disk.0.lock().unwrap().capacity = None;
    wait_until("it serves again", || {
        engine.status() == EngineStatus::Serving
    });
    done(&engine, grant);
    assert_eq!(state(&engine, 2), Some(ReservationState::Held));
    let on_hand = cell(&engine, key(0, 0)).on_hand;
    let position = engine.position();
    drop(engine);
    let engine = open_on(folder.path(), &disk);
    assert_eq!(
        (cell(&engine, key(0, 0)).on_hand, engine.position()),
        (on_hand, position)
    );
}

fn submit_facts_until_there_is_no_room(
    engine: &Engine,
    fact: &dyn Fn() -> bopis_ledger::Act,
) -> usize {
    let mut taken = 0;
    loop {
        // What still waits when the room ends is refused then.
        let answer = |reply| assert_ne!(reply, Err(Unanswered::Stopped));
        match engine.submit(fact(), Box::new(answer)) {
            Ok(()) => taken += 1,
            Err(SubmitError::Overloaded) => std::thread::yield_now(),
            Err(SubmitError::DiskFull) => return taken,
            Err(error) => panic!("{error}"),
        }
    }
}
