//! Outcomes as bytes.

use super::reader::Reader;
use super::writer::{write_cell, write_i64, write_line, write_list, write_u64};
use super::CodecError;
use crate::ids::ReservationId;
use crate::outcome::{
    ActOutcome, CellView, Outcome, Refusal, ReservationState, ReservationView, Shortage,
};

pub(super) const DONE: u8 = 0;
const REQUEST_ID_REUSED: u8 = 1;
const REQUEST_WINDOW_FULL: u8 = 2;

const REGISTERED: u8 = 0;
const CELL: u8 = 1;
const DUPLICATE: u8 = 2;
const RESERVATION: u8 = 3;
const MOVED: u8 = 4;
const INSUFFICIENT: u8 = 5;
const REFUSED: u8 = 6;
const TRANSFERRED: u8 = 7;
const COUNTED: u8 = 8;

pub(super) fn write_act_outcome(outcome: &ActOutcome, out: &mut Vec<u8>) {
    match outcome {
        ActOutcome::Done(outcomes) => {
            out.push(DONE);
            write_list(outcomes, out, write);
        }
        ActOutcome::RequestIdReused => out.push(REQUEST_ID_REUSED),
        ActOutcome::RequestWindowFull => out.push(REQUEST_WINDOW_FULL),
    }
}

pub(super) fn read_act_outcome(reader: &mut Reader<'_>) -> Result<ActOutcome, CodecError> {
    Ok(match reader.u8()? {
        DONE => ActOutcome::Done(reader.list(read)?.into()),
        REQUEST_ID_REUSED => ActOutcome::RequestIdReused,
        REQUEST_WINDOW_FULL => ActOutcome::RequestWindowFull,
        tag => {
            return Err(CodecError::Tag {
                what: "act outcome",
                tag,
            })
        }
    })
}

