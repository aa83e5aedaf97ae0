//! What the native side answers, as msgpack maps with field names and names for ids.

use bopis_ledger::{CellView, Outcome, Refusal, ReservationState, ReservationView, Shortage};
use serde::Serialize;

use crate::dto::{format_uuid, LineDto};
use crate::duals::{DualChargesDto, QuoteLostDto};
use crate::errors::BindingError;
use crate::explaining::DualRowDto;
use crate::names::Names;
use crate::planning::PlanDto;

/// The counters of a cell.
#[derive(Debug, Default, Serialize)]
pub struct CellDto {
    on_hand: i64,
    held: i64,
    committed: i64,
    unavailable: i64,
    safety_stock: i64,
}

impl From<&CellView> for CellDto {
    fn from(view: &CellView) -> Self {
        Self {
            on_hand: view.on_hand,
            held: view.held,
            committed: view.committed,
            unavailable: view.unavailable,
            safety_stock: view.safety_stock,
        }
    }
}

/// Cells at one sequence.
#[derive(Debug, Serialize)]
pub struct ReadDto {
    /// Read at this sequence.
    pub sequence: u64,
    /// And time, Unix ms.
    pub wall_ms: i64,
    /// In the order asked; unknown names read as zeros.
    pub cells: Vec<CellDto>,
}

/// A reservation.
#[derive(Debug, Serialize)]
pub struct ReservationDto {
    reservation_id: String,
    state: &'static str,
    expire_wall_ms: i64,
    priority: u8,
    lines: Vec<LineDto>,
}

impl ReservationDto {
    /// With names for ids.
    pub fn new(view: &ReservationView, names: &Names<'_>) -> Self {
        let line = |line: &bopis_ledger::Line| {
            let (sku, window_start_s) = names.item(line.cell.item);
            LineDto {
                node_id: names.node(line.cell.location),
                sku,
                window_start_s,
                quantity: line.quantity,
            }
        };
        Self {
            reservation_id: format_uuid(view.id.0),
            state: match view.state {
                ReservationState::Held => "HELD",
                ReservationState::Committed => "COMMITTED",
                ReservationState::Consumed => "CONSUMED",
                ReservationState::Released => "RELEASED",
                ReservationState::Expired => "EXPIRED",
            },
            expire_wall_ms: view.expire_wall_ms,
            priority: view.priority,
            lines: view.lines.iter().map(line).collect(),
        }
    }
}

/// A cell that lacks.
#[derive(Debug, Serialize)]
pub struct ShortageDto {
    line_index: u32,
    node_id: String,
    sku: Option<String>,
    window_start_s: Option<i64>,
    requested: i64,
    available: i64,
}

impl ShortageDto {
    fn new(shortage: &Shortage, names: &Names<'_>) -> Self {
        let (sku, window_start_s) = names.item(shortage.cell.item);
        Self {
            line_index: shortage.line_index,
            node_id: names.node(shortage.cell.location),
            sku,
            window_start_s,
            requested: shortage.requested,
            available: shortage.available,
        }
    }
}

/// What came of one command.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum OutcomeDto {
    /// All names of the command are known.
    Registered,
    /// The windows of a set capacity.
    CellsSet {
        /// In the order of the command.
        cells: Vec<CellDto>,
    },
    /// A fact was taken over.
    CellChanged {
        /// The cell now.
        cell: CellDto,
    },
    /// The reservation now.
    ReservationNow {
        /// As it is.
        reservation: ReservationDto,
    },
    /// The moved reservations.
    Moved {
        /// In the order of the command.
        reservations: Vec<ReservationDto>,
    },
    /// Too little.
    Insufficient {
        /// What lacks.
        shortages: Vec<ShortageDto>,
    },
    /// Refused.
    Refused {
        /// Why.
        refusal: &'static str,
    },
}

impl OutcomeDto {
    /// Of one command of the ledger, with names for ids.
    pub fn new(outcome: &Outcome, names: &Names<'_>) -> Self {
        match outcome {
            // Python sends neither sales nor transfers.
            Outcome::Registered { .. } | Outcome::Duplicate | Outcome::Transferred(..) => {
                Self::Registered
            }
            Outcome::Cell(view) | Outcome::Counted { view, .. } => {
                Self::CellChanged { cell: view.into() }
            }
            Outcome::Reservation(view) => Self::ReservationNow {
                reservation: ReservationDto::new(view, names),
            },
            Outcome::Moved(views) => Self::Moved {
                reservations: views
                    .iter()
                    .map(|view| ReservationDto::new(view, names))
                    .collect(),
            },
            Outcome::Insufficient(shortages) => Self::Insufficient {
                shortages: shortages
                    .iter()
                    .map(|shortage| ShortageDto::new(shortage, names))
                    .collect(),
            },
            Outcome::Refused(refusal) => Self::Refused {
                refusal: refusal_name(*refusal),
            },
        }
    }
}

