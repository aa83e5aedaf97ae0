//! Snapshots: `snapshots/` in the data folder, built beside the writer, read when it starts.
//!
//! | a start finds | it takes |
//! | --- | --- |
//! | a sound snapshot | the newest sound one, and the journal behind it |
//! | none, and a journal from its first segment on | the journal |
//! | none, and a journal that begins later | nothing: it refuses, and says what is missing |
//!
//! | kept | |
//! | --- | --- |
//! | snapshots | two: the newest, and the sound one that it was made from |
//! | segments | all behind the *older* of the two: if the newest is damaged, nothing is lost |

mod beginning;
mod build;
mod file;
mod shelf;
mod stream;

use std::io;

use bopis_journal::Storage;
use bopis_ledger::Limits;

pub(crate) use beginning::beginning;
pub use build::{backlog, build, build_in, build_observed, BuildReport, BuildStep, Folders};
pub(crate) use file::read;
pub(crate) use shelf::{lock_for_reading, newest, on_shelf, shelf, Base};

/// Every snapshot, newest first: its file's name, and the hash of the state that was read from it,
/// or what is wrong with it.
pub type Hashes = Vec<(String, Result<u128, String>)>;

/// Reads every snapshot of a folder.
///
/// # Errors
/// What the system says of the folder.
pub fn state_hashes(shelf: &dyn Storage) -> io::Result<Hashes> {
    let hash = |name: String| {
        let read = read(shelf, &name, Limits::default());
        (name, read.map(|(_, ledger)| ledger.state_hash()))
    };
    Ok(on_shelf(shelf)?.into_iter().map(hash).collect())
}
