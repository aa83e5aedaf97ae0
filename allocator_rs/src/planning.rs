//! What is asked of the promiser and what it answers, as msgpack maps. The fields are those of the
//! values in bopis/domain (sourcing.py, network.py).

use bopis_ledger::ReservationId;
use bopis_promise::{
    Ask, AskLine, Consent, Item, Method, NodeKind, NodeSpec, PlaceAsk, Plan, RequestId, Window,
};
use serde::{Deserialize, Serialize};

use crate::dto::parse_uuid;
use crate::duals::QuoteAskDto;
use crate::errors::BindingError;
use crate::policy::PolicyDto;
use crate::rules::{ClosureDto, PinDto};

/// How goods reach the customer.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MethodDto {
    /// Collected.
    Pickup,
    /// Sent home.
    Ship,
}

impl From<MethodDto> for Method {
    fn from(dto: MethodDto) -> Self {
        match dto {
            MethodDto::Pickup => Self::Pickup,
            MethodDto::Ship => Self::Ship,
        }
    }
}

impl From<Method> for MethodDto {
    fn from(method: Method) -> Self {
        match method {
            // The customer collects what was moved to the store.
            Method::Pickup | Method::Transfer => Self::Pickup,
            Method::Ship => Self::Ship,
        }
    }
}

