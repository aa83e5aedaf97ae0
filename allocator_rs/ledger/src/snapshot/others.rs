//! All but the reservations: names, cells, requests, days of cells, changes and counts.

use super::sections::{Missing, Order, Taken};
use super::table::{ChunkReader, Places, SnapshotSource, Table};
use super::write::{LABOR, SKU};
use super::{Head, Section, SnapshotError};
use crate::cells::{Cells, Delta};
use crate::codec::check_outcomes;
use crate::codec::reader::Reader;
use crate::dated::{Dated, DayPlan, Plan};
use crate::drift::{Drift, NewChange};
use crate::ids::{CellKey, ItemName, RequestKey};
use crate::limits::NAME_BYTES_MAX;
use crate::names::Names;
use crate::window::Window;

const SECTIONS: [Section; 7] = [
    Section::Locations,
    Section::Items,
    Section::Cells,
    Section::Requests,
    Section::Plans,
    Section::Changes,
    Section::Counted,
];

/// What they come to.
pub(super) struct Others {
    now_ms: i64,
    missing: Missing,
    order: Order,
    pub(super) locations: Names<str>,
    pub(super) items: Names<ItemName>,
    pub(super) cells: Cells,
    pub(super) window: Window,
    pub(super) dated: Dated,
    pub(super) drift: Drift,
}

impl Others {
    pub(super) fn new(head: &Head) -> Self {
        Self {
            now_ms: head.now_ms,
            missing: Missing::of(head, &SECTIONS),
            order: Order::default(),
            locations: Names::new(),
            items: Names::new(),
            cells: Cells::default(),
            window: Window::default(),
            dated: Dated::default(),
            drift: Drift::with_horizon(head.horizon_ms),
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
        let mut places = Places::default();
        for chunk in &table.chunks {
            if SECTIONS.contains(&chunk.section) {
                places.note(self.window.len(), chunk.offset);
                chunks.items(chunk, |item| self.take(chunk.section, item))?;
            }
        }
        let twice = self.window.index_all();
        twice.map_err(|number| places.damaged(number, "a request is there twice"))
    }

    pub(super) fn is_whole(&self) -> bool {
        self.missing.is_none()
    }

    fn take(&mut self, section: Section, item: &mut Reader<'_>) -> Taken {
        self.missing.one_less(section)?;
        match section {
            Section::Locations => self.location(item),
            Section::Items => self.item(item),
            Section::Cells => self.cell(item),
            Section::Requests => self.request(item),
            Section::Plans => self.plan(item),
            Section::Changes => self.change(item),
            Section::Counted => self.counted(item),
            _ => Err("no items belong here".into()),
        }
    }

    fn knows(&self, cell: CellKey) -> bool {
        self.locations.knows(cell.location.0) && self.items.knows(cell.item.0)
    }

    fn location(&mut self, item: &mut Reader<'_>) -> Taken {
        let next = self.locations.len();
        let name = item.text()?;
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err("a name is empty or too long".into());
        }
        let index = self.locations.register(name.into());
        is_next(index, next)
    }

    fn item(&mut self, item: &mut Reader<'_>) -> Taken {
        let next = self.items.len();
        let name = match item.u8()? {
            SKU => ItemName::Sku(item.text()?),
            LABOR => ItemName::Labor {
                window_start_s: item.i64()?,
            },
            _ => return Err("an item's name is of no kind".into()),
        };
        if matches!(&name, ItemName::Sku(sku) if sku.is_empty() || sku.len() > NAME_BYTES_MAX) {
            return Err("a name is empty or too long".into());
        }
        is_next(self.items.register(name.into()), next)
    }

    fn cell(&mut self, item: &mut Reader<'_>) -> Taken {
        let key = item.cell()?;
        let counters = Delta {
            on_hand: item.i64()?,
            held: item.i64()?,
            committed: item.i64()?,
            unavailable: item.i64()?,
            safety_stock: item.i64()?,
        };
        if !self.knows(key) {
            return Err("a cell's names are not known".into());
        }
        let restored = self.cells.restore(key, counters);
        restored.ok_or_else(|| "a cell is there twice or out of range".into())
    }

    fn request(&mut self, item: &mut Reader<'_>) -> Taken {
        let key = RequestKey {
            scope: item.u32()?,
            id: item.u128()?,
        };
        let (fingerprint, at_ms) = (item.fixed_u64()?, item.i64()?);
        let outcomes = item.counted()?;
        check_outcomes(outcomes)?;
        self.order.next(Section::Requests, at_ms)?;
        if at_ms > self.now_ms {
            return Err("a request is yet to come".into());
        }
        self.window.add((key, fingerprint), at_ms, outcomes);
        Ok(())
    }

    fn plan(&mut self, item: &mut Reader<'_>) -> Taken {
        let key = item.cell()?;
        let days = item.list(|item| {
            Ok(DayPlan {
                day: item.i32()?,
                supply: item.i64()?,
                demand: item.i64()?,
            })
        })?;
        let plan = Plan::of(days).ok_or("the days of a cell cannot be")?;
        if !self.knows(key) || self.dated.plan(key).is_some() {
            return Err("a cell's days are there twice, or its names are not known".into());
        }
        self.dated.set_plan(key, plan);
        Ok(())
    }

    fn change(&mut self, item: &mut Reader<'_>) -> Taken {
        let cell = item.cell()?;
        let (effective_ms, applied_ms, units) = (item.i64()?, item.i64()?, item.i64()?);
        self.order.next(Section::Changes, applied_ms)?;
        let Some(number) = self.cells.number(cell) else {
            return Err("a change is of no cell".into());
        };
        let change = NewChange {
            cell: number,
            effective_ms,
            applied_ms,
            units,
        };
        // How many are kept is looked at with the next one.
        self.drift.push(change, usize::MAX, &mut self.cells);
        Ok(())
    }

    fn counted(&mut self, item: &mut Reader<'_>) -> Taken {
        let (cell, time_ms) = (item.cell()?, item.i64()?);
        if !self.knows(cell) || self.drift.counted_ms(cell).is_some() {
            return Err("a count is there twice, or of no cell".into());
        }
        self.drift.set_counted(cell, time_ms);
        Ok(())
    }
}

/// A new name got the integer after the last.
fn is_next(index: Option<u32>, next: usize) -> Taken {
    if index.is_some_and(|index| index as usize == next) {
        return Ok(());
    }
    Err("a name is there twice".into())
}
