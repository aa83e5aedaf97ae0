//! The bytes of a segment. All integers are little-endian.
//!
//! ```text
//! segment   header block (4 KiB), frames, zeros to the end
//! header    0 magic "BOPISSEG"  8 version u32  12 block bytes u32  16 journal id u128  32 index u64
//!           40 first sequence u64  48 segment bytes u64  56 previous frame's checksum u32
//!           60 CRC32C of bytes 0..60
//! frame     0 magic "BOPISFRM"  8 first sequence u64  16 mark i64  24 count u32  28 length u32
//!           32 previous frame's checksum u32  36 CRC32C of journal id, bytes 0..36 and payload
//!           40 payload: count times (length u32, bytes); then zeros to a multiple of 4 KiB
//! ```
//! A later version keeps bytes 0..64 of the header as they are here.

use crc32c::crc32c_append;

/// Frames and headers start on a multiple of this.
pub(crate) const BLOCK: usize = 4_096;
/// Bytes before a frame's payload.
pub(crate) const FRAME_HEADER: usize = 40;
/// The version that is written, and the latest that is read.
pub(crate) const VERSION: u32 = 1;

const SEGMENT_MAGIC: &[u8; 8] = b"BOPISSEG";
const FRAME_MAGIC: &[u8; 8] = b"BOPISFRM";
const SEGMENT_SUMMED: usize = 60;
const FRAME_SUMMED: usize = 36;

/// First block of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) version: u32,
    pub(crate) journal_id: u128,
    pub(crate) index: u64,
    pub(crate) first_sequence: u64,
    pub(crate) segment_bytes: u64,
    pub(crate) previous: u32,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut block = Vec::with_capacity(BLOCK);
        block.extend_from_slice(SEGMENT_MAGIC);
        block.extend_from_slice(&self.version.to_le_bytes());
        block.extend_from_slice(&(BLOCK as u32).to_le_bytes());
        block.extend_from_slice(&self.journal_id.to_le_bytes());
        block.extend_from_slice(&self.index.to_le_bytes());
        block.extend_from_slice(&self.first_sequence.to_le_bytes());
        block.extend_from_slice(&self.segment_bytes.to_le_bytes());
        block.extend_from_slice(&self.previous.to_le_bytes());
        let sum = crc32c_append(0, &block);
        block.extend_from_slice(&sum.to_le_bytes());
        block.resize(BLOCK, 0);
        block
    }

    /// None: not a header, or not as it was written.
    pub(crate) fn decode(block: &[u8]) -> Option<Self> {
        let summed = block.get(..SEGMENT_SUMMED)?;
        let rest = block.get(SEGMENT_SUMMED + 4..BLOCK)?;
        let intact = summed.starts_with(SEGMENT_MAGIC)
            && crc32c_append(0, summed) == u32_at(block, SEGMENT_SUMMED)
            && is_zero(rest);
        intact.then(|| Self {
            version: u32_at(block, 8),
            journal_id: u128::from_le_bytes(bytes_at(block, 16)),
            index: u64_at(block, 32),
            first_sequence: u64_at(block, 40),
            segment_bytes: u64_at(block, 48),
            previous: u32_at(block, 56),
        })
    }
}

/// What stands before the records of one write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) first_sequence: u64,
    pub(crate) mark: i64,
    pub(crate) count: u32,
    pub(crate) previous: u32,
}

impl FrameHeader {
    /// Writes header, payload and padding into `out` (cleared first); returns the checksum.
    pub(crate) fn encode(&self, journal_id: u128, payload: &[u8], out: &mut Vec<u8>) -> u32 {
        out.clear();
        out.extend_from_slice(FRAME_MAGIC);
        out.extend_from_slice(&self.first_sequence.to_le_bytes());
        out.extend_from_slice(&self.mark.to_le_bytes());
        out.extend_from_slice(&self.count.to_le_bytes());
        out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        out.extend_from_slice(&self.previous.to_le_bytes());
        let sum = checksum(journal_id, out, payload);
        out.extend_from_slice(&sum.to_le_bytes());
        out.extend_from_slice(payload);
        out.resize(padded(payload.len()), 0);
        sum
    }
}

/// A frame as found, its checksum right.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) header: FrameHeader,
    pub(crate) payload: &'a [u8],
    pub(crate) checksum: u32,
}

impl<'a> Frame<'a> {
    /// The frame at the start of `bytes`, which go on to the end of the segment.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn decode(journal_id: u128, bytes: &'a [u8]) -> Result<Self, &'static str> {
        let summed = bytes.get(..FRAME_SUMMED).ok_or("no room for a frame")?;
        if !summed.starts_with(FRAME_MAGIC) {
            return Err("no frame starts here");
        }
        let length = u32_at(bytes, 28) as usize;
        let payload = bytes.get(FRAME_HEADER..FRAME_HEADER.saturating_add(length));
        let payload = payload.ok_or("the frame is longer than the segment")?;
        let checksum = u32_at(bytes, FRAME_SUMMED);
        if self::checksum(journal_id, summed, payload) != checksum {
            return Err("the frame's checksum is wrong");
        }
        let padding = bytes.get(FRAME_HEADER + length..padded(length));
        if !padding.is_some_and(is_zero) {
            return Err("the frame's padding is not zero");
        }
        let header = FrameHeader {
            first_sequence: u64_at(bytes, 8),
            mark: i64::from_le_bytes(bytes_at(bytes, 16)),
            count: u32_at(bytes, 24),
            previous: u32_at(bytes, 32),
        };
        Ok(Self {
            header,
            payload,
            checksum,
        })
    }

    /// Its records. None: they do not fill the payload exactly.
    pub(crate) fn records(&self) -> Option<Vec<&'a [u8]>> {
        let mut records = Vec::new();
        let mut rest = self.payload;
        for _ in 0..self.header.count {
            let (length, after) = rest.split_at_checked(4)?;
            let (record, after) = after.split_at_checked(u32_at(length, 0) as usize)?;
            records.push(record);
            rest = after;
        }
        rest.is_empty().then_some(records)
    }
}

/// Bytes that the frame at the start of `bytes` says it takes; 0: no frame starts here.
pub(crate) fn claimed_bytes(bytes: &[u8]) -> usize {
    if bytes.starts_with(FRAME_MAGIC) {
        padded(u32_at(bytes, 28) as usize)
    } else {
        0
    }
}

/// Bytes that a frame with such a payload takes.
pub(crate) const fn padded(payload: usize) -> usize {
    (FRAME_HEADER + payload).div_ceil(BLOCK) * BLOCK
}

pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    let (chunks, rest) = bytes.as_chunks::<16>();
    chunks.iter().all(|chunk| u128::from_ne_bytes(*chunk) == 0)
        && rest.iter().all(|byte| *byte == 0)
}

fn checksum(journal_id: u128, header: &[u8], payload: &[u8]) -> u32 {
    let seed = crc32c_append(0, &journal_id.to_le_bytes());
    crc32c_append(crc32c_append(seed, header), payload)
}

fn bytes_at<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    let found = bytes.get(offset..offset.saturating_add(N));
    found
        .and_then(|found| found.try_into().ok())
        .unwrap_or([0; N])
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from_le_bytes(bytes_at(bytes, offset))
}

fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from_le_bytes(bytes_at(bytes, offset))
}

/// The file of a segment.
pub(crate) fn segment_name(index: u64) -> String {
    format!("segment-{index:020}.journal")
}

/// The index in a segment's file name; none: not a segment.
pub(crate) fn segment_index(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("segment-")?.strip_suffix(".journal")?;
    let index = digits.parse().ok()?;
    (segment_name(index) == name).then_some(index)
}
