//! The state, section by section.

use std::io::{self, Write};

use super::{ChunkWriter, Section, SNAPSHOT_VERSION};
use crate::codec::state_tag;
use crate::codec::writer::{write_cell, write_i64, write_text, write_u64};
use crate::ids::ItemName;
use crate::ledger::Ledger;
use crate::reservations::Reservation;

/// Tags of an item's name.
pub(super) const SKU: u8 = 0;
pub(super) const LABOR: u8 = 1;

impl Ledger {
    /// Writes all state; see the module. `out` gets a piece of about 256 KiB at a time.
    ///
    /// # Errors
    /// What `out` says; `Other` for an outcome of more than 1 GiB.
    pub fn write_snapshot(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut out = ChunkWriter::new(out);
        out.item(|bytes| self.write_head(bytes))?;
        self.write_names(&mut out)?;
        self.write_cells(&mut out)?;
        out.begin(Section::Held)?;
        for found in self.reservations.holds_in_order() {
            out.item(|bytes| self.write_live(found, bytes))?;
        }
        out.begin(Section::Committed)?;
        for found in self.reservations.committed() {
            out.item(|bytes| self.write_live(found, bytes))?;
        }
        out.begin(Section::Ended)?;
        for found in self.reservations.ended_in_order() {
            out.item(|bytes| {
                bytes.push(state_tag(found.state));
                write_i64(found.ended_ms(), bytes);
                write_reservation(found, bytes);
            })?;
        }
        self.write_requests(&mut out)?;
        self.write_days(&mut out)?;
        self.write_drift(&mut out)?;
        out.end()
    }

    fn write_head(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&SNAPSHOT_VERSION.to_le_bytes());
        write_i64(self.now_ms, bytes);
        write_i64(self.drift.horizon_ms(), bytes);
        let (held, ended) = (self.reservations.held_len(), self.reservations.ended_len());
        let counts = [
            self.locations.len(),
            self.items.len(),
            self.cells.len(),
            held,
            self.reservations.len() - held - ended,
            ended,
            self.window.len(),
            self.dated.plans_unordered().len(),
            self.dated.days_unordered().len(),
            self.drift.changes_len(),
            self.drift.counts_unordered().len(),
        ];
        for count in counts {
            write_u64(count as u64, bytes);
        }
    }

    fn write_names(&self, out: &mut ChunkWriter<'_>) -> io::Result<()> {
        out.begin(Section::Locations)?;
        for name in self.locations.iter() {
            out.item(|bytes| write_text(name, bytes))?;
        }
        out.begin(Section::Items)?;
        for name in self.items.iter() {
            out.item(|bytes| match &**name {
                ItemName::Sku(sku) => {
                    bytes.push(SKU);
                    write_text(sku, bytes);
                }
                ItemName::Labor { window_start_s } => {
                    bytes.push(LABOR);
                    write_i64(*window_start_s, bytes);
                }
            })?;
        }
        Ok(())
    }

    fn write_cells(&self, out: &mut ChunkWriter<'_>) -> io::Result<()> {
        out.begin(Section::Cells)?;
        for (key, view) in self.cells.iter_in_order() {
            out.item(|bytes| {
                write_cell(key, bytes);
                write_i64(view.on_hand, bytes);
                write_i64(view.held, bytes);
                write_i64(view.committed, bytes);
                write_i64(view.unavailable, bytes);
                write_i64(view.safety_stock, bytes);
            })?;
        }
        Ok(())
    }

    fn write_live(&self, found: &Reservation, bytes: &mut Vec<u8>) {
        write_reservation(found, bytes);
        let (count, lines) = self.reservations.numbered_lines(found);
        write_u64(count as u64, bytes);
        for (cell, quantity) in lines {
            write_u64(u64::from(cell), bytes);
            write_i64(quantity, bytes);
        }
    }

    fn write_requests(&self, out: &mut ChunkWriter<'_>) -> io::Result<()> {
        out.begin(Section::Requests)?;
        for entry in self.window.iter() {
            out.item(|bytes| {
                write_u64(u64::from(entry.key.scope), bytes);
                bytes.extend_from_slice(&entry.key.id.to_le_bytes());
                bytes.extend_from_slice(&entry.fingerprint.to_le_bytes());
                write_i64(entry.at_ms, bytes);
                write_u64(entry.outcomes.len() as u64, bytes);
                bytes.extend_from_slice(entry.outcomes);
            })?;
        }
        Ok(())
    }

    fn write_days(&self, out: &mut ChunkWriter<'_>) -> io::Result<()> {
        out.begin(Section::Plans)?;
        let mut plans: Vec<_> = self.dated.plans_unordered().collect();
        plans.sort_unstable_by_key(|(key, _)| *key);
        for (key, plan) in plans {
            out.item(|bytes| {
                write_cell(key, bytes);
                write_u64(plan.days().len() as u64, bytes);
                for one in plan.days() {
                    write_i64(i64::from(one.day), bytes);
                    write_i64(one.supply, bytes);
                    write_i64(one.demand, bytes);
                }
            })?;
        }
        out.begin(Section::Days)?;
        let mut days: Vec<_> = self.dated.days_unordered().collect();
        days.sort_unstable();
        for (id, day) in days {
            out.item(|bytes| {
                bytes.extend_from_slice(&id.0.to_le_bytes());
                write_i64(i64::from(day), bytes);
            })?;
        }
        Ok(())
    }

    fn write_drift(&self, out: &mut ChunkWriter<'_>) -> io::Result<()> {
        out.begin(Section::Changes)?;
        for change in self.drift.changes() {
            out.item(|bytes| {
                write_cell(change.cell, bytes);
                write_i64(change.effective_ms, bytes);
                write_i64(change.applied_ms, bytes);
                write_i64(change.units, bytes);
            })?;
        }
        out.begin(Section::Counted)?;
        let mut counts: Vec<_> = self.drift.counts_unordered().collect();
        counts.sort_unstable();
        for (key, time_ms) in counts {
            out.item(|bytes| {
                write_cell(key, bytes);
                write_i64(time_ms, bytes);
            })?;
        }
        Ok(())
    }
}

fn write_reservation(found: &Reservation, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&found.id.0.to_le_bytes());
    bytes.extend_from_slice(&found.order.0.to_le_bytes());
    write_i64(found.deadline_ms, bytes);
    bytes.push(found.priority);
}