fn refusal_name(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Malformed => "MALFORMED",
        Refusal::ReservationNotFound => "RESERVATION_NOT_FOUND",
        Refusal::ReservationExpired => "RESERVATION_EXPIRED",
        Refusal::ReservationEnded => "RESERVATION_ENDED",
        Refusal::AlreadyCommitted => "ALREADY_COMMITTED",
        Refusal::NotCommitted => "NOT_COMMITTED",
        Refusal::LineNotHeld => "LINE_NOT_HELD",
        Refusal::QuantityOutOfRange => "QUANTITY_OUT_OF_RANGE",
        Refusal::NotAsExpected => "NOT_AS_EXPECTED",
        Refusal::CountTooOld => "COUNT_TOO_OLD",
    }
}

/// A plan and what holds it.
#[derive(Debug, Serialize)]
pub struct PlacedDto {
    /// The plan.
    pub plan: PlanDto,
    /// What holds it; none: the plan is empty.
    pub reservation: Option<ReservationDto>,
    /// Plans tried.
    pub attempts: u32,
    /// What dual prices charged; none: there were none.
    pub duals: Option<DualChargesDto>,
    /// The same by cell, those without a charge left out.
    pub dual_rows: Vec<DualRowDto>,
    /// Why the quote was not kept; none: it was, or there was none.
    pub quote_lost: Option<QuoteLostDto>,
    /// The record as of which the plan was made; none: counters changed while it was.
    pub planned_at: Option<u64>,
    /// The world that it was made in.
    pub world_number: u64,
}

/// What came of a submission.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ResultDto {
    /// It took effect, durably.
    Done {
        /// One per command, in order.
        outcomes: Vec<OutcomeDto>,
    },
    /// A reservation was read.
    Read {
        /// None: unknown.
        reservation: Option<ReservationDto>,
    },
    /// Reservations were looked for.
    Found {
        /// Some of them, in order of their ids.
        reservations: Vec<ReservationDto>,
        /// How many there are in all.
        count: usize,
    },
    /// A plan was made and held.
    Placed(Box<PlacedDto>),
    /// The request id was used with another body.
    RequestIdReused,
    /// No room for another request id.
    RequestWindowFull,
    /// A command names a node that the ledger does not know.
    UnknownNode {
        /// Which.
        node_id: String,
    },
    /// A command names a SKU (or a labor window) that the ledger does not know.
    UnknownItem {
        /// Which.
        name: String,
    },
    /// A payload that makes no sense (a bug of the Python side).
    Malformed {
        /// Why.
        why: String,
    },
    /// Network and policy are not loaded yet.
    NotLoaded,
    /// The reservation of this id holds something else, or has ended.
    ReservationMismatch,
    /// The queue is full, or too many races were lost.
    Overloaded,
    /// The disk is full: no grants for now.
    DiskFull,
    /// The engine is stopped; what came of it is not known.
    Stopped,
}

impl From<BindingError> for ResultDto {
    fn from(error: BindingError) -> Self {
        match error {
            BindingError::Payload(why)
            | BindingError::Open(why)
            | BindingError::Divergence(why)
            | BindingError::Door(why) => Self::Malformed { why },
            BindingError::System(error) => Self::Malformed {
                why: error.to_string(),
            },
            // Of steps of an allocation, which is no submission.
            BindingError::Raised(error) => Self::Malformed {
                why: error.to_string(),
            },
            BindingError::NotLoaded => Self::NotLoaded,
            BindingError::ReservationMismatch => Self::ReservationMismatch,
            BindingError::RequestIdReused => Self::RequestIdReused,
            BindingError::RequestWindowFull => Self::RequestWindowFull,
            BindingError::Overloaded => Self::Overloaded,
            BindingError::DiskFull => Self::DiskFull,
            BindingError::Stopped => Self::Stopped,
        }
    }
}

/// A finished submission.
#[derive(Debug, Serialize)]
pub struct CompletionDto {
    /// As submitted.
    pub ticket: u64,
    /// Where it stands in the journal; 0: nowhere.
    pub sequence: u64,
    /// When, Unix ms; 0: unknown.
    pub wall_ms: i64,
    /// What came of it.
    pub result: ResultDto,
}
