//! Segments that are full: another process may read them while the journal is written, and remove
//! those that nobody needs any more.
//!
//! | a segment | is |
//! | --- | --- |
//! | with a sound header in the one behind it | sealed: never written again |
//! | any other | the writer's |
//!
//! | retiring up to an anchor | |
//! | --- | --- |
//! | the segment behind the anchor is not there, or does not continue it | nothing is removed |
//! | segments before it | removed, the oldest first: what is left has no gap |

use crate::error::JournalError;
use crate::format::{segment_index, segment_name, SegmentHeader, BLOCK};
use crate::scan::{indexes_from, load, Anchor, Chain, Visit};
use crate::storage::Storage;

/// What the sealed segments hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// The place behind them.
    pub anchor: Anchor,
    /// The mark of their last frame; none: no frame was read.
    pub last_mark: Option<i64>,
}

/// Reads all sealed segments, from the first record or from `anchor` on; `visit` gets every record
/// in order. None: there are none.
///
/// # Errors
/// `Damaged`, `Missing`, `Newer`, `Rejected`, `Io`.
pub fn read_sealed(
    storage: &dyn Storage,
    anchor: Option<&Anchor>,
    visit: Visit<'_>,
) -> Result<Option<Sealed>, JournalError> {
    let indexes = indexes_from(storage, anchor.map_or(1, |anchor| anchor.segment))?;
    if let (Some(anchor), []) = (anchor, &*indexes) {
        return Err(JournalError::Missing {
            segment: segment_name(anchor.segment),
        });
    }
    let mut chain = Chain::new(anchor, visit);
    let (mut sealed, mut bytes) = (None, Vec::new());
    for index in indexes {
        let next = index + 1;
        if !has_header(storage, next)? {
            break;
        }
        chain.segment(storage, index, false, &mut bytes)?;
        load(storage, next, BLOCK as u64, &mut bytes)?;
        let header = chain.header(&segment_name(next), next, &bytes)?;
        sealed = Some(Sealed {
            anchor: Anchor {
                journal_id: header.journal_id,
                sequence: chain.scanned.last_sequence,
                segment: next,
                checksum: chain.previous,
            },
            last_mark: chain.scanned.last_mark,
        });
    }
    Ok(sealed)
}

/// How many segments are sealed from the one with this index on.
///
/// # Errors
/// `Io`.
pub fn sealed_from(storage: &dyn Storage, first: u64) -> Result<u64, JournalError> {
    let mut next = first.saturating_add(1);
    while has_header(storage, next)? {
        next += 1;
    }
    Ok(next - first.saturating_add(1))
}

/// About how many records there are, from headers alone: those before the last segment in use.
///
/// # Errors
/// `Io`.
pub fn about_records(storage: &dyn Storage) -> Result<u64, JournalError> {
    let mut bytes = Vec::new();
    let mut last = 0;
    for index in indexes(storage)? {
        load(storage, index, BLOCK as u64, &mut bytes)?;
        let header = SegmentHeader::decode(&bytes);
        last = last.max(header.map_or(0, |header| header.first_sequence.saturating_sub(1)));
    }
    Ok(last)
}

/// The index of the first segment that is there; none: there is no journal.
///
/// # Errors
/// `Io`.
pub fn oldest_segment(storage: &dyn Storage) -> Result<Option<u64>, JournalError> {
    Ok(indexes(storage)?.into_iter().min())
}

/// Removes the segments before an anchor; how many.
///
/// # Errors
/// `Missing` and `Damaged` if the segment behind the anchor does not continue it: nothing is removed
/// then. `Io`.
pub fn retire(storage: &dyn Storage, anchor: &Anchor) -> Result<u64, JournalError> {
    let mut bytes = Vec::new();
    let name = segment_name(anchor.segment);
    if !indexes(storage)?.contains(&anchor.segment) {
        return Err(JournalError::Missing { segment: name });
    }
    load(storage, anchor.segment, BLOCK as u64, &mut bytes)?;
    Chain::new(Some(anchor), &mut |_, _| Ok(())).header(&name, anchor.segment, &bytes)?;
    let mut old = indexes(storage)?;
    old.retain(|index| *index < anchor.segment);
    old.sort_unstable();
    let flushed = |doing: &str| storage.sync_directory().map_err(JournalError::io(doing));
    if !old.is_empty() {
        // What an earlier call removed and could not flush.
        flushed("flush the journal's folder")?;
    }
    for index in &old {
        let name = segment_name(*index);
        let doing = format!("remove {name}");
        storage
            .remove(&name)
            .map_err(JournalError::io(doing.as_str()))?;
        // One by one: of several a loss of power may keep any.
        flushed(&doing)?;
    }
    Ok(old.len() as u64)
}

fn indexes(storage: &dyn Storage) -> Result<Vec<u64>, JournalError> {
    let names = storage
        .list()
        .map_err(JournalError::io("list the journal"))?;
    let indexes = names.iter().filter_map(|name| segment_index(name));
    Ok(indexes.collect())
}

/// Whether a segment is there and in use. Its header is written at once: half of it is none.
fn has_header(storage: &dyn Storage, index: u64) -> Result<bool, JournalError> {
    if !indexes(storage)?.contains(&index) {
        return Ok(false);
    }
    let mut bytes = Vec::new();
    load(storage, index, BLOCK as u64, &mut bytes)?;
    Ok(SegmentHeader::decode(&bytes).is_some())
}
