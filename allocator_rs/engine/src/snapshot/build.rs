//! Building a snapshot: the one before it and the sealed segments behind that, through the recovery
//! code, in a process of its own. It changes nothing that a writer beside it uses.
//!
//! | it dies | the folder then holds |
//! | --- | --- |
//! | before the rename | what it held before, and an aside that the next one overwrites |
//! | behind it | one snapshot or some segments too many, which the next one removes |

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use bopis_journal::{oldest_segment, read_sealed, retire, sealed_from, DiskStorage};
use bopis_ledger::{codec, Ledger, Limits};

use super::file::{open, read, Header};
use super::shelf::{lock, name, newest, on_shelf, shelf, Base, ASIDE};
use crate::error::BuildError;
use crate::folder;

/// What was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildReport {
    /// The journal.
    pub journal_id: u128,
    /// Its last record that is in the snapshot.
    pub sequence: u64,
    /// How many records were added to the snapshot before.
    pub records: u64,
    /// The state.
    pub state_hash: u128,
    /// Size of the snapshot.
    pub bytes: u64,
    /// How many segments were removed.
    pub retired: u64,
}

/// How far a build is; each step is reached once it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildStep {
    /// The builder's lock is taken.
    Locked,
    /// The state is there.
    Replayed,
    /// The header is written aside.
    Begun,
    /// All is written aside.
    Written,
    /// And on the disk.
    Flushed,
    /// And read back, the same state.
    Checked,
    /// It has its name.
    Renamed,
    /// And keeps it.
    Named,
    /// Snapshots that are not kept are gone.
    Cleared,
    /// Segments that are not needed are gone.
    Retired,
}

/// Every step, in order.
impl BuildStep {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Locked,
        Self::Replayed,
        Self::Begun,
        Self::Written,
        Self::Flushed,
        Self::Checked,
        Self::Renamed,
        Self::Named,
        Self::Cleared,
        Self::Retired,
    ];
}

type Built<T> = Result<T, BuildError>;

/// Builds the next snapshot of the data folder `directory`, keeps two, and retires what neither
/// needs. None: no record was sealed since the last one. An engine may serve the folder meanwhile.
///
/// # Errors
/// See [`BuildError`].
pub fn build(directory: &Path) -> Built<Option<BuildReport>> {
    build_observed(directory, &mut |_| {})
}

/// The same, telling each step: for tests, which kill it there.
///
/// # Errors
/// As for [`build`].
pub fn build_observed(
    directory: &Path,
    reached: &mut dyn FnMut(BuildStep),
) -> Built<Option<BuildReport>> {
    DiskStorage::create(&shelf(directory)).map_err(io("make the folder of snapshots"))?;
    let lock = lock(directory).map_err(io("lock the folder of snapshots"))?;
    let Some(_lock) = lock else {
        return Err(BuildError::Busy(directory.display().to_string()));
    };
    reached(BuildStep::Locked);
    // The bound of the request window decides nothing of what is recorded.
    let limits = Limits {
        request_window_max: usize::MAX,
        ..Limits::default()
    };
    let base = newest(directory, limits).map_err(io("list the snapshots"))?;
    let before = base.header;
    let Some((header, ledger, records)) = replay(directory, base)? else {
        return Ok(None);
    };
    reached(BuildStep::Replayed);
    let aside = shelf(directory).join(ASIDE);
    let bytes = write(&aside, &header, ledger, reached).inspect_err(|_| {
        // The first error is the one to tell; a leftover is overwritten by the next.
        let _ = fs::remove_file(&aside);
    })?;
    check(&aside, &header, limits)?;
    reached(BuildStep::Checked);
    publish(directory, &header, before.as_ref(), reached)?;
    let retired = match &before {
        Some(older) => retire(&journal(directory), &older.anchor)?,
        None => 0,
    };
    reached(BuildStep::Retired);
    Ok(Some(BuildReport {
        journal_id: header.anchor.journal_id,
        sequence: header.anchor.sequence,
        records,
        state_hash: header.state_hash,
        bytes,
        retired,
    }))
}

