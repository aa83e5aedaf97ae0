//! Where the end of a journal begins, told from the headers of its segments.

use crate::error::JournalError;
use crate::format::{segment_index, segment_name, SegmentHeader, BLOCK};
use crate::storage::{Access, Storage};

/// The first record of the last `segments` segments that are in use; 1 if there are not so many.
/// Nothing is checked but headers.
///
/// # Errors
/// `Io`.
pub fn first_of_last(storage: &dyn Storage, segments: usize) -> Result<u64, JournalError> {
    let names = storage
        .list()
        .map_err(JournalError::io("list the journal"))?;
    let mut indexes: Vec<u64> = names
        .iter()
        .filter_map(|name| segment_index(name))
        .collect();
    indexes.sort_unstable();
    let mut left = segments;
    for index in indexes.iter().rev() {
        let Some(header) = header(storage, *index)? else {
            continue;
        };
        left = left.saturating_sub(1);
        if left == 0 {
            return Ok(header.first_sequence);
        }
    }
    Ok(1)
}

fn header(storage: &dyn Storage, index: u64) -> Result<Option<SegmentHeader>, JournalError> {
    let name = segment_name(index);
    let doing = || JournalError::io(format!("read {name}"));
    let file = storage.open(&name, Access::Read).map_err(doing())?;
    let mut block = vec![0; BLOCK];
    let read = file.read_at(0, &mut block).map_err(doing())?;
    block.truncate(read);
    Ok(SegmentHeader::decode(&block))
}
