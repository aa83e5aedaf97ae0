//! A bit of the journal turns while it lies on the disk.
//!
//! | where | expected |
//! | --- | --- |
//! | before the last frame, or in it when it is sealed | refused; segment and offset are named |
//! | in the last frame, without a seal behind it | looks like a torn tail: cut, or refused |
//! | behind it | cut; every record is found |
//!
//! Never is another record believed.

use bopis_journal::{Anchor, JournalError};

use crate::disk::SimDisk;
use crate::judge::checks::{violated, Check};
use crate::random::Random;
use crate::witness::{segment_name, Start, Witness};

/// Turns one bit of a copy of the platter, and reads it: from its first segment on, where `start`
/// says that it begins if that is not the first of all.
///
/// # Errors
/// What was read is wrong, or was not refused.
pub fn rot(disk: &SimDisk, digests: &[u64], start: Option<Start>, seed: u64) -> Check {
    let mut random = Random::new(seed);
    let mut files = disk.platter();
    let copy = SimDisk::with_files(files.clone());
    let mut witness = Witness::again(start, u64::MAX);
    if let Err(problem) = witness.look(&copy) {
        return violated("format", problem);
    }
    let used: Vec<usize> = (0..files.len())
        .filter(|at| files[*at].0 <= segment_name(witness.segment()))
        .collect();
    if used.is_empty() {
        return Ok(());
    }
    let (name, bytes) = &mut files[random.pick(&used)];
    let is_last = *name == segment_name(witness.segment());
    let end = if is_last {
        // Mostly where something is written, and a little behind it.
        bytes.len().min(witness.position() + 8_192)
    } else {
        bytes.len()
    };
    let at = random.index(end);
    let bit = random.below(8);
    bytes[at] ^= 1 << bit;
    let (name, place) = (name.clone(), at as u64);
    let may_be_lost = is_last && at >= witness.last_frame();
    let mut found = Vec::new();
    let anchor = start.map(|start| Anchor {
        journal_id: start.journal_id,
        sequence: start.sequence,
        segment: start.segment,
        checksum: start.previous,
    });
    let disk = SimDisk::with_files(files);
    let read = bopis_journal::read_after(&disk, anchor.as_ref(), &mut |_, record| {
        found.push(xxhash_rust::xxh3::xxh3_64(record));
        Ok(())
    });
    let before = start.map_or(0, |start| start.sequence);
    let digests = digests.get(before as usize..).unwrap_or_default();
    let turned = || format!("bit {bit} of byte {place} of {name} turned");
    if let Some(wrong) = found.iter().zip(digests).position(|(a, b)| a != b) {
        let what = format!("{}, record {} of those was believed", turned(), wrong + 1);
        return violated("rot", what);
    }
    match read {
        Ok(_) if found.len() >= digests.len() || may_be_lost => Ok(()),
        Ok(_) => {
            let what = format!("{}: {} of {} records", turned(), found.len(), digests.len());
            violated("rot", what)
        }
        Err(JournalError::Damaged {
            segment, offset, ..
        }) if segment == name && offset <= place => Ok(()),
        Err(error) => violated("rot", format!("{}: {error}", turned())),
    }
}
