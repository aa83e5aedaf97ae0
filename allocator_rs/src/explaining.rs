//! Explanations and worths as msgpack maps. The fields are those of the values in
//! bopis/domain/explanation.py.

use bopis_promise::{
    Cause, Change, DualRow, ExplainAsk, Explained, Lacking, OpenOrder, Overlay, Part, RejectedNode,
    Rejection, Resource, Weighed, WhatIf, Worth,
};
use serde::{Deserialize, Serialize};

use crate::duals::QuotedGroupDto;
use crate::planning::{AskDto, MethodDto, PlanDto};

/// An order, its plan in force and what it holds.
#[derive(Debug, Deserialize)]
pub struct OpenOrderDto {
    ask: AskDto,
    in_force: Vec<QuotedGroupDto>,
    #[serde(default)]
    own_stock: Vec<(String, String, i64)>,
    #[serde(default)]
    own_labor: Vec<(String, i64, i64)>,
}

impl From<OpenOrderDto> for OpenOrder {
    fn from(dto: OpenOrderDto) -> Self {
        Self {
            ask: dto.ask.into(),
            in_force: dto.in_force.into_iter().map(Into::into).collect(),
            own: Overlay {
                stock: dto.own_stock,
                labor: dto.own_labor,
            },
        }
    }
}

/// Asks for an explanation.
#[derive(Debug, Deserialize)]
pub struct ExplainDto {
    order: OpenOrderDto,
    plans_max: usize,
    nodes_max: usize,
    flips_max: usize,
    relaxations_max: usize,
    opportunity: bool,
}

impl ExplainDto {
    /// For the promiser.
    pub fn into_ask(self) -> (ExplainAsk, Overlay) {
        let order: OpenOrder = self.order.into();
        let asked = ExplainAsk {
            ask: order.ask,
            in_force: order.in_force,
            plans_max: self.plans_max,
            nodes_max: self.nodes_max,
            flips_max: self.flips_max,
            relaxations_max: self.relaxations_max,
            opportunity: self.opportunity,
        };
        (asked, order.own)
    }
}

#[derive(Debug, Deserialize)]
struct ResourceDto {
    node_id: String,
    sku: Option<String>,
    window_start_s: Option<i64>,
}

/// Asks what resources are worth to orders.
#[derive(Debug, Deserialize)]
pub struct WorthAskDto {
    orders: Vec<OpenOrderDto>,
    resources: Vec<ResourceDto>,
}

impl WorthAskDto {
    /// For the promiser.
    pub fn into_parts(self) -> (Vec<OpenOrder>, Vec<Resource>) {
        let resource = |dto: ResourceDto| match dto.sku {
            Some(sku) => Resource::Unit {
                node_id: dto.node_id,
                sku,
            },
            None => Resource::Line {
                node_id: dto.node_id,
                window_start_s: dto.window_start_s.unwrap_or_default(),
            },
        };
        let orders = self.orders.into_iter().map(Into::into).collect();
        (orders, self.resources.into_iter().map(resource).collect())
    }
}

/// What a resource is worth.
#[derive(Debug, Serialize)]
pub struct WorthDto {
    more_micro: i64,
    fewer_micro: Option<i64>,
    step: i64,
}

impl From<Worth> for WorthDto {
    fn from(worth: Worth) -> Self {
        Self {
            more_micro: worth.more,
            fewer_micro: worth.fewer,
            step: worth.step,
        }
    }
}

/// What one cell was charged.
#[derive(Debug, Serialize)]
pub struct DualRowDto {
    node_id: String,
    sku: Option<String>,
    window_start_s: Option<i64>,
    quantity: i64,
    price_micro: i64,
}

impl From<DualRow> for DualRowDto {
    fn from(row: DualRow) -> Self {
        Self {
            node_id: row.node_id,
            sku: row.sku,
            window_start_s: row.window_start_s,
            quantity: row.quantity,
            price_micro: row.price_micro,
        }
    }
}

#[derive(Debug, Serialize)]
struct WeighedDto {
    plan: PlanDto,
    stock_dual_micro: i64,
    labor_dual_micro: i64,
    total_micro: i64,
    is_exact: bool,
}

impl From<Weighed> for WeighedDto {
    fn from(one: Weighed) -> Self {
        Self {
            plan: one.plan.into(),
            stock_dual_micro: one.stock_dual,
            labor_dual_micro: one.labor_dual,
            total_micro: one.total,
            is_exact: one.is_exact,
        }
    }
}

#[derive(Debug, Default, Serialize)]
struct ChangeDto {
    kind: &'static str,
    node_id: String,
    sku: String,
    window_start_s: i64,
    method: Option<MethodDto>,
    rule: String,
    amount: i64,
}

impl From<Change> for ChangeDto {
    fn from(change: Change) -> Self {
        let kind = |kind, amount| Self {
            kind,
            amount,
            ..Self::default()
        };
        match change {
            Change::Units {
                node_id,
                sku,
                units,
            } => Self {
                node_id,
                sku,
                ..kind("UNITS", units)
            },
            Change::Seconds {
                node_id,
                window_start_s,
                seconds,
            } => Self {
                node_id,
                window_start_s,
                ..kind("SECONDS", seconds)
            },
            Change::Price {
                node_id,
                method,
                micro,
            } => Self {
                node_id,
                method: Some(method.into()),
                ..kind("PRICE", micro)
            },
            Change::Promise { hours } => kind("PROMISE", hours),
            Change::Rule { name } => Self {
                rule: name,
                ..kind("RULE", 1)
            },
            Change::OtherStore { km } => kind("OTHER_STORE", km),
            Change::ShipHome => kind("SHIP_HOME", 1),
        }
    }
}

