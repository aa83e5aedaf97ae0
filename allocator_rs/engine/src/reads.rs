//! Reads of many cells, of reservations, and of the feed.
//!
//! | read | waits for the writer | position |
//! | --- | --- | --- |
//! | who holds an item, a basket at many locations | no | one for all of it |
//! | where an item has units | no | none |
//! | the ATP of all cells | no | one for all of it |
//! | reservations of an order, of a cell, by deadline, by name | for what was submitted before | one for all of it |
//! | changes, events | no | each its own |

use std::sync::atomic::Ordering;

use bopis_ledger::{CellKey, CellView, ItemId, LocationId};

use crate::engine::{Engine, ReadStamp};
use crate::error::SubmitError;
use crate::feed::{Change, Events};
use crate::job::{Answer, FoundReply, Job, Page, Search};
use crate::mirror::AtpCopy;

/// A location that holds an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Where.
    pub location: LocationId,
    /// The counters there.
    pub view: CellView,
}

/// The ATP of several items at several locations, all as of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Basket {
    /// The rows.
    pub locations: Vec<LocationId>,
    /// Row by row, the items in the order asked; may be negative, 0 for an absent cell.
    pub atp: Vec<i64>,
    /// As of when.
    pub stamp: ReadStamp,
}

impl Engine {
    /// What `take` reads of published cells, and as of which record, if it was one for all of it.
    /// Never waits, nor lets anybody wait.
    pub fn glimpse<T>(&self, take: impl FnOnce() -> T) -> (T, Option<u64>) {
        self.shared().mirror.glimpse(take)
    }

    /// What `take` reads of published cells, all of it as of one record. It is called until that is so.
    pub fn at_one_record<T>(&self, take: impl FnMut() -> T) -> (T, ReadStamp) {
        let (taken, sequence) = self.shared().mirror.at_one_sequence(take);
        (taken, self.stamp(sequence))
    }

    /// Where an item's ATP is not 0, and it, in no order, each as of the moment it is read: of a
    /// location that comes twice the later counts. Never waits, and looks at no other cell.
    #[must_use]
    pub fn stocked(&self, item: ItemId) -> Vec<(LocationId, i64)> {
        let mut found = Vec::new();
        self.shared().mirror.stocked_of(item, &mut found);
        found
    }

    /// Which locations have units of an item on hand, by id, all as of one record.
    #[must_use]
    pub fn locations_of(&self, item: ItemId) -> (Vec<Holder>, ReadStamp) {
        let mirror = &self.shared().mirror;
        let (mut holders, sequence) = mirror.at_one_sequence(|| {
            let cells = mirror.cells_of(item).filter(|(_, view)| view.on_hand > 0);
            let holders = cells.map(|(location, view)| Holder { location, view });
            holders.collect::<Vec<_>>()
        });
        holders.sort_unstable_by_key(|holder| holder.location);
        (holders, self.stamp(sequence))
    }

    /// The ATP of a basket's items, all as of one record: at `locations`, in that order, or (none)
    /// wherever any of the items can be promised, by id.
    #[must_use]
    pub fn basket(&self, items: &[ItemId], locations: Option<&[LocationId]>) -> Basket {
        let mirror = &self.shared().mirror;
        let ((rows, atp), sequence) = mirror.at_one_sequence(|| {
            let rows = locations.map_or_else(|| self.promising(items), <[_]>::to_vec);
            let cells = rows.iter().flat_map(|location| {
                let cell = |item: &ItemId| CellKey {
                    location: *location,
                    item: *item,
                };
                items.iter().map(cell)
            });
            let atp: Vec<i64> = cells.map(|cell| mirror.atp(cell)).collect();
            (rows, atp)
        });
        Basket {
            locations: rows,
            atp,
            stamp: self.stamp(sequence),
        }
    }

    fn promising(&self, items: &[ItemId]) -> Vec<LocationId> {
        let cells = items
            .iter()
            .flat_map(|item| self.shared().mirror.cells_of(*item));
        let promising = cells.filter(|(_, view)| view.atp() > 0);
        let mut locations: Vec<_> = promising.map(|(location, _)| location).collect();
        locations.sort_unstable();
        locations.dedup();
        locations
    }

    /// The ATP of every cell as of one record, in the order in which cells were first touched,
    /// which is the same for the engine's life. Which cells they are is told from number `known`
    /// on. The writer goes on meanwhile.
    ///
    /// # Errors
    /// `Overloaded`: there were more changes during the copy than it can take in.
    pub fn copy_atp(&self, known: usize) -> Result<AtpCopy, SubmitError> {
        let copy = self.shared().mirror.copy_atp(known);
        copy.ok_or(SubmitError::Overloaded)
    }

    /// Looks for reservations behind everything submitted before, when all of that is durable.
    ///
    /// # Errors
    /// See [`SubmitError`]; `done` is not called then.
    pub fn search(
        &self,
        search: Search,
        done: Box<dyn FnOnce(FoundReply) + Send>,
    ) -> Result<(), SubmitError> {
        self.search_page(search, Page::FIRST, done)
    }

    /// The same, for a part of what is found. Parts that follow each other are each of their time.
    ///
    /// # Errors
    /// See [`SubmitError`]; `done` is not called then.
    pub fn search_page(
        &self,
        search: Search,
        page: Page,
        done: Box<dyn FnOnce(FoundReply) + Send>,
    ) -> Result<(), SubmitError> {
        self.enqueue(Job::Search((search, page), Answer::new(done)))
    }

    /// Whether a reservation may have a day: one has or had one since the start, or is to get one.
    #[must_use]
    pub fn may_have_days(&self) -> bool {
        self.shared().may_have_days.load(Ordering::Acquire)
    }

    /// Changes of cells after `sequence`, in order; none if some of them are forgotten already.
    /// A deficit is reported by each change that made it another, with the reservations that it
    /// concerns.
    #[must_use]
    pub fn changes_since(&self, sequence: u64) -> Option<Vec<Change>> {
        self.shared().changes_since(sequence)
    }

    /// Events after `sequence`, in order: all of one sequence at least, if there are any, and then
    /// more while they are fewer than `wanted`. None if some of them are forgotten already; see
    /// [`crate::events_of_journal`] for those.
    #[must_use]
    pub fn events_since(&self, sequence: u64, wanted: usize) -> Option<Events> {
        self.shared().events_since(sequence, wanted)
    }

    fn stamp(&self, sequence: u64) -> ReadStamp {
        ReadStamp {
            sequence,
            wall_ms: self.wall_ms(),
        }
    }
}
