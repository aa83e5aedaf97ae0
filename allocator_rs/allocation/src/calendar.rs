//! When a node may do a group of lines: patterns of hours, and which of them an order may use.
//!
//! | part | is |
//! | --- | --- |
//! | pattern | up to three consecutive hours of a node, with the seconds that a line takes of each; the days on which the group counts |
//! | slot | what an order may use of a node's patterns: from an hour on, up to some lateness |
//! | offer | a pattern that no other of its slot beats in lateness, price and room |

use smallvec::SmallVec;

use crate::pricer::Cut;
use crate::rooms::Rooms;

/// Most hours of a pattern.
pub const SPAN_MAX: usize = 3;

/// Consecutive hours of a node. Hours are counted from the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The first hour.
    pub start_h: i64,
    /// The hour at whose start it is ready.
    pub ready_h: i64,
    /// By hour: its row, and the seconds of one line in it, at least 1.
    pub shares: SmallVec<[(u32, i64); SPAN_MAX]>,
    /// What a line pays for its seconds whatever the prices (micro-units).
    pub charge: i64,
    /// Rows of which a group takes one, whatever its lines: the node's day may have so many groups.
    pub days: SmallVec<[u32; 2]>,
}

/// What an order may use of the patterns of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// Its patterns, a range of the calendar's, by rising ready hour.
    pub first: u32,
    /// The end of that range.
    pub end: u32,
    /// No pattern starts before this hour.
    pub start_from_h: i64,
    /// What is ready after this hour's start is late.
    pub promise_h: i64,
}

/// All patterns and slots.
#[derive(Clone, Debug, Default)]
pub struct Calendar {
    /// By node, and method where shipping counts on other days; within it by rising ready hour, then
    /// rising span.
    pub patterns: Vec<Pattern>,
    /// The slots.
    pub slots: Vec<Slot>,
}

/// A way to do a group in time: what the kernel sees of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) pattern: u32,
    /// Started hours after the promise.
    pub(crate) late: u32,
    /// What a line pays for its seconds (micro-units).
    pub(crate) price: i64,
    /// What the group pays for its place in the day (micro-units).
    pub(crate) once: i64,
    /// Lines that have room.
    pub(crate) capacity: u32,
}

/// What patterns cost under prices.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PatternPrices<'a> {
    /// What one line pays, by pattern (micro-units).
    pub(crate) line: &'a [i64],
    /// What a group pays, by pattern (micro-units); empty: nothing.
    pub(crate) once: &'a [i64],
}

impl PatternPrices<'_> {
    fn of(self, pattern: u32) -> Option<(i64, i64)> {
        let line = self.line.get(pattern as usize).copied()?;
        let once = self.once.get(pattern as usize).copied();
        Some((line, once.unwrap_or(0)))
    }
}

pub(crate) type Offers = SmallVec<[Offer; 8]>;

impl Calendar {
    fn of_slot(&self, slot: u32) -> impl Iterator<Item = (u32, &Pattern, u32)> {
        let slot = self.slots.get(slot as usize).copied();
        let (first, end) = slot.map_or((0, 0), |slot| (slot.first, slot.end));
        let patterns = self.patterns.get(first as usize..end as usize);
        let numbered = (first..end).zip(patterns.unwrap_or_default());
        numbered.filter_map(move |(number, pattern)| {
            let slot = slot?;
            let late = u32::try_from((pattern.ready_h - slot.promise_h).max(0)).ok()?;
            (pattern.start_h >= slot.start_from_h).then_some((number, pattern, late))
        })
    }

    /// The offers of a slot for an order that is alone: what has room for one line has room for all.
    pub(crate) fn offers_alone(
        &self,
        slot: u32,
        prices: PatternPrices<'_>,
        rooms: Rooms<'_>,
    ) -> Offers {
        let mut offers = Offers::new();
        self.offers(slot, (u32::MAX, 1), prices, (rooms, Cut::No), &mut offers);
        offers
    }

    /// The offers of a slot at the prices of its patterns, for up to `lines` lines in these rooms, in
    /// days that have room for `groups`:
    /// none is beaten by another in lateness, price and room at once; of equals the first.
    pub(crate) fn offers(
        &self,
        slot: u32,
        (lines, groups): (u32, i64),
        prices: PatternPrices<'_>,
        (rooms, cut): (Rooms<'_>, Cut),
        out: &mut Offers,
    ) {
        out.clear();
        for (number, pattern, late) in self.of_slot(slot) {
            let Some((price, once)) = prices.of(number) else {
                continue;
            };
            let beaten = |capacity: u32| {
                move |other: &Offer| {
                    other.price <= price && other.once <= once && other.capacity >= capacity
                }
            };
            // Offers come by rising lateness: an earlier one is never later.
            if out.iter().any(beaten(lines)) {
                continue;
            }
            let capacity = match (rooms.lines(pattern, groups), cut) {
                (0, _) => 0,
                (_, Cut::No) => lines,
                (capacity, Cut::ToRoom) => capacity.min(lines),
            };
            if capacity == 0 || out.iter().any(beaten(capacity)) {
                continue;
            }
            out.retain(|other| {
                let beats = price <= other.price && once <= other.once;
                other.late < late || !beats || other.capacity > capacity
            });
            out.push(Offer {
                pattern: number,
                late,
                price,
                once,
                capacity,
            });
            if price == 0 && once == 0 && capacity == lines {
                return;
            }
        }
    }

    /// The offers that have room for all lines, if one of them is in time: groups that are cut to
    /// the room of their hours seldom pay then.
    pub(crate) fn prefer_roomy(lines: u32, offers: &mut Offers) {
        let is_roomy = |offer: &Offer| offer.capacity >= lines;
        if offers
            .iter()
            .any(|offer| is_roomy(offer) && offer.late == 0)
        {
            offers.retain(|offer| is_roomy(offer));
        }
    }
}
