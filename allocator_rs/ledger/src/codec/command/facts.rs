//! Facts and settings of cells as bytes. A fact that names the time it took effect has a tag of its
//! own, and that time before all else.

use super::{write_id, write_option};
use crate::codec::reader::Reader;
use crate::codec::writer::{write_cell, write_i64};
use crate::codec::CodecError;
use crate::command::Command;

const ADJUST: u8 = 3;
const SET_ON_HAND: u8 = 4;
const SALE: u8 = 5;
const COMPARE_AND_SET: u8 = 12;
const TRANSFER: u8 = 13;
const SET_SAFETY_STOCK: u8 = 14;
const ADJUST_AT: u8 = 17;
const SALE_AT: u8 = 18;
const TRANSFER_AT: u8 = 19;
const RECEIVE: u8 = 20;
const SET_INBOUND: u8 = 21;
const COUNT: u8 = 22;
const CLOSE_WINDOW: u8 = 23;

/// Only for facts and settings.
pub(super) fn write(command: &Command, out: &mut Vec<u8>) {
    match command {
        Command::Adjust {
            cell,
            on_hand_delta,
            unavailable_delta,
            reason,
            effective_ms,
        } => {
            write_timed(ADJUST, ADJUST_AT, *effective_ms, out);
            write_cell(*cell, out);
            write_i64(*on_hand_delta, out);
            write_i64(*unavailable_delta, out);
            out.push(*reason);
        }
        Command::SetOnHand { cell, on_hand } => {
            out.push(SET_ON_HAND);
            write_cell(*cell, out);
            write_i64(*on_hand, out);
        }
        Command::CompareAndSet {
            cell,
            expected,
            on_hand,
        } => {
            out.push(COMPARE_AND_SET);
            write_cell(*cell, out);
            write_i64(*expected, out);
            write_i64(*on_hand, out);
        }
        Command::Transfer {
            from,
            to,
            quantity,
            effective_ms,
        } => {
            write_timed(TRANSFER, TRANSFER_AT, *effective_ms, out);
            write_cell(*from, out);
            write_cell(*to, out);
            write_i64(*quantity, out);
        }
        Command::SetSafetyStock { cell, safety_stock } => {
            out.push(SET_SAFETY_STOCK);
            write_cell(*cell, out);
            write_i64(*safety_stock, out);
        }
        Command::CloseWindow { cell } => {
            out.push(CLOSE_WINDOW);
            write_cell(*cell, out);
        }
        Command::Sale {
            source,
            cell,
            quantity,
            reservation,
            effective_ms,
        } => {
            write_timed(SALE, SALE_AT, *effective_ms, out);
            out.extend_from_slice(&source.to_le_bytes());
            write_cell(*cell, out);
            write_i64(*quantity, out);
            write_option(reservation.as_ref(), out, |id, out| write_id(*id, out));
        }
        _ => write_supply(command, out),
    }
}

/// What is expected, comes in and is counted.
fn write_supply(command: &Command, out: &mut Vec<u8>) {
    match command {
        Command::Receive {
            cell,
            quantity,
            expected_day,
            effective_ms,
        } => {
            out.push(RECEIVE);
            write_cell(*cell, out);
            write_i64(*quantity, out);
            write_option(expected_day.as_ref(), out, |day, out| {
                write_i64(i64::from(*day), out);
            });
            write_option(effective_ms.as_ref(), out, |time, out| {
                write_i64(*time, out);
            });
        }
        Command::SetInbound {
            cell,
            day,
            quantity,
        } => {
            out.push(SET_INBOUND);
            write_cell(*cell, out);
            write_i64(i64::from(*day), out);
            write_i64(*quantity, out);
        }
        Command::Count {
            cell,
            counted,
            effective_ms,
        } => {
            out.push(COUNT);
            write_cell(*cell, out);
            write_i64(*counted, out);
            write_i64(*effective_ms, out);
        }
        _ => {}
    }
}

fn write_timed(now: u8, at: u8, effective_ms: Option<i64>, out: &mut Vec<u8>) {
    match effective_ms {
        Some(time_ms) => {
            out.push(at);
            write_i64(time_ms, out);
        }
        None => out.push(now),
    }
}

pub(super) fn read(tag: u8, reader: &mut Reader<'_>) -> Result<Command, CodecError> {
    let effective_ms = match tag {
        ADJUST_AT | SALE_AT | TRANSFER_AT => Some(reader.i64()?),
        _ => None,
    };
    Ok(match tag {
        ADJUST | ADJUST_AT => Command::Adjust {
            cell: reader.cell()?,
            on_hand_delta: reader.i64()?,
            unavailable_delta: reader.i64()?,
            reason: reader.u8()?,
            effective_ms,
        },
        SET_ON_HAND => Command::SetOnHand {
            cell: reader.cell()?,
            on_hand: reader.i64()?,
        },
        SALE | SALE_AT => Command::Sale {
            source: reader.u128()?,
            cell: reader.cell()?,
            quantity: reader.i64()?,
            reservation: reader.option(Reader::reservation_id)?,
            effective_ms,
        },
        COMPARE_AND_SET => Command::CompareAndSet {
            cell: reader.cell()?,
            expected: reader.i64()?,
            on_hand: reader.i64()?,
        },
        TRANSFER | TRANSFER_AT => Command::Transfer {
            from: reader.cell()?,
            to: reader.cell()?,
            quantity: reader.i64()?,
            effective_ms,
        },
        SET_SAFETY_STOCK => Command::SetSafetyStock {
            cell: reader.cell()?,
            safety_stock: reader.i64()?,
        },
        CLOSE_WINDOW => Command::CloseWindow {
            cell: reader.cell()?,
        },
        RECEIVE => Command::Receive {
            cell: reader.cell()?,
            quantity: reader.i64()?,
            expected_day: reader.option(Reader::i32)?,
            effective_ms: reader.option(Reader::i64)?,
        },
        SET_INBOUND => Command::SetInbound {
            cell: reader.cell()?,
            day: reader.i32()?,
            quantity: reader.i64()?,
        },
        COUNT => Command::Count {
            cell: reader.cell()?,
            counted: reader.i64()?,
            effective_ms: reader.i64()?,
        },
        tag => {
            return Err(CodecError::Tag {
                what: "command",
                tag,
            })
        }
    })
}
