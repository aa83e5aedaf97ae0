//! Primitives, read from bytes that may be anything.

use crate::codec::CodecError;
use crate::command::{Line, Lines};
use crate::ids::{CellKey, ItemId, LocationId, ReservationId};

type Read<T> = Result<T, CodecError>;

/// Room reserved for a list before its elements are seen; it grows as they are read.
const RESERVE_MAX: usize = 64;

/// What is left of the bytes.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next byte, which stays.
    pub(crate) fn first(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    pub(crate) const fn finish(&self) -> Read<()> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(CodecError::Trailing(self.rest.len()))
        }
    }

    fn bytes(&mut self, count: usize) -> Read<&'a [u8]> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or(CodecError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Read<[u8; N]> {
        let (taken, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or(CodecError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Read<u8> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(crate) fn u128(&mut self) -> Read<u128> {
        Ok(u128::from_le_bytes(self.array()?))
    }

    pub(crate) fn fixed_u64(&mut self) -> Read<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(crate) fn fixed_u32(&mut self) -> Read<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Read<u64> {
        // Most are short, and what one needs at a time is cheaper than a loop over its bytes.
        match self.rest {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_u64(),
        }
    }

    /// An integer of several bytes: at once if it has at most eight and eight are there, otherwise
    /// byte by byte.
    fn long_u64(&mut self) -> Read<u64> {
        let Some((eight, _)) = self.rest.split_first_chunk::<8>() else {
            return self.u64_by_bytes();
        };
        let word = u64::from_le_bytes(*eight);
        let ends = !word & 0x8080_8080_8080_8080;
        let bits = ends.trailing_zeros() + 1;
        if ends == 0 || (word >> (bits - 8)) & 0xff == 0 {
            return self.u64_by_bytes();
        }
        self.bytes(bits as usize / 8)?;
        let sevens = (word << (64 - bits) >> (64 - bits)) & 0x7f7f_7f7f_7f7f_7f7f;
        let pairs = (sevens & 0x007f_007f_007f_007f) | ((sevens & 0x7f00_7f00_7f00_7f00) >> 1);
        let fours = (pairs & 0x0000_3fff_0000_3fff) | ((pairs & 0x3fff_0000_3fff_0000) >> 2);
        Ok((fours & 0x0fff_ffff) | ((fours & 0x0fff_ffff_0000_0000) >> 4))
    }

    fn u64_by_bytes(&mut self) -> Read<u64> {
        let mut value = 0u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if (bits << shift) >> shift != bits {
                return Err(CodecError::Integer);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                let is_padded = byte == 0 && shift > 0;
                return if is_padded {
                    Err(CodecError::Integer)
                } else {
                    Ok(value)
                };
            }
        }
        Err(CodecError::Integer)
    }

    pub(crate) fn u32(&mut self) -> Read<u32> {
        u32::try_from(self.u64()?).map_err(|_| CodecError::Integer)
    }

    pub(crate) fn i64(&mut self) -> Read<i64> {
        let value = self.u64()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    pub(crate) fn i32(&mut self) -> Read<i32> {
        i32::try_from(self.i64()?).map_err(|_| CodecError::Integer)
    }

    pub(crate) fn bool(&mut self) -> Read<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            tag => Err(CodecError::Tag { what: "flag", tag }),
        }
    }

    /// A count of elements of at least one byte each.
    fn count(&mut self) -> Read<usize> {
        let count = self.u64()?;
        match usize::try_from(count) {
            Ok(fitting) if fitting <= self.rest.len() => Ok(fitting),
            _ => Err(CodecError::Count(count)),
        }
    }

    pub(crate) fn list<T>(&mut self, read: fn(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let count = self.count()?;
        let mut items = Vec::with_capacity(count.min(RESERVE_MAX));
        for _ in 0..count {
            items.push(read(self)?);
        }
        Ok(items)
    }

    /// The elements of a list one after the other, none of them kept.
    pub(crate) fn each(&mut self, read: fn(&mut Self) -> Read<()>) -> Read<()> {
        for _ in 0..self.count()? {
            read(self)?;
        }
        Ok(())
    }

    /// Bytes behind their count.
    pub(crate) fn counted(&mut self) -> Read<&'a [u8]> {
        let count = self.count()?;
        self.bytes(count)
    }

    pub(crate) fn text(&mut self) -> Read<Box<str>> {
        let text = std::str::from_utf8(self.counted()?).map_err(|_| CodecError::Text)?;
        Ok(text.into())
    }

    pub(crate) fn option<T>(&mut self, read: fn(&mut Self) -> Read<T>) -> Read<Option<T>> {
        match self.u8()? {
            0 => Ok(None),
            1 => Ok(Some(read(self)?)),
            tag => Err(CodecError::Tag {
                what: "option",
                tag,
            }),
        }
    }

    pub(crate) fn cell(&mut self) -> Read<CellKey> {
        Ok(CellKey {
            location: LocationId(self.u32()?),
            item: ItemId(self.u32()?),
        })
    }

    pub(crate) fn line(&mut self) -> Read<Line> {
        Ok(Line {
            cell: self.cell()?,
            quantity: self.i64()?,
        })
    }

    pub(crate) fn lines(&mut self) -> Read<Lines> {
        Ok(Lines::from_vec(self.list(Self::line)?))
    }

    pub(crate) fn reservation_id(&mut self) -> Read<ReservationId> {
        Ok(ReservationId(self.u128()?))
    }
}

#[cfg(test)]
mod tests {
    use super::Reader;
    use crate::codec::writer::write_u64;
    use crate::codec::CodecError;

    #[test]
    fn integers_of_every_length_are_read_whatever_follows_and_never_longer_than_necessary() {
        for bits in 0..64 {
            for value in [1_u64 << bits, (1 << bits) - 1, (1 << bits) | 0x55] {
                let mut alone = Vec::new();
                write_u64(value, &mut alone);
                let followed = [&alone, &[0xff; 8][..]].concat();
                for (bytes, left) in [(&alone, 0), (&followed, 8)] {
                    let mut reader = Reader::new(bytes);
                    assert_eq!(reader.u64(), Ok(value));
                    assert_eq!(reader.rest.len(), left);
                }
                // One byte more, of zeros: the same value, but not how it is written.
                let mut padded = alone.clone();
                if let Some(last) = padded.last_mut() {
                    *last |= 0x80;
                }
                for tail in [&[0][..], &[0; 9]] {
                    let bytes = [&padded, tail].concat();
                    assert_eq!(
                        Reader::new(&bytes).u64(),
                        Err(CodecError::Integer),
                        "{value}"
                    );
                }
            }
        }
    }
}
