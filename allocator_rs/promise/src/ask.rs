//! An order, or some lines of one, to be sourced.

/// How a group of lines reaches the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// Collected at a store.
    Pickup,
    /// Shipped home.
    Ship,
    /// Picked at one node and moved to the store where it is collected.
    Transfer,
}

/// What the customer agrees to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Consent {
    /// Another store than the nearest, up to this far from the customer; 0: not agreed.
    pub other_store_km: i64,
    /// Lines of a pickup order shipped home.
    pub ship_home: bool,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskLine {
    /// Unique in the order.
    pub line_number: i32,
    /// The SKU.
    pub sku: String,
    /// Base units, at least 1.
    pub quantity: i64,
    /// Price of a unit as ordered (micro-units), at least 0.
    pub unit_price_micro: i64,
}

/// What a planner fixed for an order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pin {
    /// The one node that serves it; none: any.
    pub node_id: Option<String>,
    /// The one method; none: any that order and consent allow.
    pub method: Option<Method>,
}

/// A node is closed to the order for a time: no group that gets ready in it is placed there. A limit
/// of the node is used up, or a planner forbids it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closure {
    /// What unfilled lines call it.
    pub rule: String,
    /// The node.
    pub node_id: String,
    /// The method that is closed; none: all. What closes shipping closes transfers from there, too.
    pub method: Option<Method>,
    /// Ready later than this, Unix seconds.
    pub after_s: i64,
    /// Ready at the latest then, Unix seconds.
    pub until_s: i64,
}

/// What is to be sourced. Times are Unix ms.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The order.
    pub order_id: String,
    /// As ordered.
    pub method: Method,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// 1 to 500.
    pub lines: Vec<AskLine>,
    /// The moment of asking: windows that started before it are past.
    pub now_ms: i64,
    /// The promised ready-by time, already rounded up to a window's end.
    pub promise_ms: i64,
    /// What the customer agrees to.
    pub consent: Consent,
    /// Fill every line or none.
    pub all_or_nothing: bool,
    /// Nodes that do none of the lines.
    pub excluded_node_ids: Vec<String>,
    /// The one store where pickup is possible; none: any that method, reach and consent allow.
    pub pickup_only_at: Option<String>,
    /// The customer's store as it was found when the order was placed; none: it is to be found now.
    pub customer_node_id: Option<String>,
    /// What a planner fixed.
    pub pin: Option<Pin>,
    /// Where, and when, groups of the order may not get ready.
    pub closed: Vec<Closure>,
    /// What lateness and unfilled lines count, percent of the card's prices; 100 for most orders.
    pub weight_percent: i64,
}
