//! Makes the counters anew from the journal (and the oldest snapshot, where it begins later), as a
//! start does, and says what they are.
//!
//! | | |
//! | --- | --- |
//! | decides | nothing: recorded outcomes take effect, as in recovery (`verify` decides again) |
//! | must agree | held and committed with the live reservations; the state with `drained.json` |
//! | writes | nothing: counters are kept nowhere but in the journal |

use std::path::Path;

use bopis_journal::DiskStorage;
use bopis_ledger::{codec, CellView, ChangedCell, ItemName, Ledger, Limits};

use crate::error::VerifyError;
use crate::folder;
use crate::names::Names;
use crate::snapshot::beginning;
use crate::verify::{locked, Progress};

/// The counters of one cell, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedCell {
    /// Where.
    pub location: String,
    /// What.
    pub item: ItemName,
    /// How much.
    pub counters: CellView,
}

/// What was rebuilt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RebuildReport {
    /// The journal; 0: nothing was ever written.
    pub journal_id: u128,
    /// Its last record.
    pub sequence: u64,
    /// The state after it.
    pub state_hash: u128,
    /// Whether the last orderly stop left this state; none: there was none, or more came after.
    pub as_drained: Option<bool>,
    /// Every cell that was ever touched, by location and item.
    pub cells: Vec<NamedCell>,
}

/// Rebuilds the counters of the journal in `directory`. Never writes; refuses while an engine
/// serves the folder.
///
/// # Errors
/// See [`VerifyError`].
pub fn rebuild(directory: &Path, progress: &Progress) -> Result<RebuildReport, VerifyError> {
    let _lock = locked(directory)?;
    let limits = Limits {
        request_window_max: usize::MAX,
        ..Limits::default()
    };
    let begun = beginning(directory, limits)?;
    let (anchor, mut ledger) = (begun.anchor, begun.ledger);
    let names = Names::default();
    names.take_over(&ledger);
    let storage = DiskStorage::existing(&folder::journal_directory(directory));
    progress.begin(&storage)?;
    let scanned = bopis_journal::read_after(&storage, anchor.as_ref(), &mut |sequence, bytes| {
        let record = codec::decode(bytes).map_err(|error| error.to_string())?;
        ledger.replay(&record).map_err(|error| error.to_string())?;
        names.recover(&record);
        progress.reach(sequence);
        Ok(())
    })?;
    ledger.check_invariants().map_err(VerifyError::Invariant)?;
    let drained = folder::read_drained(directory).map_err(|error| VerifyError::Io {
        doing: "read drained.json".to_owned(),
        error,
    })?;
    let (sequence, state_hash) = (scanned.last_sequence, ledger.state_hash());
    let drained = drained.filter(|drained| drained.sequence == sequence);
    Ok(RebuildReport {
        journal_id: scanned.journal_id.unwrap_or(0),
        sequence,
        state_hash,
        as_drained: drained.map(|drained| drained.state_hash == state_hash),
        cells: named_cells(&mut ledger, &names),
    })
}

fn named_cells(ledger: &mut Ledger, names: &Names) -> Vec<NamedCell> {
    let mut touched = Vec::new();
    ledger.take_changed_cells(&mut touched);
    let named = |one: ChangedCell| {
        Some(NamedCell {
            location: names.location_name(one.cell.location)?.to_string(),
            item: names.item_name(one.cell.item)?.as_ref().clone(),
            counters: one.view,
        })
    };
    let mut cells: Vec<_> = touched.into_iter().filter_map(named).collect();
    cells.sort_by(|one, other| (&one.location, &one.item).cmp(&(&other.location, &other.item)));
    cells
}
