//! Reads a journal from its first byte to its last, and tells a torn end from damage.
//!
//! | found | means |
//! | --- | --- |
//! | bytes after the last frame of the last segment that are no frame, and no sound frame beyond | the last write was cut short: a tail to cut |
//! | the same with a sound frame or a used segment beyond | damage: the frame was sealed |
//! | a sound frame that does not continue the chain | damage: a write went astray |
//! | a segment without a sound header, all zeros behind it, at the end | made ahead of use |
//! | the same as its first segment, with any byte of a header, or with another one behind it | damage |
//!
//! It may begin at an [`Anchor`], where a snapshot ends: at a segment whose header must continue what
//! the anchor says, whatever is left of the segments before it.

use crate::error::JournalError;
use crate::format::{is_zero, segment_index, segment_name, Frame, SegmentHeader, BLOCK, VERSION};
use crate::storage::{Access, Storage};
use crate::unused::{find_unused, lost_header, Unused};

const NO_HEADER: &str = "the segment's header is not as it was written";
/// A segment larger than this is none of ours.
pub(crate) const SEGMENT_BYTES_MAX: u64 = 4 << 30;

/// Takes records over: sequence and bytes; an error is a reason to refuse the journal.
pub type Visit<'a> = &'a mut dyn FnMut(u64, &[u8]) -> Result<(), String>;

/// A place between two segments, as whoever has all the records before it wrote it down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Which journal.
    pub journal_id: u128,
    /// The last record before it.
    pub sequence: u64,
    /// The index of the segment behind it.
    pub segment: u64,
    /// The checksum of the last frame before it.
    pub checksum: u32,
}

/// The end of a write that was cut short.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Name of the segment's file.
    pub segment: String,
    /// Where the torn bytes start.
    pub offset: u64,
    /// How many there are, to the last that is not zero.
    pub bytes: u64,
}

/// What a journal holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// Which journal; none: nothing was ever written.
    pub journal_id: Option<u128>,
    /// Its last record; 0: none.
    pub last_sequence: u64,
    /// The mark of the last frame; none: no frame yet.
    pub last_mark: Option<i64>,
    /// A torn tail.
    pub cut: Option<Cut>,
    /// The last frame holds records: nothing behind it proves that it was complete.
    pub unsealed: bool,
}

/// Where writing goes on.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) index: u64,
    pub(crate) segment_bytes: u64,
    pub(crate) position: u64,
    /// Where the last frame starts; 0: none in this segment, only its header.
    pub(crate) last: u64,
    pub(crate) previous: u32,
    /// The file is shorter than it was made.
    pub(crate) short: bool,
}

pub(crate) struct Scan {
    pub(crate) scanned: Scanned,
    /// None: no segment is in use.
    pub(crate) end: Option<End>,
    pub(crate) unused: Vec<Unused>,
}

/// Reads a whole journal without changing it; `visit` gets every record in order.
///
/// # Errors
/// `Damaged`, `Missing`, `Newer`, `Rejected`, `Io`.
pub fn read(storage: &dyn Storage, visit: Visit<'_>) -> Result<Scanned, JournalError> {
    read_after(storage, None, visit)
}

/// The same from `anchor` on, if there is one.
///
/// # Errors
/// As for [`read`].
pub fn read_after(
    storage: &dyn Storage,
    anchor: Option<&Anchor>,
    visit: Visit<'_>,
) -> Result<Scanned, JournalError> {
    Ok(scan(storage, anchor, visit)?.scanned)
}

