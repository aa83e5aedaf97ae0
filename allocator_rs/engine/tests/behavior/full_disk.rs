//! The engine on a disk with no room at all.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{mpsc, Arc};
use std::time::Duration;

use bopis_engine::{Engine, EngineStatus, Reply, Search, SubmitError, Unanswered};
use bopis_ledger::{Act, Command, ReservationId, ReservationState};

use crate::disk::{self, MemoryDisk};
use crate::support::{
    act, adjust, cell, done, hold, key, open_on, register, state, wait_until, SEGMENT,
};

/// An engine with two holds, in the second and last segment of a disk that is known to be full.
fn full(folder: &Path, disk: &MemoryDisk) -> Engine {
    disk.0.lock().unwrap().capacity = Some(2 * SEGMENT);
    let engine = open_on(folder, disk);
    register(&engine, 1, 1);
    // Made by another thread, which flushes the folder last.
    wait_until("the next segment is there", || {
        disk.0.lock().unwrap().names_flushed == 2
    });
    let holds = (1..3).map(|id| hold(id, key(0, 0), 1, 60_000));
    let commands = std::iter::once(adjust(key(0, 0), 9)).chain(holds).collect();
    done(&engine, act(1, commands));
    add_one_until(&engine, 2, || disk.file(2)[0] != 0);
    wait_until("it is known that the disk is full", || {
        engine.status() == EngineStatus::DiskFull
    });
    engine
}

/// Adds one unit per write until `reached`; acts with ids from `first_id` on.
fn add_one_until(engine: &Engine, first_id: u128, reached: impl Fn() -> bool) {
    let mut id = first_id;
    while !reached() {
        done(engine, act(id, vec![adjust(key(0, 0), 1)]));
        id += 1;
    }
}

/// An act that waits for room: too large for what is left of the segment, not for one.
fn decision_that_waits(engine: &Engine, disk: &MemoryDisk) -> mpsc::Receiver<Reply> {
    add_one_until(engine, 1_000, || {
        disk.file(2)[SEGMENT - 7 * disk::BLOCK] != 0
    });
    let long_names = (0..150).map(|node| Command::RegisterLocation {
        name: format!("{node:0>200}").into(),
    });
    let commands = [release(1), adjust(key(0, 0), 1)];
    let commands = commands.into_iter().chain(long_names).collect();
    let waiting = send(engine, act(1_000_000, commands)).unwrap();
    wait_until("it waits for room", || {
        engine.status() == EngineStatus::NoRoom
    });
    waiting
}

fn send(engine: &Engine, act: Act) -> Result<mpsc::Receiver<Reply>, SubmitError> {
    let (send, receive) = mpsc::channel();
    engine.submit(act, Box::new(move |reply| send.send(reply).unwrap()))?;
    Ok(receive)
}

fn release(id: u128) -> Command {
    Command::Release {
        reservation: ReservationId(id),
        lines: None,
    }
}

fn found(engine: &Engine, wanted: Search) -> Result<Vec<ReservationId>, Unanswered> {
    let (send, receive) = mpsc::channel();
    let answer = Box::new(move |reply| send.send(reply).unwrap());
    engine.search(wanted, answer).unwrap();
    let found = receive.recv_timeout(Duration::from_secs(30)).unwrap()?;
    Ok(found.reservations.iter().map(|view| view.id).collect())
}

