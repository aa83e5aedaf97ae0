//! Where reading a journal begins that nobody serves.

use std::path::Path;

use bopis_journal::{oldest_segment, Anchor, DiskStorage, Scanned, Storage};
use bopis_ledger::{Ledger, Limits};

use super::file::read;
use super::shelf::{on_shelf, shelf};
use crate::error::VerifyError;
use crate::folder;

/// A snapshot, by the record that it ends with.
struct Known {
    anchor: Anchor,
    state_hash: u128,
    file: String,
}

/// Where reading begins, and all snapshots to compare with on the way.
pub(crate) struct Beginning {
    /// None: with the first record.
    pub(crate) anchor: Option<Anchor>,
    /// The state there.
    pub(crate) ledger: Ledger,
    known: Vec<Known>,
}

/// The whole journal if its first segment is there, else the oldest snapshot and what is behind it.
///
/// # Errors
/// `Snapshot` for one that is damaged; `Io`.
pub(crate) fn beginning(directory: &Path, limits: Limits) -> Result<Beginning, VerifyError> {
    let shelf = shelf(directory);
    let names = on_shelf(&shelf).map_err(|error| VerifyError::Io {
        doing: format!("list the snapshots of {}", directory.display()),
        error,
    })?;
    let (mut known, mut oldest) = (Vec::new(), None);
    for name in names {
        let file = shelf.place_of(&name);
        let (header, ledger) = read(&shelf, &name, limits)
            .map_err(|what| VerifyError::Snapshot(format!("{file}: {what}")))?;
        known.push(Known {
            anchor: header.anchor,
            state_hash: header.state_hash,
            file,
        });
        oldest = Some((header.anchor, ledger));
    }
    let storage = DiskStorage::existing(&folder::journal_directory(directory));
    let is_whole = known.is_empty() || oldest_segment(&storage)? == Some(1);
    let (anchor, ledger) = match oldest.filter(|_| !is_whole) {
        Some((anchor, ledger)) => (Some(anchor), ledger),
        None => (None, Ledger::new(limits)),
    };
    Ok(Beginning {
        anchor,
        ledger,
        known,
    })
}

impl Beginning {
    /// The last record before.
    pub(crate) fn sequence(&self) -> u64 {
        self.anchor.map_or(0, |anchor| anchor.sequence)
    }

    /// The state after this record is that of the snapshot that ends with it, if there is one.
    ///
    /// # Errors
    /// In words.
    pub(crate) fn compare(&self, sequence: u64) -> Result<(), String> {
        let mut known = self.known.iter();
        let Some(one) = known.find(|one| one.anchor.sequence == sequence) else {
            return Ok(());
        };
        let (file, recorded, found) = (&one.file, one.state_hash, self.ledger.state_hash());
        if recorded == found {
            return Ok(());
        }
        Err(format!(
            "{file} says that its state is {recorded:032x}, it is {found:032x}"
        ))
    }

    /// Every snapshot is of this journal, and of a record that is in it.
    ///
    /// # Errors
    /// In words.
    pub(crate) fn check_all(&self, scanned: &Scanned) -> Result<(), String> {
        for Known { anchor, file, .. } in &self.known {
            if Some(anchor.journal_id) != scanned.journal_id {
                return Err(format!("{file} belongs to another journal"));
            }
            if anchor.sequence > scanned.last_sequence {
                let last = scanned.last_sequence;
                return Err(format!("{file} is of a record behind the last one, {last}"));
            }
        }
        Ok(())
    }
}