/// How many segments are sealed that no snapshot holds.
///
/// # Errors
/// `Io`, `Journal`.
pub fn backlog(directory: &Path) -> Built<u64> {
    let storage = journal(directory);
    let shelf = on_shelf(directory).map_err(io("list the snapshots"))?;
    let newest = shelf.iter().find_map(|path| open(path).ok());
    let first = match newest {
        Some((header, _)) => Some(header.anchor.segment),
        None if storage_is_there(directory) => oldest_segment(&storage)?,
        None => None,
    };
    Ok(match first {
        Some(first) => sealed_from(&storage, first)?,
        None => 0,
    })
}

fn storage_is_there(directory: &Path) -> bool {
    folder::journal_directory(directory).is_dir()
}

fn journal(directory: &Path) -> DiskStorage {
    DiskStorage::existing(&folder::journal_directory(directory))
}

/// Takes the sealed segments over; none if they hold no record that is new.
fn replay(directory: &Path, base: Base) -> Built<Option<(Header, Ledger, u64)>> {
    let Base {
        header: before,
        mut ledger,
        damaged,
    } = base;
    let anchor = before.map(|before| before.anchor);
    let mut records = 0;
    let sealed = read_sealed(&journal(directory), anchor.as_ref(), &mut |_, bytes| {
        let record = codec::decode(bytes).map_err(|error| error.to_string())?;
        ledger.replay(&record).map_err(|error| error.to_string())?;
        records += 1;
        Ok(())
    });
    let sealed = sealed.map_err(|journal| match damaged.is_empty() {
        true => BuildError::Journal(journal),
        false => BuildError::NoSnapshot {
            journal,
            damaged: damaged.join("; "),
        },
    })?;
    let Some(sealed) = sealed.filter(|_| records > 0) else {
        return Ok(None);
    };
    let mark_ms = sealed.last_mark.or(before.map(|before| before.mark_ms));
    let header = Header {
        anchor: sealed.anchor,
        mark_ms: mark_ms.unwrap_or(0),
        state_hash: ledger.state_hash(),
    };
    Ok(Some((header, ledger, records)))
}

/// Writes a snapshot aside, and flushes it; its size.
fn write(
    aside: &Path,
    header: &Header,
    ledger: Ledger,
    reached: &mut dyn FnMut(BuildStep),
) -> Built<u64> {
    let doing = || io("write the snapshot aside");
    let mut out = BufWriter::new(File::create(aside).map_err(doing())?);
    header.write(&mut out).map_err(doing())?;
    out.flush().map_err(doing())?;
    reached(BuildStep::Begun);
    ledger.write_snapshot(&mut out).map_err(doing())?;
    out.flush().map_err(doing())?;
    reached(BuildStep::Written);
    let file = out.get_ref();
    file.sync_all().map_err(doing())?;
    let bytes = file.metadata().map_err(doing())?.len();
    reached(BuildStep::Flushed);
    Ok(bytes)
}

/// What was written is what was meant.
fn check(aside: &Path, header: &Header, limits: Limits) -> Built<()> {
    let (found, ledger) = read(aside, limits).map_err(BuildError::ReadBack)?;
    let state_hash = ledger.state_hash();
    if found != *header || state_hash != header.state_hash {
        return Err(BuildError::ReadBack(format!(
            "its state is {state_hash:032x}, was {:032x}",
            header.state_hash
        )));
    }
    Ok(())
}

/// Gives the snapshot its name, and removes those that are not kept.
fn publish(
    directory: &Path,
    header: &Header,
    before: Option<&Header>,
    reached: &mut dyn FnMut(BuildStep),
) -> Built<()> {
    let shelf = shelf(directory);
    let flush = || File::open(&shelf).and_then(|folder| folder.sync_all());
    let path = shelf.join(name(header.anchor.sequence));
    fs::rename(shelf.join(ASIDE), &path).map_err(io("name the snapshot"))?;
    reached(BuildStep::Renamed);
    flush().map_err(io("flush the folder of snapshots"))?;
    reached(BuildStep::Named);
    let kept = before.map(|before| shelf.join(name(before.anchor.sequence)));
    for other in on_shelf(directory).map_err(io("list the snapshots"))? {
        if other != path && Some(&other) != kept.as_ref() {
            fs::remove_file(&other).map_err(io("remove an old snapshot"))?;
        }
    }
    flush().map_err(io("flush the folder of snapshots"))?;
    reached(BuildStep::Cleared);
    Ok(())
}

fn io(doing: &str) -> impl FnOnce(io::Error) -> BuildError {
    let doing = doing.to_owned();
    move |error| BuildError::Io { doing, error }
}
