//! The states at the places where segments begin: a snapshot is of one of them.

use super::Judge;

impl Judge {
    /// A segment begins behind this record: the state there may be asked for.
    pub fn segment_begins(&mut self, sequence: u64) {
        self.places.entry(sequence).or_default();
        self.keep_state();
    }

    /// Called behind every record.
    pub(super) fn keep_state(&mut self) {
        if let Some(state @ None) = self.places.get_mut(&self.sequence()) {
            *state = Some(self.again.state_hash());
        }
    }

    /// The hash of the state behind a record with which a segment ends.
    #[must_use]
    pub fn state_at(&self, sequence: u64) -> Option<u128> {
        self.places.get(&sequence).copied().flatten()
    }
}
