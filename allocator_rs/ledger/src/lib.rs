//! The ATP ledger: a deterministic state machine.
//!
//! | | |
//! | --- | --- |
//! | acts and a stamp in | one outcome per act, and the records to journal |
//! | the same records | the same state, by `state_hash` |
//! | time, threads, disk | outside: the ledger is told the time and never waits |

mod cells;
mod chunked;
pub mod codec;
mod command;
mod dated;
mod decide;
mod drift;
mod effect;
mod error;
mod expiry;
mod grants;
mod hash;
mod ids;
mod index;
mod invariants;
mod key;
mod ledger;
mod limits;
mod lines;
mod names;
mod outcome;
mod recovery;
mod reservations;
mod settle;
mod shortcut;
mod sink;
mod snapshot;
mod warm;
mod window;

pub use command::{Act, Command, Line, Lines, Stamp, Terms};
pub use dated::DayPlan;
pub use error::{Divergence, ReplayError};
pub use ids::{CellKey, ItemId, ItemName, LocationId, OrderRef, RequestKey, ReservationId};
pub use ledger::Ledger;
pub use limits::{
    Limits, DAY_MAX, INBOUND_DAYS_MAX, LINES_MAX, NAME_BYTES_MAX, QUANTITY_MAX,
    REQUEST_ENTRY_BYTES, SALE_SOURCE_SCOPE,
};
pub use outcome::{
    ActOutcome, CellView, ChangedCell, Outcome, Outcomes, Record, Refusal, ReservationState,
    ReservationView, Shortage,
};
pub use sink::{RecordView, Sink, Transcript};
pub use snapshot::{Both, SnapshotError, SnapshotSource, Work, SNAPSHOT_VERSION};
