//! Which chunks there are, found through their headers alone, to be read in any order.
//!
//! | found | comes to |
//! | --- | --- |
//! | a chunk whose checksum is wrong | damage, with its offset, once it is read |
//! | a chunk that ends early, or of another number | the table ends there, and says so |
//! | a chunk of no section, or of one that should have come before | the same |
//! | a length that cannot be | memory for no more than what is really there |
//!
//! A damaged length leads to where no chunk starts. The chunk that has it is in the table all the
//! same, its checksum is wrong, and the first damage is the one to name.

use std::io;

use crc32c::crc32c_append;

use super::chunks::{CHUNK_BYTES_MAX, HEADER, SUMMED};
use super::{Section, SnapshotError, SECTIONS};
use crate::codec::reader::Reader;
use crate::codec::CodecError;

/// A snapshot's bytes, where several may read at once.
pub trait SnapshotSource: Sync {
    /// How many there are.
    ///
    /// # Errors
    /// What the system says.
    fn size(&self) -> io::Result<u64>;

    /// Fills `into` with those from `offset` on.
    ///
    /// # Errors
    /// `UnexpectedEof`; what the system says.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()>;
}

impl SnapshotSource for [u8] {
    fn size(&self) -> io::Result<u64> {
        Ok(self.len() as u64)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(offset).ok();
        let rest = from.and_then(|from| self.get(from..)).unwrap_or_default();
        let found = rest.get(..into.len());
        into.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

/// A chunk as its header says, which nothing proves before its payload is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk {
    pub(super) section: Section,
    pub(super) offset: u64,
    length: u32,
}

/// All chunks in order, as far as one leads to the next.
pub(super) struct Table {
    pub(super) chunks: Vec<Chunk>,
    /// What is wrong behind them.
    pub(super) flaw: Option<SnapshotError>,
}

impl Table {
    /// Follows the headers from the first byte on.
    pub(super) fn of(source: &(impl SnapshotSource + ?Sized)) -> io::Result<Self> {
        let size = source.size()?;
        let mut chunks: Vec<Chunk> = Vec::new();
        let mut offset = 0;
        let flaw = loop {
            if chunks
                .last()
                .is_some_and(|last| last.section == Section::End)
            {
                let what = "bytes follow the end";
                break (offset < size).then(|| damaged(offset, what));
            }
            match next(source, offset, size, &chunks)? {
                Ok(chunk) => {
                    offset += HEADER as u64 + u64::from(chunk.length);
                    chunks.push(chunk);
                }
                Err(what) => break Some(damaged(offset, what)),
            }
        };
        Ok(Self { chunks, flaw })
    }

    /// Bytes of all payloads of a section.
    pub(super) fn bytes_of(&self, section: Section) -> u64 {
        let chunks = self.chunks.iter();
        let chunks = chunks.filter(|chunk| chunk.section == section);
        chunks.map(|chunk| u64::from(chunk.length)).sum()
    }
}

/// The chunk at `offset`, behind others. Inside: what is wrong with it.
fn next(
    source: &(impl SnapshotSource + ?Sized),
    offset: u64,
    size: u64,
    before: &[Chunk],
) -> io::Result<Result<Chunk, &'static str>> {
    let Some(left) = size.checked_sub(offset + HEADER as u64) else {
        return Ok(Err("the snapshot ends where a chunk should start"));
    };
    let mut header = [0; HEADER];
    source.read_at(offset, &mut header)?;
    let [section, number, length] = [0, 4, 8].map(|at| u32_at(&header, at));
    if length > CHUNK_BYTES_MAX {
        return Ok(Err("the chunk names an impossible length"));
    }
    if left < u64::from(length) {
        return Ok(Err("the snapshot ends within the chunk"));
    }
    let last = before.last().map_or(Section::Head, |last| last.section);
    let known = SECTIONS.into_iter().find(|known| *known as u32 == section);
    let section = known.filter(|known| *known >= last && number as usize == before.len());
    let chunk = section.map(|section| Chunk {
        section,
        offset,
        length,
    });
    Ok(chunk.ok_or("the chunk does not belong here"))
}

/// Reads chunks, each into the same memory.
pub(super) struct ChunkReader<'a, S: ?Sized> {
    source: &'a S,
    bytes: Vec<u8>,
}

impl<'a, S: SnapshotSource + ?Sized> ChunkReader<'a, S> {
    pub(super) const fn new(source: &'a S) -> Self {
        Self {
            source,
            bytes: Vec::new(),
        }
    }

    /// Hands over the items of a chunk, one after the other.
    pub(super) fn items(
        &mut self,
        chunk: &Chunk,
        mut take: impl FnMut(&mut Reader<'_>) -> Result<(), Unfit>,
    ) -> Result<(), SnapshotError> {
        let length = HEADER.saturating_add(chunk.length as usize);
        self.bytes.resize(length, 0);
        self.source.read_at(chunk.offset, &mut self.bytes)?;
        let (header, payload) = self.bytes.split_at_checked(HEADER).unwrap_or_default();
        let (summed, sum) = header.split_at_checked(SUMMED).unwrap_or_default();
        if crc32c_append(crc32c_append(0, summed), payload) != u32_at(sum, 0) {
            return Err(damaged(chunk.offset, "the chunk's checksum is wrong"));
        }
        let mut reader = Reader::new(payload);
        while !reader.is_empty() {
            take(&mut reader).map_err(|unfit| damaged(chunk.offset, unfit.0))?;
        }
        Ok(())
    }
}

/// Damage in the chunk at `offset`.
pub(super) fn damaged(offset: u64, what: impl Into<String>) -> SnapshotError {
    SnapshotError::Damaged {
        offset,
        what: what.into(),
    }
}

/// Which of the items that were read are of which chunk.
#[derive(Default)]
pub(super) struct Places(Vec<(usize, u64)>);

impl Places {
    /// Items from number `first` on are of the chunk at `offset`.
    pub(super) fn note(&mut self, first: usize, offset: u64) {
        self.0.push((first, offset));
    }

    /// Damage in the item with this number.
    pub(super) fn damaged(&self, number: usize, what: &str) -> SnapshotError {
        let after = self.0.partition_point(|(first, _)| *first <= number);
        let place = self.0.get(after.wrapping_sub(1));
        damaged(place.map_or(0, |(_, offset)| *offset), what)
    }
}

/// Why an item cannot be taken over.
pub(super) struct Unfit(String);

impl From<CodecError> for Unfit {
    fn from(error: CodecError) -> Self {
        Self(error.to_string())
    }
}

impl From<&str> for Unfit {
    fn from(what: &str) -> Self {
        Self(what.to_owned())
    }
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
    found.map_or(0, |found| u32::from_le_bytes(*found))
}
