//! The policy's hard rules as msgpack maps: the fields of the values in bopis/domain/rules.py.

use bopis_promise::{Closure, ItemRule, NodeRule, NodeSet, Pin, Rules};
use serde::Deserialize;

use crate::planning::{MethodDto, NodeKindDto};

/// What a planner fixed for an order.
#[derive(Debug, Deserialize)]
pub(crate) struct PinDto {
    node_id: Option<String>,
    method: Option<MethodDto>,
}

impl From<PinDto> for Pin {
    fn from(dto: PinDto) -> Self {
        Self {
            node_id: dto.node_id,
            method: dto.method.map(Into::into),
        }
    }
}

/// A node that is closed to the order for a time.
#[derive(Debug, Deserialize)]
pub(crate) struct ClosureDto {
    rule: String,
    node_id: String,
    method: Option<MethodDto>,
    after_s: i64,
    until_s: i64,
}

impl From<ClosureDto> for Closure {
    fn from(dto: ClosureDto) -> Self {
        Self {
            rule: dto.rule,
            node_id: dto.node_id,
            method: dto.method.map(Into::into),
            after_s: dto.after_s,
            until_s: dto.until_s,
        }
    }
}

#[derive(Debug, Deserialize)]
struct NodeGroupDto {
    node_ids: Vec<String>,
    kinds: Vec<NodeKindDto>,
    regions: Vec<String>,
    #[serde(default)]
    inverted: bool,
}

impl From<NodeGroupDto> for NodeSet {
    fn from(dto: NodeGroupDto) -> Self {
        Self {
            node_ids: dto.node_ids.into_iter().collect(),
            kinds: dto.kinds.into_iter().map(Into::into).collect(),
            regions: dto.regions,
            inverted: dto.inverted,
        }
    }
}

#[derive(Debug, Deserialize)]
struct NodeRuleDto {
    name: String,
    nodes: NodeGroupDto,
    ships: bool,
    pickup: bool,
    ship_floor: i64,
    #[serde(default)]
    ship_km_max: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct ItemRuleDto {
    name: String,
    sku: String,
    is_prefix: bool,
    nodes: NodeGroupDto,
    only: bool,
    until_ms: Option<i64>,
}

/// The hard rules.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct RulesDto {
    nodes_max: Option<usize>,
    ship_km_max: Option<i64>,
    nodes: Vec<NodeRuleDto>,
    items: Vec<ItemRuleDto>,
}

impl From<RulesDto> for Rules {
    fn from(dto: RulesDto) -> Self {
        let node = |rule: NodeRuleDto| NodeRule {
            name: rule.name,
            nodes: rule.nodes.into(),
            ships: rule.ships,
            pickup: rule.pickup,
            ship_floor: rule.ship_floor,
            ship_km_max: rule.ship_km_max,
        };
        let item = |rule: ItemRuleDto| ItemRule {
            name: rule.name,
            sku: rule.sku,
            is_prefix: rule.is_prefix,
            nodes: rule.nodes.into(),
            only: rule.only,
            until_ms: rule.until_ms,
        };
        Self {
            nodes_max: dto.nodes_max,
            ship_km_max: dto.ship_km_max,
            nodes: dto.nodes.into_iter().map(node).collect(),
            items: dto.items.into_iter().map(item).collect(),
        }
    }
}
