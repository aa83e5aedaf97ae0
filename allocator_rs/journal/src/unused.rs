//! Segments at the end of a journal that nothing was written into.
//!
//! | found | means |
//! | --- | --- |
//! | one, without a sound header | made ahead of use, or its header was torn |
//! | two or more | the first of them lost its header: the next was made when it had one |
//! | the first of the journal, with any byte of a header | it lost its header, and perhaps all behind |

use crate::error::JournalError;
use crate::format::{is_zero, SegmentHeader, BLOCK};
use crate::scan::{load, SEGMENT_BYTES_MAX};
use crate::storage::Storage;

/// One of them.
pub(crate) struct Unused {
    pub(crate) index: u64,
    pub(crate) size: u64,
    /// All of its bytes are zeros.
    pub(crate) blank: bool,
}

/// The segments behind the last one in use, which is the last with a sound header, or with any
/// other bytes than zeros behind its first block.
pub(crate) fn find_unused(
    storage: &dyn Storage,
    indexes: &[u64],
) -> Result<Vec<Unused>, JournalError> {
    let mut unused = Vec::new();
    let mut bytes = Vec::new();
    for index in indexes.iter().rev() {
        load(storage, *index, BLOCK as u64, &mut bytes)?;
        if SegmentHeader::decode(&bytes).is_some() {
            break;
        }
        load(storage, *index, SEGMENT_BYTES_MAX, &mut bytes)?;
        if !bytes.get(BLOCK..).is_none_or(is_zero) {
            break;
        }
        let blank = is_zero(&bytes);
        unused.push(Unused {
            index: *index,
            size: bytes.len() as u64,
            blank,
        });
    }
    unused.reverse();
    Ok(unused)
}

/// The segment that lost its header, and so perhaps all behind it. Each is made when the one before
/// it has its header; the header is in one sector, of which a torn write leaves all or nothing.
pub(crate) fn lost_header(unused: &[Unused]) -> Option<u64> {
    match unused {
        [lost, _, ..] => Some(lost.index),
        [first] if first.index == 1 && !first.blank => Some(1),
        _ => None,
    }
}
