//! Commands in few words.

use bopis_ledger::{CellKey, Command, LocationId, OrderRef, ReservationId, Terms};

use super::{at, lines};

pub const fn id(id: u128) -> ReservationId {
    ReservationId(id)
}

pub fn hold(reservation: u128, what: &[(CellKey, i64)], ttl_ms: i64) -> Command {
    Command::Hold {
        reservation: id(reservation),
        order: OrderRef(reservation + 1000),
        lines: lines(what),
        ttl_ms,
        priority: 7,
        terms: Terms::default(),
    }
}

pub fn hold_on(terms: Terms, reservation: u128, what: &[(CellKey, i64)], ttl_ms: i64) -> Command {
    match hold(reservation, what, ttl_ms) {
        Command::Hold {
            reservation,
            order,
            lines,
            ttl_ms,
            priority,
            ..
        } => Command::Hold {
            reservation,
            order,
            lines,
            ttl_ms,
            priority,
            terms,
        },
        other => other,
    }
}

pub const fn for_day(day: i32) -> Terms {
    Terms {
        is_partial: false,
        day: Some(day),
    }
}

pub const PARTIAL: Terms = Terms {
    is_partial: true,
    day: None,
};

pub const fn commit(reservation: u128) -> Command {
    Command::Commit {
        reservation: id(reservation),
    }
}

pub const fn release(reservation: u128) -> Command {
    Command::Release {
        reservation: id(reservation),
        lines: None,
    }
}

pub fn release_part(reservation: u128, what: &[(CellKey, i64)]) -> Command {
    Command::Release {
        reservation: id(reservation),
        lines: Some(lines(what)),
    }
}

pub const fn consume(reservation: u128) -> Command {
    Command::Consume {
        reservation: id(reservation),
        lines: None,
    }
}

pub fn consume_part(reservation: u128, what: &[(CellKey, i64)]) -> Command {
    Command::Consume {
        reservation: id(reservation),
        lines: Some(lines(what)),
    }
}

pub fn moves(moves: &[(u128, &[(CellKey, i64)])]) -> Command {
    Command::Move {
        moves: moves
            .iter()
            .map(|(at, what)| (id(*at), lines(what)))
            .collect(),
    }
}

pub const fn set(cell: CellKey, on_hand: i64) -> Command {
    Command::SetOnHand { cell, on_hand }
}

pub const fn compare_and_set(cell: CellKey, expected: i64, on_hand: i64) -> Command {
    Command::CompareAndSet {
        cell,
        expected,
        on_hand,
    }
}

pub const fn transfer(from: CellKey, to: CellKey, quantity: i64) -> Command {
    Command::Transfer {
        from,
        to,
        quantity,
        effective_ms: None,
    }
}

pub const fn safety_stock(cell: CellKey, safety_stock: i64) -> Command {
    Command::SetSafetyStock { cell, safety_stock }
}

pub fn extend(reservation: u128, ttl_ms: i64) -> Command {
    Command::Extend {
        reservation: id(reservation),
        ttl_ms,
    }
}

pub const fn adjust(cell: CellKey, on_hand_delta: i64, unavailable_delta: i64) -> Command {
    Command::Adjust {
        cell,
        on_hand_delta,
        unavailable_delta,
        reason: 1,
        effective_ms: None,
    }
}

pub fn sale(source: u128, cell: CellKey, quantity: i64, reservation: Option<u128>) -> Command {
    Command::Sale {
        source,
        cell,
        quantity,
        reservation: reservation.map(ReservationId),
        effective_ms: None,
    }
}

pub const fn inbound(cell: CellKey, day: i32, quantity: i64) -> Command {
    Command::SetInbound {
        cell,
        day,
        quantity,
    }
}

pub const fn receive(cell: CellKey, quantity: i64, expected_day: Option<i32>) -> Command {
    Command::Receive {
        cell,
        quantity,
        expected_day,
        effective_ms: None,
    }
}

/// Counted at that ledger time.
pub const fn count(cell: CellKey, counted: i64, at_ms: i64) -> Command {
    Command::Count {
        cell,
        counted,
        effective_ms: at(at_ms).wall_ms,
    }
}

pub fn relocate(reservation: u128, to: u32, what: &[(CellKey, i64)]) -> Command {
    Command::Relocate {
        reservation: id(reservation),
        to: LocationId(to),
        lines: lines(what),
    }
}

/// The same fact, effective at that ledger time.
pub fn effective(command: Command, at_ms: i64) -> Command {
    let mut command = command;
    match &mut command {
        Command::Adjust { effective_ms, .. }
        | Command::Sale { effective_ms, .. }
        | Command::Transfer { effective_ms, .. }
        | Command::Receive { effective_ms, .. } => *effective_ms = Some(at(at_ms).wall_ms),
        other => panic!("{other:?} names no time"),
    }
    command
}
