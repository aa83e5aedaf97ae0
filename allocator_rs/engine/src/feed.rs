//! The change feed: what changed, in order, as far back as it is kept in memory.
//!
//! | kind | once per | sequence |
//! | --- | --- | --- |
//! | cell | turn in which it changed | the turn's last record |
//! | deficit | turn that made it another one | the turn's last record |
//! | reservation | command or expiry that changed it | that record |
//!
//! Read again from the journal, cells and deficits come once per record. A sequence is a place to
//! go on from: whoever has taken everything up to it misses nothing and gets nothing again.

use std::collections::VecDeque;
use std::sync::Arc;

use bopis_ledger::{CellKey, CellView, ChangedCell, ReservationId};

use crate::deficits::Concerned;

/// One cell as it was after the batch that ended at `sequence`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The last record of the batch.
    pub sequence: u64,
    /// The cell.
    pub cell: CellKey,
    /// Its counters.
    pub view: CellView,
    /// Promised units that are not there.
    pub deficit: i64,
    /// What `deficit` was before this change.
    pub deficit_before: i64,
    /// The deficit is another one than before: the reservations that it concerns, in order of their
    /// ids, at most [`CONCERNED_MAX`](crate::CONCERNED_MAX); none if there is no deficit any more.
    pub concerned: Option<Arc<[ReservationId]>>,
}

/// What happened to a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReservationChange {
    /// Units were taken for it.
    Held,
    /// It has another deadline.
    Extended,
    /// It has no deadline any more.
    Committed,
    /// Units were given back, all or a part.
    Released,
    /// Units left, all or a part.
    Consumed,
    /// Its deadline passed.
    Expired,
    /// It holds something else.
    Moved,
    /// Its units lie elsewhere.
    Relocated,
}

/// What an event tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Counters changed; a deficit of the cell is another one if it names whom that concerns.
    Cell(Change),
    /// A reservation changed.
    Reservation(ReservationId, ReservationChange),
}

/// One event of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Where to go on from, once all events of this sequence are taken.
    pub sequence: u64,
    /// Wall time of the decision, Unix ms.
    pub wall_ms: i64,
    /// What happened.
    pub kind: EventKind,
}

/// Events up to a sequence, and nothing of what follows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// In order.
    pub events: Vec<Event>,
    /// Where to go on from.
    pub through: u64,
}

/// A change of a reservation on its way into the feed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Told {
    pub(crate) sequence: u64,
    pub(crate) wall_ms: i64,
    pub(crate) reservation: ReservationId,
    pub(crate) change: ReservationChange,
}

/// An event as it is kept: what can be told from the counters is left out.
struct Kept {
    sequence: u64,
    wall_ms: i64,
    what: What,
}

enum What {
    /// A cell; its deficit, if that is another one than before.
    Cell(CellKey, CellView, Option<Box<Concerned>>),
    Reservation(ReservationId, ReservationChange),
}

impl Kept {
    fn event(&self) -> Event {
        let kind = match &self.what {
            What::Reservation(id, change) => EventKind::Reservation(*id, *change),
            What::Cell(cell, view, concerned) => {
                let deficit = view.deficit();
                let concerned = concerned.as_deref();
                EventKind::Cell(Change {
                    sequence: self.sequence,
                    cell: *cell,
                    view: *view,
                    deficit,
                    deficit_before: concerned.map_or(deficit, |one| one.before),
                    concerned: concerned.map(|one| Arc::clone(&one.ids)),
                })
            }
        };
        Event {
            sequence: self.sequence,
            wall_ms: self.wall_ms,
            kind,
        }
    }
}

/// The latest events, at most so many.
pub(crate) struct Ring {
    events: VecDeque<Kept>,
    events_max: usize,
    /// Events up to and including this sequence are gone.
    forgotten: u64,
    /// Everything up to here is in, if it is not gone.
    through: u64,
}

impl Ring {
    pub(crate) const fn new(events_max: usize) -> Self {
        Self {
            events: VecDeque::new(),
            events_max,
            forgotten: 0,
            through: 0,
        }
    }

    /// Nothing up to here is known.
    pub(crate) fn forget(&mut self, sequence: u64) {
        self.events.clear();
        self.forgotten = sequence;
        self.through = sequence;
    }

    /// Gives all of it away; it is as full of gaps as ever.
    pub(crate) fn take(&mut self) -> Vec<Event> {
        self.forgotten = self.through;
        let kept = std::mem::take(&mut self.events);
        kept.iter().map(Kept::event).collect()
    }

    pub(crate) const fn keeps_any(&self) -> bool {
        self.events_max > 0
    }

    /// Takes over what happened up to `sequence`: `reservations` are emptied, each at its own
    /// sequence; then the cells, in their order, of which `deficits` names some.
    pub(crate) fn add(
        &mut self,
        reservations: &mut Vec<Told>,
        cells: &[ChangedCell],
        deficits: &mut Vec<Concerned>,
        (sequence, wall_ms): (u64, i64),
    ) {
        if !self.keeps_any() {
            deficits.clear();
            reservations.clear();
            return;
        }
        for told in reservations.drain(..) {
            self.push(Kept {
                sequence: told.sequence,
                wall_ms: told.wall_ms,
                what: What::Reservation(told.reservation, told.change),
            });
        }
        let mut deficits = deficits.drain(..).peekable();
        for ChangedCell { cell, view, .. } in cells.iter().copied() {
            let concerned = deficits.next_if(|one| one.cell == cell);
            self.push(Kept {
                sequence,
                wall_ms,
                what: What::Cell(cell, view, concerned.map(Box::new)),
            });
        }
        self.through = sequence;
    }

    fn push(&mut self, event: Kept) {
        if self.events.len() >= self.events_max {
            if let Some(oldest) = self.events.pop_front() {
                self.forgotten = oldest.sequence;
            }
        }
        self.events.push_back(event);
    }

    fn after(&self, sequence: u64) -> Option<impl Iterator<Item = &Kept> + '_> {
        if sequence < self.forgotten || !self.keeps_any() {
            return None;
        }
        let is_older = |event: &Kept| event.sequence <= sequence;
        let start = self.events.partition_point(is_older);
        Some(self.events.range(start..))
    }

    pub(crate) fn changes_since(&self, sequence: u64) -> Option<Vec<Change>> {
        let changes = self.after(sequence)?.map(Kept::event);
        let changes = changes.filter_map(|event| match event.kind {
            EventKind::Cell(change) => Some(change),
            EventKind::Reservation(..) => None,
        });
        Some(changes.collect())
    }

    /// At least one sequence's events, if there are any, and further ones while they are fewer than
    /// `wanted`.
    pub(crate) fn events_since(&self, sequence: u64, wanted: usize) -> Option<Events> {
        let mut events: Vec<Event> = Vec::new();
        for event in self.after(sequence)? {
            if let Some(last) = events.last() {
                if events.len() >= wanted && last.sequence != event.sequence {
                    let through = last.sequence;
                    return Some(Events { events, through });
                }
            }
            events.push(event.event());
        }
        let through = self.through.max(sequence);
        Some(Events { events, through })
    }
}
