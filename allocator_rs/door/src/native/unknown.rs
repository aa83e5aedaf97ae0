//! Names that the ledger does not know.
//!
//! In a call about one thing they are NOT_FOUND and nothing is remembered. In a batch they are one
//! item's outcome, and a repeat of the batch must find the same outcome even if the name was
//! registered meanwhile. So a batch always holds one command per item; an item with an unknown
//! name is one that the ledger refuses, and whose refusal tells which kind of name it was.

use bopis_engine::source_digest;
use bopis_ledger::{
    Command, Lines, OrderRef, Refusal as LedgerRefusal, RequestKey, ReservationId, Terms,
};
use tonic::Status;

use super::errors;
use crate::v1::reservation_line::Item;
use crate::v1::{ErrorReason, ItemError, ReservationLine};

/// Which name of a line is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    /// The node.
    Node,
    /// The SKU.
    Sku,
    /// A labor window that lies too far away to be made known.
    Window,
}

impl Unknown {
    /// The reason that tells of it.
    pub(super) const fn reason(self) -> ErrorReason {
        match self {
            Self::Node => ErrorReason::NodeNotFound,
            Self::Sku => ErrorReason::SkuNotFound,
            Self::Window => ErrorReason::FieldInvalid,
        }
    }

    /// The field that names it.
    pub(super) const fn field(self) -> &'static str {
        match self {
            Self::Node => "node_id",
            Self::Sku => "sku",
            Self::Window => "labor_window_start_time",
        }
    }

    /// As the error of a call about one cell.
    pub(super) fn of_cell(self, node_id: &str, sku: &str) -> Status {
        match self {
            Self::Node => errors::not_found(self.reason(), "node_id".into(), "node_id", node_id),
            Self::Sku | Self::Window => errors::not_found(self.reason(), "sku".into(), "sku", sku),
        }
    }

    /// As the error of a call about lines.
    pub(super) fn of_line(self, path: &str, line: &ReservationLine) -> Status {
        match (self, &line.item) {
            (Self::Window, _) | (Self::Sku, None | Some(Item::LaborWindowStartTime(_))) => {
                errors::invalid_field(
                    format!("{path}.labor_window_start_time"),
                    "lies too far away: no store offers labor then",
                )
            }
            (Self::Node, _) => self.of_name(path, "node_id", &line.node_id),
            (Self::Sku, Some(Item::Sku(sku))) => self.of_name(path, "sku", sku),
        }
    }

    fn of_name(self, path: &str, key: &str, value: &str) -> Status {
        errors::not_found(self.reason(), format!("{path}.{key}"), key, value)
    }

    /// The command that stands for an item with such a name: refused, always, as `Malformed`, or
    /// for an unknown SKU as `ReservationNotFound`.
    pub(super) fn placeholder(self, request: RequestKey, index: usize) -> Command {
        match self {
            Self::Node | Self::Window => Command::Hold {
                reservation: never_used(request, index),
                order: OrderRef(0),
                lines: Lines::new(),
                ttl_ms: 1,
                priority: 0,
                terms: Terms::default(),
            },
            Self::Sku => Command::Release {
                reservation: never_used(request, index),
                lines: None,
            },
        }
    }

    /// Which kind of name a placeholder stood for. Commands that are no placeholders are never
    /// refused like this in batches of holds and of levels, since their shape was checked before.
    pub(super) const fn of_refusal(refusal: LedgerRefusal) -> Option<Self> {
        match refusal {
            LedgerRefusal::Malformed => Some(Self::Node),
            LedgerRefusal::ReservationNotFound => Some(Self::Sku),
            _ => None,
        }
    }

    /// As one item's error.
    pub(super) fn of_item(self, field: &str) -> ItemError {
        let message = match self {
            Self::Node => "no such node",
            Self::Sku => "no such SKU",
            Self::Window => "a labor window lies too far away: no store offers labor then",
        };
        errors::item_error(self.reason(), message, field)
    }
}

/// A reservation id that nobody chose.
fn never_used(request: RequestKey, index: usize) -> ReservationId {
    let words = [
        "placeholder",
        &request.scope.to_string(),
        &request.id.to_string(),
        &index.to_string(),
    ];
    ReservationId(source_digest(&words))
}
