//! Round trips and torn ends.

use std::sync::Arc;

use bopis_journal::{DiskStorage, Journal, JournalError, JournalOptions};
use proptest::prelude::*;

use crate::support::{buffer, fill, name, open, options, record, MemoryDisk, BLOCK, ID};

#[test]
fn records_come_back_over_segments_and_restarts() {
    let disk = MemoryDisk::default();
    let mut written = Vec::new();
    for round in 0..20 {
        let (mut journal, scanned, records) = open(&disk).unwrap();
        assert_eq!(records, written);
        assert_eq!(scanned.last_sequence as usize, written.len());
        assert_eq!((journal.journal_id(), &scanned.cut), (ID, &None));
        written = fill(&mut journal, 5, 1 + round * 3);
        if round % 2 == 0 {
            journal.seal(1_000 + round as i64).unwrap();
            assert_eq!(open(&disk).unwrap().1.last_mark, Some(1_000 + round as i64));
        }
        assert_eq!(open(&disk).unwrap().1.unsealed, round % 2 != 0);
    }
    assert!(disk.0.lock().unwrap().files.len() > 5, "several segments");
}

#[test]
fn a_batch_larger_than_a_frame_becomes_several() {
    let disk = MemoryDisk::default();
    let (mut journal, _, _) = open(&disk).unwrap();
    let written = fill(&mut journal, 1, 3_000);
    assert_eq!(open(&disk).unwrap().2, written);
}

#[test]
fn a_record_may_fill_a_segment_but_not_be_larger() {
    let disk = MemoryDisk::default();
    let (mut journal, _, _) = open(&disk).unwrap();
    let limit = journal.record_bytes_max();
    let large = vec![7; limit];
    journal
        .append(&buffer(&[vec![1], large.clone(), vec![2]]), 0)
        .unwrap();
    let error = journal
        .append(&buffer(&[vec![7; limit + 1]]), 0)
        .unwrap_err();
    assert!(matches!(error, JournalError::TooLarge { .. }));
    journal.append(&buffer(&[vec![3]]), 0).unwrap();
    assert_eq!(open(&disk).unwrap().2, [vec![1], large, vec![2], vec![3]]);
}

#[test]
fn cut_at_every_byte_of_the_last_frames_it_opens_with_the_frames_before() {
    let disk = MemoryDisk::default();
    let (mut journal, _, _) = open(&disk).unwrap();
    fill(&mut journal, 3, 2);
    let before = fill(&mut journal, 1, 100);
    // The last frame has two blocks; block 0 is the segment's header.
    let last = BLOCK * 6;
    let all = fill(&mut journal, 1, 80);
    let whole = disk.file(1);
    let data_end = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    assert!(
        data_end > last + BLOCK && data_end <= last + 2 * BLOCK,
        "{data_end}"
    );
    for length in last..last + 2 * BLOCK {
        let disk = MemoryDisk::with_file(&name(1), whole[..length].to_vec());
        let (mut journal, scanned, records) = open(&disk).unwrap();
        if length >= data_end {
            assert_eq!((records, &scanned.cut), (all.clone(), &None));
        } else {
            assert_eq!(records, before);
            let cut = scanned.cut.map(|cut| (cut.segment, cut.offset));
            // The first bytes of the magic may be all that is gone: then nothing is to be seen.
            assert_eq!(cut, (length > last).then(|| (name(1), last as u64)));
        }
        if length % 97 == 0 {
            let written = fill(&mut journal, 2, 3);
            drop(journal);
            assert_eq!(open(&disk).unwrap().2, written, "cut at {length}");
            assert_eq!(disk.file(1).len(), whole.len());
        }
    }
}

#[test]
fn after_a_cut_no_old_bytes_are_taken_for_live_ones() {
    let disk = MemoryDisk::default();
    let (mut journal, _, _) = open(&disk).unwrap();
    let before = fill(&mut journal, 1, 2);
    fill(&mut journal, 1, 150);
    // The torn write's first block is lost: its later blocks would stand behind a shorter frame.
    disk.change(1, |bytes| bytes[2 * BLOCK..3 * BLOCK].fill(0));
    let (mut journal, scanned, records) = open(&disk).unwrap();
    assert_eq!(records, before);
    assert!(scanned.cut.is_some());
    assert!(
        disk.file(1)[2 * BLOCK..].iter().all(|byte| *byte == 0),
        "the rest is zeros again"
    );
    let written = fill(&mut journal, 1, 1);
    let (_, scanned, records) = open(&disk).unwrap();
    assert_eq!((records, scanned.cut), (written, None));
}

#[test]
fn a_torn_header_of_a_segment_without_frames_is_written_anew() {
    let disk = MemoryDisk::default();
    let (mut journal, _, _) = open(&disk).unwrap();
    while disk.0.lock().unwrap().files.len() < 2 {
        fill(&mut journal, 1, 100);
    }
    let copy = disk.copied();
    copy.change(2, |bytes| {
        bytes[30..].fill(0);
        bytes.truncate(9_000);
    });
    let (mut journal, _, records) = open(&copy).unwrap();
    assert!(!records.is_empty());
    let written = fill(&mut journal, 20, 30);
    assert_eq!(open(&copy).unwrap().2, written);
}