pub(super) fn write(outcome: &Outcome, out: &mut Vec<u8>) {
    match outcome {
        Outcome::Registered { index } => {
            out.push(REGISTERED);
            write_u64(u64::from(*index), out);
        }
        Outcome::Cell(view) => {
            out.push(CELL);
            write_view(view, out);
        }
        Outcome::Transferred(from, to) => {
            out.push(TRANSFERRED);
            write_view(from, out);
            write_view(to, out);
        }
        Outcome::Counted {
            view,
            drift,
            is_included,
        } => {
            out.push(COUNTED);
            write_view(view, out);
            write_i64(*drift, out);
            out.push(u8::from(*is_included));
        }
        Outcome::Duplicate => out.push(DUPLICATE),
        Outcome::Reservation(view) => {
            out.push(RESERVATION);
            write_reservation(view, out);
        }
        Outcome::Moved(views) => {
            out.push(MOVED);
            write_list(views, out, write_reservation);
        }
        Outcome::Insufficient(shortages) => {
            out.push(INSUFFICIENT);
            write_list(shortages, out, write_shortage);
        }
        Outcome::Refused(refusal) => {
            out.push(REFUSED);
            out.push(refusal_tag(*refusal));
        }
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<Outcome, CodecError> {
    Ok(match reader.u8()? {
        REGISTERED => Outcome::Registered {
            index: reader.u32()?,
        },
        CELL => Outcome::Cell(read_view(reader)?),
        TRANSFERRED => Outcome::Transferred(read_view(reader)?, read_view(reader)?),
        COUNTED => Outcome::Counted {
            view: read_view(reader)?,
            drift: reader.i64()?,
            is_included: reader.bool()?,
        },
        DUPLICATE => Outcome::Duplicate,
        RESERVATION => Outcome::Reservation(read_reservation(reader)?),
        MOVED => Outcome::Moved(reader.list(read_reservation)?),
        INSUFFICIENT => Outcome::Insufficient(reader.list(read_shortage)?),
        REFUSED => Outcome::Refused(read_refusal(reader)?),
        tag => {
            return Err(CodecError::Tag {
                what: "outcome",
                tag,
            })
        }
    })
}

/// Reads one, and keeps nothing of it.
pub(super) fn check(reader: &mut Reader<'_>) -> Result<(), CodecError> {
    match reader.first() {
        Some(RESERVATION) => {
            reader.u8()?;
            check_reservation(reader)
        }
        Some(MOVED) => {
            reader.u8()?;
            reader.each(check_reservation)
        }
        // These need no memory, or are few.
        _ => read(reader).map(|_| ()),
    }
}

fn write_view(view: &CellView, out: &mut Vec<u8>) {
    let CellView {
        on_hand,
        held,
        committed,
        unavailable,
        safety_stock,
    } = *view;
    for counter in [on_hand, held, committed, unavailable, safety_stock] {
        write_i64(counter, out);
    }
}

fn read_view(reader: &mut Reader<'_>) -> Result<CellView, CodecError> {
    Ok(CellView {
        on_hand: reader.i64()?,
        held: reader.i64()?,
        committed: reader.i64()?,
        unavailable: reader.i64()?,
        safety_stock: reader.i64()?,
    })
}

fn write_reservation(view: &ReservationView, out: &mut Vec<u8>) {
    out.extend_from_slice(&view.id.0.to_le_bytes());
    out.push(state_tag(view.state));
    write_i64(view.deadline_ms, out);
    write_i64(view.expire_wall_ms, out);
    out.push(view.priority);
    write_list(&view.lines, out, write_line);
}

fn read_reservation(reader: &mut Reader<'_>) -> Result<ReservationView, CodecError> {
    Ok(ReservationView {
        id: ReservationId(reader.u128()?),
        state: read_state(reader)?,
        deadline_ms: reader.i64()?,
        expire_wall_ms: reader.i64()?,
        priority: reader.u8()?,
        lines: reader.lines()?,
    })
}

fn check_reservation(reader: &mut Reader<'_>) -> Result<(), CodecError> {
    reader.u128()?;
    read_state(reader)?;
    reader.i64()?;
    reader.i64()?;
    reader.u8()?;
    reader.each(|reader| reader.line().map(|_| ()))
}

fn write_shortage(shortage: &Shortage, out: &mut Vec<u8>) {
    write_u64(u64::from(shortage.line_index), out);
    write_cell(shortage.cell, out);
    write_i64(shortage.requested, out);
    write_i64(shortage.available, out);
}

fn read_shortage(reader: &mut Reader<'_>) -> Result<Shortage, CodecError> {
    Ok(Shortage {
        line_index: reader.u32()?,
        cell: reader.cell()?,
        requested: reader.i64()?,
        available: reader.i64()?,
    })
}

/// The byte of a state; also what the state hash takes.
pub(crate) const fn state_tag(state: ReservationState) -> u8 {
    match state {
        ReservationState::Held => 0,
        ReservationState::Committed => 1,
        ReservationState::Consumed => 2,
        ReservationState::Released => 3,
        ReservationState::Expired => 4,
    }
}

pub(crate) fn read_state(reader: &mut Reader<'_>) -> Result<ReservationState, CodecError> {
    Ok(match reader.u8()? {
        0 => ReservationState::Held,
        1 => ReservationState::Committed,
        2 => ReservationState::Consumed,
        3 => ReservationState::Released,
        4 => ReservationState::Expired,
        tag => return Err(CodecError::Tag { what: "state", tag }),
    })
}

const fn refusal_tag(refusal: Refusal) -> u8 {
    match refusal {
        Refusal::Malformed => 0,
        Refusal::ReservationNotFound => 1,
        Refusal::ReservationExpired => 2,
        Refusal::ReservationEnded => 3,
        Refusal::AlreadyCommitted => 4,
        Refusal::NotCommitted => 5,
        Refusal::LineNotHeld => 6,
        Refusal::QuantityOutOfRange => 7,
        Refusal::NotAsExpected => 8,
        Refusal::CountTooOld => 9,
    }
}

fn read_refusal(reader: &mut Reader<'_>) -> Result<Refusal, CodecError> {
    Ok(match reader.u8()? {
        0 => Refusal::Malformed,
        1 => Refusal::ReservationNotFound,
        2 => Refusal::ReservationExpired,
        3 => Refusal::ReservationEnded,
        4 => Refusal::AlreadyCommitted,
        5 => Refusal::NotCommitted,
        6 => Refusal::LineNotHeld,
        7 => Refusal::QuantityOutOfRange,
        8 => Refusal::NotAsExpected,
        9 => Refusal::CountTooOld,
        tag => {
            return Err(CodecError::Tag {
                what: "refusal",
                tag,
            })
        }
    })
}
