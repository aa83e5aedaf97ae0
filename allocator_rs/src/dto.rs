//! What crosses the border as msgpack maps with field names, and its way to the ledger's types.

use bopis_ledger::{CellView, Outcome, Refusal, ReservationState, ReservationView, Shortage};
use serde::{Deserialize, Serialize};

use crate::errors::BindingError;
use crate::names::Names;

/// One act of the Python side.
#[derive(Debug, Deserialize)]
pub struct Submission {
    /// Comes back with the completion.
    pub ticket: u64,
    /// UUID: one effect per id.
    pub request_id: String,
    /// What the id stands for; none: the commands.
    #[serde(default)]
    pub fingerprint_of: Option<String>,
    /// What to do, together.
    pub commands: Vec<CommandDto>,
}

/// A quantity of one item at one node: of a SKU, or of a labor window.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct LineDto {
    /// The node.
    pub node_id: String,
    /// The SKU; none: labor.
    #[serde(default)]
    pub sku: Option<String>,
    /// Start of the labor window, Unix seconds; none: a SKU.
    #[serde(default)]
    pub window_start_s: Option<i64>,
    /// Base units, or labor seconds.
    pub quantity: i64,
}

/// The labor of one window.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct WindowDto {
    /// Start, Unix seconds.
    pub start_s: i64,
    /// Labor seconds in it.
    pub seconds: i64,
}

/// The new lines of one reservation.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct MoveDto {
    /// Which.
    pub reservation_id: String,
    /// All it holds from now on.
    pub lines: Vec<LineDto>,
}

/// One change.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CommandDto {
    /// Gives nodes their ids.
    RegisterNodes {
        /// The nodes.
        node_ids: Vec<String>,
    },
    /// Gives SKUs their ids.
    RegisterItems {
        /// The SKUs.
        skus: Vec<String>,
    },
    /// Sets labor windows of a node; node and windows are registered first if unknown.
    SetCapacity {
        /// The node.
        node_id: String,
        /// The windows.
        windows: Vec<WindowDto>,
    },
    /// A stock fact.
    Adjust {
        /// The node.
        node_id: String,
        /// The SKU.
        sku: String,
        /// Added to on hand.
        on_hand_delta: i64,
        /// Added to unavailable.
        unavailable_delta: i64,
        /// As the API numbers it.
        reason: u8,
    },
    /// Sets on hand of one cell.
    SetOnHand {
        /// The node.
        node_id: String,
        /// The SKU.
        sku: String,
        /// Its on hand from now on.
        on_hand: i64,
    },
    /// Takes all lines or nothing.
    Hold {
        /// Its id.
        reservation_id: String,
        /// For whom.
        order_id: String,
        /// What.
        lines: Vec<LineDto>,
        /// How long, ms.
        ttl_ms: i64,
        /// Larger is more important.
        priority: u8,
    },
    /// HELD to COMMITTED.
    Commit {
        /// Which.
        reservation_id: String,
    },
    /// Gives back all or a part.
    Release {
        /// Which.
        reservation_id: String,
        /// The part; none: all that remains.
        #[serde(default)]
        lines: Option<Vec<LineDto>>,
    },
    /// Units leave, all or a part.
    Consume {
        /// Which.
        reservation_id: String,
        /// The part; none: all that remains.
        #[serde(default)]
        lines: Option<Vec<LineDto>>,
    },
    /// Replaces what several reservations hold, all or none.
    Move {
        /// The reservations and their new lines.
        moves: Vec<MoveDto>,
    },
}

/// One cell to read.
#[derive(Debug, Deserialize)]
pub struct CellAsk {
    /// The node.
    pub node_id: String,
    /// The SKU; none: labor.
    #[serde(default)]
    pub sku: Option<String>,
    /// Start of the labor window, Unix seconds; none: a SKU.
    #[serde(default)]
    pub window_start_s: Option<i64>,
}

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
            // Python records no sales by their source; a duplicate would change nothing either.
            Outcome::Registered { .. } | Outcome::Duplicate => Self::Registered,
            Outcome::Cell(view) => Self::CellChanged { cell: view.into() },
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
    }
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
    /// The queue is full.
    Overloaded,
    /// The disk is full: no grants for now.
    DiskFull,
    /// The engine is stopped; what came of it is not known.
    Stopped,
}

impl From<BindingError> for ResultDto {
    fn from(error: BindingError) -> Self {
        match error {
            BindingError::Payload(why) | BindingError::Open(why) => Self::Malformed { why },
            BindingError::Divergence(why) => Self::Malformed { why },
            BindingError::System(error) => Self::Malformed {
                why: error.to_string(),
            },
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

/// A UUID as text from its 128 bits.
pub fn format_uuid(bits: u128) -> String {
    let hex = format!("{bits:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ]
    .join("-")
}

/// The 128 bits of a canonical UUID.
///
/// # Errors
/// `Payload`: it is none.
pub fn parse_uuid(text: &str) -> Result<u128, BindingError> {
    let wrong = || BindingError::Payload(format!("{text:?} is no UUID"));
    let hyphens_fit = text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
    if !hyphens_fit {
        return Err(wrong());
    }
    u128::from_str_radix(&text.replace('-', ""), 16).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // A test stops where it fails.

    use super::{format_uuid, parse_uuid};

    #[test]
    fn a_uuid_survives_the_way_there_and_back() {
        let text = "00112233-4455-6677-8899-aabbccddeeff";
        assert_eq!(format_uuid(parse_uuid(text).unwrap()), text);
    }

    #[test]
    fn what_is_no_canonical_uuid_is_refused() {
        for text in [
            "",
            "00112233445566778899aabbccddeeff",
            "0011223-34455-6677-8899-aabbccddeeff",
        ] {
            assert!(parse_uuid(text).is_err(), "{text}");
        }
        assert!(parse_uuid("+0112233-4455-6677-8899-aabbccddeeff").is_err());
    }
}
