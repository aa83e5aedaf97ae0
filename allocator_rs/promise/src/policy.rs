//! The policy as the planner needs it: the cost card and the rules for windows, reach and consent.

use std::sync::Arc;

use bopis_sourcing::{distance_cost, per_unit_of, share_of, OpportunityTiers, COST_MAX};

use crate::ask::{Ask, AskLine};
use crate::network::{NodeKind, WINDOW_S};
use crate::rules::Rules;

/// The longest way on earth, half of its circumference, in meters: the policy limits the distance
/// of shipping by nothing else.
const SHIP_METERS_MAX: i64 = 20_016_000;

/// Prices in micro-units; shares in basis points (1/10,000).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CostCard {
    /// Per shipped group.
    pub ship_package_micro: i64,
    /// Per km of a shipped group.
    pub ship_km_micro: i64,
    /// Per kg of a shipped line.
    pub ship_kg_micro: i64,
    /// Per line.
    pub pick_line_micro: i64,
    /// Per group beyond the first.
    pub extra_group_micro: i64,
    /// Per km that another pickup store lies beyond the customer's.
    pub other_store_km_micro: i64,
    /// Per group of a pickup order that is shipped home.
    pub pickup_shipped_micro: i64,
    /// Per started hour after the promise, once per order.
    pub late_hour_micro: i64,
    /// Once per order whose promise is not kept.
    pub promise_broken_micro: i64,
    /// Of an unfilled line's value.
    pub unfilled_share_bp: i64,
    /// Per unfilled line, beside its share.
    pub unfilled_goodwill_micro: i64,
    /// Of the price, for the last unit of a cell.
    pub opportunity_last_bp: i64,
    /// Of the price, for each of the two units before the last.
    pub opportunity_next_two_bp: i64,
    /// The most that the last unit of a cell is worth; the two before it in proportion.
    pub opportunity_cap_micro: i64,
    /// Per size of a line that no node could serve whole any more.
    pub opportunity_block_micro: i64,
}

/// How lines get from the node that picks them to the store where they are collected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfers {
    /// Kinds of nodes that send.
    pub from_kinds: Vec<NodeKind>,
    /// Most km from there to the store.
    pub reach_km: i64,
    /// Seconds of a way of no length: loading, unloading.
    pub handling_s: i64,
    /// Of the vehicle, at least 1.
    pub km_per_h: i64,
    /// Labor seconds of receiving a line at the store, at least 1.
    pub receive_line_s: i64,
    /// Per source (micro-units).
    pub source_micro: i64,
    /// Per km from source to store (micro-units).
    pub km_micro: i64,
}

impl Transfers {
    /// Cost of a transfer over a distance.
    pub(crate) fn cost(&self, meters: i64) -> i64 {
        self.source_micro
            .saturating_add(distance_cost(self.km_micro, meters))
    }

    /// Seconds from the end of picking to the arrival, rounded up.
    pub(crate) fn seconds(&self, meters: i64) -> i64 {
        let speed = self.km_per_h.max(1).saturating_mul(1_000);
        let driven = meters.max(0).saturating_mul(WINDOW_S);
        self.handling_s + driven.saturating_add(speed - 1) / speed
    }
}

/// The policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The cost card.
    pub card: CostCard,
    /// Weight of a unit where the catalog knows none.
    pub unit_weight_g: i64,
    /// From asking to the earliest ready time, inside opening hours.
    pub lead_time_ms: i64,
    /// How far customers go to collect.
    pub pickup_reach_km: i64,
    /// A pickup order with no store in reach is shipped.
    pub ship_when_out_of_reach: bool,
    /// How long after the promise windows are still offered.
    pub late_windows_max_h: u32,
    /// Most consecutive windows of a group (1 to 3).
    pub span_windows_max: usize,
    /// Charge the card's opportunity for cells that have a dual price too: scarcity counts twice.
    pub opportunity_beside_duals: bool,
    /// Lines may be moved to the store where they are collected; none: they are not.
    pub transfers: Option<Transfers>,
    /// What no plan may break.
    pub rules: Arc<Rules>,
}

/// A price of the card for an order of a weight (percent), rounded half up.
pub(crate) fn weighed(price_micro: i64, percent: i64) -> i64 {
    price_micro
        .saturating_mul(percent.max(0))
        .saturating_add(50)
        / 100
}

impl Policy {
    /// The floor of an unfilled line's cost: one line on the dearest plan that the policy allows,
    /// weight left aside. It is `ship_package + ship_km over half of the earth's circumference
    /// (20,016 km) + pickup_shipped + extra_group + pick + promise_broken + late_hour x
    /// late_windows_max_h`, the parcel being a transfer over its reach where that is dearer; so leaving a line never looks cheaper than shipping it from anywhere, as
    /// late as allowed.
    #[must_use]
    pub fn unfilled_floor(&self) -> i64 {
        let card = &self.card;
        let parcel = card.ship_package_micro
            + distance_cost(card.ship_km_micro, SHIP_METERS_MAX)
            + card.pickup_shipped_micro;
        let farthest = |transfers: &Transfers| transfers.cost(transfers.reach_km * 1_000);
        parcel.max(self.transfers.as_ref().map_or(0, farthest))
            + card.extra_group_micro
            + card.pick_line_micro
            + card.promise_broken_micro
            + per_unit_of(card.late_hour_micro, i64::from(self.late_windows_max_h))
    }

    /// Cost of leaving a line of an order of weight 100: share of its value + goodwill, at least the
    /// floor, capped at [`COST_MAX`].
    #[must_use]
    pub fn unfilled_cost(&self, quantity: i64, unit_price: i64) -> i64 {
        let value = per_unit_of(unit_price, quantity);
        let share = share_of(value, self.card.unfilled_share_bp * 100);
        share
            .saturating_add(self.card.unfilled_goodwill_micro)
            .max(self.unfilled_floor())
            .min(COST_MAX)
    }

    /// The same for a line of an order, by the order's weight.
    pub(crate) fn left_cost(&self, ask: &Ask, line: &AskLine) -> i64 {
        let cost = self.unfilled_cost(line.quantity, line.unit_price_micro);
        weighed(cost, ask.weight_percent).min(COST_MAX)
    }

    pub(crate) fn tiers(&self, unit_price: i64) -> OpportunityTiers {
        OpportunityTiers::of_price(
            unit_price,
            self.card.opportunity_last_bp * 100,
            self.card.opportunity_next_two_bp * 100,
        )
        .capped(self.card.opportunity_cap_micro.min(COST_MAX / 8))
    }
}
