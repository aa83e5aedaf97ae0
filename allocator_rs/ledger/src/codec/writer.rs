//! Primitives, written. Infallible: bytes are appended.

use crate::command::Line;
use crate::ids::CellKey;

#[inline]
pub(crate) fn write_u64(value: u64, out: &mut Vec<u8>) {
    if value < 0x80 {
        out.push((value & 0x7f) as u8);
    } else {
        write_long(value, out);
    }
}

fn write_long(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push((value & 0x7f) as u8);
}

/// Zigzag: small magnitudes of either sign are short.
#[inline]
pub(crate) fn write_i64(value: i64, out: &mut Vec<u8>) {
    write_u64(((value << 1) ^ (value >> 63)).cast_unsigned(), out);
}

pub(crate) fn write_list<T>(items: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    write_u64(items.len() as u64, out);
    for item in items {
        write(item, out);
    }
}

pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    write_u64(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

pub(crate) fn write_cell(cell: CellKey, out: &mut Vec<u8>) {
    write_u64(u64::from(cell.location.0), out);
    write_u64(u64::from(cell.item.0), out);
}

pub(crate) fn write_line(line: &Line, out: &mut Vec<u8>) {
    write_cell(line.cell, out);
    write_i64(line.quantity, out);
}