#[derive(Debug, Serialize)]
struct WhatIfDto {
    changes: Vec<ChangeDto>,
    outcome: WeighedDto,
    saving_micro: i64,
}

impl From<WhatIf> for WhatIfDto {
    fn from(one: WhatIf) -> Self {
        Self {
            changes: one.changes.into_iter().map(Into::into).collect(),
            outcome: one.outcome.into(),
            saving_micro: one.saving,
        }
    }
}

#[derive(Debug, Serialize)]
struct LackDto {
    line_number: i32,
    units: i64,
    needed: i64,
}

#[derive(Debug, Serialize)]
struct RejectedDto {
    node_id: String,
    meters: i64,
    reason: &'static str,
    rule: String,
    meters_max: i64,
    line_seconds: i64,
    free_seconds: i64,
    lacks: Vec<LackDto>,
    plan: Option<WeighedDto>,
}

impl From<RejectedNode> for RejectedDto {
    fn from(one: RejectedNode) -> Self {
        let mut rule = String::new();
        let (mut meters_max, mut line, mut free) = (0, 0, 0);
        let reason = match one.rejection {
            Rejection::ShortBefore => "SHORT_BEFORE",
            Rejection::NoConsent => "NO_CONSENT",
            Rejection::TooFar { meters_max: most } => {
                meters_max = most;
                "TOO_FAR"
            }
            Rejection::Pin => "PIN",
            Rejection::Forbid => "FORBID",
            Rejection::Rule(name) => {
                rule = name;
                "RULE"
            }
            Rejection::NoStock => "NO_STOCK",
            Rejection::Closed => "CLOSED",
            Rejection::NoLabor {
                line_seconds,
                free_seconds,
            } => {
                (line, free) = (line_seconds, free_seconds);
                "NO_LABOR"
            }
            Rejection::NotWhole => "NOT_WHOLE",
            Rejection::LeavesPromised => "LEAVES_PROMISED",
            Rejection::Stopped => "STOPPED",
            Rejection::Dearer => "DEARER",
            Rejection::Cheaper => "CHEAPER",
        };
        let lack = |one: bopis_promise::Lack| LackDto {
            line_number: one.line_number,
            units: one.units,
            needed: one.needed,
        };
        Self {
            node_id: one.node_id,
            meters: one.meters,
            reason,
            rule,
            meters_max,
            line_seconds: line,
            free_seconds: free,
            lacks: one.lacks.into_iter().map(lack).collect(),
            plan: one.plan.map(Into::into),
        }
    }
}

#[derive(Debug, Serialize)]
struct LackingDto {
    line_number: i32,
    is_late: bool,
    cause: &'static str,
    rule: String,
    relaxations: Vec<WhatIfDto>,
}

impl From<Lacking> for LackingDto {
    fn from(one: Lacking) -> Self {
        Self {
            line_number: one.line_number,
            is_late: one.is_late,
            cause: match one.cause {
                Cause::Nothing => "NOTHING",
                Cause::NoStock => "NO_STOCK",
                Cause::Quantity => "QUANTITY",
                Cause::BeyondPromise => "BEYOND_PROMISE",
                Cause::Labor => "LABOR",
                Cause::Rule => "RULE",
                Cause::OutOfReach => "OUT_OF_REACH",
                Cause::UnknownSku => "UNKNOWN_SKU",
                Cause::Cost => "COST",
            },
            rule: one.rule,
            relaxations: one.relaxations.into_iter().map(Into::into).collect(),
        }
    }
}

/// An explanation.
#[derive(Debug, Serialize)]
pub struct ExplainedDto {
    chosen: WeighedDto,
    best: WeighedDto,
    others: Vec<WeighedDto>,
    rejected: Vec<RejectedDto>,
    rejected_count: usize,
    flips: Vec<WhatIfDto>,
    lacking: Vec<LackingDto>,
    incomplete: Vec<&'static str>,
    sequence: u64,
    duals_version: i64,
    policy_version: String,
}

impl From<Explained> for ExplainedDto {
    fn from(one: Explained) -> Self {
        let name = |part: &Part| match part {
            Part::Best => "BEST_NOW",
            Part::Others => "NEXT_BEST",
            Part::Rejected => "REJECTED_NODES",
            Part::Flips => "FLIPS",
            Part::Lacking => "LACKING_LINES",
        };
        Self {
            incomplete: one.incomplete.iter().map(name).collect(),
            chosen: one.chosen.into(),
            best: one.best.into(),
            others: one.others.into_iter().map(Into::into).collect(),
            rejected: one.rejected.into_iter().map(Into::into).collect(),
            rejected_count: one.rejected_total,
            flips: one.flips.into_iter().map(Into::into).collect(),
            lacking: one.lacking.into_iter().map(Into::into).collect(),
            sequence: one.position,
            duals_version: one.duals_version,
            policy_version: one.policy_version,
        }
    }
}
