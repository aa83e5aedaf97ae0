//! A disk that fails, and one that is full.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bopis_journal::{Journal, JournalError, JournalOptions, Room};

use crate::support::{buffer, fill, open, options, record, MemoryDisk};

/// Appends until something fails; the records that were acknowledged, and the error.
fn append_until_it_fails(journal: &mut Journal) -> (Vec<Vec<u8>>, JournalError) {
    let mut acknowledged = Vec::new();
    loop {
        let first = journal.next_sequence();
        let records: Vec<_> = (first..first + 30).map(record).collect();
        match journal.append(&buffer(&records), 0) {
            Ok(()) => acknowledged.extend(records),
            Err(error) => return (acknowledged, error),
        }
    }
}

#[test]
fn whichever_write_or_flush_fails_the_journal_stops_for_good_and_keeps_what_it_acknowledged() {
    let mut opened = 0;
    for operations in 0..120 {
        let disk = MemoryDisk::default();
        disk.0.lock().unwrap().operations_left = Some(operations);
        let acknowledged = match open(&disk) {
            Err(error) => {
                assert!(matches!(error, JournalError::Io { .. }), "{error}");
                Vec::new()
            }
            Ok((mut journal, _, _)) => {
                opened += 1;
                let (acknowledged, error) = append_until_it_fails(&mut journal);
                assert!(matches!(error, JournalError::Io { .. }), "{error}");
                // The disk is well again, but what it holds is unknown: nothing more is written.
                disk.0.lock().unwrap().operations_left = None;
                let before = disk.0.lock().unwrap().operations;
                let again = journal.append(&buffer(&[vec![1]]), 0).unwrap_err();
                assert!(matches!(again, JournalError::Failed));
                assert!(matches!(journal.seal(0).unwrap_err(), JournalError::Failed));
                assert_eq!(disk.0.lock().unwrap().operations, before);
                acknowledged
            }
        };
        let (_, _, found) = open(&disk.copied()).unwrap();
        assert!(found.len() >= acknowledged.len());
        assert_eq!(found[..acknowledged.len()], acknowledged);
    }
    assert!(opened > 100);
}

#[test]
fn a_full_disk_writes_nothing_and_goes_on_when_there_is_room() {
    let disk = MemoryDisk::default();
    disk.0.lock().unwrap().capacity = Some(3 * options().segment_bytes as usize);
    let (mut journal, _, _) = open(&disk).unwrap();
    let (acknowledged, error) = append_until_it_fails(&mut journal);
    assert!(matches!(error, JournalError::DiskFull), "{error}");
    assert_eq!(open(&disk.copied()).unwrap().2, acknowledged);
    disk.0.lock().unwrap().capacity = None;
    let written = fill(&mut journal, 40, 30);
    assert!(written.len() > acknowledged.len());
    assert_eq!(open(&disk).unwrap().2, written);
}

#[test]
fn a_full_disk_is_known_while_a_whole_segment_is_left() {
    let disk = MemoryDisk::default();
    let segment_bytes = options().segment_bytes;
    disk.0.lock().unwrap().capacity = Some(2 * segment_bytes as usize);
    let options = JournalOptions {
        background: true,
        ..options()
    };
    let (mut journal, _) =
        Journal::open(Arc::new(disk.clone()), options, &mut |_, _| Ok(())).unwrap();
    let mut appended = 0;
    while journal.room() == Room::Ample {
        fill(&mut journal, 1, 10);
        appended += 1;
        assert!(appended < 10_000);
        if appended > 15 {
            // The second segment is in use; the thread finds out on its own time.
            wait_until(|| journal.room() != Room::Ample);
        }
    }
    let Room::Bytes(left) = journal.room() else {
        panic!("ample")
    };
    assert!(left > segment_bytes / 2, "{left} bytes are left");
    disk.0.lock().unwrap().capacity = None;
    wait_until(|| journal.room() == Room::Ample);
    let written = fill(&mut journal, 50, 30);
    assert_eq!(open(&disk.copied()).unwrap().2, written);
}

#[test]
fn a_write_that_needs_several_new_segments_waits_for_room_with_the_rest_of_it() {
    let disk = MemoryDisk::default();
    let segment_bytes = options().segment_bytes as usize;
    disk.0.lock().unwrap().capacity = Some(2 * segment_bytes);
    let (mut journal, _, _) = open(&disk).unwrap();
    let records: Vec<_> = (1..4_000).map(record).collect();
    let records = buffer(&records);
    assert!(records.bytes() > 3 * segment_bytes);
    for _ in 0..3 {
        let error = journal.append(&records, 7).unwrap_err();
        assert!(matches!(error, JournalError::DiskFull), "{error}");
    }
    disk.0.lock().unwrap().capacity = None;
    journal.append(&records, 7).unwrap();
    let written = fill(&mut journal, 2, 30);
    assert_eq!(written.len(), 4_059);
    assert_eq!(open(&disk).unwrap().2, written);
}

#[test]
fn what_a_start_found_in_the_page_cache_only_survives_a_loss_of_power() {
    for operations in 0..160 {
        let disk = MemoryDisk::default();
        disk.keep_failed_writes_in_the_cache();
        disk.0.lock().unwrap().operations_left = Some(operations);
        if let Ok((mut journal, _, _)) = open(&disk) {
            let mut failed = false;
            while !failed {
                let first = journal.next_sequence();
                let records: Vec<_> = (first..first + 30).map(record).collect();
                failed = journal.append(&buffer(&records), 0).is_err()
                    || (first % 4 == 1 && journal.seal(0).is_err());
            }
        }
        disk.0.lock().unwrap().operations_left = None;
        let (mut journal, _, shown) = open(&disk).unwrap();
        let (_, _, found) = open(&disk.after_a_loss_of_power()).unwrap();
        assert_eq!(
            found, shown,
            "operation {operations}: what was shown is gone"
        );
        let written = fill(&mut journal, 1, 5);
        let (_, _, found) = open(&disk.after_a_loss_of_power()).unwrap();
        assert_eq!(found, written, "operation {operations}");
    }
}

fn wait_until(mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(1));
    }
}
