//! A journal read from a place in its middle, and rid of what lies before it.

use std::io;
use std::sync::{Arc, Mutex};

use bopis_journal::{
    oldest_segment, read_after, read_sealed, retire, sealed_from, Access, Anchor, Journal,
    JournalError, Scanned, Sealed, Storage, StorageFile,
};

use crate::support::{fill, name, open, options, record, MemoryDisk, BLOCK, ID};

/// A journal of some segments, all of its records, and the anchor behind its first ones.
fn journal() -> (MemoryDisk, Vec<Vec<u8>>, Vec<Sealed>) {
    let disk = MemoryDisk::default();
    let (mut journal, _, _) = open(&disk).unwrap();
    let mut anchors = Vec::new();
    let mut all = Vec::new();
    while anchors.len() < 4 {
        all = fill(&mut journal, 3, 40);
        let sealed = read_sealed(&disk, None, &mut |_, _| Ok(())).unwrap();
        if let Some(sealed) = sealed.filter(|sealed| anchors.last() != Some(sealed)) {
            anchors.push(sealed);
        }
    }
    (disk, all, anchors)
}

type Read = Result<(Scanned, Vec<(u64, Vec<u8>)>), JournalError>;

fn records_after(disk: &MemoryDisk, anchor: &Anchor) -> Read {
    let mut records = Vec::new();
    let scanned = read_after(disk, Some(anchor), &mut |sequence, bytes: &[u8]| {
        records.push((sequence, bytes.to_vec()));
        Ok(())
    })?;
    Ok((scanned, records))
}

#[test]
fn what_lies_behind_an_anchor_is_read_whatever_is_left_of_what_lies_before() {
    let (disk, all, anchors) = journal();
    for removed in 0..anchors.len() as u64 {
        for Sealed { anchor, .. } in &anchors[removed as usize..] {
            let (scanned, records) = records_after(&disk, anchor).unwrap();
            assert_eq!((scanned.journal_id, scanned.cut), (Some(ID), None));
            assert_eq!(scanned.last_sequence, all.len() as u64);
            let first = anchor.sequence + 1;
            let expected = (first..=all.len() as u64).map(|at| (at, record(at)));
            assert!(records.into_iter().eq(expected));
        }
        disk.remove(&name(removed + 1)).unwrap();
    }
}

#[test]
fn writing_goes_on_behind_an_anchor_and_the_chain_holds() {
    let (disk, all, anchors) = journal();
    let anchor = anchors[2].anchor;
    assert_eq!(retire(&disk, &anchor).unwrap(), anchor.segment - 1);
    let opened = Journal::open_after(
        Arc::new(disk.clone()),
        options(),
        Some(&anchor),
        &mut |_, _| Ok(()),
    );
    let (mut journal, _) = opened.unwrap();
    assert_eq!(journal.next_sequence(), all.len() as u64 + 1);
    let more = fill(&mut journal, 20, 40);
    let (_, records) = records_after(&disk, &anchor).unwrap();
    assert_eq!(records.len() as u64, more.len() as u64 - anchor.sequence);
    assert!(records
        .iter()
        .all(|(at, bytes)| *bytes == more[*at as usize - 1]));
}

#[test]
fn a_retired_journal_is_not_taken_for_a_whole_one_and_a_gap_is_missing() {
    let (disk, _, anchors) = journal();
    let anchor = anchors[1].anchor;
    retire(&disk, &anchor).unwrap();
    assert_eq!(oldest_segment(&disk).unwrap(), Some(anchor.segment));
    let missing = |result: Result<(), JournalError>| match result {
        Err(JournalError::Missing { segment }) => segment,
        other => panic!("{other:?}"),
    };
    assert_eq!(missing(open(&disk).map(|_| ())), name(1));
    let before = anchors[0].anchor;
    assert_eq!(
        missing(records_after(&disk, &before).map(|_| ())),
        name(before.segment)
    );
    let gap = disk.copied();
    gap.remove(&name(anchor.segment + 1)).unwrap();
    assert_eq!(
        missing(records_after(&gap, &anchor).map(|_| ())),
        name(anchor.segment + 1)
    );
    let empty = MemoryDisk::default();
    let opened = Journal::open_after(
        Arc::new(empty.clone()),
        options(),
        Some(&anchor),
        &mut |_, _| Ok(()),
    );
    assert_eq!(missing(opened.map(|_| ())), name(anchor.segment));
    assert!(empty.0.lock().unwrap().files.is_empty(), "nothing is made");
}

