//! Options of a basket.

use bopis_promise::{DualCharges, Group, Near, Options, OptionsAsk, StoreOption, Unfilled};
use bopis_promise::{Method, Plan, UnfilledReason};
use tonic::Status;

use super::token::Terms;
use super::{at_most, near_place, radius, Promise};
use crate::deadline::Deadline;
use crate::money::Money;
use crate::native::convert::{duration_ms, timestamp};
use crate::native::errors::{check, invalid_field};
use crate::v1;
use crate::v1::get_pickup_options_request::Near as NearMessage;
use crate::v1::{GetPickupOptionsRequest, GetPickupOptionsResponse, PickupOption};

const OPTIONS_DEFAULT: usize = 10;
const MS_PER_SECOND: i64 = 1_000;

impl Promise {
    pub(super) async fn options(
        &self,
        request: GetPickupOptionsRequest,
        deadline: Deadline,
    ) -> Result<GetPickupOptionsResponse, Status> {
        check(&request)?;
        let position = request.at_least_position.clone();
        let asked = asked(request)?;
        self.desk.wait_for(position.as_ref()).await?;
        let (lines, near) = (asked.lines.clone(), asked.near.clone());
        let read = self.planned(deadline, near, move |planner| planner.options(&asked));
        Ok(self.answer(&lines, &read.await?))
    }

    fn answer(&self, lines: &[(String, i64)], read: &Options) -> GetPickupOptionsResponse {
        let terms = Terms {
            lines,
            currency: &read.currency,
            policy_version: &read.terms.policy_version,
            expire_ms: read.stamp.wall_ms.saturating_add(read.terms.quote_ttl_ms),
        };
        let options = read.options.iter();
        GetPickupOptionsResponse {
            options: options.map(|option| self.option(option, &terms)).collect(),
            unknown_skus: read.unknown_skus.clone(),
            promise_time: Some(timestamp(read.promise_ms)),
            policy_version: read.terms.policy_version.clone(),
            as_of_time: Some(timestamp(read.stamp.wall_ms)),
            position: Some(self.desk.position(read.stamp.sequence)),
        }
    }

    fn option(&self, option: &StoreOption, terms: &Terms<'_>) -> PickupOption {
        let plan = &option.plan;
        let whole_basket = plan.unfilled.is_empty() && !plan.groups.is_empty();
        let token = if whole_basket {
            self.signer.sign(option, terms)
        } else {
            None
        };
        let ready_s = plan.groups.iter().map(|group| group.ready_s).max();
        PickupOption {
            method: method(option.method),
            node_id: option.node_id.clone(),
            distance_m: option.meters,
            whole_basket,
            groups: plan.groups.iter().map(group).collect(),
            ready_by_time: ready_s.map(|ready_s| timestamp(ready_s * MS_PER_SECOND)),
            lines: availabilities(option),
            unfilled_lines: plan.unfilled.iter().map(unfilled).collect(),
            cost: Some(cost(plan, terms.currency)),
            dual_charges: option.duals.map(|charges| dual(charges, terms.currency)),
            promise_expire_time: token.as_ref().map(|_| timestamp(terms.expire_ms)),
            promise_token: token.unwrap_or_default(),
        }
    }
}

fn asked(request: GetPickupOptionsRequest) -> Result<OptionsAsk, Status> {
    let near = match request.near {
        Some(NearMessage::Place(place)) => near_place(&place),
        Some(NearMessage::NodeId(node_id)) => Near::Store(node_id),
        None => return Err(invalid_field("near", "must be set")),
    };
    if request.with_shipping && matches!(near, Near::Store(_)) {
        return Err(invalid_field(
            "with_shipping",
            "needs a place, not a node_id",
        ));
    }
    let lines = request.lines.into_iter();
    Ok(OptionsAsk {
        lines: lines.map(|line| (line.sku, line.quantity)).collect(),
        near,
        ready_within_ms: request.ready_within.as_ref().map(duration_ms),
        radius_km: radius(request.radius_km),
        ship_rest: request.ship_rest,
        with_shipping: request.with_shipping,
        options_max: at_most(request.max_options, OPTIONS_DEFAULT),
    })
}

fn method(method: Method) -> i32 {
    match method {
        // The customer collects what was transferred to the store.
        Method::Pickup | Method::Transfer => v1::FulfillmentMethod::Pickup.into(),
        Method::Ship => v1::FulfillmentMethod::Ship.into(),
    }
}

fn group(group: &Group) -> v1::pickup_option::Group {
    v1::pickup_option::Group {
        node_id: group.node_id.clone(),
        method: method(group.method),
        line_indices: group.line_numbers.iter().map(|number| number - 1).collect(),
        window_start_time: Some(timestamp(group.window_start_s * MS_PER_SECOND)),
        ready_by_time: Some(timestamp(group.ready_s * MS_PER_SECOND)),
    }
}

fn availabilities(option: &StoreOption) -> Vec<v1::pickup_option::LineAvailability> {
    let left = &option.plan.unfilled;
    let line = |(line_index, atp): (i32, &i64)| v1::pickup_option::LineAvailability {
        line_index,
        atp: *atp,
        filled: !option.plan.groups.is_empty()
            && left.iter().all(|line| line.line_number != line_index + 1),
    };
    (0..).zip(&option.atp).map(line).collect()
}

fn unfilled(line: &Unfilled) -> v1::UnfilledLine {
    use v1::unfilled_line::Reason;
    let reason = match line.reason {
        UnfilledReason::NoStock => Reason::NoStock,
        UnfilledReason::OutOfReach => Reason::OutOfReach,
        UnfilledReason::NoLabor => Reason::NoLabor,
        UnfilledReason::UnknownSku => Reason::UnknownSku,
        UnfilledReason::TooCostly => Reason::TooCostly,
        UnfilledReason::Quantity => Reason::Quantity,
        UnfilledReason::Rule => Reason::Rule,
    };
    v1::UnfilledLine {
        line_number: line.line_number,
        reason: reason.into(),
        rule: line.rule.clone(),
    }
}

fn cost(plan: &Plan, currency: &str) -> v1::CostBreakdown {
    let named = plan.terms.named();
    let terms = named.iter().filter(|(_, amount)| *amount != 0);
    let term = |(name, amount): &(&str, i64)| v1::cost_breakdown::Term {
        name: (*name).to_owned(),
        amount: Some(Money::of_micro(*amount, currency)),
    };
    v1::CostBreakdown {
        terms: terms.map(term).collect(),
        total: Some(Money::of_micro(plan.terms.total(), currency)),
    }
}

fn dual(charges: DualCharges, currency: &str) -> v1::DualCharges {
    v1::DualCharges {
        version: charges.version,
        stock: Some(Money::of_micro(charges.stock, currency)),
        labor: Some(Money::of_micro(charges.labor, currency)),
    }
}
