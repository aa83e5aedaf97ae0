//! What survives, and what the engine refuses to serve.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bopis_engine::{verify, Engine, OpenError, SystemClock, VerifyError};
use bopis_journal::{DiskStorage, Journal, JournalError, JournalOptions, RecordBuffer};
use bopis_ledger::{
    codec, ActOutcome, Command, ItemName, Outcome, Record, ReservationId, ReservationState, Stamp,
};

use crate::support::{
    act, adjust, cell, done, durable, hold, key, manual_clock, register, state, wait_until,
};

fn open(folder: &Path) -> Engine {
    Engine::open(durable(folder, Arc::new(SystemClock::new()))).unwrap()
}

fn some_work(engine: &Engine, from: u128) {
    for id in from..from + 50 {
        let sku = (id % 3) as u32;
        let commands = vec![adjust(key(0, sku), 2), hold(id, key(0, sku), 1, 60_000)];
        done(engine, act(id, commands));
        if id % 2 == 0 {
            let commit = Command::Commit {
                reservation: ReservationId(id),
            };
            done(engine, act(id + 1_000, vec![commit]));
        }
        if id % 5 == 0 {
            let release = Command::Release {
                reservation: ReservationId(id),
                lines: None,
            };
            done(engine, act(id + 2_000, vec![release]));
        }
    }
}

fn segment(folder: &Path) -> PathBuf {
    folder.join("journal/segment-00000000000000000001.journal")
}

#[test]
fn state_after_each_restart_is_the_state_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut last = None;
    for round in 0..5_u128 {
        let engine = open(folder.path());
        if let Some((journal_id, sequence)) = last {
            assert_eq!(
                (engine.journal_id(), engine.position()),
                (journal_id, sequence)
            );
        } else {
            register(&engine, 1, 3);
        }
        some_work(&engine, 1 + round * 10_000);
        let views: Vec<_> = (0..3).map(|sku| cell(&engine, key(0, sku))).collect();
        let report = engine.drain().unwrap();
        drop(engine);
        let verified = verify(folder.path()).unwrap();
        assert_eq!(verified.state_hash, report.state_hash);
        assert_eq!(
            (verified.sequence, verified.records),
            (report.sequence, report.sequence)
        );
        let engine = open(folder.path());
        let found: Vec<_> = (0..3).map(|sku| cell(&engine, key(0, sku))).collect();
        assert_eq!(found, views);
        assert_eq!(engine.sku("sku-2"), Some(key(0, 2).item));
        assert_eq!(engine.drain().unwrap().state_hash, report.state_hash);
        last = Some((report.journal_id, report.sequence));
    }
}

#[test]
fn a_repeat_after_a_restart_gets_the_first_answer() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    register(&engine, 1, 1);
    let first = done(&engine, act(1, vec![adjust(key(0, 0), 5)]));
    drop(engine);
    let engine = open(folder.path());
    let again = done(&engine, act(1, vec![adjust(key(0, 0), 5)]));
    assert_eq!(again.outcome, first.outcome);
    assert_eq!(cell(&engine, key(0, 0)).on_hand, 5);
}

#[test]
fn downtime_does_not_count_towards_a_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let clock = manual_clock();
    let engine = Engine::open(durable(folder.path(), clock.clone())).unwrap();
    register(&engine, 1, 1);
    done(
        &engine,
        act(1, vec![adjust(key(0, 0), 5), hold(1, key(0, 0), 1, 10_000)]),
    );
    clock.pass(4_000);
    engine.drain().unwrap();
    drop(engine);
    clock.pass(3_600_000);
    let engine = Engine::open(durable(folder.path(), clock.clone())).unwrap();
    assert_eq!(state(&engine, 1), Some(ReservationState::Held));
    clock.pass(5_999);
    assert_eq!(state(&engine, 1), Some(ReservationState::Held));
    clock.pass(1);
    wait_until("the hold expires", || engine.atp(key(0, 0)) == 5);
    drop(engine);
    let engine = Engine::open(durable(folder.path(), clock)).unwrap();
    assert_eq!(state(&engine, 1), Some(ReservationState::Expired));
    assert_eq!(cell(&engine, key(0, 0)).held, 0);
}

#[test]
fn a_second_engine_on_the_same_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let second = Engine::open(durable(folder.path(), manual_clock()));
    assert!(matches!(second, Err(OpenError::Locked(_))));
    assert!(matches!(verify(folder.path()), Err(VerifyError::Locked(_))));
    drop(engine);
    assert!(verify(folder.path()).is_ok());
}