#[test]
fn a_segment_that_does_not_continue_its_anchor_is_damage_and_retires_nothing() {
    let (disk, _, anchors) = journal();
    let sound = anchors[1].anchor;
    let other = anchors[2].anchor;
    let wrong = [
        Anchor {
            journal_id: ID + 1,
            ..sound
        },
        Anchor {
            sequence: sound.sequence - 1,
            ..sound
        },
        Anchor {
            checksum: sound.checksum ^ 1,
            ..sound
        },
        Anchor {
            segment: other.segment,
            ..sound
        },
    ];
    let files = disk.0.lock().unwrap().files.clone();
    for anchor in wrong {
        let read = records_after(&disk, &anchor);
        assert!(
            matches!(read, Err(JournalError::Damaged { offset: 0, .. })),
            "{anchor:?}"
        );
        let retired = retire(&disk, &anchor);
        assert!(
            matches!(retired, Err(JournalError::Damaged { offset: 0, .. })),
            "{anchor:?}"
        );
    }
    let gone = Anchor {
        segment: 99,
        ..sound
    };
    assert!(matches!(
        retire(&disk, &gone),
        Err(JournalError::Missing { .. })
    ));
    assert!(disk.0.lock().unwrap().files == files, "nothing was removed");
    // A header of zeros in front of zeros looks as if it was made ahead of use.
    disk.change(sound.segment, |bytes| bytes.fill(0));
    for index in sound.segment + 1..99 {
        disk.remove(&name(index)).unwrap();
    }
    let read = records_after(&disk, &sound);
    assert!(
        matches!(read, Err(JournalError::Damaged { offset: 0, .. })),
        "{read:?}"
    );
}

#[test]
fn only_segments_that_the_next_one_proves_are_sealed() {
    let (disk, _, anchors) = journal();
    let last = anchors.last().unwrap();
    assert_eq!(sealed_from(&disk, 1).unwrap(), last.anchor.segment - 1);
    assert_eq!(sealed_from(&disk, last.anchor.segment).unwrap(), 0);
    let after = |anchor: &Sealed| {
        let mut records = 0;
        let sealed = read_sealed(&disk, Some(&anchor.anchor), &mut |_, _| {
            records += 1;
            Ok(())
        });
        (sealed.unwrap(), records)
    };
    assert_eq!(after(last), (None, 0));
    let first = &anchors[0];
    let behind = last.anchor.sequence - first.anchor.sequence;
    assert_eq!(after(first), (Some(*last), behind));
    // Half a header, as a reader beside the writer may find it, proves nothing.
    let half = disk.copied();
    half.change(last.anchor.segment, |bytes| bytes[40..BLOCK].fill(0));
    let sealed = read_sealed(&half, None, &mut |_, _| Ok(()))
        .unwrap()
        .unwrap();
    assert_eq!(sealed.anchor.segment, last.anchor.segment - 1);
}

/// A disk whose flushes of names can fail, and what was asked of it.
#[derive(Default)]
struct Names {
    disk: MemoryDisk,
    fails: bool,
    asked: Mutex<Vec<String>>,
}

impl Names {
    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl Storage for Names {
    fn list(&self) -> io::Result<Vec<String>> {
        self.disk.list()
    }
    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        self.disk.create(name)
    }
    fn open(&self, name: &str, access: Access) -> io::Result<Box<dyn StorageFile>> {
        self.disk.open(name, access)
    }
    fn remove(&self, name: &str) -> io::Result<()> {
        self.asked.lock().unwrap().push(name.to_owned());
        self.disk.remove(name)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }
    fn sync_directory(&self) -> io::Result<()> {
        self.asked.lock().unwrap().push("flush".to_owned());
        if self.fails {
            return Err(io::Error::other("no flush"));
        }
        self.disk.sync_directory()
    }
    fn free_bytes(&self) -> io::Result<u64> {
        self.disk.free_bytes()
    }
}

/// Else a loss of power could keep the removal of a later segment and lose that of an earlier one.
#[test]
fn what_an_earlier_retirement_could_not_flush_is_flushed_before_more_goes() {
    let (disk, _, anchors) = journal();
    let mut names = Names {
        disk,
        fails: true,
        ..Names::default()
    };
    let anchor = anchors[2].anchor;
    names.disk.remove(&name(1)).unwrap();
    assert!(retire(&names, &anchor).is_err());
    assert_eq!(names.asked(), ["flush"]);
    names.fails = false;
    retire(&names, &anchor).unwrap();
    let one_by_one = (2..anchor.segment).flat_map(|index| [name(index), "flush".to_owned()]);
    let expected: Vec<String> = [String::from("flush")]
        .into_iter()
        .chain(one_by_one)
        .collect();
    assert_eq!(names.asked(), expected);
}
