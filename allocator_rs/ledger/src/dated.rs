//! Supply that is due on later days, and what is promised out of it.
//!
//! | | |
//! | --- | --- |
//! | a day | a local day of the cell's node as the caller names it, in days since 1970 |
//! | projected(t) | on hand less all that is not promised for a day, plus supply, less demand, to t |
//! | ATP(day) | the least projected(t) of all t from that day on |
//! | withheld | what later days need beyond the supply due by then: part of the cell's `held` |
//! | supply that did not come | counts until it is received or set to 0 |
//!
//! Because `held` includes what is withheld, a cell's plain ATP is its ATP of today, and who asks
//! for no day never comes here. The day belongs to a reservation: all its lines leave that day.
//! Cells without dated supply or demand have no plan.

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::ids::{CellKey, ReservationId};
use crate::limits::{INBOUND_DAYS_MAX, QUANTITY_MAX};

/// The largest demand of all days of a cell. Grants stay below it: on hand and supply do together.
const DEMAND_MAX: i64 = 4 * QUANTITY_MAX;

/// What comes and goes on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayPlan {
    /// Days since 1970.
    pub day: i32,
    /// Expected that day.
    pub supply: i64,
    /// Promised for that day.
    pub demand: i64,
}

/// The days of one cell on which something comes or goes, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan(Vec<DayPlan>);

impl Plan {
    /// What later days need beyond the supply due by then.
    pub(crate) fn withheld(&self) -> i64 {
        -self.slack(i32::MIN).min(0)
    }

    /// The least of supply less demand, up to any day from `day` on.
    pub(crate) fn slack(&self, day: i32) -> i64 {
        let (mut sum, mut least) = (0i64, None);
        for one in &self.0 {
            if one.day > day {
                least = Some(least.map_or(sum, |least: i64| least.min(sum)));
            }
            sum += one.supply - one.demand;
        }
        least.map_or(sum, |least| least.min(sum))
    }

    /// Supply less demand up to and including that day.
    pub(crate) fn until(&self, day: i32) -> i64 {
        let past = self.0.iter().take_while(|one| one.day <= day);
        past.map(|one| one.supply - one.demand).sum()
    }

    /// With that day changed.
    fn with(&self, day: i32, change: impl FnOnce(&mut DayPlan)) -> Self {
        let mut days = self.0.clone();
        if let Some(one) = days.iter_mut().find(|one| one.day == day) {
            change(one);
        } else {
            let mut one = DayPlan {
                day,
                ..DayPlan::default()
            };
            change(&mut one);
            days.insert(days.partition_point(|one| one.day < day), one);
        }
        days.retain(|one| one.supply != 0 || one.demand != 0);
        Self(days)
    }

    /// With so much expected that day. None: more than a cell may expect.
    pub(crate) fn with_supply(&self, day: i32, quantity: i64) -> Option<Self> {
        let plan = self.with(day, |one| one.supply = quantity);
        let supplies = plan.0.iter().map(|one| one.supply).filter(|one| *one != 0);
        let total: i128 = supplies.clone().map(i128::from).sum();
        let fits = supplies.count() <= INBOUND_DAYS_MAX && total <= i128::from(QUANTITY_MAX);
        (quantity >= 0 && fits).then_some(plan)
    }

    /// With so much more (or less) promised for that day, which fits or is never kept.
    pub(crate) fn asked_for(&self, day: i32, quantity: i64) -> Self {
        self.with(day, |one| one.demand = one.demand.saturating_add(quantity))
    }

    /// The same. None: less than nothing, or too much in all.
    pub(crate) fn with_demand(&self, day: i32, quantity: i64) -> Option<Self> {
        let plan = self.asked_for(day, quantity);
        let total: i128 = plan.0.iter().map(|one| i128::from(one.demand)).sum();
        let is_sound = plan.0.iter().all(|one| one.demand >= 0);
        (is_sound && total <= i128::from(DEMAND_MAX)).then_some(plan)
    }

    /// Of days as they were. None: they cannot have been.
    pub(crate) fn of(days: Vec<DayPlan>) -> Option<Self> {
        let in_order = days.is_sorted_by(|one, next| one.day < next.day);
        let is_sound = |one: &DayPlan| {
            one.supply >= 0 && one.demand >= 0 && (one.supply, one.demand) != (0, 0)
        };
        let supply: i128 = days.iter().map(|one| i128::from(one.supply)).sum();
        let demand: i128 = days.iter().map(|one| i128::from(one.demand)).sum();
        let fits = supply <= i128::from(QUANTITY_MAX) && demand <= i128::from(DEMAND_MAX);
        let is_plan = !days.is_empty() && in_order && fits && days.iter().all(is_sound);
        is_plan.then_some(Self(days))
    }

    pub(crate) fn days(&self) -> &[DayPlan] {
        &self.0
    }
}

/// All plans, and the days of reservations.
#[derive(Debug, Default)]
pub(crate) struct Dated {
    plans: HashMap<CellKey, Plan, FxBuildHasher>,
    /// Of live reservations only. Ids come from outside: the hash is keyed.
    days: HashMap<ReservationId, i32>,
}

impl Dated {
    /// Nothing is dated: nothing needs to be looked up.
    pub(crate) fn is_empty(&self) -> bool {
        self.plans.is_empty() && self.days.is_empty()
    }

    pub(crate) fn plan(&self, cell: CellKey) -> Option<&Plan> {
        self.plans.get(&cell)
    }

    /// A copy to change; empty if there is none.
    pub(crate) fn draft(&self, cell: CellKey) -> Plan {
        self.plan(cell).cloned().unwrap_or_default()
    }

    pub(crate) fn set_plan(&mut self, cell: CellKey, plan: Plan) {
        if plan.0.is_empty() {
            self.plans.remove(&cell);
        } else {
            self.plans.insert(cell, plan);
        }
    }

    pub(crate) fn withheld(&self, cell: CellKey) -> i64 {
        self.plan(cell).map_or(0, Plan::withheld)
    }

    /// The day of a live reservation; none: it takes from the shelf.
    pub(crate) fn day_of(&self, id: ReservationId) -> Option<i32> {
        self.days.get(&id).copied()
    }

    pub(crate) fn any_has_day(&self) -> bool {
        !self.days.is_empty()
    }

    pub(crate) fn set_day(&mut self, id: ReservationId, day: i32) {
        self.days.insert(id, day);
    }

    pub(crate) fn forget(&mut self, id: ReservationId) {
        self.days.remove(&id);
    }

    /// In no particular order: sort before anything can see it.
    pub(crate) fn plans_unordered(&self) -> impl ExactSizeIterator<Item = (CellKey, &Plan)> {
        self.plans.iter().map(|(cell, plan)| (*cell, plan))
    }

    /// In no particular order: sort before anything can see it.
    pub(crate) fn days_unordered(
        &self,
    ) -> impl ExactSizeIterator<Item = (ReservationId, i32)> + '_ {
        self.days.iter().map(|(id, day)| (*id, *day))
    }
}
