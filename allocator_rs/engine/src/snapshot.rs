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

pub(crate) use beginning::beginning;
pub use build::{backlog, build, build_observed, BuildReport, BuildStep};
pub(crate) use file::read;
pub(crate) use shelf::{lock_for_reading, newest, on_shelf, Base};
