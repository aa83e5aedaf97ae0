//! Reading beside the writer: only what is proven, over segments and restarts, and never past
//! damage.

use std::sync::Arc;

use bopis_journal::{Follower, JournalError, Until};

use crate::support::{self, buffer, fill, name, open, record, MemoryDisk, BLOCK};

fn follower(disk: &MemoryDisk) -> Follower {
    Follower::new(Arc::new(disk.clone()))
}

/// What it hands over now.
fn handed(follower: &mut Follower, until: Until) -> Result<Vec<Vec<u8>>, JournalError> {
    let mut records = Vec::new();
    follower.read(until, usize::MAX, &mut |_sequence, bytes: &[u8]| {
        records.push(bytes.to_vec());
        Ok(())
    })?;
    Ok(records)
}

#[test]
fn a_record_is_handed_over_once_the_write_after_it_began() {
    let disk = MemoryDisk::default();
    let mut follower = follower(&disk);
    assert!(handed(&mut follower, Until::Proven).unwrap().is_empty());
    let (mut journal, _, _) = open(&disk).unwrap();
    journal.append(&buffer(&[record(1)]), 0).unwrap();
    assert!(handed(&mut follower, Until::Proven).unwrap().is_empty());
    journal.append(&buffer(&[record(2)]), 0).unwrap();
    assert_eq!(
        handed(&mut follower, Until::Proven).unwrap(),
        [record(1)],
        "the second is not proven yet"
    );
    journal.seal(0).unwrap();
    assert_eq!(handed(&mut follower, Until::Proven).unwrap(), [record(2)]);
    assert_eq!(follower.reached().unwrap().sequence, 2);
}

#[test]
fn what_is_whole_is_handed_over_when_that_is_enough() {
    let disk = MemoryDisk::default();
    let (mut journal, _, _) = open(&disk).unwrap();
    journal.append(&buffer(&[record(1)]), 0).unwrap();
    let mut follower = follower(&disk);
    assert_eq!(handed(&mut follower, Until::Complete).unwrap(), [record(1)]);
    let reached = follower.reached().unwrap();
    assert_eq!(reached.journal_id, support::ID);
    assert_eq!(reached.segments, [(name(1), 2 * BLOCK as u64)]);
}

#[test]
fn it_goes_on_over_segments_and_restarts_as_the_journal_grows() {
    let disk = MemoryDisk::default();
    let mut follower = follower(&disk);
    let (mut found, mut written) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let (mut journal, _, _) = open(&disk).unwrap();
        for _ in 0..40 {
            written = fill(&mut journal, 1, 15);
            found.extend(handed(&mut follower, Until::Proven).unwrap());
            assert!(found.len() >= written.len() - 15);
            assert_eq!(found, written[..found.len()]);
        }
    }
    open(&disk).unwrap().0.seal(0).unwrap();
    found.extend(handed(&mut follower, Until::Proven).unwrap());
    assert_eq!(found, written);
    assert!(follower.reached().unwrap().segments.len() > 2);
}

#[test]
fn it_hands_over_whole_frames_up_to_the_asked_count() {
    let disk = MemoryDisk::default();
    let (mut journal, _, _) = open(&disk).unwrap();
    fill(&mut journal, 10, 4);
    let mut follower = follower(&disk);
    let mut count = |_sequence, _bytes: &[u8]| Ok(());
    assert_eq!(follower.read(Until::Proven, 5, &mut count).unwrap(), 8);
    assert_eq!(follower.read(Until::Proven, 1, &mut count).unwrap(), 4);
}

#[test]
fn a_flipped_bit_before_the_last_segment_is_damage_and_in_it_nothing_yet() {
    let disk = MemoryDisk::default();
    let (mut journal, _, _) = open(&disk).unwrap();
    fill(&mut journal, 20, 15);
    let last = follower_to_the_end(&disk);
    assert!(last > 1, "the journal has several segments");
    for index in 1..=last {
        let copy = disk.copied();
        copy.change(index, |file| file[BLOCK + 100] ^= 1);
        let found = handed(&mut follower(&copy), Until::Proven);
        if index < last {
            let place = format!("{} is damaged at byte {BLOCK}", name(index));
            let error = found.unwrap_err().to_string();
            assert!(error.contains(&place), "{error}");
        } else {
            assert!(!found.unwrap().is_empty());
        }
    }
}

fn follower_to_the_end(disk: &MemoryDisk) -> u64 {
    let mut follower = follower(disk);
    handed(&mut follower, Until::Complete).unwrap();
    follower.reached().unwrap().segments.len() as u64
}
