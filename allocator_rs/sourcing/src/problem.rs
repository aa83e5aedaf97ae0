//! What the kernel solves.

use std::num::NonZeroU32;

use crate::cost::OpportunityTiers;

/// Cost of a line that a facility cannot serve; larger than any sum of real costs.
pub const CANNOT: i64 = 1 << 53;
/// Largest single cost (micro-units); sums over an order stay far below [`CANNOT`].
pub const COST_MAX: i64 = 1 << 42;
/// Most lines of one order.
pub const LINES_MAX: usize = 500;

/// A node where customers collect; as small as a number, so that a [`Facility`] stays small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Store(NonZeroU32);

impl Store {
    /// The node of this number, below `u32::MAX`.
    #[must_use]
    pub const fn at(node: u32) -> Self {
        Self(NonZeroU32::MIN.saturating_add(node))
    }
}

/// A group that could be opened: a node, a method and a window pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility {
    /// The node that picks; at most one facility of a node is opened.
    pub node: u32,
    /// The node where the customer collects; none: it is shipped. What is collected at another node
    /// than its own is transferred there. All that is open and collected is collected at one node.
    pub store: Option<Store>,
    /// Cost of opening it, without the charge for an extra group (micro-units).
    pub fixed: i64,
    /// Most lines that it can serve.
    pub capacity: u32,
    /// Started hours after the promise at which it is ready; 0: in time.
    pub late: u32,
}

impl Facility {
    /// Whether the customer collects where it is picked.
    #[must_use]
    pub fn is_pickup(&self) -> bool {
        self.store == Some(Store::at(self.node))
    }

    /// Whether the customer would have to collect at two nodes.
    #[must_use]
    pub fn is_apart(&self, other: &Self) -> bool {
        matches!((self.store, other.store), (Some(here), Some(there)) if here != there)
    }
}

/// Seconds that several facilities of one plan would take from: those of an hour of the store where
/// all is collected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// How many there are.
    pub seconds: i64,
    /// Facility, and what a line there takes of them, at least 1; each facility once.
    pub takes: Vec<(usize, i64)>,
}

impl Room {
    /// What a line at a facility takes.
    pub(crate) fn share(&self, facility: usize) -> i64 {
        let takes = self.takes.iter().find(|(one, _)| *one == facility);
        takes.map_or(0, |(_, seconds)| *seconds)
    }

    /// The same with only these facilities, in rising order, numbered anew.
    fn kept(&self, keep: &[usize]) -> Self {
        let takes = self.takes.iter().filter_map(|(facility, seconds)| {
            let place = keep.binary_search(facility).ok()?;
            Some((place, *seconds))
        });
        Self {
            seconds: self.seconds,
            takes: takes.collect(),
        }
    }
}

/// What it costs that an order is ready after its promise (micro-units).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LatePrice {
    /// Once, for a promise that is not kept at all.
    pub broken: i64,
    /// Per started hour.
    pub hour: i64,
}

impl LatePrice {
    /// The price of so many started hours; saturates.
    #[must_use]
    pub fn of(self, hours: u32) -> i64 {
        let broken = if hours == 0 { 0 } else { self.broken };
        broken.saturating_add(self.hour.saturating_mul(i64::from(hours)))
    }
}

/// Lines of one order that ask for the same SKU: at one node their units come from one cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Twins {
    /// The lines, at least two, in rising order; no line is in two groups of twins.
    pub lines: Vec<usize>,
    /// Units of each of these lines.
    pub quantities: Vec<i64>,
    /// Units available at each facility.
    pub available: Vec<i64>,
    /// What the cell's last units are worth. The cost of each line holds the charge for that line
    /// alone; what the lines cost together beyond that is added where several meet.
    pub tiers: OpportunityTiers,
}

/// Why a problem is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProblemError {
    /// No line, or more than [`LINES_MAX`].
    #[error("an order has 1 to {LINES_MAX} lines")]
    Lines,
    /// The table of costs is not facilities x lines.
    #[error("the table of line costs does not match facilities and lines")]
    Shape,
    /// A cost is negative or above [`COST_MAX`] (and not [`CANNOT`]).
    #[error("a cost is out of range")]
    Cost,
    /// Twins are malformed.
    #[error("twin lines are malformed")]
    Twins,
    /// Rooms are malformed.
    #[error("rooms are malformed")]
    Rooms,
}

/// One order and all the ways to fulfill it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub(crate) lines: usize,
    pub(crate) facilities: Vec<Facility>,
    pub(crate) costs: Vec<i64>,
    pub(crate) unfilled: Vec<i64>,
    pub(crate) extra_group: i64,
    pub(crate) late: LatePrice,
    pub(crate) all_or_nothing: bool,
    pub(crate) twins: Vec<Twins>,
    pub(crate) is_twin: Vec<bool>,
    pub(crate) rooms: Vec<Room>,
    pub(crate) visits: Vec<(Store, i64)>,
}

impl Problem {
    /// Checks and takes over an order. `costs` holds a row of line costs per facility (micro-units,
    /// [`CANNOT`] where it cannot serve the line), `unfilled` the cost of leaving each line.
    ///
    /// # Errors
    /// [`ProblemError`] where shapes or ranges are broken.
    pub fn new(
        facilities: Vec<Facility>,
        costs: Vec<i64>,
        unfilled: Vec<i64>,
        extra_group: i64,
        late: LatePrice,
        all_or_nothing: bool,
        twins: Vec<Twins>,
    ) -> Result<Self, ProblemError> {
        let mut problem = Self {
            lines: unfilled.len(),
            facilities,
            costs,
            unfilled,
            extra_group,
            late,
            all_or_nothing,
            twins,
            is_twin: Vec::new(),
            rooms: Vec::new(),
            visits: Vec::new(),
        };
        problem.check()?;
        Ok(problem)
    }

