//! Whether the indexes of the reservations agree with them.

use super::{is_live, Reservations};
use crate::cells::Cells;

impl Reservations {
    /// Every index agrees with the reservations: ids, orders, deadlines, lines by cell.
    pub(crate) fn is_consistent(&self, cells: &Cells) -> bool {
        let mut runs = Vec::new();
        for slot in self.by_id.iter() {
            let Some(found) = self.at(slot) else {
                return false;
            };
            runs.push((slot, found.run));
            let mut same = self.of_order(found.order);
            if self.slot(found.id) != Some(slot)
                || (found.order.0 != 0 && !same.any(|other| other.id == found.id))
            {
                return false;
            }
        }
        let mut live: Vec<_> = self
            .deadlines
            .iter()
            .filter(|d| is_live(&self.slots, d))
            .collect();
        live.sort_unstable_by_key(|deadline| deadline.slot);
        live.dedup();
        live.len() == self.held && self.lines.is_consistent(cells, &runs)
    }
}
