//! A new file of a storage as a stream, forwards only.

use std::io::{self, Write};

use bopis_journal::{Storage, StorageFile};

/// Writes a file that is new.
pub(super) struct Writing {
    file: Box<dyn StorageFile>,
    position: u64,
}

impl Writing {
    pub(super) fn create(storage: &dyn Storage, name: &str) -> io::Result<Self> {
        let file = storage.create(name)?;
        Ok(Self { file, position: 0 })
    }

    /// All that was written is on the disk when it returns; how many bytes that are.
    pub(super) fn sync(&self) -> io::Result<u64> {
        self.file.sync()?;
        Ok(self.position)
    }
}

impl Write for Writing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_at(self.position, bytes)?;
        self.position += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
