//! Commands as bytes. One byte each, no two alike; those of facts are in `facts`.

mod facts;

use super::reader::Reader;
use super::writer::{write_i64, write_line, write_list, write_text, write_u64};
use super::CodecError;
use crate::command::{Command, Lines, Terms};
use crate::ids::{ItemName, LocationId, OrderRef, ReservationId};

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
const HOLD_ON_TERMS: u8 = 16;
const RELOCATE: u8 = 24;

/// Bits of a hold's terms; a hold without any is written as `HOLD`.
const PARTIAL: u8 = 1;
const FOR_DAY: u8 = 2;

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
        | Command::CloseWindow { .. }
        | Command::SetInbound { .. }
        | Command::Receive { .. }
        | Command::Count { .. }
        | Command::Transfer { .. }
        | Command::Sale { .. } => facts::write(command, out),
        Command::Hold { .. } => write_hold(command, out),
        Command::Relocate {
            reservation,
            to,
            lines,
        } => {
            write_tagged(RELOCATE, *reservation, out);
            write_u64(u64::from(to.0), out);
            write_lines(lines, out);
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

fn write_hold(command: &Command, out: &mut Vec<u8>) {
    let Command::Hold {
        reservation,
        order,
        lines,
        ttl_ms,
        priority,
        terms,
    } = command
    else {
        return;
    };
    if *terms == Terms::default() {
        out.push(HOLD);
    } else {
        out.push(HOLD_ON_TERMS);
        write_terms(*terms, out);
    }
    write_id(*reservation, out);
    out.extend_from_slice(&order.0.to_le_bytes());
    write_lines(lines, out);
    write_i64(*ttl_ms, out);
    out.push(*priority);
}

fn write_terms(terms: Terms, out: &mut Vec<u8>) {
    let partial = if terms.is_partial { PARTIAL } else { 0 };
    match terms.day {
        Some(day) => {
            out.push(partial | FOR_DAY);
            write_i64(i64::from(day), out);
        }
        None => out.push(partial),
    }
}

fn read_terms(reader: &mut Reader<'_>) -> Result<Terms, CodecError> {
    let bits = reader.u8()?;
    if bits == 0 || bits > (PARTIAL | FOR_DAY) {
        return Err(CodecError::Tag {
            what: "terms",
            tag: bits,
        });
    }
    let day = if bits & FOR_DAY == 0 {
        None
    } else {
        Some(reader.i32()?)
    };
    Ok(Terms {
        is_partial: bits & PARTIAL != 0,
        day,
    })
}

fn read_hold(reader: &mut Reader<'_>, terms: Terms) -> Result<Command, CodecError> {
    Ok(Command::Hold {
        reservation: reader.reservation_id()?,
        order: OrderRef(reader.u128()?),
        lines: reader.lines()?,
        ttl_ms: reader.i64()?,
        priority: reader.u8()?,
        terms,
    })
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
        HOLD => read_hold(reader, Terms::default())?,
        HOLD_ON_TERMS => {
            let terms = read_terms(reader)?;
            read_hold(reader, terms)?
        }
        RELOCATE => Command::Relocate {
            reservation: reader.reservation_id()?,
            to: LocationId(reader.u32()?),
            lines: reader.lines()?,
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
