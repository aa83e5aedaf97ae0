//! What the device takes to make 4 KiB durable, written the way the journal writes: O_DSYNC, into
//! a file of zeros.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use crate::figure::Latencies;
use crate::Failure;

const BLOCK: usize = 4_096;
const BLOCKS: u64 = 16_384;

/// The file and the next block.
#[derive(Debug)]
pub(crate) struct Device {
    file: File,
    next: u64,
}

impl Device {
    /// Makes the file of zeros.
    pub(crate) fn open(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join("flushes");
        let zeros = vec![0; 1 << 20];
        let made = File::create(&path)?;
        for offset in (0..BLOCKS * BLOCK as u64).step_by(zeros.len()) {
            made.write_all_at(&zeros, offset)?;
        }
        made.sync_all()?;
        let mut options = OpenOptions::new();
        options
            .write(true)
            .custom_flags(OFlags::DSYNC.bits().cast_signed());
        Ok(Self {
            file: options.open(path)?,
            next: 0,
        })
    }

    /// One write after the other for so long.
    pub(crate) fn write(
        &mut self,
        lasting: Duration,
        latencies: &mut Latencies,
    ) -> Result<(), Failure> {
        let block = [0x5a; BLOCK];
        let started = Instant::now();
        while started.elapsed() < lasting {
            let asked = Instant::now();
            self.file.write_all_at(&block, self.next * BLOCK as u64)?;
            latencies.add(asked.elapsed());
            self.next = (self.next + 1) % BLOCKS;
        }
        Ok(())
    }
}
