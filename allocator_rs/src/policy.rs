//! The policy as a msgpack map: the fields of the value in bopis/domain/policy.py.

use std::sync::Arc;

use bopis_promise::{CostCard, Policy, QuoteTerms, Transfers};
use serde::Deserialize;

use crate::planning::NodeKindDto;
use crate::rules::RulesDto;

#[derive(Debug, Deserialize)]
struct CardDto {
    ship_package_micro: i64,
    ship_km_micro: i64,
    ship_kg_micro: i64,
    pick_line_micro: i64,
    extra_group_micro: i64,
    other_store_km_micro: i64,
    pickup_shipped_micro: i64,
    late_hour_micro: i64,
    promise_broken_micro: i64,
    unfilled_share_bp: i64,
    unfilled_goodwill_micro: i64,
    opportunity_last_bp: i64,
    opportunity_next_two_bp: i64,
    opportunity_cap_micro: i64,
    opportunity_block_micro: i64,
}

#[derive(Debug, Deserialize)]
struct TransfersDto {
    from_kinds: Vec<NodeKindDto>,
    reach_km: i64,
    handling_s: i64,
    km_per_h: i64,
    receive_line_s: i64,
    source_micro: i64,
    km_micro: i64,
}

impl From<TransfersDto> for Transfers {
    fn from(dto: TransfersDto) -> Self {
        Self {
            from_kinds: dto.from_kinds.into_iter().map(Into::into).collect(),
            reach_km: dto.reach_km,
            handling_s: dto.handling_s,
            km_per_h: dto.km_per_h,
            receive_line_s: dto.receive_line_s,
            source_micro: dto.source_micro,
            km_micro: dto.km_micro,
        }
    }
}

/// The policy, as far as the promiser needs it.
#[derive(Debug, Deserialize)]
pub struct PolicyDto {
    card: CardDto,
    unit_weight_g: i64,
    lead_time_ms: i64,
    pickup_reach_km: i64,
    ship_when_out_of_reach: bool,
    late_windows_max_h: u32,
    span_windows_max: usize,
    /// Without effect in the optimizer, which charges no opportunity at all.
    #[serde(default)]
    opportunity_beside_duals: bool,
    #[serde(default)]
    transfers: Option<TransfersDto>,
    #[serde(default)]
    rules: RulesDto,
}

/// The policy as the service loads it: beside what plans are made by, what it quotes by.
#[derive(Debug, Deserialize)]
pub struct ServedPolicyDto {
    #[serde(flatten)]
    policy: PolicyDto,
    version: String,
    promise_ms: i64,
    quote_ttl_ms: i64,
}

impl From<ServedPolicyDto> for (Policy, QuoteTerms) {
    fn from(dto: ServedPolicyDto) -> Self {
        let terms = QuoteTerms {
            policy_version: dto.version,
            promise_ms: dto.promise_ms,
            quote_ttl_ms: dto.quote_ttl_ms,
        };
        (dto.policy.into(), terms)
    }
}

impl From<PolicyDto> for Policy {
    fn from(dto: PolicyDto) -> Self {
        let card = dto.card;
        Self {
            card: CostCard {
                ship_package_micro: card.ship_package_micro,
                ship_km_micro: card.ship_km_micro,
                ship_kg_micro: card.ship_kg_micro,
                pick_line_micro: card.pick_line_micro,
                extra_group_micro: card.extra_group_micro,
                other_store_km_micro: card.other_store_km_micro,
                pickup_shipped_micro: card.pickup_shipped_micro,
                late_hour_micro: card.late_hour_micro,
                promise_broken_micro: card.promise_broken_micro,
                unfilled_share_bp: card.unfilled_share_bp,
                unfilled_goodwill_micro: card.unfilled_goodwill_micro,
                opportunity_last_bp: card.opportunity_last_bp,
                opportunity_next_two_bp: card.opportunity_next_two_bp,
                opportunity_cap_micro: card.opportunity_cap_micro,
                opportunity_block_micro: card.opportunity_block_micro,
            },
            unit_weight_g: dto.unit_weight_g,
            lead_time_ms: dto.lead_time_ms,
            pickup_reach_km: dto.pickup_reach_km,
            ship_when_out_of_reach: dto.ship_when_out_of_reach,
            late_windows_max_h: dto.late_windows_max_h,
            span_windows_max: dto.span_windows_max,
            opportunity_beside_duals: dto.opportunity_beside_duals,
            transfers: dto.transfers.map(Into::into),
            rules: Arc::new(dto.rules.into()),
        }
    }
}