pub(crate) fn scan(
    storage: &dyn Storage,
    anchor: Option<&Anchor>,
    visit: Visit<'_>,
) -> Result<Scan, JournalError> {
    let first = anchor.map_or(1, |anchor| anchor.segment);
    let indexes = indexes_from(storage, first)?;
    let unused = find_unused(storage, &indexes)?;
    let used = indexes.len() - unused.len();
    if let Some(lost) = lost_header(&unused) {
        return Err(JournalError::damaged(&segment_name(lost), 0, NO_HEADER));
    }
    if anchor.is_some() && used == 0 {
        // What the anchor was made of is proven by this segment's header.
        return match indexes.first() {
            None => Err(JournalError::Missing {
                segment: segment_name(first),
            }),
            Some(_) => Err(JournalError::damaged(&segment_name(first), 0, NO_HEADER)),
        };
    }
    let mut chain = Chain::new(anchor, visit);
    let mut end = None;
    let mut bytes = Vec::new();
    for (number, index) in indexes.iter().take(used).enumerate() {
        end = Some(chain.segment(storage, *index, number + 1 == used, &mut bytes)?);
    }
    Ok(Scan {
        scanned: chain.scanned,
        end,
        unused,
    })
}

/// The indexes of all segments from the first one that is wanted on.
pub(crate) fn indexes_from(storage: &dyn Storage, first: u64) -> Result<Vec<u64>, JournalError> {
    let names = storage
        .list()
        .map_err(JournalError::io("list the journal"))?;
    let indexes = names.iter().filter_map(|name| segment_index(name));
    let mut indexes: Vec<u64> = indexes.filter(|index| *index >= first).collect();
    indexes.sort_unstable();
    for (expected, found) in (first..).zip(&indexes) {
        if *found != expected {
            return Err(JournalError::Missing {
                segment: segment_name(expected),
            });
        }
    }
    Ok(indexes)
}

/// Reads a segment, or its first `most` bytes.
pub(crate) fn load(
    storage: &dyn Storage,
    index: u64,
    most: u64,
    into: &mut Vec<u8>,
) -> Result<(), JournalError> {
    let name = segment_name(index);
    let doing = || JournalError::io(format!("read {name}"));
    let file = storage.open(&name, Access::Read).map_err(doing())?;
    let size = file.size().map_err(doing())?;
    if size > SEGMENT_BYTES_MAX {
        return Err(JournalError::damaged(
            &name,
            SEGMENT_BYTES_MAX,
            "the file is too large",
        ));
    }
    into.clear();
    into.resize(usize::try_from(size.min(most)).unwrap_or(0), 0);
    let read = file.read_at(0, into).map_err(doing())?;
    into.truncate(read);
    Ok(())
}

/// Where the frames of a segment end, and where the last of them starts.
struct Frames {
    position: usize,
    last: usize,
}

pub(crate) struct Chain<'a> {
    visit: Visit<'a>,
    pub(crate) scanned: Scanned,
    pub(crate) previous: u32,
}

impl<'a> Chain<'a> {
    pub(crate) fn new(anchor: Option<&Anchor>, visit: Visit<'a>) -> Self {
        let scanned = Scanned {
            journal_id: anchor.map(|anchor| anchor.journal_id),
            last_sequence: anchor.map_or(0, |anchor| anchor.sequence),
            last_mark: None,
            cut: None,
            unsealed: false,
        };
        Self {
            visit,
            scanned,
            previous: anchor.map_or(0, |anchor| anchor.checksum),
        }
    }

    pub(crate) fn segment(
        &mut self,
        storage: &dyn Storage,
        index: u64,
        last: bool,
        bytes: &mut Vec<u8>,
    ) -> Result<End, JournalError> {
        let name = segment_name(index);
        load(storage, index, SEGMENT_BYTES_MAX, bytes)?;
        let header = self.header(&name, index, bytes)?;
        let short = (bytes.len() as u64) < header.segment_bytes;
        if short && !last {
            return Err(JournalError::damaged(
                &name,
                bytes.len() as u64,
                "the file ends early",
            ));
        }
        if bytes.len() as u64 > header.segment_bytes {
            let what = "the file is longer than the segment";
            return Err(JournalError::damaged(&name, header.segment_bytes, what));
        }
        // What is missing reads as zeros, and is judged as such.
        bytes.resize(usize::try_from(header.segment_bytes).unwrap_or(0), 0);
        let Frames { position, last } = self.frames(&name, header.journal_id, bytes, last)?;
        let (segment_bytes, previous) = (header.segment_bytes, self.previous);
        Ok(End {
            index,
            segment_bytes,
            position: position as u64,
            last: last as u64,
            previous,
            short,
        })
    }

