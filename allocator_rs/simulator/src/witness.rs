//! Reads the journal off the platter with a parser of its own, as a second witness of the format:
//! what it has read is durable, whatever the engine says.
//!
//! | found | |
//! | --- | --- |
//! | a frame that continues the chain | its records are durable |
//! | anything else | the end, for now |

use bopis_ledger::{codec, Record};
use crc32c::crc32c_append;

use crate::disk::{SimDisk, BLOCK};

const FRAME_HEADER: usize = 40;

/// One durable record.
#[derive(Clone, Debug)]
pub struct Durable {
    /// Its place in the journal.
    pub sequence: u64,
    /// Digest of its bytes.
    pub digest: u64,
    /// What it says.
    pub record: Record,
}

/// Where a segment begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Start {
    /// Which journal.
    pub journal_id: u128,
    /// Index of the segment.
    pub segment: u64,
    /// The last record before it.
    pub sequence: u64,
    /// The checksum of the last frame before it.
    pub previous: u32,
}

/// How far the platter was read.
#[derive(Clone, Debug, Default)]
pub struct Witness {
    journal_id: u128,
    segment: u64,
    position: usize,
    last_frame: usize,
    previous: u32,
    sequence: u64,
    mark: Option<i64>,
    found: Vec<Durable>,
    /// Records up to this one are known: only their digests are kept.
    known: u64,
    digests: Vec<u64>,
    starts: Vec<Start>,
}

/// A frame that continues the chain.
struct Link {
    mark: i64,
    checksum: u32,
    blocks: usize,
    records: Vec<Vec<u8>>,
}

/// The name of a segment's file.
#[must_use]
pub fn segment_name(index: u64) -> String {
    format!("segment-{index:020}.journal")
}

impl Witness {
    /// From the first byte on, or that of a later segment if those before it are retired, over
    /// records that are known up to this one.
    #[must_use]
    pub fn again(start: Option<Start>, known: u64) -> Self {
        let new = Self {
            known,
            ..Self::default()
        };
        match start {
            None => new,
            Some(start) => Self {
                journal_id: start.journal_id,
                segment: start.segment - 1,
                sequence: start.sequence,
                previous: start.previous,
                ..new
            },
        }
    }

    /// Where the segments begin that were read.
    #[must_use]
    pub fn starts(&self) -> &[Start] {
        &self.starts
    }

    /// Digests of all records read, in order.
    #[must_use]
    pub fn digests(&self) -> &[u64] {
        &self.digests
    }

    /// The last durable record.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Ledger time as the last frame tells it.
    #[must_use]
    pub const fn mark(&self) -> Option<i64> {
        self.mark
    }

    /// Which journal; 0: none yet.
    #[must_use]
    pub const fn journal_id(&self) -> u128 {
        self.journal_id
    }

    /// The segment in use; 0: none yet.
    #[must_use]
    pub const fn segment(&self) -> u64 {
        self.segment
    }

    /// Where the next frame would start in that segment.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// Where the last frame with records starts in that segment; where the first frame would start
    /// if there is none; the end if a seal is behind it.
    #[must_use]
    pub const fn last_frame(&self) -> usize {
        self.last_frame
    }

    /// The records found and not taken yet, up to this one.
    pub fn take_to(&mut self, last: u64) -> Vec<Durable> {
        let count = self.found.partition_point(|found| found.sequence <= last);
        self.found.drain(..count).collect()
    }

    /// Reads on as far as the platter goes.
    ///
    /// # Errors
    /// A frame is intact, but not what the format says.
    pub fn look(&mut self, disk: &SimDisk) -> Result<(), String> {
        loop {
            if self.segment > 0 && self.frames(disk)? {
                continue;
            }
            let next = segment_name(self.segment + 1);
            let begun = disk.look(&next, |bytes| self.begins(bytes));
            if begun != Some(true) {
                return Ok(());
            }
            self.segment += 1;
            self.position = BLOCK;
            self.last_frame = BLOCK;
            self.starts.push(Start {
                journal_id: self.journal_id,
                segment: self.segment,
                sequence: self.sequence,
                previous: self.previous,
            });
        }
    }

    /// One frame; false: there is none.
    fn frames(&mut self, disk: &SimDisk) -> Result<bool, String> {
        let name = segment_name(self.segment);
        let link = disk.look(&name, |bytes| {
            self.link(bytes.get(self.position..).unwrap_or_default())
        });
        let Some(Some(link)) = link else {
            return Ok(false);
        };
        let place = format!("{name} at byte {}", self.position);
        (self.mark, self.previous) = (Some(link.mark), link.checksum);
        self.last_frame = self.position;
        self.position += link.blocks * BLOCK;
        if link.records.is_empty() {
            self.last_frame = self.position;
        }
        for bytes in link.records {
            self.sequence += 1;
            let digest = xxhash_rust::xxh3::xxh3_64(&bytes);
            self.digests.push(digest);
            if self.sequence > self.known {
                let record = codec::decode(&bytes).map_err(|error| format!("{place}: {error}"))?;
                self.found.push(Durable {
                    sequence: self.sequence,
                    digest,
                    record,
                });
            }
        }
        Ok(true)
    }

    /// Whether the segment after the one in use has begun; keeps the journal's id.
    fn begins(&mut self, bytes: &[u8]) -> bool {
        let Some(header) = bytes.get(..BLOCK) else {
            return false;
        };
        let is_next = header.starts_with(b"BOPISSEG")
            && number(header, 60, 4) == u64::from(crc32c_append(0, &header[..60]))
            && number(header, 32, 8) == self.segment + 1
            && number(header, 40, 8) == self.sequence + 1
            && number(header, 56, 4) == u64::from(self.previous);
        let id = u128::from(number(header, 24, 8)) << 64 | u128::from(number(header, 16, 8));
        if is_next && self.segment == 0 {
            self.journal_id = id;
        }
        is_next && id == self.journal_id
    }

    fn link(&self, bytes: &[u8]) -> Option<Link> {
        let header = bytes.get(..FRAME_HEADER)?;
        if !header.starts_with(b"BOPISFRM") {
            return None;
        }
        let length = number(header, 28, 4) as usize;
        let payload = bytes.get(FRAME_HEADER..FRAME_HEADER + length)?;
        let mut checksum = crc32c_append(0, &self.journal_id.to_le_bytes());
        checksum = crc32c_append(crc32c_append(checksum, &header[..36]), payload);
        let continues = number(header, 36, 4) == u64::from(checksum)
            && number(header, 8, 8) == self.sequence + 1
            && number(header, 32, 4) == u64::from(self.previous);
        continues.then_some(())?;
        let mut records = Vec::new();
        let mut rest = payload;
        for _ in 0..number(header, 24, 4) {
            let (length, after) = rest.split_at_checked(4)?;
            let (record, after) = after.split_at_checked(number(length, 0, 4) as usize)?;
            records.push(record.to_vec());
            rest = after;
        }
        Some(Link {
            mark: number(header, 16, 8).cast_signed(),
            checksum,
            blocks: (FRAME_HEADER + length).div_ceil(BLOCK),
            records,
        })
    }
}

/// The integer of `width` bytes at `offset`, little-endian.
pub(crate) fn number(bytes: &[u8], offset: usize, width: usize) -> u64 {
    let digits = bytes[offset..offset + width].iter().rev();
    digits.fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}
