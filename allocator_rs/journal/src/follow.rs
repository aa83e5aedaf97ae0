//! Reads a journal beside its writer: frame by frame, without a lock and without changing anything.
//!
//! | found where the next frame belongs | means |
//! | --- | --- |
//! | a sound frame, and a frame or a segment in use behind it | proven: its write returned before the next began |
//! | a sound frame with nothing behind it | complete; its write may still be in flight |
//! | no frame, and no further segment in use | nothing yet: ask again |
//! | no frame, though a further segment is in use | the end of this segment if all is zeros, else damage |
//! | a sound frame or segment that does not continue the chain | damage |
//!
//! It begins with the earliest segment that is there.

use std::io;
use std::sync::Arc;

use crate::error::JournalError;
use crate::format::{
    claimed_bytes, is_zero, padded, segment_index, segment_name, Frame, SegmentHeader, BLOCK,
    VERSION,
};
use crate::scan::Visit;
use crate::storage::{Access, Storage, StorageFile};

/// Read at once where the next frame is looked for.
const WINDOW: u64 = 1 << 20;

/// How sure a frame must be before it is handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Its write has returned: what is read was, or may have been, acknowledged, and stays.
    Proven,
    /// Its bytes are whole. Only with no writer at work, or for a copy that is flushed anew.
    Complete,
}

/// How far a follower came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Which journal.
    pub journal_id: u128,
    /// The last record that was handed over.
    pub sequence: u64,
    /// The segments up to there: file name, and bytes up to the end of the last frame.
    pub segments: Vec<(String, u64)>,
}

/// A segment in use: its header, and the file.
type InUse = (SegmentHeader, Box<dyn StorageFile>);

/// Where the next frame belongs.
struct Place {
    index: u64,
    file: Box<dyn StorageFile>,
    segment_bytes: u64,
    position: u64,
    /// Bytes of the segment as they were last read; those from `position` on start at `begin`.
    window: Vec<u8>,
    begin: usize,
}

/// A reader that goes on where it stopped.
pub struct Follower {
    storage: Arc<dyn Storage>,
    journal_id: u128,
    place: Option<Place>,
    sequence: u64,
    previous: u32,
    /// Segments that were read to their end.
    left: Vec<(String, u64)>,
}

impl Follower {
    /// Before the first record.
    #[must_use]
    pub fn new(storage: Arc<dyn Storage>) -> Self {
        Self {
            storage,
            journal_id: 0,
            place: None,
            sequence: 0,
            previous: 0,
            left: Vec::new(),
        }
    }

    /// Hands over what there is, whole frames, until `records_max` is reached or passed; how many.
    ///
    /// # Errors
    /// `Damaged`, `Newer`, `Rejected`, `Io`.
    pub fn read(
        &mut self,
        until: Until,
        records_max: usize,
        visit: Visit<'_>,
    ) -> Result<usize, JournalError> {
        let mut handed = 0;
        while handed < records_max {
            match self.frame(until, visit)? {
                Some(count) => handed += count,
                None => break,
            }
        }
        Ok(handed)
    }

    /// How far it came; none: no segment is in use yet.
    #[must_use]
    pub fn reached(&self) -> Option<Reached> {
        let place = self.place.as_ref()?;
        let mut segments = self.left.clone();
        segments.push((segment_name(place.index), place.position));
        Some(Reached {
            journal_id: self.journal_id,
            sequence: self.sequence,
            segments,
        })
    }

    /// Takes one step: a frame, or into the next segment. None: there is nothing more for now.
    fn frame(&mut self, until: Until, visit: Visit<'_>) -> Result<Option<usize>, JournalError> {
        let Some(mut place) = self
            .place
            .take()
            .map_or_else(|| self.first(), |at| Ok(Some(at)))?
        else {
            return Ok(None);
        };
        let step = self.step(&mut place, until, visit);
        self.place.get_or_insert(place);
        step
    }

    fn step(
        &mut self,
        place: &mut Place,
        until: Until,
        visit: Visit<'_>,
    ) -> Result<Option<usize>, JournalError> {
        let name = segment_name(place.index);
        let reading = || JournalError::io(format!("read {name}"));
        if !place.has_frame(self.journal_id, 0).map_err(reading())? {
            if self.header(place.index + 1)?.is_none() {
                return Ok(None);
            }
            // The writer left this segment before it began the next: all of it is there by now.
            if !place.has_frame(self.journal_id, 0).map_err(reading())? {
                return self.enter_next(place, name);
            }
        }
        let (length, checksum) = match Frame::decode(self.journal_id, place.rest()) {
            Ok(frame) => (padded(frame.payload.len()), frame.checksum),
            Err(what) => return Err(JournalError::damaged(&name, place.position, what)),
        };
        let is_proven = until == Until::Complete
            || place
                .has_frame(self.journal_id, length)
                .map_err(reading())?
            || self.continues(place.index + 1, checksum)?;
        if !is_proven {
            return Ok(None);
        }
        let count = self.hand_over(&name, place, visit)?;
        place.position += length as u64;
        place.begin += length;
        Ok(Some(count))
    }

    fn enter_next(
        &mut self,
        place: &mut Place,
        name: String,
    ) -> Result<Option<usize>, JournalError> {
        place.check_rest(&name)?;
        self.place = self.segment(place.index + 1)?;
        self.left.push((name, place.position));
        Ok(Some(0))
    }

