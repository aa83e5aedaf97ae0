//! The state, taken over section by section from bytes that may be anything.
//!
//! | refused | because |
//! | --- | --- |
//! | a key, name or id that is there twice; a name, number or id that is not there | no index holds it |
//! | counters, lines or days out of their range; an order that is not the state's | no act makes it |
//! | other counts of items than the head's | something is missing |

use std::io::Read;

use super::batch::{Promises, Requests};
use super::chunks::Unfit;
use super::write::{LABOR, SKU};
use super::{ChunkReader, Section, SnapshotError, SNAPSHOT_VERSION};
use crate::cells::Delta;
use crate::codec::reader::Reader;
use crate::codec::{decode_outcomes, read_state};
use crate::dated::{DayPlan, Plan};
use crate::drift::{Drift, NewChange};
use crate::ids::{ItemName, OrderRef, RequestKey, ReservationId};
use crate::ledger::Ledger;
use crate::limits::{Limits, NAME_BYTES_MAX};
use crate::outcome::ReservationState;
use crate::reservations::{Kept, Reservations};
use crate::window::Window;

type Taken = Result<(), Unfit>;

/// Sections that have items: from LOCATIONS to COUNTED.
const LISTS: usize = 11;

/// What the head says.
struct Head {
    now_ms: i64,
    horizon_ms: i64,
    counts: [u64; LISTS],
}

/// The ledger as far as it is read.
struct Taking {
    ledger: Ledger,
    /// Items that are still to come, by section.
    missing: [u64; LISTS],
    promises: Promises,
    requests: Requests,
    /// The last deadline, end or request: the next one is no earlier.
    last_ms: (Section, i64),
}

impl Ledger {
    /// The ledger that wrote these bytes, which must be all there is. Limits are not in them: they
    /// are the caller's, as in [`Ledger::new`].
    ///
    /// # Errors
    /// `Damaged`, `Version`, `Io`.
    pub fn read_snapshot(from: &mut dyn Read, limits: Limits) -> Result<Self, SnapshotError> {
        let mut chunks = ChunkReader::new(from);
        let head = read_head(&mut chunks)?;
        let mut taking = Taking::new(limits, &head);
        loop {
            let section = chunks.next()?;
            if section == Section::End {
                break;
            }
            chunks.items(|item| taking.take(section, item))?;
            let taken = taking.take_over();
            taken.map_err(|what| chunks.damaged(what))?;
        }
        if taking.missing != [0; LISTS] {
            return Err(chunks.damaged("the snapshot ends and something is missing"));
        }
        chunks.items(|_| Err("the end has no items".into()))?;
        chunks.finish()?;
        Ok(taking.ledger)
    }
}

fn read_head(chunks: &mut ChunkReader<'_>) -> Result<Head, SnapshotError> {
    if chunks.next()? != Section::Head {
        return Err(chunks.damaged("the head is missing"));
    }
    let (mut heads, mut version) = (Vec::new(), SNAPSHOT_VERSION);
    chunks
        .items(|item| {
            version = item.fixed_u32()?;
            if version != SNAPSHOT_VERSION {
                return Err("another version".into());
            }
            let (now_ms, horizon_ms) = (item.i64()?, item.i64()?);
            let mut counts = [0; LISTS];
            for count in &mut counts {
                *count = item.u64()?;
            }
            heads.push(Head {
                now_ms,
                horizon_ms,
                counts,
            });
            Ok(())
        })
        .map_err(|error| match version {
            SNAPSHOT_VERSION => error,
            found => SnapshotError::Version {
                found,
                known: SNAPSHOT_VERSION,
            },
        })?;
    match (heads.pop(), heads.is_empty()) {
        (Some(head), true) => Ok(head),
        _ => Err(chunks.damaged("there is one head")),
    }
}

impl Taking {
    fn new(limits: Limits, head: &Head) -> Self {
        let mut ledger = Ledger::new(limits);
        ledger.now_ms = head.now_ms;
        let [_, _, _, held, committed, ended, requests, ..] = head.counts;
        let reservations = held.saturating_add(committed).saturating_add(ended);
        ledger.reservations = Reservations::starting_at(head.now_ms, reservations);
        ledger.window = Window::with_room(requests);
        ledger.drift = Drift::with_horizon(head.horizon_ms);
        Self {
            ledger,
            missing: head.counts,
            promises: Promises::default(),
            requests: Requests::default(),
            last_ms: (Section::Head, i64::MIN),
        }
    }

    fn take(&mut self, section: Section, item: &mut Reader<'_>) -> Taken {
        let list = (section as usize).wrapping_sub(Section::Locations as usize);
        let missing = self.missing.get_mut(list);
        let missing = missing.ok_or("a second head")?;
        *missing = missing
            .checked_sub(1)
            .ok_or("more items than the head says")?;
        match section {
            Section::Locations => self.location(item),
            Section::Items => self.item(item),
            Section::Cells => self.cell(item),
            Section::Held => self.live(ReservationState::Held, section, item),
            Section::Committed => self.live(ReservationState::Committed, section, item),
            Section::Ended => self.ended(item),
            Section::Requests => self.request(item),
            Section::Plans => self.plan(item),
            Section::Days => self.day(item),
            Section::Changes => self.change(item),
            Section::Counted => self.counted(item),
            Section::Head | Section::End => Err("no items belong here".into()),
        }
    }