    pub(crate) fn header(
        &mut self,
        name: &str,
        index: u64,
        bytes: &[u8],
    ) -> Result<SegmentHeader, JournalError> {
        let damaged = |what: &str| Err(JournalError::damaged(name, 0, what));
        let Some(header) = bytes.get(..BLOCK).and_then(SegmentHeader::decode) else {
            return damaged(NO_HEADER);
        };
        if header.version > VERSION {
            let (segment, found, known) = (name.to_owned(), header.version, VERSION);
            return Err(JournalError::Newer {
                segment,
                found,
                known,
            });
        }
        if header.index != index {
            return damaged("the header belongs to another segment");
        }
        if header.segment_bytes > SEGMENT_BYTES_MAX {
            return damaged("the header names an impossible size");
        }
        if *self.scanned.journal_id.get_or_insert(header.journal_id) != header.journal_id {
            return damaged("the segment belongs to another journal");
        }
        let next = self.scanned.last_sequence + 1;
        if header.first_sequence != next || header.previous != self.previous {
            return damaged(&format!(
                "the segment starts at record {} but the one before it leads to record {next}",
                header.first_sequence
            ));
        }
        self.scanned.unsealed = false;
        Ok(header)
    }

    /// Reads frames up to the first place that has none.
    fn frames(
        &mut self,
        name: &str,
        journal_id: u128,
        bytes: &[u8],
        last: bool,
    ) -> Result<Frames, JournalError> {
        let (mut position, mut last_frame) = (BLOCK, 0);
        while let Some(rest) = bytes.get(position..).filter(|rest| !rest.is_empty()) {
            match Frame::decode(journal_id, rest) {
                Ok(frame) => {
                    self.frame(name, position as u64, &frame)?;
                    last_frame = position;
                    position += crate::format::padded(frame.payload.len());
                }
                Err(_) if is_zero(rest) => break,
                Err(what) => {
                    if !last || has_frame(journal_id, rest) {
                        return Err(JournalError::damaged(name, position as u64, what));
                    }
                    self.scanned.cut = Some(Cut {
                        segment: name.to_owned(),
                        offset: position as u64,
                        bytes: rest
                            .iter()
                            .rposition(|byte| *byte != 0)
                            .map_or(0, |at| at + 1) as u64,
                    });
                    break;
                }
            }
        }
        Ok(Frames {
            position,
            last: last_frame,
        })
    }

    fn frame(&mut self, name: &str, offset: u64, frame: &Frame<'_>) -> Result<(), JournalError> {
        let next = self.scanned.last_sequence + 1;
        if frame.header.first_sequence != next || frame.header.previous != self.previous {
            let found = frame.header.first_sequence;
            let what = format!("a frame of record {found} stands where record {next} belongs");
            return Err(JournalError::damaged(name, offset, what));
        }
        let Some(records) = frame.records() else {
            return Err(JournalError::damaged(
                name,
                offset,
                "records do not fill their frame",
            ));
        };
        for record in records {
            let sequence = self.scanned.last_sequence + 1;
            (self.visit)(sequence, record).map_err(|reason| JournalError::Rejected {
                segment: name.to_owned(),
                offset,
                sequence,
                reason,
            })?;
            self.scanned.last_sequence = sequence;
        }
        self.previous = frame.checksum;
        self.scanned.last_mark = Some(frame.header.mark);
        self.scanned.unsealed = frame.header.count > 0;
        Ok(())
    }
}

/// Whether a sound frame starts at any later block.
fn has_frame(journal_id: u128, bytes: &[u8]) -> bool {
    let starts = (BLOCK..bytes.len()).step_by(BLOCK);
    starts
        .filter_map(|at| bytes.get(at..))
        .any(|rest| Frame::decode(journal_id, rest).is_ok())
}
