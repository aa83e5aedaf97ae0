//! Damage is refused and named with its place.

use bopis_journal::JournalError;

use crate::support::{fill, name, open, record, MemoryDisk, BLOCK};

fn damaged_at(disk: &MemoryDisk, segment: u64, offset: u64) {
    let before = disk.0.lock().unwrap().files.clone();
    match open(disk) {
        Err(JournalError::Damaged {
            segment: found,
            offset: at,
            what,
        }) => {
            assert_eq!((found, at), (name(segment), offset), "{what}");
        }
        Err(other) => panic!("{other}"),
        Ok((_, scanned, _)) => panic!("opened: {scanned:?}"),
    }
    assert_eq!(
        disk.0.lock().unwrap().files,
        before,
        "a refused journal is left as it is"
    );
}

#[test]
fn a_flip_in_any_sector_is_refused_with_its_place_or_is_in_the_unsealed_last_frame() {
    let disk = MemoryDisk::default();
    let (mut journal, _, _) = open(&disk).unwrap();
    let mut starts = Vec::new();
    let mut before_last = Vec::new();
    for batch in 0..6 {
        starts.push(1 + disk.file(1).iter().rposition(|byte| *byte != 0).unwrap() / BLOCK);
        before_last = (1..journal.next_sequence()).map(record).collect();
        fill(&mut journal, 1, 1 + batch * 20);
    }
    let ends = [&starts[1..], &[16]].concat();
    let used = 1 + disk.file(1).iter().rposition(|byte| *byte != 0).unwrap() / BLOCK;
    for sector in 0..disk.file(1).len() / 512 {
        let copy = disk.copied();
        copy.change(1, |bytes| {
            bytes[sector * 512 + sector % 512] ^= 1 << (sector % 8)
        });
        let block = sector * 512 / BLOCK;
        let frame = starts
            .iter()
            .zip(&ends)
            .position(|(s, e)| (*s..*e).contains(&block));
        match frame {
            None => damaged_at(&copy, 1, 0),
            Some(frame) if frame + 1 < starts.len() => {
                damaged_at(&copy, 1, (starts[frame] * BLOCK) as u64);
            }
            Some(_) => {
                let (_, scanned, records) = open(&copy).unwrap();
                let cut = scanned.cut.unwrap();
                if block < used {
                    assert_eq!(
                        (records, cut.offset as usize),
                        (before_last.clone(), starts[5] * BLOCK)
                    );
                } else {
                    assert_eq!(
                        cut.offset as usize,
                        used * BLOCK,
                        "free space, nothing was lost"
                    );
                }
            }
        }
    }
}

#[test]
fn a_flip_in_a_sealed_last_frame_is_refused() {
    let disk = MemoryDisk::default();
    let (mut journal, _, _) = open(&disk).unwrap();
    fill(&mut journal, 1, 2);
    fill(&mut journal, 1, 100);
    journal.seal(0).unwrap();
    for sector in 2 * BLOCK / 512..4 * BLOCK / 512 {
        let copy = disk.copied();
        copy.change(1, |bytes| bytes[sector * 512 + 3] ^= 0x10);
        damaged_at(&copy, 1, 2 * BLOCK as u64);
    }
}

#[test]
fn a_flip_in_a_full_segment_is_refused_even_in_its_unused_end() {
    let disk = MemoryDisk::default();
    let (mut journal, _, _) = open(&disk).unwrap();
    while disk.0.lock().unwrap().files.len() < 3 {
        fill(&mut journal, 1, 90);
    }
    let used = 1 + disk.file(1).iter().rposition(|byte| *byte != 0).unwrap() / BLOCK;
    assert!(
        used < 16,
        "the last frame did not fit, so some of the segment is unused"
    );
    for sector in 0..disk.file(1).len() / 512 {
        let copy = disk.copied();
        copy.change(1, |bytes| bytes[sector * 512 + 11] ^= 0x40);
        assert!(
            matches!(open(&copy), Err(JournalError::Damaged { segment, .. }) if segment == name(1))
        );
    }
    let copy = disk.copied();
    copy.change(1, |bytes| bytes.truncate(10_000));
    damaged_at(&copy, 1, 10_000);
    let copy = disk.copied();
    copy.0.lock().unwrap().files.remove(&name(2));
    assert!(matches!(open(&copy), Err(JournalError::Missing { segment }) if segment == name(2)));
}

