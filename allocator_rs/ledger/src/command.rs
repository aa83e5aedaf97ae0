//! What can be asked of the ledger.

use smallvec::SmallVec;

use crate::ids::{CellKey, ItemName, LocationId, OrderRef, RequestKey, ReservationId};

/// A quantity of one cell. Quantities are base units or labor seconds, at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The cell.
    pub cell: CellKey,
    /// How much.
    pub quantity: i64,
}

/// Lines of one command; lines that name the same cell are summed before any check. Four lines and
/// their labor need no memory of their own.
pub type Lines = SmallVec<[Line; 5]>;

/// The time of a batch, read by the engine and journaled: the ledger never reads a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Ledger time in ms, never decreasing. Deadlines are compared with it.
    pub now_ms: i64,
    /// Wall time in Unix ms, only for what is shown to people.
    pub wall_ms: i64,
}

/// What a hold is satisfied with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Of a SKU, what there is rather than nothing. Labor is taken whole or not at all.
    pub is_partial: bool,
    /// The local day, as the caller names it (days since 1970), on which the units leave: supply
    /// that is due by then counts. None: from the shelf, now.
    pub day: Option<i32>,
}

/// One change. All but `Expire` come from outside. `effective_ms`: when a fact took effect, in Unix
/// ms; none, or later than now: now. One that a count already includes adds nothing to on hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Gives a location name its id; a known name keeps its own.
    RegisterLocation {
        /// The node's id.
        name: Box<str>,
    },
    /// Gives an item its id; a known item keeps its own.
    RegisterItem {
        /// What it is.
        name: ItemName,
    },
    /// Fact: adds to on hand and to unavailable.
    Adjust {
        /// The cell.
        cell: CellKey,
        /// Added to on hand.
        on_hand_delta: i64,
        /// Added to unavailable, which never falls below 0.
        unavailable_delta: i64,
        /// Why, as the API numbers it.
        reason: u8,
        /// When it took effect.
        effective_ms: Option<i64>,
    },
    /// Fact: sets on hand (a line of a full feed), or the seconds of a labor window.
    SetOnHand {
        /// The cell.
        cell: CellKey,
        /// Its on hand from now on.
        on_hand: i64,
    },
    /// Fact: sets on hand, if it is what the caller saw.
    CompareAndSet {
        /// The cell.
        cell: CellKey,
        /// Its on hand until now.
        expected: i64,
        /// Its on hand from now on.
        on_hand: i64,
    },
    /// Fact: units of one item go from one location to another.
    Transfer {
        /// The cell that they leave.
        from: CellKey,
        /// The cell that they come to: the same item elsewhere.
        to: CellKey,
        /// How much.
        quantity: i64,
        /// When it took effect.
        effective_ms: Option<i64>,
    },
    /// Fact: units came in. They no longer are expected on `expected_day`.
    Receive {
        /// The cell.
        cell: CellKey,
        /// How much.
        quantity: i64,
        /// The day whose supply this was; all of it is cleared.
        expected_day: Option<i32>,
        /// When it took effect.
        effective_ms: Option<i64>,
    },
    /// Fact: so much was there at a time. What took effect later is added to it.
    Count {
        /// The cell.
        cell: CellKey,
        /// What was counted.
        counted: i64,
        /// When, in Unix ms; later than now: now.
        effective_ms: i64,
    },
    /// Setting: how much is expected on a local day, as the caller names it.
    SetInbound {
        /// The cell.
        cell: CellKey,
        /// Days since 1970.
        day: i32,
        /// How much is expected that day; 0: nothing.
        quantity: i64,
    },
    /// Setting: no grant takes seconds of this labor window any more. What is promised stays.
    /// `SetSafetyStock` opens it again.
    CloseWindow {
        /// The window's cell.
        cell: CellKey,
    },
    /// Setting: the buffer that is never promised.
    SetSafetyStock {
        /// The cell.
        cell: CellKey,
        /// Its buffer from now on.
        safety_stock: i64,
    },
    /// Fact: a till sold something. Once per `source`.
    Sale {
        /// Digest of the till's id of this sale.
        source: u128,
        /// The cell.
        cell: CellKey,
        /// How much.
        quantity: i64,
        /// The committed reservation that it fulfills.
        reservation: Option<ReservationId>,
        /// When it took effect.
        effective_ms: Option<i64>,
    },
    /// Grant: takes all lines until the deadline, or nothing.
    Hold {
        /// Its id; an id in use returns that reservation unchanged.
        reservation: ReservationId,
        /// For whom.
        order: OrderRef,
        /// What.
        lines: Lines,
        /// How long, in ms of ledger time, at least 1.
        ttl_ms: i64,
        /// Larger is more important.
        priority: u8,
        /// What it is satisfied with.
        terms: Terms,
    },
    /// Gives a hold another deadline.
    Extend {
        /// Which.
        reservation: ReservationId,
        /// How long from now on, in ms of ledger time, at least 1.
        ttl_ms: i64,
    },
    /// HELD to COMMITTED.
    Commit {
        /// Which.
        reservation: ReservationId,
    },
    /// Gives back all that remains, or the named part of it.
    Release {
        /// Which.
        reservation: ReservationId,
        /// The part; none: all that remains.
        lines: Option<Lines>,
    },
    /// A committed reservation's units leave, all that remain, or the named part of them.
    Consume {
        /// Which.
        reservation: ReservationId,
        /// The part; none: all that remains.
        lines: Option<Lines>,
    },
    /// Fact: a committed reservation's units go to another location, from picked to staged; on hand,
    /// committed and the reservation's lines follow.
    Relocate {
        /// Whose.
        reservation: ReservationId,
        /// Where to.
        to: LocationId,
        /// What goes there.
        lines: Lines,
    },
    /// Grant: replaces what remains of several reservations, net per cell, all or none. At most
    /// 512 lines in all, each reservation at most once.
    Move {
        /// Reservations and their new lines.
        moves: Vec<(ReservationId, Lines)>,
    },
    /// The deadline of a hold passed. Decided by the ledger itself, journaled as an input.
    Expire {
        /// Which.
        reservation: ReservationId,
    },
}

/// The unit of idempotency: commands applied together, in order, each with its own outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// One effect per key; a repeat gets the first outcomes.
    pub request: RequestKey,
    /// Digest of the request's body; another one under the same key is refused.
    pub fingerprint: u64,
    /// What to do.
    pub commands: Vec<Command>,
}