    fn in_order(&mut self, section: Section, time_ms: i64) -> Taken {
        if self.last_ms.0 == section && time_ms < self.last_ms.1 {
            return Err("items are not in the order of time".into());
        }
        self.last_ms = (section, time_ms);
        Ok(())
    }

    fn location(&mut self, item: &mut Reader<'_>) -> Taken {
        let next = self.ledger.locations.len();
        let name = item.text()?;
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err("a name is empty or too long".into());
        }
        let index = self.ledger.locations.register(name.into());
        is_next(index, next)
    }

    fn item(&mut self, item: &mut Reader<'_>) -> Taken {
        let next = self.ledger.items.len();
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
        is_next(self.ledger.items.register(name.into()), next)
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
        if !self.ledger.knows(key) {
            return Err("a cell's names are not known".into());
        }
        let restored = self.ledger.cells.restore(key, counters);
        restored.ok_or_else(|| "a cell is there twice or out of range".into())
    }

    fn live(&mut self, state: ReservationState, section: Section, item: &mut Reader<'_>) -> Taken {
        let kept = read_reservation(state, 0, item)?;
        if state == ReservationState::Held {
            self.in_order(section, kept.deadline_ms)?;
        }
        let cells = self.ledger.cells.len() as u64;
        let mut lines = 0;
        for _ in 0..item.u64()? {
            let (cell, quantity) = (item.u32()?, item.i64()?);
            if u64::from(cell) >= cells || quantity < 1 {
                return Err("a line is out of range".into());
            }
            self.promises.line(cell, quantity);
            lines += 1;
        }
        if lines == 0 {
            return Err("a live reservation has no lines".into());
        }
        self.kept(kept, lines)
    }

    fn kept(&mut self, kept: Kept, lines: usize) -> Taken {
        if self.promises.add(kept, lines) {
            self.take_over()?;
        }
        Ok(())
    }

    /// Takes over what was only read so far.
    fn take_over(&mut self) -> Result<(), &'static str> {
        let Ledger {
            reservations,
            cells,
            window,
            ..
        } = &mut self.ledger;
        self.promises.take_over(reservations, cells)?;
        self.requests.take_over(window)
    }

    fn ended(&mut self, item: &mut Reader<'_>) -> Taken {
        let state = read_state(item)?;
        let ended_ms = item.i64()?;
        let kept = read_reservation(state, ended_ms, item)?;
        let is_live = matches!(state, ReservationState::Held | ReservationState::Committed);
        if is_live || ended_ms > self.ledger.now_ms {
            return Err("an ended reservation has not ended".into());
        }
        self.in_order(Section::Ended, ended_ms)?;
        self.kept(kept, 0)
    }

    fn request(&mut self, item: &mut Reader<'_>) -> Taken {
        let key = RequestKey {
            scope: item.u32()?,
            id: item.u128()?,
        };
        let (fingerprint, at_ms) = (item.fixed_u64()?, item.i64()?);
        let outcomes = item.counted()?;
        decode_outcomes(outcomes)?;
        self.in_order(Section::Requests, at_ms)?;
        if at_ms > self.ledger.now_ms {
            return Err("a request is yet to come".into());
        }
        if self.requests.add(key, fingerprint, at_ms, outcomes) {
            self.take_over()?;
        }
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
        if !self.ledger.knows(key) || self.ledger.dated.plan(key).is_some() {
            return Err("a cell's days are there twice, or its names are not known".into());
        }
        self.ledger.dated.set_plan(key, plan);
        Ok(())
    }

    fn day(&mut self, item: &mut Reader<'_>) -> Taken {
        let (id, day) = (ReservationId(item.u128()?), item.i32()?);
        let found = self.ledger.reservations.get(id);
        let is_live = found.is_some_and(|found| found.is_live());
        if !is_live || self.ledger.dated.day_of(id).is_some() {
            return Err("a day is there twice, or of no reservation".into());
        }
        self.ledger.dated.set_day(id, day);
        Ok(())
    }

    fn change(&mut self, item: &mut Reader<'_>) -> Taken {
        let cell = item.cell()?;
        let (effective_ms, applied_ms, units) = (item.i64()?, item.i64()?, item.i64()?);
        self.in_order(Section::Changes, applied_ms)?;
        let Some(number) = self.ledger.cells.number(cell) else {
            return Err("a change is of no cell".into());
        };
        let change = NewChange {
            cell: number,
            effective_ms,
            applied_ms,
            units,
        };
        // How many are kept is looked at with the next one.
        self.ledger
            .drift
            .push(change, usize::MAX, &mut self.ledger.cells);
        Ok(())
    }

    fn counted(&mut self, item: &mut Reader<'_>) -> Taken {
        let (cell, time_ms) = (item.cell()?, item.i64()?);
        if !self.ledger.knows(cell) || self.ledger.drift.counted_ms(cell).is_some() {
            return Err("a count is there twice, or of no cell".into());
        }
        self.ledger.drift.set_counted(cell, time_ms);
        Ok(())
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

/// A new name got the integer after the last.
fn is_next(index: Option<u32>, next: usize) -> Taken {
    if index.is_some_and(|index| index as usize == next) {
        return Ok(());
    }
    Err("a name is there twice".into())
}
