//! What came of it.

use smallvec::SmallVec;

use crate::command::{Act, Lines, Stamp};
use crate::ids::{CellKey, ReservationId};

/// The counters of one cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CellView {
    /// Physically there; only this counter may be negative.
    pub on_hand: i64,
    /// In holds; and what reservations for later days need beyond the supply that is due by then.
    pub held: i64,
    /// In committed reservations.
    pub committed: i64,
    /// Damaged or in quality hold.
    pub unavailable: i64,
    /// Buffer.
    pub safety_stock: i64,
}

impl CellView {
    /// Available to promise.
    #[must_use]
    pub const fn atp(&self) -> i64 {
        self.on_hand - self.held - self.committed - self.unavailable - self.safety_stock
    }

    /// Promised units that are not there (safety stock causes none).
    #[must_use]
    pub const fn deficit(&self) -> i64 {
        let gap = self.held + self.committed - (self.on_hand - self.unavailable);
        if gap > 0 {
            gap
        } else {
            0
        }
    }
}

/// A cell whose counters changed, as they are now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangedCell {
    /// Its number in this ledger: cells are numbered from 0 in the order of their first touch.
    pub number: u32,
    /// Which.
    pub cell: CellKey,
    /// Its counters.
    pub view: CellView,
}

/// Where a reservation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReservationState {
    /// Taken until the deadline.
    Held,
    /// Taken without a deadline.
    Committed,
    /// All of it left.
    Consumed,
    /// What remained was given back.
    Released,
    /// The deadline passed.
    Expired,
}

/// A reservation as it stood at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReservationView {
    /// Its id.
    pub id: ReservationId,
    /// Where it stands.
    pub state: ReservationState,
    /// Deadline in ledger time (ms); meaningful while HELD.
    pub deadline_ms: i64,
    /// The deadline as wall time (Unix ms) at the moment of the view; meaningful while HELD.
    pub expire_wall_ms: i64,
    /// Larger is more important.
    pub priority: u8,
    /// What remains, one line per cell, in the order first named.
    pub lines: Lines,
}

/// One cell that lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    /// Index of the first line that names the cell (through all moves for a move).
    pub line_index: u32,
    /// The cell.
    pub cell: CellKey,
    /// What was asked of it, all lines together (net of what the same act gives back).
    pub requested: i64,
    /// What could have been taken, at least 0.
    pub available: i64,
}

/// Why a command was refused, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The command breaks a limit: no lines, too many, a quantity or ttl below 1, a reservation
    /// named twice in a move, an id that was never assigned.
    Malformed,
    /// No such reservation (or it ended longer ago than they are kept).
    ReservationNotFound,
    /// Its deadline passed.
    ReservationExpired,
    /// It is consumed or released.
    ReservationEnded,
    /// It is committed already.
    AlreadyCommitted,
    /// It is only held.
    NotCommitted,
    /// The named part is more than what remains.
    LineNotHeld,
    /// A counter would not fit, or unavailable would fall below 0.
    QuantityOutOfRange,
    /// On hand is not what the caller expected.
    NotAsExpected,
    /// What changed since the count's time is not known any more.
    CountTooOld,
}

/// What came of one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A name has this id.
    Registered {
        /// `LocationId` or `ItemId`.
        index: u32,
    },
    /// A fact was taken over; the cell as it is now.
    Cell(CellView),
    /// A transfer was taken over; both cells as they are now, the one that was left first.
    Transferred(CellView, CellView),
    /// A count was taken over.
    Counted {
        /// The cell as it is now.
        view: CellView,
        /// What was counted, less what on hand was at the count's time as far as known.
        drift: i64,
        /// A later count includes this one: on hand stays.
        is_included: bool,
    },
    /// The sale's source was seen before; nothing changed.
    Duplicate,
    /// The reservation as it is now.
    Reservation(ReservationView),
    /// The moved reservations, in the order of the command.
    Moved(Vec<ReservationView>),
    /// Too little; nothing was taken.
    Insufficient(Vec<Shortage>),
    /// Refused; nothing changed.
    Refused(Refusal),
}

/// One outcome per command. That of a lone command needs no memory of its own.
pub type Outcomes = SmallVec<[Outcome; 1]>;

/// What came of an act.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActOutcome {
    /// One outcome per command: of now, or of the first time.
    Done(Outcomes),
    /// The key was used with another fingerprint; nothing changed.
    RequestIdReused,
    /// The request window is full; nothing changed.
    RequestWindowFull,
}

/// One journal record: what happened, decision included.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all records are acts, and few are kept at a time"
)]
pub enum Record {
    /// An act and what came of it.
    Act {
        /// When.
        stamp: Stamp,
        /// The act.
        act: Act,
        /// The decision.
        outcome: ActOutcome,
    },
    /// A hold's deadline passed.
    Expire {
        /// When.
        stamp: Stamp,
        /// Which.
        reservation: ReservationId,
    },
}