/// The bytes of format 1: whoever changes them raises the version and keeps reading this file.
#[test]
fn the_golden_file_is_read_and_written_to_the_byte() {
    let golden = include_bytes!("golden/format-1.journal");
    let disk = MemoryDisk::default();
    let (mut journal, _, _) = open(&disk).unwrap();
    journal
        .append(&buffer(&[record(1), record(2)]), -5)
        .unwrap();
    journal.append(&buffer(&[record(3)]), 6).unwrap();
    journal.seal(7).unwrap();
    assert!(disk.file(1)[..golden.len()] == golden[..]);
    assert!(disk.file(1)[golden.len()..].iter().all(|byte| *byte == 0));
    let (_, scanned, records) = open(&MemoryDisk::with_file(&name(1), golden.to_vec())).unwrap();
    assert_eq!(records, [record(1), record(2), record(3)]);
    assert_eq!((scanned.journal_id, scanned.last_mark), (Some(ID), Some(7)));
}

#[test]
fn a_real_folder_keeps_a_segment_ahead_and_all_records() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Arc::new(DiskStorage::create(folder.path()).unwrap());
    let options = JournalOptions {
        background: true,
        ..options()
    };
    let mut written = Vec::new();
    for _ in 0..3 {
        let mut records = Vec::new();
        let mut visit = |_, bytes: &[u8]| {
            records.push(bytes.to_vec());
            Ok(())
        };
        let (mut journal, _) = Journal::open(storage.clone(), options, &mut visit).unwrap();
        assert_eq!(records, written);
        written = fill(&mut journal, 60, 20);
    }
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        assert_eq!(
            entry.unwrap().metadata().unwrap().len(),
            options.segment_bytes
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn whatever_is_written_and_wherever_the_last_write_tears_a_prefix_comes_back(
        batches in prop::collection::vec(
            (prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3_000), 1..12), any::<bool>()),
            1..30,
        ),
        torn in any::<prop::sample::Index>(),
        keep_mask in any::<u64>(),
    ) {
        let disk = MemoryDisk::default();
        let (mut journal, _, _) = open(&disk).unwrap();
        let mut written: Vec<Vec<u8>> = Vec::new();
        let torn = torn.index(batches.len());
        for (number, (records, seal)) in batches.iter().enumerate() {
            let before = disk.copied();
            journal.append(&buffer(records), number as i64).unwrap();
            let earlier = written.len();
            written.extend(records.iter().cloned());
            if number == torn {
                tear(&before, &disk, keep_mask);
                let (_, _, found) = open(&before).unwrap();
                prop_assert!(found.len() >= earlier && found.len() <= written.len());
                prop_assert_eq!(&found[..], &written[..found.len()]);
            }
            if *seal {
                journal.seal(0).unwrap();
            }
        }
        prop_assert_eq!(open(&disk).unwrap().2, written);
    }

    #[test]
    fn no_bytes_make_recovery_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..20_000),
        at in 0_usize..20_000,
    ) {
        let disk = MemoryDisk::default();
        fill(&mut open(&disk).unwrap().0, 3, 5);
        disk.change(1, |file| {
            let end = (at + bytes.len()).min(file.len());
            file[at..end].copy_from_slice(&bytes[..end - at]);
        });
        drop(open(&disk));
        drop(open(&MemoryDisk::with_file(&name(1), bytes)));
    }
}

/// Brings a part of what was written between `old` and `new` into `old`: all writes but the last
/// one, and of that one the blocks that the mask keeps.
fn tear(old: &MemoryDisk, new: &MemoryDisk, keep_mask: u64) {
    let files = new.0.lock().unwrap().files.clone();
    let mut old = old.0.lock().unwrap();
    let last_used = files
        .iter()
        .rev()
        .find(|(_, bytes)| bytes.iter().any(|byte| *byte != 0));
    let last_used = last_used.unwrap().0.clone();
    for (file, bytes) in files {
        let before = old
            .files
            .entry(file.clone())
            .or_insert_with(|| vec![0; bytes.len()]);
        let is_frame = |at: usize| bytes[at * BLOCK..].starts_with(b"BOPISFRM");
        let last_frame = (1..bytes.len() / BLOCK)
            .rev()
            .find(|at| is_frame(*at))
            .unwrap_or(0);
        for block in 0..bytes.len() / BLOCK {
            let range = block * BLOCK..(block + 1) * BLOCK;
            let in_last = file == last_used && last_frame > 0 && block >= last_frame;
            if !in_last || keep_mask >> (block % 64) & 1 == 1 {
                before[range.clone()].copy_from_slice(&bytes[range]);
            }
        }
    }
}
