//! The writing side. One write is in flight at a time; each is on the disk when it returns.

use std::sync::Arc;

use crate::buffer::RecordBuffer;
use crate::error::JournalError;
use crate::format::{
    padded, segment_name, FrameHeader, SegmentHeader, BLOCK, FRAME_HEADER, VERSION,
};
use crate::scan::{scan, Anchor, Scan, Scanned, Visit};
use crate::spare::Spare;
use crate::start::{first_segment, keep_spare, wipe, write_again};
use crate::storage::{Access, Storage, StorageFile};

/// How a journal is written.
#[derive(Clone, Copy, Debug)]
pub struct JournalOptions {
    /// Size of new segments: a multiple of 4 KiB, at least 16 KiB.
    pub segment_bytes: u64,
    /// Records of one write, in bytes, unless one record alone is larger.
    pub frame_bytes_max: usize,
    /// Make the next segment on a thread ahead of use; otherwise when it is needed (simulation).
    pub background: bool,
    /// Identity of a journal that is made new. Random.
    pub new_journal_id: u128,
}

impl JournalOptions {
    /// The settings of production.
    #[must_use]
    pub const fn new(new_journal_id: u128) -> Self {
        Self {
            segment_bytes: 64 << 20,
            frame_bytes_max: 1 << 20,
            background: true,
            new_journal_id,
        }
    }
}

/// How much can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// The next segment is there, or there is no sign that it will not be.
    Ample,
    /// The disk is full: only so many bytes are left, in the segment in use.
    Bytes(u64),
}

/// A journal open for writing.
pub struct Journal {
    storage: Arc<dyn Storage>,
    options: JournalOptions,
    journal_id: u128,
    file: Box<dyn StorageFile>,
    index: u64,
    segment_bytes: u64,
    position: u64,
    next_sequence: u64,
    previous: u32,
    sealed: bool,
    failed: bool,
    /// The first record of a write that ran out of room behind some of its frames.
    begun: Option<u64>,
    frame: Vec<u8>,
    spare: Spare,
}

impl Journal {
    /// Reads the whole journal through `visit`, cuts a torn tail, makes the last write durable and
    /// opens for writing. A folder without a journal gets a new one.
    ///
    /// # Errors
    /// `Damaged`, `Missing`, `Newer`, `Rejected`: nothing was changed then. `DiskFull`, `Io`.
    pub fn open(
        storage: Arc<dyn Storage>,
        options: JournalOptions,
        visit: Visit<'_>,
    ) -> Result<(Self, Scanned), JournalError> {
        Self::open_after(storage, options, None, visit)
    }

    /// The same from `anchor` on, if there is one: a folder without a journal is an error then.
    ///
    /// # Errors
    /// As for [`Journal::open`].
    pub fn open_after(
        storage: Arc<dyn Storage>,
        options: JournalOptions,
        anchor: Option<&Anchor>,
        visit: Visit<'_>,
    ) -> Result<(Self, Scanned), JournalError> {
        Self::open_when(storage, options, anchor, visit, &mut || Ok(()))
    }

    /// The same; `ready` is asked once all records are visited and nothing is changed yet.
    ///
    /// # Errors
    /// As for [`Journal::open`]; what `ready` says.
    pub fn open_when(
        storage: Arc<dyn Storage>,
        options: JournalOptions,
        anchor: Option<&Anchor>,
        visit: Visit<'_>,
        ready: &mut dyn FnMut() -> Result<(), JournalError>,
    ) -> Result<(Self, Scanned), JournalError> {
        let options = checked(options);
        let Scan {
            scanned,
            end,
            unused,
        } = scan(storage.as_ref(), anchor, visit)?;
        ready()?;
        let spare_index = end.as_ref().map_or(1, |end| end.index + 1);
        let ready = keep_spare(
            storage.as_ref(),
            &unused,
            spare_index,
            options.segment_bytes,
        )?;
        let journal_id = scanned.journal_id.unwrap_or(options.new_journal_id);
        let (end, spare_index, ready) = match end {
            Some(end) => (end, spare_index, ready),
            None => (first_segment(storage.as_ref(), &options, ready)?, 2, false),
        };
        let name = segment_name(end.index);
        let doing = || JournalError::io(format!("open {name} for writing"));
        let file = storage.open(&name, Access::WriteThrough).map_err(doing())?;
        write_again(file.as_ref(), &end).map_err(doing())?;
        wipe(file.as_ref(), &end, scanned.cut.is_some()).map_err(doing())?;
        // What was read may be in the page cache only: it is shown to people from now on.
        file.sync().map_err(doing())?;
        storage.sync_directory().map_err(doing())?;
        let background = options.background;
        let spare = Spare::new(
            Arc::clone(&storage),
            spare_index,
            ready,
            options.segment_bytes,
            background,
        )
        .map_err(JournalError::io("start the thread that makes segments"))?;
        let journal = Self {
            storage,
            options,
            journal_id,
            file,
            index: end.index,
            segment_bytes: end.segment_bytes,
            position: end.position,
            next_sequence: scanned.last_sequence + 1,
            previous: end.previous,
            sealed: !scanned.unsealed,
            failed: false,
            begun: None,
            frame: Vec::new(),
            spare,
        };
        Ok((journal, scanned))
    }

    /// Which journal.
    #[must_use]
    pub const fn journal_id(&self) -> u128 {
        self.journal_id
    }

