//! Follows the length prefixes of gRPC messages through the bytes of a body, decoding nothing.

const PREFIX_BYTES: usize = 5;

/// What the framing of a body broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FramingFault {
    /// A message announces more bytes than allowed.
    TooLarge(usize),
    /// The flag before a message is not 0, or not 0 or 1 where compression is allowed.
    Flag(u8),
    /// The body ended inside a message.
    Truncated,
}

/// Where in the sequence of messages a body is.
#[derive(Debug)]
pub(crate) struct MessageMeter {
    max_message_bytes: usize,
    compression: bool,
    prefix: [u8; PREFIX_BYTES],
    prefix_filled: usize,
    remaining: usize,
    messages: u64,
}

impl MessageMeter {
    /// A body that has not begun.
    pub(crate) const fn new(max_message_bytes: usize, compression: bool) -> Self {
        Self {
            max_message_bytes,
            compression,
            prefix: [0; PREFIX_BYTES],
            prefix_filled: 0,
            remaining: 0,
            messages: 0,
        }
    }

    /// Messages that have begun and whose prefix was read.
    pub(crate) const fn messages(&self) -> u64 {
        self.messages
    }

    /// Whether the next byte begins a message.
    pub(crate) const fn is_between_messages(&self) -> bool {
        self.remaining == 0 && self.prefix_filled == 0
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// `TooLarge` and `Flag`, as soon as the prefix shows it.
    pub(crate) fn feed(&mut self, mut data: &[u8]) -> Result<(), FramingFault> {
        while !data.is_empty() {
            if self.remaining > 0 {
                let taken = self.remaining.min(data.len());
                self.remaining -= taken;
                data = data.get(taken..).unwrap_or_default();
                continue;
            }
            let wanted = (PREFIX_BYTES - self.prefix_filled).min(data.len());
            let (head, tail) = data.split_at(wanted);
            if let Some(target) = self
                .prefix
                .get_mut(self.prefix_filled..self.prefix_filled + wanted)
            {
                target.copy_from_slice(head);
            }
            self.prefix_filled += wanted;
            data = tail;
            if self.prefix_filled == PREFIX_BYTES {
                self.begin_message()?;
            }
        }
        Ok(())
    }

    /// # Errors
    /// `Truncated` inside a message.
    pub(crate) const fn finish(&self) -> Result<(), FramingFault> {
        if self.is_between_messages() {
            Ok(())
        } else {
            Err(FramingFault::Truncated)
        }
    }

    fn begin_message(&mut self) -> Result<(), FramingFault> {
        let [flag, length @ ..] = self.prefix;
        if flag > u8::from(self.compression) {
            return Err(FramingFault::Flag(flag));
        }
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > self.max_message_bytes {
            return Err(FramingFault::TooLarge(length));
        }
        self.prefix_filled = 0;
        self.remaining = length;
        self.messages += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(messages: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for message in messages {
            bytes.push(0);
            bytes.extend_from_slice(&u32::try_from(message.len()).unwrap_or(0).to_be_bytes());
            bytes.extend_from_slice(message);
        }
        bytes
    }

    #[test]
    fn messages_are_counted_however_the_bytes_are_cut() {
        let bytes = framed(&[b"", b"abc", b"defghijk"]);
        for size in 1..=bytes.len() {
            let mut meter = MessageMeter::new(8, false);
            for chunk in bytes.chunks(size) {
                assert_eq!(meter.feed(chunk), Ok(()));
            }
            assert_eq!((meter.messages(), meter.finish()), (3, Ok(())));
        }
    }

    #[test]
    fn a_message_over_the_limit_is_refused_by_its_prefix() {
        let mut meter = MessageMeter::new(7, false);
        assert_eq!(meter.feed(&[0, 0, 0, 0, 8]), Err(FramingFault::TooLarge(8)));
        assert_eq!(
            MessageMeter::new(7, false).feed(&[1, 0, 0, 0, 8]),
            Err(FramingFault::Flag(1))
        );
        assert_eq!(MessageMeter::new(7, true).feed(&[1, 0, 0, 0, 7]), Ok(()));
        assert_eq!(
            MessageMeter::new(7, true).feed(&[2, 0, 0, 0, 7]),
            Err(FramingFault::Flag(2))
        );
    }

    #[test]
    fn an_end_inside_a_message_is_seen() {
        for cut in [&[0_u8, 0][..], &[0, 0, 0, 0, 2, 1][..]] {
            let mut meter = MessageMeter::new(7, false);
            assert_eq!(meter.feed(cut), Ok(()));
            assert_eq!(meter.finish(), Err(FramingFault::Truncated));
        }
    }
}