#[test]
fn reservations_are_read_and_accepted_acts_are_answered_while_there_is_no_room() {
    let folder = tempfile::tempdir().unwrap();
    let disk = MemoryDisk::default();
    let engine = full(folder.path(), &disk);
    let before = cell(&engine, key(0, 0)).on_hand;
    let mut accepted = Vec::new();
    let mut next = 1_000;
    while engine.status() != EngineStatus::NoRoom {
        next += 1;
        match send(&engine, act(next, vec![adjust(key(0, 0), 1)])) {
            Ok(answer) => accepted.push(answer),
            Err(SubmitError::DiskFull | SubmitError::Overloaded) => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert_eq!(state(&engine, 1), Some(ReservationState::Held));
    let mut taken = 0;
    for answer in &accepted {
        match answer.recv_timeout(Duration::from_secs(30)).unwrap() {
            Ok(_) => taken += 1,
            Err(refused) => assert_eq!(refused, Unanswered::DiskFull),
        }
    }
    assert_eq!(cell(&engine, key(0, 0)).on_hand, before + taken);
    assert_eq!(state(&engine, 2), Some(ReservationState::Held));
    assert_eq!(engine.status(), EngineStatus::NoRoom);
    disk.0.lock().unwrap().capacity = None;
    wait_until("it serves again", || {
        engine.status() == EngineStatus::Serving
    });
    done(&engine, act(2_000_000, vec![release(1)]));
    assert_eq!(state(&engine, 1), Some(ReservationState::Released));
}

#[test]
fn while_a_decision_waits_for_room_only_what_it_changed_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let disk = MemoryDisk::default();
    let engine = full(folder.path(), &disk);
    let waiting = decision_that_waits(&engine, &disk);
    let on_hand = cell(&engine, key(0, 0)).on_hand;
    assert_eq!(state(&engine, 2), Some(ReservationState::Held));
    let (send_read, read) = mpsc::channel();
    let answer = Box::new(move |reply| send_read.send(reply).unwrap());
    engine.reservation(ReservationId(1), answer).unwrap();
    let reply = read.recv_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!(reply.unwrap_err(), Unanswered::DiskFull);
    let named = |ids: &[u128]| Search::Named(ids.iter().copied().map(ReservationId).collect());
    assert_eq!(found(&engine, named(&[2])), Ok(vec![ReservationId(2)]));
    for changed in [named(&[1, 2]), Search::OfCell(key(0, 0))] {
        assert_eq!(found(&engine, changed), Err(Unanswered::DiskFull));
    }
    assert_eq!(cell(&engine, key(0, 0)).on_hand, on_hand);
    assert!(waiting.try_recv().is_err());
    disk.0.lock().unwrap().capacity = None;
    waiting
        .recv_timeout(Duration::from_secs(30))
        .unwrap()
        .unwrap();
    assert_eq!(state(&engine, 1), Some(ReservationState::Released));
    assert_eq!(cell(&engine, key(0, 0)).on_hand, on_hand + 1);
    assert_eq!(engine.status(), EngineStatus::Serving);
}

#[test]
fn a_decision_that_waits_for_room_does_not_keep_the_engine_from_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let disk = MemoryDisk::default();
    let engine = full(folder.path(), &disk);
    let waiting = decision_that_waits(&engine, &disk);
    assert!(engine.drain().is_err());
    let answer = waiting.recv_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!(answer.unwrap_err(), Unanswered::Stopped);
}

#[test]
fn an_engine_without_room_can_still_be_stopped_and_answers_all() {
    let folder = tempfile::tempdir().unwrap();
    let disk = MemoryDisk::default();
    disk.0.lock().unwrap().capacity = Some(2 * SEGMENT);
    let engine = open_on(folder.path(), &disk);
    register(&engine, 1, 1);
    let answered = Arc::new(AtomicU64::new(0));
    let mut accepted = 0;
    for id in 1.. {
        let answered = Arc::clone(&answered);
        let count = Box::new(move |_| {
            answered.fetch_add(1, Ordering::SeqCst);
        });
        match engine.submit(act(id, vec![adjust(key(0, 0), 1)]), count) {
            Ok(()) => accepted += 1,
            Err(SubmitError::Overloaded) => std::thread::yield_now(),
            Err(_) => break,
        }
    }
    // It either sealed what it wrote, or says why it could not.
    let drained = engine.drain();
    assert_eq!(answered.load(Ordering::SeqCst), accepted, "{drained:?}");
    let shown = (cell(&engine, key(0, 0)).on_hand, engine.position());
    drop(engine);
    disk.0.lock().unwrap().capacity = None;
    let engine = open_on(folder.path(), &disk);
    let found = (cell(&engine, key(0, 0)).on_hand, engine.position());
    assert_eq!(
        found, shown,
        "what heard `Stopped` for want of room was never written"
    );
}
