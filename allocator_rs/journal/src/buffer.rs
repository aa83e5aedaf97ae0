//! Records on their way into the journal.

/// Records, each with its length before it, as a frame's payload holds them.
#[derive(Clone, Debug, Default)]
pub struct RecordBuffer {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl RecordBuffer {
    /// Empty.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            ends: Vec::new(),
        }
    }

    /// Adds one record: what `write` appends.
    pub fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        write(&mut self.bytes);
        // A record beyond 4 GiB is refused by its size before this prefix would matter.
        let length = u32::try_from(self.bytes.len().saturating_sub(start + 4)).unwrap_or(u32::MAX);
        if let Some(prefix) = self.bytes.get_mut(start..start + 4) {
            prefix.copy_from_slice(&length.to_le_bytes());
        }
        self.ends.push(self.bytes.len());
    }

    /// How many records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all, length prefixes included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets all, keeps the room.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Bytes of the largest, prefix included.
    pub(crate) fn largest(&self) -> usize {
        let starts = std::iter::once(&0).chain(&self.ends);
        self.ends
            .iter()
            .zip(starts)
            .map(|(end, start)| end - start)
            .max()
            .unwrap_or(0)
    }

    /// Payloads of frames, in order, each with its count of records: as many records as fit
    /// `limit`, at least one.
    pub(crate) fn payloads(&self, limit: usize) -> Vec<(u32, &[u8])> {
        let mut payloads = Vec::new();
        let (mut start, mut end, mut count) = (0, 0, 0);
        let mut close = |start: usize, end: usize, count: u32| {
            if let Some(payload) = self.bytes.get(start..end).filter(|_| count > 0) {
                payloads.push((count, payload));
            }
        };
        for next in &self.ends {
            if count > 0 && next - start > limit {
                close(start, end, count);
                (start, count) = (end, 0);
            }
            (end, count) = (*next, count + 1);
        }
        close(start, end, count);
        payloads
    }
}
