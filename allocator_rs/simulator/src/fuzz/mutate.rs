//! Changes of bytes that keep most of their structure.

use bopis_ledger::QUANTITY_MAX;

use crate::random::Random;

/// Integers at which something may break.
pub const EXTREMES: [i64; 16] = [
    i64::MIN,
    i64::MIN + 1,
    -QUANTITY_MAX - 1,
    -QUANTITY_MAX,
    -2_147_483_649,
    -1,
    0,
    1,
    127,
    128,
    4_294_967_295,
    4_294_967_296,
    QUANTITY_MAX,
    QUANTITY_MAX + 1,
    i64::MAX - 1,
    i64::MAX,
];

/// A value as the codec writes unsigned integers.
fn leb128(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7F) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// Changes the bytes in one to four places; `other` lends a piece.
pub fn mutate(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    for _ in 0..=random.below(4) {
        let at = random.index(bytes.len().max(1));
        let length = random.index(12).min(bytes.len().saturating_sub(at));
        match random.below(8) {
            0 | 1 => flip(random, bytes, at),
            2 => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = random.pick(&[0, 1, 0x7F, 0x80, 0xFF]);
                }
            }
            3 => drop(bytes.drain(at..at + length)),
            4 => {
                let copy = bytes[at..at + length].to_vec();
                bytes.splice(at..at, copy);
            }
            5 => {
                let extreme = random.pick(&EXTREMES).cast_unsigned();
                let stop = at + length.min(2);
                bytes.splice(at..stop, leb128(extreme));
            }
            6 => {
                let from = random.index(other.len().max(1));
                let stop = (from + random.index(24)).min(other.len());
                bytes.splice(at..at + length, other[from.min(stop)..stop].to_vec());
            }
            _ => bytes.truncate(at),
        }
    }
}

/// Turns one bit.
pub fn flip(random: &mut Random, bytes: &mut [u8], at: usize) {
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << random.below(8);
    }
}
