//! Journals, changed: their bits, blocks, headers and files.

use std::sync::Arc;

use bopis_journal::{Journal, JournalOptions, RecordBuffer};
use crc32c::crc32c_append;

use super::mutate::flip;
use crate::disk::{SimDisk, BLOCK};
use crate::random::Random;
use crate::witness::segment_name;

const ID: u128 = 7;

/// What a forged field gets: no size that would only fill the memory.
const FORGED: [i64; 9] = [
    i64::MIN,
    -1,
    0,
    1,
    4_096,
    65_536,
    8_589_934_592,
    i64::MAX - 1,
    i64::MAX,
];

type Files = Vec<(String, Vec<u8>)>;

fn options() -> JournalOptions {
    JournalOptions {
        segment_bytes: 4 * BLOCK as u64,
        frame_bytes_max: 2 * BLOCK,
        background: false,
        ..JournalOptions::new(ID)
    }
}

fn open(disk: &SimDisk) -> Result<(Journal, Vec<Vec<u8>>), String> {
    let mut records = Vec::new();
    let opened = Journal::open(Arc::new(disk.clone()), options(), &mut |_, record| {
        records.push(record.to_vec());
        Ok(())
    });
    let (journal, _) = opened.map_err(|error| error.to_string())?;
    Ok((journal, records))
}

fn append(random: &mut Random, journal: &mut Journal) -> Result<Vec<Vec<u8>>, String> {
    let mut records = Vec::new();
    let mut buffer = RecordBuffer::new();
    for _ in 0..=random.below(4) {
        let length = match random.below(5) {
            0 => random.index(6_000),
            1 => 0,
            _ => random.index(90),
        };
        let record: Vec<u8> = (0..length).map(|_| random.any() as u8).collect();
        buffer.push(|out| out.extend_from_slice(&record));
        records.push(record);
    }
    journal
        .append(&buffer, random.any().cast_signed())
        .map_err(|error| error.to_string())?;
    Ok(records)
}

/// Sound files, and the records in them.
fn sound(random: &mut Random) -> Result<(Files, Vec<Vec<u8>>), String> {
    let disk = SimDisk::new();
    let (mut journal, mut records) = open(&disk)?;
    for _ in 0..random.below(12) {
        records.extend(append(random, &mut journal)?);
        if random.once_in(4) {
            let sealed = journal.seal(random.any().cast_signed());
            sealed.map_err(|error| error.to_string())?;
        }
    }
    if random.once_in(3) {
        journal.make_segment_ahead();
    }
    Ok((disk.platter(), records))
}

/// Makes one change; true: the bytes are forged, with checksums that fit.
fn change(random: &mut Random, files: &mut Files) -> bool {
    let file = random.index(files.len());
    let bytes = &mut files[file].1;
    let blocks = (bytes.len() / BLOCK).max(1);
    let (from, to) = (random.index(blocks) * BLOCK, random.index(blocks) * BLOCK);
    match random.below(11) {
        0 | 1 => {
            let at = random.index(bytes.len());
            flip(random, bytes, at);
        }
        2 => {
            let at = from + random.index(64);
            flip(random, bytes, at);
        }
        3 if bytes.len() >= BLOCK => bytes.copy_within(from..from + BLOCK, to),
        4 if bytes.len() >= BLOCK => bytes[from..from + BLOCK].fill(0),
        5 => bytes.truncate(random.index(bytes.len())),
        6 => bytes.extend((0..random.below(5_000)).map(|at| (at % 3) as u8)),
        7 => drop(files.remove(file)),
        8 => {
            let index = random.pick(&[0, 1, 2, 3, 9, u64::MAX]);
            files.push((segment_name(index), files[file].1.clone()));
        }
        9 => return forge(random, bytes, from),
        _ => files[file].0.push_str(".old"),
    }
    false
}

/// Overwrites a field of a header or frame and mends its checksum.
fn forge(random: &mut Random, bytes: &mut [u8], at: usize) -> bool {
    let Some(block) = bytes.get_mut(at..) else {
        return false;
    };
    if block.len() < BLOCK {
        return false;
    }
    let field = random.index(8) * 4 + 8;
    let value = random.pick(&FORGED).to_le_bytes();
    let width = random.pick(&[4, 8]);
    if block.starts_with(b"BOPISSEG") {
        block[field..field + width].copy_from_slice(&value[..width]);
        let sum = crc32c_append(0, &block[..60]);
        block[60..64].copy_from_slice(&sum.to_le_bytes());
        return true;
    }
    if !block.starts_with(b"BOPISFRM") {
        return false;
    }
    // A field of the header, or the length of the first record.
    let field = if random.once_in(3) {
        40
    } else {
        field.min(36 - width)
    };
    block[field..field + width].copy_from_slice(&value[..width]);
    let length = u32::from_le_bytes([block[28], block[29], block[30], block[31]]) as usize;
    let stop = 40_usize.saturating_add(length).min(block.len());
    let mut sum = crc32c_append(0, &ID.to_le_bytes());
    sum = crc32c_append(crc32c_append(sum, &block[..36]), &block[40..stop]);
    block[36..40].copy_from_slice(&sum.to_le_bytes());
    true
}

/// One journal, changed and opened.
///
/// # Errors
/// A record was found that was never written, or what is written afterwards is not found.
pub fn case(random: &mut Random) -> Result<(), String> {
    let (mut files, records) = sound(random)?;
    let mut is_forged = false;
    for _ in 0..=random.below(3) {
        if !files.is_empty() {
            is_forged |= change(random, &mut files);
        }
    }
    // A name can be there once.
    files.reverse();
    let mut seen = std::collections::BTreeSet::new();
    files.retain(|(name, _)| seen.insert(name.clone()));
    let disk = SimDisk::with_files(files);
    let Ok((mut journal, found)) = open(&disk) else {
        return Ok(());
    };
    if !is_forged && !records.starts_with(&found) {
        return Err(format!(
            "{} records, other {} found",
            records.len(),
            found.len()
        ));
    }
    let more = append(random, &mut journal)?;
    drop(journal);
    let (_, again) = open(&disk)?;
    if again != [found, more].concat() {
        return Err("what was written after recovery is not found".to_owned());
    }
    Ok(())
}
