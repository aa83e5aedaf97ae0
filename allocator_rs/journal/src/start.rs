//! What a start does before anything is written: the last segment made whole, and the one ahead.

use std::io;
use std::ops::Range;
use std::sync::atomic::AtomicBool;

use crate::error::JournalError;
use crate::format::{segment_name, SegmentHeader, BLOCK, VERSION};
use crate::journal::JournalOptions;
use crate::scan::End;
use crate::spare::{is_full, make};
use crate::storage::{Access, Storage, StorageFile};
use crate::unused::Unused;

/// Keeps a segment that was made ahead of use if it is whole; removes what is not.
pub(crate) fn keep_spare(
    storage: &dyn Storage,
    unused: &[Unused],
    index: u64,
    segment_bytes: u64,
) -> Result<bool, JournalError> {
    let mut ready = false;
    for found in unused {
        let name = segment_name(found.index);
        let doing = || JournalError::io(format!("take over {name}"));
        if found.index == index && found.blank && found.size == segment_bytes {
            let file = storage.open(&name, Access::WriteThrough).map_err(doing())?;
            file.sync().map_err(doing())?;
            ready = true;
        } else {
            storage.remove(&name).map_err(doing())?;
        }
    }
    Ok(ready)
}

pub(crate) fn first_segment(
    storage: &dyn Storage,
    options: &JournalOptions,
    ready: bool,
) -> Result<End, JournalError> {
    let doing = || JournalError::io("make the first segment");
    if !ready {
        make(storage, 1, options.segment_bytes, &AtomicBool::new(false)).map_err(|error| {
            if is_full(&error) {
                JournalError::DiskFull
            } else {
                doing()(error)
            }
        })?;
    }
    let file = storage
        .open(&segment_name(1), Access::WriteThrough)
        .map_err(doing())?;
    let header = SegmentHeader {
        version: VERSION,
        journal_id: options.new_journal_id,
        index: 1,
        first_sequence: 1,
        segment_bytes: options.segment_bytes,
        previous: 0,
    };
    file.write_at(0, &header.encode()).map_err(doing())?;
    let (segment_bytes, position) = (options.segment_bytes, BLOCK as u64);
    Ok(End {
        index: 1,
        segment_bytes,
        position,
        last: 0,
        previous: 0,
        short: false,
    })
}

/// Writes zeros over all that is not zero behind the last frame, and restores the file's size.
pub(crate) fn wipe(file: &dyn StorageFile, end: &End, torn: bool) -> io::Result<()> {
    if !torn && !end.short {
        return Ok(());
    }
    let size = file.size()?;
    let mut step = vec![0; 1 << 20];
    let mut at = end.position;
    while at < end.segment_bytes {
        let Range { start, end: stop } = at..end.segment_bytes.min(at + step.len() as u64);
        let length = usize::try_from(stop - start).unwrap_or(0);
        let part = step.get_mut(..length).unwrap_or_default();
        let read = file.read_at(start, part)?;
        let dirty = part.iter().any(|byte| *byte != 0);
        part.fill(0);
        if dirty || read < length || stop > size {
            file.write_at(start, part)?;
        }
        at = stop;
    }
    Ok(())
}

/// Writes the last frame, or the header of a segment without frames, once more: after a write that
/// failed its bytes may be in the page cache alone, and marked as written, so that a flush passes
/// them over. All before it is on the disk, for each write returned before the next began.
pub(crate) fn write_again(file: &dyn StorageFile, end: &End) -> io::Result<()> {
    let stop = end.position;
    let mut bytes = vec![0; usize::try_from(stop.saturating_sub(end.last)).unwrap_or(0)];
    file.read_at(end.last, &mut bytes)?;
    file.write_at(end.last, &bytes)
}