    /// Adds rooms that facilities share. What a facility may take alone is its capacity; rooms are
    /// for what several of one plan take together.
    ///
    /// # Errors
    /// [`ProblemError::Rooms`] for seconds below 0, shares below 1, unknown or doubled facilities.
    pub fn with_rooms(mut self, rooms: Vec<Room>) -> Result<Self, ProblemError> {
        let count = self.facilities.len();
        let fits = |room: &Room| {
            let mut seen = vec![false; count];
            let mut first = |facility: usize| {
                let slot = seen.get_mut(facility);
                slot.is_some_and(|seen| !std::mem::replace(seen, true))
            };
            let in_range = |seconds: &i64| (1..=COST_MAX).contains(seconds);
            (0..=COST_MAX).contains(&room.seconds)
                && room.takes.iter().all(|(f, s)| in_range(s) && first(*f))
        };
        if !rooms.iter().all(fits) {
            return Err(ProblemError::Rooms);
        }
        self.rooms = rooms;
        Ok(self)
    }

    /// Adds what collecting at a store costs, once, whatever is collected there; 0 at other stores.
    ///
    /// # Errors
    /// [`ProblemError::Cost`] for a cost out of range.
    pub fn with_visits(mut self, visits: Vec<(Store, i64)>) -> Result<Self, ProblemError> {
        if !visits.iter().all(|(_, cost)| (0..=COST_MAX).contains(cost)) {
            return Err(ProblemError::Cost);
        }
        self.visits = visits;
        Ok(self)
    }

    /// What collecting where a facility's lines are collected costs.
    pub(crate) fn visit(&self, facility: &Facility) -> i64 {
        let mut visits = self.visits.iter();
        let found = visits.find(|(store, _)| Some(*store) == facility.store);
        found.map_or(0, |(_, cost)| *cost)
    }

    /// Whether a facility shares a room with others.
    pub(crate) fn is_shared(&self, facility: usize) -> bool {
        self.rooms.iter().any(|room| room.share(facility) > 0)
    }

    /// Checks shapes and ranges and finds out which lines are twins.
    pub(crate) fn check(&mut self) -> Result<(), ProblemError> {
        if self.lines == 0 || self.lines > LINES_MAX {
            return Err(ProblemError::Lines);
        }
        if self.costs.len() != self.facilities.len() * self.lines {
            return Err(ProblemError::Shape);
        }
        let in_range = |cost: i64| (0..=COST_MAX).contains(&cost);
        // Without an early exit: the table is long and almost always right.
        let fit = |all: bool, cost: &i64| all & (in_range(*cost) | (*cost == CANNOT));
        let costs_fit = self.costs.iter().fold(true, fit);
        let prices_fit = self.unfilled.iter().all(|cost| in_range(*cost))
            && in_range(self.extra_group)
            && in_range(self.late.broken)
            && in_range(self.late.hour);
        let facility_fits = |f: &Facility| in_range(f.fixed) && in_range(self.late.of(f.late));
        if !costs_fit || !prices_fit || !self.facilities.iter().all(facility_fits) {
            return Err(ProblemError::Cost);
        }
        self.is_twin.clear();
        self.is_twin.resize(self.lines, false);
        for group in &self.twins {
            if !twins_fit(group, self.facilities.len(), &mut self.is_twin) {
                return Err(ProblemError::Twins);
            }
        }
        Ok(())
    }

    /// The facilities, in the order given.
    #[must_use]
    pub fn facilities(&self) -> &[Facility] {
        &self.facilities
    }

    /// Whether a facility can serve a line.
    #[must_use]
    pub fn serves(&self, facility: usize, line: usize) -> bool {
        self.row(facility)
            .get(line)
            .is_some_and(|cost| *cost < CANNOT)
    }

    /// The costs of a facility, by line.
    pub(crate) fn row(&self, facility: usize) -> &[i64] {
        let start = facility * self.lines;
        self.costs.get(start..start + self.lines).unwrap_or(&[])
    }

    /// The same order without the facilities of some nodes.
    #[must_use]
    pub fn without_nodes(&self, nodes: &[u32]) -> Self {
        let keep: Vec<usize> = (0..self.facilities.len())
            .filter(|f| {
                self.facilities
                    .get(*f)
                    .is_some_and(|x| !nodes.contains(&x.node))
            })
            .collect();
        let pick = |values: &[i64]| -> Vec<i64> {
            keep.iter()
                .filter_map(|f| values.get(*f).copied())
                .collect()
        };
        Self {
            facilities: keep
                .iter()
                .filter_map(|f| self.facilities.get(*f).copied())
                .collect(),
            costs: keep
                .iter()
                .flat_map(|f| self.row(*f).iter().copied())
                .collect(),
            twins: self
                .twins
                .iter()
                .map(|t| Twins {
                    available: pick(&t.available),
                    ..t.clone()
                })
                .collect(),
            rooms: self.rooms.iter().map(|room| room.kept(&keep)).collect(),
            ..self.clone()
        }
    }
}

fn twins_fit(group: &Twins, facilities: usize, is_twin: &mut [bool]) -> bool {
    let shapes = group.lines.len() >= 2
        && group.quantities.len() == group.lines.len()
        && group.available.len() == facilities
        && group.quantities.iter().all(|q| (1..=COST_MAX).contains(q))
        && group.tiers.in_range()
        && group.lines.is_sorted();
    shapes
        && group.lines.iter().all(|line| {
            is_twin
                .get_mut(*line)
                .is_some_and(|seen| !std::mem::replace(seen, true))
        })
}
