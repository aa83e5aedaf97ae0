//! What is placed, what came of it, and who hears of it.

use bopis_engine::SubmitError;
use bopis_ledger::{Refusal, ReservationId, ReservationView};
use bopis_sourcing::WORK_LIMIT;

use crate::ask::Ask;
use crate::duals::{DualCharges, DualRow};
use crate::offers::AskError;
use crate::plan::Plan;
use crate::quote::{QuoteAsk, QuoteLost};

/// Most plans tried for one order before a lost race is given up.
pub const PLACE_ATTEMPTS_MAX: u32 = 16;

/// The caller's request id: the hold's own ids are derived from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestId(pub u128);

/// Settings of a promiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PromiserOptions {
    /// Placements that wait at most; more are refused as overload.
    pub queue_max: usize,
    /// Holds on their way to the disk at most; further placements wait.
    pub in_flight_max: usize,
    /// Work units of the kernel for one plan.
    pub work_limit: u64,
}

impl Default for PromiserOptions {
    fn default() -> Self {
        Self {
            queue_max: 4_096,
            in_flight_max: 256,
            work_limit: WORK_LIMIT,
        }
    }
}

/// An ask whose best plan shall be held.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaceAsk {
    /// What is to be sourced.
    pub ask: Ask,
    /// The reservation that will hold all groups' stock and labor.
    pub reservation_id: ReservationId,
    /// The caller's, new for each placement.
    pub request_id: RequestId,
    /// How long the hold lasts.
    pub hold_ttl_ms: i64,
    /// Larger is more important.
    pub priority: u8,
    /// An option to be taken as it was quoted, if it is still there.
    pub quote: Option<QuoteAsk>,
}

/// A placed ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The plan.
    pub plan: Plan,
    /// What holds it (deadline included); none if the plan has no group.
    pub reservation: Option<ReservationView>,
    /// Where the hold stands in the journal; 0 if nothing is held.
    pub sequence: u64,
    /// Wall time of the hold, Unix ms; 0 if nothing is held.
    pub wall_ms: i64,
    /// Plans tried: more than one means that a race was lost on the way.
    pub attempts: u32,
    /// What dual prices charged; none: there were none.
    pub duals: Option<DualCharges>,
    /// The same by cell, those without a charge left out.
    pub dual_rows: Vec<DualRow>,
    /// Why the quote was not kept; none: it was, or there was none.
    pub quote_lost: Option<QuoteLost>,
}

/// Why an ask was not placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// Network or policy were not loaded.
    #[error("network and policy are not loaded yet")]
    NotLoaded,
    /// The ask breaks a limit.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// A queue is full: try again later.
    #[error("the queue is full")]
    Overloaded,
    /// The disk is full: no holds for now.
    #[error("the disk is full")]
    DiskFull,
    /// No room for another request id.
    #[error("the request window is full")]
    RequestWindowFull,
    /// The request id was used for another reservation.
    #[error("the request id was used for something else")]
    RequestIdReused,
    /// Every plan lost its race.
    #[error("{PLACE_ATTEMPTS_MAX} plans lost their race")]
    Contended,
    /// The reservation id is in use: what it holds, or held, is not the plan just made.
    #[error("the reservation is there already")]
    ReservationMismatch,
    /// The ledger refused the hold (a bug of the caller: ttl or reservation id).
    #[error("the hold was refused: {0:?}")]
    Refused(Refusal),
    /// A name vanished between plan and hold (it cannot: names are never taken back).
    #[error("a node or item has no name in the ledger")]
    UnknownName,
    /// The engine or the promiser stopped; whether the hold took effect is unknown.
    #[error("stopped")]
    Stopped,
}

impl From<SubmitError> for PlaceError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Overloaded => Self::Overloaded,
            SubmitError::DiskFull => Self::DiskFull,
            SubmitError::TooLarge => Self::Ask(AskError::Lines),
            SubmitError::Stopped => Self::Stopped,
        }
    }
}

pub(crate) type Callback = Box<dyn FnOnce(Result<Placement, PlaceError>) + Send>;

/// A callback that hears `Stopped` when it is dropped unanswered.
pub(crate) struct Answer(pub(crate) Option<Callback>);

impl Answer {
    pub(crate) fn give(mut self, result: Result<Placement, PlaceError>) {
        if let Some(done) = self.0.take() {
            done(result);
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(done) = self.0.take() {
            done(Err(PlaceError::Stopped));
        }
    }
}
