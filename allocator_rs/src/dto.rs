//! What crosses the border as msgpack maps with field names, and its way to the ledger's types.

use serde::{Deserialize, Serialize};

use crate::errors::BindingError;

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
    /// Closes or opens it; none: as before. Left out then, so that older requests keep their digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<bool>,
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
