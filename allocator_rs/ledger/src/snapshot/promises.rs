//! The reservations.

use super::sections::{Missing, Order, Taken};
use super::table::{ChunkReader, Places, SnapshotSource, Table, Unfit};
use super::{Head, Section, SnapshotError};
use crate::codec::read_state;
use crate::codec::reader::Reader;
use crate::ids::{OrderRef, ReservationId};
use crate::limits::QUANTITY_MAX;
use crate::outcome::ReservationState;
use crate::reservations::{Kept, Restored};

const SECTIONS: [Section; 3] = [Section::Held, Section::Committed, Section::Ended];
/// A cell has a key of two integers and five counters.
const CELL_BYTES: u64 = 7;

/// What they come to.
pub(super) struct Promises {
    now_ms: i64,
    cells: u64,
    missing: Missing,
    order: Order,
    lines: Vec<(u32, i64)>,
    places: Places,
    pub(super) restored: Restored,
}

impl Promises {
    pub(super) fn new(head: &Head, table: &Table) -> Self {
        // No more than there can be, whatever the head says: each gets some memory.
        let cells = head.count(Section::Cells);
        let cells = cells.min(table.bytes_of(Section::Cells) / CELL_BYTES);
        Self {
            now_ms: head.now_ms,
            cells,
            missing: Missing::of(head, &SECTIONS),
            order: Order::default(),
            lines: Vec::new(),
            places: Places::default(),
            restored: Restored::starting_at(head.now_ms, cells),
        }
    }

    /// Reads its chunks.
    ///
    /// # Errors
    /// The first that is wrong.
    pub(super) fn read(
        &mut self,
        source: &(impl SnapshotSource + ?Sized),
        table: &Table,
    ) -> Result<(), SnapshotError> {
        let mut chunks = ChunkReader::new(source);
        for chunk in &table.chunks {
            if SECTIONS.contains(&chunk.section) {
                self.places.note(self.restored.len(), chunk.offset);
                chunks.items(chunk, |item| self.take(chunk.section, item))?;
            }
        }
        Ok(())
    }

    pub(super) fn is_whole(&self) -> bool {
        self.missing.is_none()
    }

    /// Damage in the reservation with this number.
    pub(super) fn damaged(&self, number: usize, what: &str) -> SnapshotError {
        self.places.damaged(number, what)
    }

    fn take(&mut self, section: Section, item: &mut Reader<'_>) -> Taken {
        self.missing.one_less(section)?;
        match section {
            Section::Held => self.live(ReservationState::Held, item),
            Section::Committed => self.live(ReservationState::Committed, item),
            Section::Ended => self.ended(item),
            _ => Err("no items belong here".into()),
        }
    }

    fn live(&mut self, state: ReservationState, item: &mut Reader<'_>) -> Taken {
        let kept = read_reservation(state, 0, item)?;
        if state == ReservationState::Held {
            self.order.next(Section::Held, kept.deadline_ms)?;
        }
        self.lines.clear();
        for _ in 0..item.u64()? {
            let (cell, quantity) = (item.u32()?, item.i64()?);
            if u64::from(cell) >= self.cells || !(1..=QUANTITY_MAX).contains(&quantity) {
                return Err("a line is out of range".into());
            }
            self.lines.push((cell, quantity));
        }
        if self.lines.is_empty() {
            return Err("a live reservation has no lines".into());
        }
        Ok(self.restored.add(kept, &self.lines)?)
    }

    fn ended(&mut self, item: &mut Reader<'_>) -> Taken {
        let state = read_state(item)?;
        let ended_ms = item.i64()?;
        let kept = read_reservation(state, ended_ms, item)?;
        let is_live = matches!(state, ReservationState::Held | ReservationState::Committed);
        if is_live || ended_ms > self.now_ms {
            return Err("an ended reservation has not ended".into());
        }
        self.order.next(Section::Ended, ended_ms)?;
        Ok(self.restored.add(kept, &[])?)
    }
}

fn read_reservation(
    state: ReservationState,
    ended_ms: i64,
    item: &mut Reader<'_>,
) -> Result<Kept, Unfit> {
    Ok(Kept {
        id: ReservationId(item.u128()?),
        order: OrderRef(item.u128()?),
        state,
        deadline_ms: item.i64()?,
        priority: item.u8()?,
        ended_ms,
    })
}