#[test]
fn a_journal_shorter_than_when_it_was_drained_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    register(&engine, 1, 3);
    some_work(&engine, 1);
    let drained = engine.drain().unwrap().sequence;
    drop(engine);
    let length = fs::metadata(segment(folder.path())).unwrap().len();
    let file = fs::OpenOptions::new()
        .write(true)
        .open(segment(folder.path()))
        .unwrap();
    file.set_len(20 * 4_096).unwrap();
    file.set_len(length).unwrap();
    match Engine::open(durable(folder.path(), manual_clock())) {
        Err(OpenError::Shorter {
            found,
            drained: told,
        }) => {
            assert!(found < drained);
            assert_eq!(told, drained);
        }
        other => panic!("{other:?}"),
    }
}

/// Far more than are decoded ahead or taken over together: the refused one is not the last of any.
#[test]
fn a_record_that_cannot_follow_is_named_with_its_place_and_nothing_on_disk_changes() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Arc::new(DiskStorage::create(&folder.path().join("journal")).unwrap());
    let options = JournalOptions::new(7);
    let (mut journal, _) = Journal::open(storage, options, &mut |_, _| Ok(())).unwrap();
    let stamp = Stamp {
        now_ms: 0,
        wall_ms: 0,
    };
    let name = |number: u64| Record::Act {
        stamp,
        act: act(
            u128::from(number),
            vec![Command::RegisterLocation {
                name: format!("node-{number}").into(),
            }],
        ),
        outcome: ActOutcome::Done(
            vec![Outcome::Registered {
                index: u32::try_from(number).unwrap(),
            }]
            .into(),
        ),
    };
    // Wrong is one that was never held, and behind it one of a name that has another integer.
    let unknown = Record::Expire {
        stamp,
        reservation: ReservationId(1),
    };
    for records in [(0..5_000).map(name).collect(), vec![unknown], vec![name(9)]] {
        let mut buffer = RecordBuffer::default();
        for record in &records {
            buffer.push(|out| codec::encode(record, out));
        }
        journal.append(&buffer, 0).unwrap();
    }
    drop(journal);
    let before = fs::read(segment(folder.path())).unwrap();
    let opened = Engine::open(durable(folder.path(), manual_clock()));
    let Err(OpenError::Journal(error)) = opened else {
        panic!("{opened:?}");
    };
    let scanned = bopis_journal::read(
        &DiskStorage::existing(&folder.path().join("journal")),
        &mut |sequence, _| match sequence {
            5_001 => Err(String::new()),
            _ => Ok(()),
        },
    );
    let place = scanned.unwrap_err().to_string();
    assert!(place.contains("record 5001"), "{place}");
    assert!(
        error.to_string().starts_with(&place),
        "{error}, not {place}"
    );
    assert!(fs::read(segment(folder.path())).unwrap() == before);
}

#[test]
fn damage_is_named_with_segment_and_offset_by_start_and_by_verify() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    register(&engine, 1, 3);
    some_work(&engine, 1);
    drop(engine);
    let mut bytes = fs::read(segment(folder.path())).unwrap();
    bytes[5 * 4_096 + 50] ^= 1;
    fs::write(segment(folder.path()), &bytes).unwrap();
    let check = |error: JournalError| match error {
        JournalError::Damaged {
            segment, offset, ..
        } => {
            assert_eq!(segment, "segment-00000000000000000001.journal");
            assert_eq!(offset, 5 * 4_096);
        }
        other => panic!("{other}"),
    };
    match verify(folder.path()) {
        Err(VerifyError::Journal(error)) => check(error),
        other => panic!("{other:?}"),
    }
    match Engine::open(durable(folder.path(), manual_clock())) {
        Err(OpenError::Journal(error)) => check(error),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        fs::read(segment(folder.path())).unwrap(),
        bytes,
        "nothing was written"
    );
}

#[test]
fn an_idle_writer_seals_within_a_second() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    register(&engine, 1, 1);
    let written = Instant::now();
    let frames = || {
        let bytes = fs::read(segment(folder.path())).unwrap();
        (1..)
            .take_while(|block| bytes[block * 4_096..].starts_with(b"BOPISFRM"))
            .count()
    };
    wait_until("a second frame stands behind the first", || frames() == 2);
    assert!(
        written.elapsed() < Duration::from_secs(1),
        "{:?}",
        written.elapsed()
    );
    thread::yield_now();
    assert_eq!(frames(), 2);
}

#[test]
fn names_of_labor_windows_survive() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    let labor = Command::RegisterItem {
        name: ItemName::Labor {
            window_start_s: 7_200,
        },
    };
    done(&engine, act(1, vec![labor]));
    let id = engine.labor(7_200);
    drop(engine);
    assert!(id.is_some());
    assert_eq!(open(folder.path()).labor(7_200), id);
}