#[test]
fn a_frame_written_to_the_wrong_place_is_refused() {
    let disk = MemoryDisk::default();
    let (mut journal, _, _) = open(&disk).unwrap();
    fill(&mut journal, 4, 2);
    // An earlier frame, whole and sound, stands behind the last one, then over one in the middle.
    for target in [5, 3] {
        let copy = disk.copied();
        copy.change(1, |bytes| {
            bytes.copy_within(2 * BLOCK..3 * BLOCK, target * BLOCK)
        });
        damaged_at(&copy, 1, (target * BLOCK) as u64);
    }
}

#[test]
fn a_lost_write_in_the_middle_is_refused() {
    let disk = MemoryDisk::default();
    let (mut journal, _, _) = open(&disk).unwrap();
    fill(&mut journal, 4, 2);
    disk.change(1, |bytes| bytes[2 * BLOCK..3 * BLOCK].fill(0));
    damaged_at(&disk, 1, 2 * BLOCK as u64);
}

#[test]
fn a_newer_format_is_refused_by_name() {
    let disk = MemoryDisk::default();
    drop(open(&disk).unwrap());
    disk.change(1, |bytes| {
        bytes[8] = 2;
        let sum = crc32c::crc32c(&bytes[..60]);
        bytes[60..64].copy_from_slice(&sum.to_le_bytes());
    });
    let error = open(&disk).map(|_| ()).unwrap_err();
    assert!(
        matches!(
            error,
            JournalError::Newer {
                found: 2,
                known: 1,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn what_the_caller_cannot_take_over_is_named_with_its_frame() {
    let disk = MemoryDisk::default();
    let (mut journal, _, _) = open(&disk).unwrap();
    fill(&mut journal, 3, 2);
    let mut refuse = |sequence, _: &[u8]| match sequence {
        4 => Err("does not fit".to_owned()),
        _ => Ok(()),
    };
    match bopis_journal::read(&disk, &mut refuse) {
        Err(JournalError::Rejected {
            segment,
            offset,
            sequence,
            reason,
        }) => {
            assert_eq!((segment, offset, sequence), (name(1), 2 * BLOCK as u64, 4));
            assert_eq!(reason, "does not fit");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_first_segment_cut_within_its_header_is_no_new_journal() {
    for with_a_spare in [false, true] {
        let disk = MemoryDisk::default();
        let (mut journal, _, _) = open(&disk).unwrap();
        fill(&mut journal, 2, 3);
        if with_a_spare {
            journal.make_segment_ahead();
        }
        for size in usize::from(!with_a_spare)..64 {
            let zeros_behind = disk.copied();
            zeros_behind.change(1, |bytes| bytes[size..].fill(0));
            damaged_at(&zeros_behind, 1, 0);
            let cut = disk.copied();
            cut.change(1, |bytes| bytes.truncate(size));
            damaged_at(&cut, 1, 0);
        }
    }
}

#[test]
fn a_segment_that_lost_its_header_is_missed_if_the_next_one_was_made() {
    let disk = MemoryDisk::default();
    let (mut journal, _, _) = open(&disk).unwrap();
    while disk.0.lock().unwrap().files.len() < 3 {
        fill(&mut journal, 1, 100);
    }
    journal.make_segment_ahead();
    for index in [3, 4] {
        let last_in_use = disk.copied();
        last_in_use.change(index, |bytes| bytes.fill(0));
        if index == 3 {
            damaged_at(&last_in_use, 3, 0);
        } else {
            open(&last_in_use).unwrap();
        }
    }
}

#[test]
fn a_first_segment_without_any_byte_of_a_header_is_a_start_that_was_cut_short() {
    for size in [0, 5_000, 64 << 10] {
        let disk = MemoryDisk::with_file(&name(1), vec![0; size]);
        let (mut journal, _, records) = open(&disk).unwrap();
        assert!(records.is_empty());
        let written = fill(&mut journal, 2, 3);
        assert_eq!(open(&disk).unwrap().2, written);
    }
}