#[derive(Debug, Deserialize)]
struct PlaceDto {
    latitude: f64,
    longitude: f64,
    #[serde(default)]
    region: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct ConsentDto {
    other_store_km: i64,
    ship_home: bool,
}

#[derive(Debug, Deserialize)]
struct AskLineDto {
    line_number: i32,
    sku: String,
    quantity: i64,
    unit_price_micro: i64,
}

/// An order, or some lines of one, to be sourced.
#[derive(Debug, Deserialize)]
pub struct AskDto {
    order_id: String,
    method: MethodDto,
    place: PlaceDto,
    lines: Vec<AskLineDto>,
    now_ms: i64,
    promise_ms: i64,
    consent: ConsentDto,
    all_or_nothing: bool,
    excluded_node_ids: Vec<String>,
    pickup_only_at: Option<String>,
    customer_node_id: Option<String>,
    #[serde(default)]
    pin: Option<PinDto>,
    #[serde(default)]
    closed: Vec<ClosureDto>,
    #[serde(default = "whole")]
    weight_percent: i64,
}

/// The weight of most orders.
fn whole() -> i64 {
    100
}

impl From<AskDto> for Ask {
    fn from(dto: AskDto) -> Self {
        let line = |line: AskLineDto| AskLine {
            line_number: line.line_number,
            sku: line.sku,
            quantity: line.quantity,
            unit_price_micro: line.unit_price_micro,
        };
        Self {
            order_id: dto.order_id,
            method: dto.method.into(),
            latitude: dto.place.latitude,
            longitude: dto.place.longitude,
            lines: dto.lines.into_iter().map(line).collect(),
            now_ms: dto.now_ms,
            promise_ms: dto.promise_ms,
            consent: Consent {
                other_store_km: dto.consent.other_store_km,
                ship_home: dto.consent.ship_home,
            },
            all_or_nothing: dto.all_or_nothing,
            excluded_node_ids: dto.excluded_node_ids,
            pickup_only_at: dto.pickup_only_at,
            customer_node_id: dto.customer_node_id,
            pin: dto.pin.map(Into::into),
            closed: dto.closed.into_iter().map(Into::into).collect(),
            weight_percent: dto.weight_percent,
        }
    }
}

/// An ask to be held.
#[derive(Debug, Deserialize)]
pub struct PlaceAskDto {
    /// Comes back with the completion.
    pub ticket: u64,
    ask: AskDto,
    reservation_id: String,
    request_id: String,
    hold_ttl_ms: i64,
    priority: u8,
    #[serde(default)]
    quote: Option<QuoteAskDto>,
}

impl PlaceAskDto {
    /// For the promiser.
    ///
    /// # Errors
    /// `Payload`: an id is no UUID.
    pub fn into_ask(self) -> Result<PlaceAsk, BindingError> {
        Ok(PlaceAsk {
            reservation_id: ReservationId(parse_uuid(&self.reservation_id)?),
            request_id: RequestId(parse_uuid(&self.request_id)?),
            hold_ttl_ms: self.hold_ttl_ms,
            priority: self.priority,
            quote: self.quote.map(Into::into),
            ask: self.ask.into(),
        })
    }
}

/// An ask for several plans.
#[derive(Debug, Deserialize)]
pub struct PlansAskDto {
    /// What is to be sourced.
    pub ask: AskDto,
    /// How many plans.
    pub k: usize,
    /// Another policy than the loaded one.
    #[serde(default)]
    pub policy: Option<PolicyDto>,
    /// What the order holds itself: node, SKU, units.
    #[serde(default)]
    pub own_stock: Vec<(String, String, i64)>,
    /// The same of labor: node, start of the hour, seconds.
    #[serde(default)]
    pub own_labor: Vec<(String, i64, i64)>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum NodeKindDto {
    Store,
    DarkStore,
    MicroFulfillmentCenter,
    Warehouse,
}

impl From<NodeKindDto> for NodeKind {
    fn from(dto: NodeKindDto) -> Self {
        match dto {
            NodeKindDto::Store => Self::Store,
            NodeKindDto::DarkStore => Self::DarkStore,
            NodeKindDto::MicroFulfillmentCenter => Self::MicroFulfillmentCenter,
            NodeKindDto::Warehouse => Self::Warehouse,
        }
    }
}

#[derive(Debug, Deserialize)]
struct NodeDto {
    node_id: String,
    kind: NodeKindDto,
    place: PlaceDto,
    pick_lines_per_hour: i64,
}

#[derive(Debug, Deserialize)]
struct OpenHourDto {
    start_s: i64,
    seconds: i64,
}

#[derive(Debug, Deserialize)]
struct NetworkNodeDto {
    node: NodeDto,
    windows: Vec<OpenHourDto>,
}

/// The whole network.
#[derive(Debug, Deserialize)]
pub struct NetworkDto {
    /// Ascends.
    pub version: i64,
    nodes: Vec<NetworkNodeDto>,
}

impl NetworkDto {
    /// For the promiser.
    pub fn into_specs(self) -> Vec<NodeSpec> {
        let window = |window: OpenHourDto| Window {
            start_s: window.start_s,
            seconds: window.seconds,
        };
        let spec = |dto: NetworkNodeDto| NodeSpec {
            node_id: dto.node.node_id,
            kind: dto.node.kind.into(),
            latitude: dto.node.place.latitude,
            longitude: dto.node.place.longitude,
            region: dto.node.place.region,
            pick_lines_per_hour: dto.node.pick_lines_per_hour,
            windows: dto.windows.into_iter().map(window).collect(),
        };
        self.nodes.into_iter().map(spec).collect()
    }
}

/// One item of the catalog.
#[derive(Debug, Deserialize)]
pub struct ItemDto {
    sku: String,
    unit_price_micro: i64,
    weight_g: i64,
    #[serde(default)]
    currency: String,
}

impl ItemDto {
    /// Of its price; empty: it has none.
    pub fn currency(&self) -> &str {
        &self.currency
    }
}

impl From<ItemDto> for (String, Item) {
    fn from(dto: ItemDto) -> Self {
        let item = Item {
            unit_price_micro: dto.unit_price_micro,
            weight_g: dto.weight_g,
        };
        (dto.sku, item)
    }
}

#[derive(Debug, Serialize)]
struct LaborDto {
    window_start_s: i64,
    seconds: i64,
}

#[derive(Debug, Serialize)]
struct GroupDto {
    node_id: String,
    method: MethodDto,
    line_numbers: Vec<i32>,
    labor: Vec<LaborDto>,
    window_start_ms: i64,
    ready_by_ms: i64,
    receipt: Option<ReceiptDto>,
}

#[derive(Debug, Serialize)]
struct ReceiptDto {
    node_id: String,
    window_start_s: i64,
    seconds: i64,
}

#[derive(Debug, Serialize)]
struct UnfilledDto {
    line_number: i32,
    reason: &'static str,
    rule: String,
}

#[derive(Debug, Serialize)]
struct TermDto {
    name: &'static str,
    amount_micro: i64,
}

#[derive(Debug, Serialize)]
struct CostDto {
    terms: Vec<TermDto>,
}

/// A way to fulfill an ask.
#[derive(Debug, Serialize)]
pub struct PlanDto {
    groups: Vec<GroupDto>,
    unfilled: Vec<UnfilledDto>,
    cost: CostDto,
    customer_node_id: String,
}

impl From<Plan> for PlanDto {
    fn from(plan: Plan) -> Self {
        let labor = |(window_start_s, seconds)| LaborDto {
            window_start_s,
            seconds,
        };
        let receipt = |receipt: bopis_promise::Receipt| ReceiptDto {
            node_id: receipt.node_id,
            window_start_s: receipt.window_start_s,
            seconds: receipt.seconds,
        };
        let group = |group: bopis_promise::Group| GroupDto {
            node_id: group.node_id,
            method: group.method.into(),
            line_numbers: group.line_numbers,
            labor: group.labor.into_iter().map(labor).collect(),
            window_start_ms: group.window_start_s.saturating_mul(1_000),
            ready_by_ms: group.ready_s.saturating_mul(1_000),
            receipt: group.receipt.map(receipt),
        };
        let unfilled = |line: bopis_promise::Unfilled| UnfilledDto {
            line_number: line.line_number,
            reason: line.reason.name(),
            rule: line.rule,
        };
        let named = plan.terms.named();
        let terms = named.into_iter().filter(|(_, amount)| *amount != 0);
        Self {
            cost: CostDto {
                terms: terms
                    .map(|(name, amount_micro)| TermDto { name, amount_micro })
                    .collect(),
            },
            groups: plan.groups.into_iter().map(group).collect(),
            unfilled: plan.unfilled.into_iter().map(unfilled).collect(),
            customer_node_id: plan.customer_node_id.unwrap_or_default(),
        }
    }
}
