//! The state hash: XXH3-128 over a canonical serialization of all state.
//!
//! | in it, in this order | sorted by |
//! | --- | --- |
//! | ledger time of the last record; the names | integer |
//! | cells: their counters | key |
//! | reservations: all fields, lines as they stand | id |
//! | request window: fingerprint, age, outcomes | key |
//! | days: supply and demand of cells; the days of reservations | key; id |
//! | changes of on hand kept for counts, from the oldest on; the horizon | - |
//! | the times of counts | key |
//!
//! Equal histories of records give equal hashes, live or replayed. Limits are not part of it.

use xxhash_rust::xxh3::Xxh3;

use crate::codec;
use crate::ids::{CellKey, ItemName};
use crate::ledger::Ledger;

/// Feeds fixed-width fields and counted lists, so no two states give the same bytes.
struct Canonical(Xxh3);

impl Canonical {
    fn i64(&mut self, value: i64) {
        self.0.update(&value.to_le_bytes());
    }

    fn u128(&mut self, value: u128) {
        self.0.update(&value.to_le_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.0.update(&value.to_le_bytes());
    }

    fn cell(&mut self, cell: CellKey) {
        self.u32(cell.location.0);
        self.u32(cell.item.0);
    }

    fn count(&mut self, count: usize) {
        self.0.update(&(count as u64).to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }
}

impl Ledger {
    /// A digest of all state, independent of hash order and of the machine.
    #[must_use]
    pub fn state_hash(&self) -> u128 {
        let mut out = Canonical(Xxh3::new());
        out.i64(self.now_ms);
        self.hash_names(&mut out);
        self.hash_cells(&mut out);
        self.hash_reservations(&mut out);
        self.hash_window(&mut out);
        self.hash_days(&mut out);
        self.hash_drift(&mut out);
        out.0.digest128()
    }

    fn hash_names(&self, out: &mut Canonical) {
        out.count(self.locations.len());
        for name in self.locations.iter() {
            out.bytes(name.as_bytes());
        }
        out.count(self.items.len());
        for name in self.items.iter() {
            match &**name {
                ItemName::Sku(sku) => {
                    out.u32(0);
                    out.bytes(sku.as_bytes());
                }
                ItemName::Labor { window_start_s } => {
                    out.u32(1);
                    out.i64(*window_start_s);
                }
            }
        }
    }

    fn hash_cells(&self, out: &mut Canonical) {
        let mut cells: Vec<_> = self.cells.iter_in_order().collect();
        cells.sort_unstable_by_key(|(key, _)| *key);
        out.count(cells.len());
        for (key, view) in cells {
            out.cell(key);
            out.i64(view.on_hand);
            out.i64(view.held);
            out.i64(view.committed);
            out.i64(view.unavailable);
            out.i64(view.safety_stock);
        }
    }

    fn hash_reservations(&self, out: &mut Canonical) {
        let mut reservations: Vec<_> = self.reservations.iter_unordered().collect();
        reservations.sort_unstable_by_key(|found| found.id);
        out.count(reservations.len());
        for found in reservations {
            out.u128(found.id.0);
            out.u128(found.order.0);
            out.u32(u32::from(codec::state_tag(found.state)));
            out.i64(found.deadline_ms);
            out.u32(u32::from(found.priority));
            out.i64(found.ended_ms());
            let lines = self.lines_of(found);
            out.count(lines.len());
            for line in lines {
                out.cell(line.cell);
                out.i64(line.quantity);
            }
        }
    }

    fn hash_window(&self, out: &mut Canonical) {
        let mut entries: Vec<_> = self.window.iter().collect();
        entries.sort_unstable_by_key(|entry| entry.key);
        out.count(entries.len());
        for entry in entries {
            out.u32(entry.key.scope);
            out.u128(entry.key.id);
            out.u128(u128::from(entry.fingerprint));
            out.i64(entry.at_ms);
            out.bytes(entry.outcomes);
        }
    }

    fn hash_days(&self, out: &mut Canonical) {
        let mut plans: Vec<_> = self.dated.plans_unordered().collect();
        plans.sort_unstable_by_key(|(key, _)| *key);
        out.count(plans.len());
        for (key, plan) in plans {
            out.cell(key);
            out.count(plan.days().len());
            for one in plan.days() {
                out.i64(i64::from(one.day));
                out.i64(one.supply);
                out.i64(one.demand);
            }
        }
        let mut days: Vec<_> = self.dated.days_unordered().collect();
        days.sort_unstable();
        out.count(days.len());
        for (id, day) in days {
            out.u128(id.0);
            out.i64(i64::from(day));
        }
    }

    fn hash_drift(&self, out: &mut Canonical) {
        out.count(self.drift.changes_len());
        for change in self.drift.changes() {
            out.cell(change.cell);
            out.i64(change.effective_ms);
            out.i64(change.applied_ms);
            out.i64(change.units);
        }
        out.i64(self.drift.horizon_ms());
        let mut counts: Vec<_> = self.drift.counts_unordered().collect();
        counts.sort_unstable();
        out.count(counts.len());
        for (key, time_ms) in counts {
            out.cell(key);
            out.i64(time_ms);
        }
    }
}
