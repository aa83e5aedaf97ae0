//! The snapshots of a data folder.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use bopis_journal::{DiskStorage, Storage};
use bopis_ledger::{Ledger, Limits};

use super::file::{read, Header};
use crate::folder;

const LOCK: &str = "lock";
/// A snapshot that is not whole yet, and has no name.
pub(super) const ASIDE: &str = "snapshot.aside";

fn path(directory: &Path) -> PathBuf {
    directory.join("snapshots")
}

/// The folder of the snapshots, as it is.
pub(crate) fn shelf(directory: &Path) -> DiskStorage {
    DiskStorage::existing(&path(directory))
}

/// The same, made if it is not there.
///
/// # Errors
/// What the system says.
pub(super) fn make_shelf(directory: &Path) -> io::Result<DiskStorage> {
    DiskStorage::create(&path(directory))
}

pub(super) fn name(sequence: u64) -> String {
    format!("snapshot-{sequence:020}.bopis")
}

fn sequence_in(name: &str) -> Option<u64> {
    let digits = name.strip_prefix("snapshot-")?.strip_suffix(".bopis")?;
    let sequence = digits.parse().ok()?;
    (self::name(sequence) == name).then_some(sequence)
}

/// The files of all snapshots, newest first. None if there is no folder of them.
///
/// # Errors
/// What the system says.
pub(crate) fn on_shelf(shelf: &dyn Storage) -> io::Result<Vec<String>> {
    let names = match shelf.list() {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found: Vec<u64> = names.iter().filter_map(|name| sequence_in(name)).collect();
    found.sort_unstable_by(|one, other| other.cmp(one));
    Ok(found.into_iter().map(name).collect())
}

/// What a start goes on from.
pub(crate) struct Base {
    /// None: there is no sound snapshot, the ledger is empty.
    pub(crate) header: Option<Header>,
    pub(crate) ledger: Ledger,
    /// What is wrong with those that are newer.
    pub(crate) damaged: Vec<String>,
}

/// The newest sound snapshot.
///
/// # Errors
/// What the system says of the folder.
pub(crate) fn newest(shelf: &dyn Storage, limits: Limits) -> io::Result<Base> {
    let mut damaged = Vec::new();
    for name in on_shelf(shelf)? {
        match read(shelf, &name, limits) {
            Ok((header, ledger)) => {
                return Ok(Base {
                    header: Some(header),
                    ledger,
                    damaged,
                })
            }
            Err(what) => {
                let what = format!("{}: {what}", shelf.place_of(&name));
                tracing::error!(what, "snapshot_damaged");
                damaged.push(what);
            }
        }
    }
    Ok(Base {
        header: None,
        ledger: Ledger::new(limits),
        damaged,
    })
}

/// Keeps others from building and retiring. None: another process builds.
pub(super) fn lock(directory: &Path) -> io::Result<Option<File>> {
    folder::lock_file(&path(directory).join(LOCK))
}

/// The same for whoever only reads. None inside: there is nothing to lock.
pub(crate) fn lock_for_reading(directory: &Path) -> io::Result<Option<Option<File>>> {
    folder::lock_file_for_reading(&path(directory).join(LOCK))
}
