//! Chunks, written and read in a stream.
//!
//! | read | comes to |
//! | --- | --- |
//! | a chunk whose checksum is wrong, or that ends early | damage, with its offset |
//! | a chunk of another number, of no section, or of one that should have come before | the same |
//! | a length that cannot be | memory for no more than what is really there |

use std::io::{self, Read, Write};

use crc32c::crc32c_append;

use super::{Section, SnapshotError, SECTIONS};
use crate::codec::reader::Reader;
use crate::codec::CodecError;

/// A chunk is closed when it holds so much.
const CHUNK_BYTES: usize = 256 << 10;
/// No item, and so no chunk, is larger.
const CHUNK_BYTES_MAX: u32 = 1 << 30;
const HEADER: usize = 16;
const SUMMED: usize = 12;

/// Gathers items, and writes them out a chunk at a time.
pub(crate) struct ChunkWriter<'a> {
    out: &'a mut dyn Write,
    section: Section,
    number: u32,
    payload: Vec<u8>,
}

impl<'a> ChunkWriter<'a> {
    pub(crate) fn new(out: &'a mut dyn Write) -> Self {
        Self {
            out,
            section: Section::Head,
            number: 0,
            payload: Vec::new(),
        }
    }

    /// What comes belongs to this section, which is a later one.
    pub(crate) fn begin(&mut self, section: Section) -> io::Result<()> {
        if !self.payload.is_empty() {
            self.close()?;
        }
        self.section = section;
        Ok(())
    }

    /// Adds what `write` appends.
    pub(crate) fn item(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        write(&mut self.payload);
        if self.payload.len() >= CHUNK_BYTES {
            self.close()?;
        }
        Ok(())
    }

    /// Ends the snapshot.
    pub(crate) fn end(mut self) -> io::Result<()> {
        self.begin(Section::End)?;
        self.close()
    }

    fn close(&mut self) -> io::Result<()> {
        let length = u32::try_from(self.payload.len()).ok();
        let Some(length) = length.filter(|length| *length <= CHUNK_BYTES_MAX) else {
            return Err(io::Error::other("an item is too large for a snapshot"));
        };
        let mut header = Vec::with_capacity(HEADER);
        header.extend_from_slice(&(self.section as u32).to_le_bytes());
        header.extend_from_slice(&self.number.to_le_bytes());
        header.extend_from_slice(&length.to_le_bytes());
        let sum = crc32c_append(crc32c_append(0, &header), &self.payload);
        header.extend_from_slice(&sum.to_le_bytes());
        self.out.write_all(&header)?;
        self.out.write_all(&self.payload)?;
        self.payload.clear();
        self.number += 1;
        Ok(())
    }
}

/// Reads chunks back, each into the same memory.
pub(crate) struct ChunkReader<'a> {
    from: &'a mut dyn Read,
    /// Where the chunk starts that was read last.
    offset: u64,
    next_offset: u64,
    section: Section,
    number: u32,
    payload: Vec<u8>,
}

impl<'a> ChunkReader<'a> {
    pub(crate) fn new(from: &'a mut dyn Read) -> Self {
        Self {
            from,
            offset: 0,
            next_offset: 0,
            section: Section::Head,
            number: 0,
            payload: Vec::new(),
        }
    }

    /// Damage in the chunk that was read last.
    pub(crate) fn damaged(&self, what: impl Into<String>) -> SnapshotError {
        SnapshotError::Damaged {
            offset: self.offset,
            what: what.into(),
        }
    }

    /// The next chunk's section; its payload is there then.
    pub(crate) fn next(&mut self) -> Result<Section, SnapshotError> {
        self.offset = self.next_offset;
        let mut header = [0; HEADER];
        self.fill(&mut header)?;
        let (summed, sum) = header.split_at(SUMMED);
        let [section, number, length] = [0, 4, 8].map(|at| u32_at(summed, at));
        if length > CHUNK_BYTES_MAX {
            return Err(self.damaged("the chunk names an impossible length"));
        }
        self.payload.clear();
        let read = (&mut *self.from)
            .take(u64::from(length))
            .read_to_end(&mut self.payload)?;
        self.next_offset += HEADER as u64 + u64::from(length);
        if read < length as usize {
            return Err(self.damaged("the snapshot ends within the chunk"));
        }
        if crc32c_append(crc32c_append(0, summed), &self.payload) != u32_at(sum, 0) {
            return Err(self.damaged("the chunk's checksum is wrong"));
        }
        let known = SECTIONS.into_iter().find(|known| *known as u32 == section);
        match known {
            Some(known) if known >= self.section && number == self.number => {
                self.section = known;
                self.number += 1;
                Ok(known)
            }
            _ => Err(self.damaged("the chunk does not belong here")),
        }
    }

    /// Hands over the items of the chunk that was read last, one after the other.
    pub(crate) fn items(
        &self,
        mut take: impl FnMut(&mut Reader<'_>) -> Result<(), Unfit>,
    ) -> Result<(), SnapshotError> {
        let mut reader = Reader::new(&self.payload);
        while !reader.is_empty() {
            take(&mut reader).map_err(|unfit| self.damaged(unfit.0))?;
        }
        Ok(())
    }

    /// Nothing may come any more.
    pub(crate) fn finish(&mut self) -> Result<(), SnapshotError> {
        if self.from.read(&mut [0])? > 0 {
            self.offset = self.next_offset;
            return Err(self.damaged("bytes follow the end"));
        }
        Ok(())
    }

    fn fill(&mut self, into: &mut [u8]) -> Result<(), SnapshotError> {
        match self.from.read_exact(into) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(self.damaged("the snapshot ends where a chunk should start"))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Why an item cannot be taken over.
pub(crate) struct Unfit(String);

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
