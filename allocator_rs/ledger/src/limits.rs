//! The limits of the ledger. Nothing in it grows or computes past one of these.
//!
//! | limit | what happens at it |
//! | --- | --- |
//! | [`QUANTITY_MAX`] | a counter, or a sum of lines, past it: `QuantityOutOfRange` |
//! | [`LINES_MAX`] | a hold, release or consume with more lines: `Malformed` |
//! | [`NAME_BYTES_MAX`] | a longer (or empty) name: `Malformed` |
//! | [`Limits::move_lines_max`] | a move with more lines in all: `Malformed` |
//! | [`INBOUND_DAYS_MAX`] | supply of one more day: `QuantityOutOfRange` |
//! | [`Limits::count_changes_max`] | counts from before the oldest change kept: `CountTooOld` |
//! | [`Limits::request_window_max`] | `RequestWindowFull`; what is remembered is never shortened |
//! | [`Limits::request_window_bytes_max`] | the same |

/// The largest magnitude of any counter, and of what one command asks of one cell. A double holds
/// it exactly, and the sum of all counters of a cell is far from the end of an `i64`.
pub const QUANTITY_MAX: i64 = 1 << 53;

/// Most lines of one hold, release or consume.
pub const LINES_MAX: usize = 512;

/// Most days for which one cell expects supply.
pub const INBOUND_DAYS_MAX: usize = 400;

/// The buffer of a closed labor window: nothing is left of it to grant, and safety stock causes no
/// deficit.
pub(crate) const CLOSED: i64 = QUANTITY_MAX;

/// The last local day that can be named, in days since 1970 (after the year 9999).
pub const DAY_MAX: i32 = 3_000_000;

/// Longest name of a location or SKU in bytes.
pub const NAME_BYTES_MAX: usize = 256;

/// The scope of the request window in which sales are remembered by their source. No act may use
/// it: such an act is answered with `RequestIdReused` and changes nothing.
pub const SALE_SOURCE_SCOPE: u32 = 9;

/// What one remembered request takes besides the bytes of its outcome: an entry of 64 bytes, and a
/// slot of 8 bytes in pages of which at least a fifth is of requests that are remembered.
pub const REQUEST_ENTRY_BYTES: u64 = 104;

/// What an installation chooses. Times, lines and changes must stay the same over the life of a
/// journal; the bounds of the request window may change at a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long requests and ended reservations are remembered, in ms of ledger time, at least 1.
    pub request_window_ms: i64,
    /// Most remembered requests; every sale takes one entry more.
    pub request_window_max: usize,
    /// Most memory of the remembered requests: the bytes of their outcomes, and
    /// [`REQUEST_ENTRY_BYTES`] for each (and for each sale). The last request taken may pass it by
    /// its own outcome, for how large that is shows only when it is decided.
    pub request_window_bytes_max: u64,
    /// Most lines of one move, over all its reservations.
    pub move_lines_max: usize,
    /// How long changes of on hand are kept for counts, in ms of ledger time; also how old a count
    /// may be.
    pub count_age_max_ms: i64,
    /// Most changes of on hand kept for counts. Past it the oldest go early, and counts from before
    /// them are too old.
    pub count_changes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_window_ms: 24 * 60 * 60 * 1000,
            request_window_max: 4_000_000,
            request_window_bytes_max: 2 << 30,
            move_lines_max: 512,
            count_age_max_ms: 24 * 60 * 60 * 1000,
            count_changes_max: 2_000_000,
        }
    }
}
