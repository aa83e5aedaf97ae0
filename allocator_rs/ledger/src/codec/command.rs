//! Commands as bytes. One byte each, no two alike; those of facts are in `facts`.

mod facts;

use super::reader::Reader;
use super::writer::{write_i64, write_line, write_list, write_text};
use super::CodecError;
use crate::command::{Command, Lines};
use crate::ids::{ItemName, OrderRef, ReservationId};

const REGISTER_LOCATION: u8 = 0;
const REGISTER_SKU: u8 = 1;
const REGISTER_LABOR: u8 = 2;
const HOLD: u8 = 6;
const COMMIT: u8 = 7;
const RELEASE: u8 = 8;
const CONSUME: u8 = 9;
const MOVE: u8 = 10;
const EXPIRE: u8 = 11;
const EXTEND: u8 = 15;

pub(super) fn write(command: &Command, out: &mut Vec<u8>) {
    match command {
        Command::RegisterLocation { name } => {
            out.push(REGISTER_LOCATION);
            write_text(name, out);
        }
        Command::RegisterItem { name } => write_item_name(name, out),
        Command::Adjust { .. }
        | Command::SetOnHand { .. }
        | Command::CompareAndSet { .. }
        | Command::SetSafetyStock { .. }
        | Command::Transfer { .. }
        | Command::Sale { .. } => facts::write(command, out),
        Command::Hold {
            reservation,
            order,
            lines,
            ttl_ms,
            priority,
        } => {
            write_tagged(HOLD, *reservation, out);
            out.extend_from_slice(&order.0.to_le_bytes());
            write_lines(lines, out);
            write_i64(*ttl_ms, out);
            out.push(*priority);
        }
        Command::Extend {
            reservation,
            ttl_ms,
        } => {
            write_tagged(EXTEND, *reservation, out);
            write_i64(*ttl_ms, out);
        }
        Command::Commit { reservation } => write_tagged(COMMIT, *reservation, out),
        Command::Release { reservation, lines } => {
            write_tagged(RELEASE, *reservation, out);
            write_option(lines.as_ref(), out, write_lines);
        }
        Command::Consume { reservation, lines } => {
            write_tagged(CONSUME, *reservation, out);
            write_option(lines.as_ref(), out, write_lines);
        }
        Command::Move { moves } => {
            out.push(MOVE);
            write_list(moves, out, |(reservation, lines), out| {
                write_id(*reservation, out);
                write_lines(lines, out);
            });
        }
        Command::Expire { reservation } => write_tagged(EXPIRE, *reservation, out),
    }
}

fn write_item_name(name: &ItemName, out: &mut Vec<u8>) {
    match name {
        ItemName::Sku(sku) => {
            out.push(REGISTER_SKU);
            write_text(sku, out);
        }
        ItemName::Labor { window_start_s } => {
            out.push(REGISTER_LABOR);
            write_i64(*window_start_s, out);
        }
    }
}

fn write_id(id: ReservationId, out: &mut Vec<u8>) {
    out.extend_from_slice(&id.0.to_le_bytes());
}

fn write_tagged(tag: u8, id: ReservationId, out: &mut Vec<u8>) {
    out.push(tag);
    write_id(id, out);
}

fn write_lines(lines: &Lines, out: &mut Vec<u8>) {
    write_list(lines, out, write_line);
}

fn write_option<T>(option: Option<&T>, out: &mut Vec<u8>, write: fn(&T, &mut Vec<u8>)) {
    out.push(u8::from(option.is_some()));
    if let Some(value) = option {
        write(value, out);
    }
}

pub(super) fn read(reader: &mut Reader<'_>) -> Result<Command, CodecError> {
    Ok(match reader.u8()? {
        REGISTER_LOCATION => Command::RegisterLocation {
            name: reader.text()?,
        },
        REGISTER_SKU => Command::RegisterItem {
            name: ItemName::Sku(reader.text()?),
        },
        REGISTER_LABOR => Command::RegisterItem {
            name: ItemName::Labor {
                window_start_s: reader.i64()?,
            },
        },
        HOLD => Command::Hold {
            reservation: reader.reservation_id()?,
            order: OrderRef(reader.u128()?),
            lines: reader.lines()?,
            ttl_ms: reader.i64()?,
            priority: reader.u8()?,
        },
        COMMIT => Command::Commit {
            reservation: reader.reservation_id()?,
        },
        RELEASE => Command::Release {
            reservation: reader.reservation_id()?,
            lines: reader.option(Reader::lines)?,
        },
        CONSUME => Command::Consume {
            reservation: reader.reservation_id()?,
            lines: reader.option(Reader::lines)?,
        },
        MOVE => Command::Move {
            moves: reader.list(|reader| Ok((reader.reservation_id()?, reader.lines()?)))?,
        },
        EXPIRE => Command::Expire {
            reservation: reader.reservation_id()?,
        },
        EXTEND => Command::Extend {
            reservation: reader.reservation_id()?,
            ttl_ms: reader.i64()?,
        },
        tag => facts::read(tag, reader)?,
    })
}
