//! The ATP ledger: a deterministic state machine.

mod command;
mod ids;
mod outcome;

pub use command::{Act, Command, Line, Lines, Stamp};
pub use ids::{CellKey, ItemId, ItemName, LocationId, OrderRef, RequestKey, ReservationId};
pub use outcome::{
    ActOutcome, CellView, Outcome, Record, Refusal, ReservationState, ReservationView, Shortage,
};
