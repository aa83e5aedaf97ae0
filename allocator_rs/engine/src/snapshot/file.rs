//! One snapshot's file. All integers are little-endian.
//!
//! ```text
//! file      header, then what the ledger wrote, to the end of the file
//! header    0 magic "BOPISSNP"  8 version u32  12 checksum of the last frame before it u32
//!           16 journal id u128  32 last record u64  40 index of the segment behind it u64
//!           48 mark of the last frame i64  56 state hash u128  72 CRC32C of bytes 0..72  76 zero u32
//! ```

use std::io::{self, Write};
use std::thread;

use bopis_journal::{Access, Anchor, Storage, StorageFile};
use bopis_ledger::{Both, Ledger, Limits, SnapshotError, SnapshotSource, Work};
use crc32c::crc32c;
use parking_lot::Mutex;

const MAGIC: &[u8; 8] = b"BOPISSNP";
const VERSION: u32 = 1;
const HEADER: usize = 80;
const SUMMED: usize = 72;
/// Reading less than so much takes less time than starting a thread for half of it.
const WORTH_A_THREAD: u64 = 1 << 20;

/// What a snapshot says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// The place in the journal behind its last record.
    pub(crate) anchor: Anchor,
    /// Ledger time as the journal last kept it there.
    pub(crate) mark_ms: i64,
    pub(crate) state_hash: u128,
}

impl Header {
    pub(crate) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(HEADER);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_le_bytes());
        bytes.extend_from_slice(&self.anchor.checksum.to_le_bytes());
        bytes.extend_from_slice(&self.anchor.journal_id.to_le_bytes());
        bytes.extend_from_slice(&self.anchor.sequence.to_le_bytes());
        bytes.extend_from_slice(&self.anchor.segment.to_le_bytes());
        bytes.extend_from_slice(&self.mark_ms.to_le_bytes());
        bytes.extend_from_slice(&self.state_hash.to_le_bytes());
        let sum = crc32c(&bytes);
        bytes.extend_from_slice(&sum.to_le_bytes());
        bytes.resize(HEADER, 0);
        out.write_all(&bytes)
    }

    fn decode(bytes: &[u8; HEADER]) -> Result<Self, String> {
        let (summed, rest) = bytes.split_at(SUMMED);
        let is_sound = summed.starts_with(MAGIC)
            && crc32c(summed) == u32::from_le_bytes(at(rest, 0))
            && at::<4>(rest, 4) == [0; 4];
        if !is_sound {
            return Err("damaged at byte 0: the header is not as it was written".to_owned());
        }
        let version = u32::from_le_bytes(at(summed, 8));
        if version != VERSION {
            return Err(format!("version {version}; this program reads {VERSION}"));
        }
        Ok(Self {
            anchor: Anchor {
                checksum: u32::from_le_bytes(at(summed, 12)),
                journal_id: u128::from_le_bytes(at(summed, 16)),
                sequence: u64::from_le_bytes(at(summed, 32)),
                segment: u64::from_le_bytes(at(summed, 40)),
            },
            mark_ms: i64::from_le_bytes(at(summed, 48)),
            state_hash: u128::from_le_bytes(at(summed, 56)),
        })
    }
}

fn at<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    let found = bytes.get(offset..).and_then(|rest| rest.first_chunk::<N>());
    found.copied().unwrap_or([0; N])
}

/// What the ledger wrote into a file.
pub(crate) struct Body(Box<dyn StorageFile>);

impl SnapshotSource for Body {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.size()?.saturating_sub(HEADER as u64))
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<()> {
        let offset = offset.saturating_add(HEADER as u64);
        read_exact_at(self.0.as_ref(), offset, into)
    }
}

fn read_exact_at(file: &dyn StorageFile, offset: u64, into: &mut [u8]) -> io::Result<()> {
    if file.read_at(offset, into)? < into.len() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

/// What a file's header says, and the file behind it.
///
/// # Errors
/// In words, with the byte.
pub(crate) fn open(shelf: &dyn Storage, name: &str) -> Result<(Header, Body), String> {
    let words = |error: io::Error| error.to_string();
    let file = shelf.open(name, Access::Read).map_err(words)?;
    let mut bytes = [0; HEADER];
    read_exact_at(file.as_ref(), 0, &mut bytes)
        .map_err(|error| format!("damaged at byte 0: {error}"))?;
    Ok((Header::decode(&bytes)?, Body(file)))
}

/// A whole snapshot. Bounds of the limits do not matter.
///
/// # Errors
/// In words, with the byte.
pub(crate) fn read(
    shelf: &dyn Storage,
    name: &str,
    limits: Limits,
) -> Result<(Header, Ledger), String> {
    let (header, body) = open(shelf, name)?;
    let is_small = body.0.size().is_ok_and(|bytes| bytes < WORTH_A_THREAD);
    let both: Both<'_> = if is_small { &one_by_one } else { &at_once };
    match Ledger::restore(&body, limits, both) {
        Ok(ledger) => Ok((header, ledger)),
        Err(SnapshotError::Damaged { offset, what }) => {
            let offset = offset + HEADER as u64;
            Err(format!("damaged in the chunk at byte {offset}: {what}"))
        }
        Err(other) => Err(other.to_string()),
    }
}

fn one_by_one(one: Work<'_>, other: Work<'_>) {
    one();
    other();
}

/// Does two things at once, on another thread and here; if there is no thread for it, one after the
/// other.
fn at_once(one: Work<'_>, other: Work<'_>) {
    let other = Mutex::new(other);
    let beside = || (other.lock())();
    let is_beside = thread::scope(|scope| {
        let named = thread::Builder::new().name("bopis-restore".into());
        let started = named.spawn_scoped(scope, beside);
        one();
        started.is_ok()
    });
    if !is_beside {
        beside();
    }
}
