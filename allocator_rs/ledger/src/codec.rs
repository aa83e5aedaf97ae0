//! Records as bytes.
//!
//! | | |
//! | --- | --- |
//! | first byte | `VERSION`; another one is refused |
//! | integers | LEB128, signed ones zigzag; ids of 128 bits and fingerprints little-endian whole |
//! | lists and texts | a count, then the elements |
//! | enums | one byte |
//! | decoding | never panics; reserves no more than the bytes at hand can fill |
//! | refused | unknown tags, integers longer than necessary, trailing bytes |
//!
//! So bytes and record determine each other.

mod command;
mod outcome;
pub(crate) mod reader;
pub(crate) mod writer;

use crate::command::{Act, Stamp};
use crate::ids::{RequestKey, ReservationId};
use crate::outcome::{Outcome, Outcomes, Record};
use crate::sink::RecordView;

pub(crate) use outcome::{read_state, state_tag};
use reader::Reader;

/// The format that is written, and the only one that is read.
pub const VERSION: u8 = 1;

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Written by another version.
    #[error("format version {0} is not known")]
    Version(u8),
    /// They end within the record.
    #[error("the bytes end within the record")]
    Truncated,
    /// They go on after the record.
    #[error("{0} bytes follow the record")]
    Trailing(usize),
    /// A tag that means nothing.
    #[error("unknown {what} tag {tag}")]
    Tag {
        /// Of what.
        what: &'static str,
        /// The byte.
        tag: u8,
    },
    /// An integer that does not fit, or is longer than necessary.
    #[error("an integer does not fit or is longer than necessary")]
    Integer,
    /// A count of more elements than the bytes can hold.
    #[error("a count of {0} cannot be true")]
    Count(u64),
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    Text,
}

const ACT: u8 = 0;
const EXPIRE: u8 = 1;

/// Appends the record's bytes.
pub fn encode(record: &Record, out: &mut Vec<u8>) {
    match record {
        Record::Act {
            stamp,
            act,
            outcome,
        } => {
            write_act(*stamp, act, out);
            outcome::write_act_outcome(outcome, out);
        }
        Record::Expire { stamp, reservation } => write_expiry(*stamp, *reservation, out),
    }
}

/// Appends the bytes of a record that was just made: the same as [`encode`] of it.
pub fn encode_view(record: &RecordView<'_>, out: &mut Vec<u8>) {
    match *record {
        RecordView::Act {
            stamp,
            act,
            outcomes: _,
            encoded,
        } => {
            write_act(stamp, act, out);
            out.push(outcome::DONE);
            out.extend_from_slice(encoded);
        }
        RecordView::Expire { stamp, reservation } => write_expiry(stamp, reservation, out),
    }
}

fn write_act(stamp: Stamp, act: &Act, out: &mut Vec<u8>) {
    out.extend_from_slice(&[VERSION, ACT]);
    write_stamp(stamp, out);
    writer::write_u64(u64::from(act.request.scope), out);
    out.extend_from_slice(&act.request.id.to_le_bytes());
    out.extend_from_slice(&act.fingerprint.to_le_bytes());
    writer::write_list(&act.commands, out, command::write);
}

fn write_expiry(stamp: Stamp, reservation: ReservationId, out: &mut Vec<u8>) {
    out.extend_from_slice(&[VERSION, EXPIRE]);
    write_stamp(stamp, out);
    out.extend_from_slice(&reservation.0.to_le_bytes());
}

/// Reads one record, which must be all there is.
///
/// # Errors
/// The bytes are not what `encode` writes.
pub fn decode(bytes: &[u8]) -> Result<Record, CodecError> {
    let mut reader = Reader::new(bytes);
    let version = reader.u8()?;
    if version != VERSION {
        return Err(CodecError::Version(version));
    }
    let tag = reader.u8()?;
    let stamp = Stamp {
        now_ms: reader.i64()?,
        wall_ms: reader.i64()?,
    };
    let record = match tag {
        ACT => {
            let request = RequestKey {
                scope: reader.u32()?,
                id: reader.u128()?,
            };
            let fingerprint = reader.fixed_u64()?;
            let commands = reader.list(command::read)?;
            let act = Act {
                request,
                fingerprint,
                commands,
            };
            Record::Act {
                stamp,
                act,
                outcome: outcome::read_act_outcome(&mut reader)?,
            }
        }
        EXPIRE => Record::Expire {
            stamp,
            reservation: ReservationId(reader.u128()?),
        },
        tag => {
            return Err(CodecError::Tag {
                what: "record",
                tag,
            })
        }
    };
    reader.finish()?;
    Ok(record)
}

/// No outcomes, as bytes.
pub(crate) const NO_OUTCOMES: &[u8] = &[0];

/// Appends the outcomes of one act, as the request window keeps them.
pub(crate) fn encode_outcomes(outcomes: &[Outcome], out: &mut Vec<u8>) {
    writer::write_list(outcomes, out, outcome::write);
}

/// What `encode_outcomes` wrote.
pub(crate) fn decode_outcomes(bytes: &[u8]) -> Result<Outcomes, CodecError> {
    let mut reader = Reader::new(bytes);
    let outcomes = reader.list(outcome::read)?;
    reader.finish()?;
    Ok(outcomes.into())
}

/// Whether `decode_outcomes` reads these bytes, without making anything of them.
pub(crate) fn check_outcomes(bytes: &[u8]) -> Result<(), CodecError> {
    let mut reader = Reader::new(bytes);
    reader.each(outcome::check)?;
    reader.finish()
}

fn write_stamp(stamp: Stamp, out: &mut Vec<u8>) {
    writer::write_i64(stamp.now_ms, out);
    writer::write_i64(stamp.wall_ms, out);
}

#[cfg(test)]
mod tests {
    use super::{check_outcomes, decode_outcomes, encode_outcomes};
    use crate::command::{Line, Lines};
    use crate::ids::{CellKey, ItemId, LocationId, ReservationId};
    use crate::outcome::{CellView, Outcome, Refusal, ReservationState, ReservationView};

    #[test]
    fn outcomes_are_checked_as_they_are_decoded_whatever_byte_is_another_or_missing() {
        let line = |item| Line {
            cell: CellKey {
                location: LocationId(300),
                item: ItemId(item),
            },
            quantity: 70_000,
        };
        let view = ReservationView {
            id: ReservationId(5),
            state: ReservationState::Committed,
            deadline_ms: 1 << 40,
            expire_wall_ms: -1,
            priority: 2,
            lines: Lines::from_slice(&[line(1), line(2_000_000)]),
        };
        let outcomes = [
            Outcome::Reservation(view.clone()),
            Outcome::Moved(vec![view.clone(), view]),
            Outcome::Cell(CellView::default()),
            Outcome::Refused(Refusal::Malformed),
        ];
        let mut bytes = Vec::new();
        encode_outcomes(&outcomes, &mut bytes);
        assert_eq!(check_outcomes(&bytes), Ok(()));
        let mut refused = 0;
        for at in 0..bytes.len() {
            let (before, after) = bytes.split_at(at);
            assert_eq!(check_outcomes(before), decode_outcomes(before).map(|_| ()));
            for byte in 0..=u8::MAX {
                let changed = [before, &[byte], after.get(1..).unwrap_or_default()].concat();
                let decoded = decode_outcomes(&changed).map(|_| ());
                assert_eq!(check_outcomes(&changed), decoded, "byte {at} is {byte}");
                refused += usize::from(decoded.is_err());
            }
        }
        assert!(refused > 1_000, "{refused}");
    }
}