    fn hand_over(
        &mut self,
        name: &str,
        place: &Place,
        visit: Visit<'_>,
    ) -> Result<usize, JournalError> {
        let offset = place.position;
        let damaged = |what: &str| JournalError::damaged(name, offset, what);
        let frame = Frame::decode(self.journal_id, place.rest()).map_err(damaged)?;
        let next = self.sequence + 1;
        if frame.header.first_sequence != next || frame.header.previous != self.previous {
            let found = frame.header.first_sequence;
            let what = format!("a frame of record {found} stands where record {next} belongs");
            return Err(damaged(&what));
        }
        let records = frame.records();
        let records = records.ok_or_else(|| damaged("records do not fill their frame"))?;
        for record in &records {
            let sequence = self.sequence + 1;
            visit(sequence, record).map_err(|reason| JournalError::Rejected {
                segment: name.to_owned(),
                offset,
                sequence,
                reason,
            })?;
            self.sequence = sequence;
        }
        self.previous = frame.checksum;
        Ok(records.len())
    }

    /// The earliest segment, if it is in use.
    fn first(&mut self) -> Result<Option<Place>, JournalError> {
        let names = self.storage.list();
        let names = names.map_err(JournalError::io("list the journal"))?;
        let Some(index) = names.iter().filter_map(|name| segment_index(name)).min() else {
            return Ok(None);
        };
        let Some((header, _)) = self.header(index)? else {
            return Ok(None);
        };
        self.journal_id = header.journal_id;
        self.sequence = header.first_sequence.saturating_sub(1);
        self.previous = header.previous;
        self.segment(index)
    }

    /// A segment that follows what was read, if it is in use.
    fn segment(&self, index: u64) -> Result<Option<Place>, JournalError> {
        let Some((header, file)) = self.header(index)? else {
            return Ok(None);
        };
        let name = segment_name(index);
        if header.journal_id != self.journal_id || header.index != index {
            let what = "the segment belongs to another journal or place";
            return Err(JournalError::damaged(&name, 0, what));
        }
        let next = self.sequence + 1;
        if header.first_sequence != next || header.previous != self.previous {
            let found = header.first_sequence;
            let what = format!(
                "the segment starts at record {found} but the one before it leads to record {next}"
            );
            return Err(JournalError::damaged(&name, 0, what));
        }
        Ok(Some(Place {
            index,
            file,
            segment_bytes: header.segment_bytes,
            position: BLOCK as u64,
            window: Vec::new(),
            begin: 0,
        }))
    }

    /// Whether a segment in use continues behind a frame.
    fn continues(&self, index: u64, checksum: u32) -> Result<bool, JournalError> {
        let header = self.header(index)?;
        Ok(header.is_some_and(|(header, _)| header.previous == checksum))
    }

    fn header(&self, index: u64) -> Result<Option<InUse>, JournalError> {
        let name = segment_name(index);
        let reading = || JournalError::io(format!("read {name}"));
        let file = match self.storage.open(&name, Access::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(reading()(error)),
        };
        let mut block = vec![0; BLOCK];
        file.read_at(0, &mut block).map_err(reading())?;
        let Some(header) = SegmentHeader::decode(&block) else {
            return Ok(None);
        };
        if header.version > VERSION {
            let (segment, found, known) = (name, header.version, VERSION);
            return Err(JournalError::Newer {
                segment,
                found,
                known,
            });
        }
        Ok(Some((header, file)))
    }
}

impl Place {
    fn rest(&self) -> &[u8] {
        self.window.get(self.begin..).unwrap_or_default()
    }

    /// Whether a sound frame starts `ahead` bytes behind the position; `rest` holds it then.
    fn has_frame(&mut self, journal_id: u128, ahead: usize) -> io::Result<bool> {
        if self.holds_frame(journal_id, ahead) {
            return Ok(true);
        }
        // What is there may be older than what was written since.
        self.fill(ahead as u64 + WINDOW)?;
        let claimed = self.rest().get(ahead..).map_or(0, claimed_bytes);
        if ahead.saturating_add(claimed) > self.rest().len() {
            self.fill(ahead.saturating_add(claimed) as u64)?;
        }
        Ok(self.holds_frame(journal_id, ahead))
    }

    fn holds_frame(&self, journal_id: u128, ahead: usize) -> bool {
        let rest = self.rest().get(ahead..);
        rest.is_some_and(|rest| Frame::decode(journal_id, rest).is_ok())
    }

    fn fill(&mut self, bytes: u64) -> io::Result<()> {
        let bytes = bytes.min(self.segment_bytes.saturating_sub(self.position));
        self.begin = 0;
        self.window.clear();
        self.window.resize(usize::try_from(bytes).unwrap_or(0), 0);
        let read = self.file.read_at(self.position, &mut self.window)?;
        self.window.truncate(read);
        Ok(())
    }

    /// Behind the last frame of a segment that is not the last there are zeros.
    fn check_rest(&mut self, name: &str) -> Result<(), JournalError> {
        self.fill(u64::MAX)
            .map_err(JournalError::io(format!("read {name}")))?;
        if is_zero(self.rest()) {
            return Ok(());
        }
        let what = "a frame is not as it was written";
        Err(JournalError::damaged(name, self.position, what))
    }
}