    /// The sequence that the next record gets.
    #[must_use]
    pub const fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Whether something on the disk proves that the last record is complete.
    #[must_use]
    pub const fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// Largest record in bytes.
    #[must_use]
    pub fn record_bytes_max(&self) -> usize {
        payload_max(self.options.segment_bytes.min(self.segment_bytes)) - 4
    }

    /// Size of the segment in use.
    #[must_use]
    pub const fn segment_bytes(&self) -> u64 {
        self.segment_bytes
    }

    /// How much can be written, as far as is known.
    #[must_use]
    pub fn room(&self) -> Room {
        if self.spare.is_full() {
            Room::Bytes(self.segment_bytes - self.position)
        } else {
            Room::Ample
        }
    }

    /// Makes the next segment now if it is not there, as the thread does that there is in
    /// production. What comes of it is seen by [`Journal::room`] and the next append.
    pub fn make_segment_ahead(&self) {
        self.spare.make_now();
    }

    /// Writes the records, and returns when they are on the disk. `mark` is the caller's: the last
    /// one is told by recovery.
    ///
    /// # Errors
    /// `TooLarge`: nothing was written, the journal goes on. `DiskFull`: it goes on as well, but
    /// with the same records only, of which it may have written the first. Anything else: it has
    /// failed, what is on the disk is unknown until recovery, and nothing is written ever again.
    pub fn append(&mut self, records: &RecordBuffer, mark: i64) -> Result<(), JournalError> {
        self.check_alive()?;
        if records.is_empty() {
            return Ok(());
        }
        let limit = self.record_bytes_max();
        let bytes = records.largest().saturating_sub(4);
        if bytes > limit {
            return Err(JournalError::TooLarge { bytes, limit });
        }
        let first = *self.begun.get_or_insert(self.next_sequence);
        let payloads = records.payloads(self.options.frame_bytes_max.min(limit + 4));
        let starts = payloads.iter().scan(first, |next, (count, _)| {
            let start = *next;
            *next += u64::from(*count);
            Some(start)
        });
        let written = starts
            .take_while(|start| *start < self.next_sequence)
            .count();
        let missing = payloads.get(written..).unwrap_or_default();
        let total: u64 = missing
            .iter()
            .map(|(_, payload)| padded(payload.len()) as u64)
            .sum();
        if total > self.segment_bytes - self.position {
            // Known before the first write: one that needs one segment is written whole or not.
            self.spare
                .wait_ready()
                .inspect_err(|error| self.note(error))?;
        }
        for (count, payload) in missing {
            self.write(*count, payload, mark)
                .inspect_err(|error| self.note(error))?;
        }
        self.begun = None;
        Ok(())
    }

    /// Writes an empty frame behind the last record, which proves from then on that the record was
    /// complete, and keeps `mark`.
    ///
    /// # Errors
    /// As for [`Journal::append`].
    pub fn seal(&mut self, mark: i64) -> Result<(), JournalError> {
        self.check_alive()?;
        self.write(0, &[], mark)
            .inspect_err(|error| self.note(error))
    }

    const fn check_alive(&self) -> Result<(), JournalError> {
        if self.failed {
            return Err(JournalError::Failed);
        }
        Ok(())
    }

    fn note(&mut self, error: &JournalError) {
        self.failed |= !matches!(error, JournalError::DiskFull);
    }

    fn write(&mut self, count: u32, payload: &[u8], mark: i64) -> Result<(), JournalError> {
        if padded(payload.len()) as u64 > self.segment_bytes - self.position {
            self.roll()?;
        }
        let (first_sequence, previous) = (self.next_sequence, self.previous);
        let header = FrameHeader {
            first_sequence,
            mark,
            count,
            previous,
        };
        let checksum = header.encode(self.journal_id, payload, &mut self.frame);
        let doing = || {
            format!(
                "write {} at byte {}",
                segment_name(self.index),
                self.position
            )
        };
        self.file
            .write_at(self.position, &self.frame)
            .map_err(|error| JournalError::Io {
                doing: doing(),
                error,
            })?;
        self.position += self.frame.len() as u64;
        self.next_sequence += u64::from(count);
        self.previous = checksum;
        self.sealed = count == 0;
        if self.frame.capacity() > 4 * self.options.frame_bytes_max {
            self.frame = Vec::new();
        }
        Ok(())
    }

    /// Goes on in the next segment. Its header proves the last frame of this one.
    fn roll(&mut self) -> Result<(), JournalError> {
        self.spare.wait_ready()?;
        let index = self.index + 1;
        let name = segment_name(index);
        let doing = || JournalError::io(format!("start {name}"));
        let file = self
            .storage
            .open(&name, Access::WriteThrough)
            .map_err(doing())?;
        let header = SegmentHeader {
            version: VERSION,
            journal_id: self.journal_id,
            index,
            first_sequence: self.next_sequence,
            segment_bytes: self.options.segment_bytes,
            previous: self.previous,
        };
        file.write_at(0, &header.encode()).map_err(doing())?;
        self.spare.taken();
        self.file = file;
        self.index = index;
        self.segment_bytes = self.options.segment_bytes;
        self.position = BLOCK as u64;
        self.sealed = true;
        Ok(())
    }
}

fn checked(mut options: JournalOptions) -> JournalOptions {
    let block = BLOCK as u64;
    options.segment_bytes = options.segment_bytes.clamp(4 * block, 1 << 30) / block * block;
    options.frame_bytes_max = options
        .frame_bytes_max
        .clamp(1, payload_max(options.segment_bytes));
    options
}

fn payload_max(segment_bytes: u64) -> usize {
    usize::try_from(segment_bytes).unwrap_or(usize::MAX) - BLOCK - FRAME_HEADER
}
