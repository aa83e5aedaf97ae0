//! What the kernel solves.

use crate::cost::OpportunityTiers;

/// Cost of a line that a facility cannot serve; larger than any sum of real costs.
pub const CANNOT: i64 = 1 << 53;
/// Largest single cost (micro-units); sums over an order stay far below [`CANNOT`].
pub const COST_MAX: i64 = 1 << 42;
/// Most lines of one order.
pub const LINES_MAX: usize = 500;

/// A group that could be opened: a node, a method and a window pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facility {
    /// The node; at most one facility of a node is opened.
    pub node: u32,
    /// Whether the customer collects there; at most one such facility is opened.
    pub pickup: bool,
    /// Cost of opening it, without the charge for an extra group (micro-units).
    pub fixed: i64,
    /// Most lines that it can serve.
    pub capacity: u32,
    /// Started hours after the promise at which it is ready; 0: in time.
    pub late: u32,
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
        };
        problem.check()?;
        Ok(problem)
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
