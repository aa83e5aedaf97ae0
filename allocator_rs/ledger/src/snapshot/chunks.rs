//! Chunks, written in a stream.
//!
//! | written | is |
//! | --- | --- |
//! | items of one section | in one chunk, until it holds about 256 KiB |
//! | the first item of another section | in a chunk of its own |
//! | an item of more than 1 GiB | refused |

use std::io::{self, Write};

use crc32c::crc32c_append;

use super::Section;

/// A chunk is closed when it holds so much.
const CHUNK_BYTES: usize = 256 << 10;
/// No item, and so no chunk, is larger.
pub(super) const CHUNK_BYTES_MAX: u32 = 1 << 30;
/// Bytes before a chunk's payload, and how many of them its checksum covers.
pub(super) const HEADER: usize = 16;
pub(super) const SUMMED: usize = 12;

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
