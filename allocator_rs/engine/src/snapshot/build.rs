//! Building a snapshot: the one before it and the sealed segments behind that, through the recovery
//! code, in a process of its own. It changes nothing that a writer beside it uses.
//!
//! | it dies | the folder then holds |
//! | --- | --- |
//! | before the rename | what it held before, and an aside that the next one removes |
//! | behind it | one snapshot or some segments too many, which the next one removes |
//!
//! | it fails | then |
//! | --- | --- |
//! | less is free than the last snapshot takes | nothing was written |
//! | before the rename | the aside is removed: the folder holds what it held before |
//! | behind it | as if it had died there |

use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;

use bopis_journal::{
    oldest_segment, read_sealed, retire, sealed_from, Access, DiskStorage, Storage,
};
use bopis_ledger::{codec, Ledger, Limits};

use super::file::{open, read, Header};
use super::shelf::{lock, make_shelf, name, newest, on_shelf, shelf, Base, ASIDE};
use super::stream::Writing;
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

/// The two folders of a build.
#[derive(Clone, Copy)]
pub struct Folders<'a> {
    /// Of the snapshots.
    pub shelf: &'a dyn Storage,
    /// Of the segments.
    pub journal: &'a dyn Storage,
}

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
    let shelf = make_shelf(directory).map_err(io("make the folder of snapshots"))?;
    let lock = lock(directory).map_err(io("lock the folder of snapshots"))?;
    let Some(_lock) = lock else {
        return Err(BuildError::Busy(directory.display().to_string()));
    };
    let folders = Folders {
        shelf: &shelf,
        journal: &journal(directory),
    };
    build_in(folders, reached)
}

/// The same in folders of any storage, for a simulation. The caller lets only one build at a time.
///
/// # Errors
/// As for [`build`].
pub fn build_in(
    folders: Folders<'_>,
    reached: &mut dyn FnMut(BuildStep),
) -> Built<Option<BuildReport>> {
    let Folders { shelf, journal } = folders;
    reached(BuildStep::Locked);
    remove_aside(shelf).map_err(io("remove what an earlier build left"))?;
    // The bound of the request window decides nothing of what is recorded.
    let limits = Limits {
        request_window_max: usize::MAX,
        ..Limits::default()
    };
    let base = newest(shelf, limits).map_err(io("list the snapshots"))?;
    let before = base.header;
    let Some((header, ledger, records)) = replay(journal, base)? else {
        return Ok(None);
    };
    reached(BuildStep::Replayed);
    check_room(shelf)?;
    let named = write_and_name(shelf, &header, ledger, limits, reached);
    let bytes = named.inspect_err(|_| {
        // The first error is the one to tell; a leftover is removed by the next.
        let _ = remove_aside(shelf);
    })?;
    clear(shelf, &header, before.as_ref(), reached)?;
    let retired = match &before {
        Some(older) => retire(journal, &older.anchor)?,
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
    let (storage, shelf) = (journal(directory), shelf(directory));
    let names = on_shelf(&shelf).map_err(io("list the snapshots"))?;
    let newest = names.iter().find_map(|name| open(&shelf, name).ok());
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
fn replay(journal: &dyn Storage, base: Base) -> Built<Option<(Header, Ledger, u64)>> {
    let Base {
        header: before,
        mut ledger,
        damaged,
    } = base;
    let anchor = before.map(|before| before.anchor);
    let mut records = 0;
    let sealed = read_sealed(journal, anchor.as_ref(), &mut |_, bytes| {
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

/// A snapshot takes about as much as the one before it. Without one nothing is known.
fn check_room(shelf: &dyn Storage) -> Built<()> {
    let names = on_shelf(shelf).map_err(io("list the snapshots"))?;
    let Some(last) = names.first() else {
        return Ok(());
    };
    let last = shelf.open(last, Access::Read).and_then(|file| file.size());
    let needed = last.map_err(io("measure the last snapshot"))?;
    let free = shelf.free_bytes().map_err(io("measure what is free"))?;
    if free < needed {
        return Err(BuildError::NoRoom { needed, free });
    }
    Ok(())
}

fn remove_aside(shelf: &dyn Storage) -> io::Result<()> {
    match shelf.remove(ASIDE) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A snapshot that is whole and has its name; its size.
fn write_and_name(
    shelf: &dyn Storage,
    header: &Header,
    ledger: Ledger,
    limits: Limits,
    reached: &mut dyn FnMut(BuildStep),
) -> Built<u64> {
    let bytes = write(shelf, header, ledger, reached).map_err(io("write the snapshot aside"))?;
    check(shelf, header, limits)?;
    reached(BuildStep::Checked);
    let named = shelf.rename(ASIDE, &name(header.anchor.sequence));
    named.map_err(io("name the snapshot"))?;
    reached(BuildStep::Renamed);
    let flushed = shelf.sync_directory();
    flushed.map_err(io("flush the folder of snapshots"))?;
    reached(BuildStep::Named);
    Ok(bytes)
}

/// Writes a snapshot aside, and flushes it; its size.
fn write(
    shelf: &dyn Storage,
    header: &Header,
    ledger: Ledger,
    reached: &mut dyn FnMut(BuildStep),
) -> io::Result<u64> {
    let mut out = BufWriter::new(Writing::create(shelf, ASIDE)?);
    header.write(&mut out)?;
    out.flush()?;
    reached(BuildStep::Begun);
    ledger.write_snapshot(&mut out)?;
    out.flush()?;
    reached(BuildStep::Written);
    let bytes = out.get_ref().sync()?;
    reached(BuildStep::Flushed);
    Ok(bytes)
}

/// What was written is what was meant.
fn check(shelf: &dyn Storage, header: &Header, limits: Limits) -> Built<()> {
    let (found, ledger) = read(shelf, ASIDE, limits).map_err(BuildError::ReadBack)?;
    let state_hash = ledger.state_hash();
    if found != *header || state_hash != header.state_hash {
        return Err(BuildError::ReadBack(format!(
            "its state is {state_hash:032x}, was {:032x}",
            header.state_hash
        )));
    }
    Ok(())
}

/// Removes the snapshots that are not kept.
fn clear(
    shelf: &dyn Storage,
    header: &Header,
    before: Option<&Header>,
    reached: &mut dyn FnMut(BuildStep),
) -> Built<()> {
    let newest = name(header.anchor.sequence);
    let kept = before.map(|before| name(before.anchor.sequence));
    for other in on_shelf(shelf).map_err(io("list the snapshots"))? {
        if other != newest && Some(&other) != kept.as_ref() {
            let removed = shelf.remove(&other);
            removed.map_err(io("remove an old snapshot"))?;
        }
    }
    let flushed = shelf.sync_directory();
    flushed.map_err(io("flush the folder of snapshots"))?;
    reached(BuildStep::Cleared);
    Ok(())
}

fn io(doing: &str) -> impl FnOnce(io::Error) -> BuildError {
    let doing = doing.to_owned();
    move |error| BuildError::Io { doing, error }
}
