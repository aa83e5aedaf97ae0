//! Facts and settings of cells as bytes.

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

/// Only for facts and settings.
pub(super) fn write(command: &Command, out: &mut Vec<u8>) {
    match command {
        Command::Adjust {
            cell,
            on_hand_delta,
            unavailable_delta,
            reason,
        } => {
            out.push(ADJUST);
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
        Command::Transfer { from, to, quantity } => {
            out.push(TRANSFER);
            write_cell(*from, out);
            write_cell(*to, out);
            write_i64(*quantity, out);
        }
        Command::SetSafetyStock { cell, safety_stock } => {
            out.push(SET_SAFETY_STOCK);
            write_cell(*cell, out);
            write_i64(*safety_stock, out);
        }
        Command::Sale {
            source,
            cell,
            quantity,
            reservation,
        } => {
            out.push(SALE);
            out.extend_from_slice(&source.to_le_bytes());
            write_cell(*cell, out);
            write_i64(*quantity, out);
            write_option(reservation.as_ref(), out, |id, out| write_id(*id, out));
        }
        _ => {}
    }
}

pub(super) fn read(tag: u8, reader: &mut Reader<'_>) -> Result<Command, CodecError> {
    Ok(match tag {
        ADJUST => Command::Adjust {
            cell: reader.cell()?,
            on_hand_delta: reader.i64()?,
            unavailable_delta: reader.i64()?,
            reason: reader.u8()?,
        },
        SET_ON_HAND => Command::SetOnHand {
            cell: reader.cell()?,
            on_hand: reader.i64()?,
        },
        SALE => Command::Sale {
            source: reader.u128()?,
            cell: reader.cell()?,
            quantity: reader.i64()?,
            reservation: reader.option(Reader::reservation_id)?,
        },
        COMPARE_AND_SET => Command::CompareAndSet {
            cell: reader.cell()?,
            expected: reader.i64()?,
            on_hand: reader.i64()?,
        },
        TRANSFER => Command::Transfer {
            from: reader.cell()?,
            to: reader.cell()?,
            quantity: reader.i64()?,
        },
        SET_SAFETY_STOCK => Command::SetSafetyStock {
            cell: reader.cell()?,
            safety_stock: reader.i64()?,
        },
        tag => {
            return Err(CodecError::Tag {
                what: "command",
                tag,
            })
        }
    })
}
