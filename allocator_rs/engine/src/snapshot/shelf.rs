//! The snapshots of a data folder.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use bopis_ledger::{Ledger, Limits};

use super::file::{read, Header};
use crate::folder;

const LOCK: &str = "lock";
/// A snapshot that is not whole yet, and has no name.
pub(super) const ASIDE: &str = "snapshot.aside";

/// The folder of the snapshots.
pub(super) fn shelf(directory: &Path) -> PathBuf {
    directory.join("snapshots")
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
pub(crate) fn on_shelf(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(shelf(directory)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if let Some(sequence) = entry.file_name().to_str().and_then(sequence_in) {
            found.push((sequence, entry.path()));
        }
    }
    found.sort_unstable_by(|one, other| other.cmp(one));
    Ok(found.into_iter().map(|(_, path)| path).collect())
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
pub(crate) fn newest(directory: &Path, limits: Limits) -> io::Result<Base> {
    let mut damaged = Vec::new();
    for path in on_shelf(directory)? {
        match read(&path, limits) {
            Ok((header, ledger)) => {
                return Ok(Base {
                    header: Some(header),
                    ledger,
                    damaged,
                })
            }
            Err(what) => {
                let what = format!("{}: {what}", path.display());
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
    folder::lock_file(&shelf(directory).join(LOCK))
}

/// The same for whoever only reads. None inside: there is nothing to lock.
pub(crate) fn lock_for_reading(directory: &Path) -> io::Result<Option<Option<File>>> {
    folder::lock_file_for_reading(&shelf(directory).join(LOCK))
}
