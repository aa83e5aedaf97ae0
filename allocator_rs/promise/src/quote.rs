//! An option that was quoted before, taken up as it was: the same nodes, the same windows.

use hashbrown::HashMap;

use crate::ask::{Ask, Method};
use crate::closed::Closed;
use crate::eligible::{allowed, Eligible};
use crate::network::WINDOW_S;
use crate::plan::{groups, node_id, price, Draft, Plan, Shelves};
use crate::stock::Stock;
use crate::supply::{charged, EngineSupply, Supply};
use crate::world::World;

/// Lines that one node was to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotedGroup {
    /// The node.
    pub node_id: String,
    /// Collected or shipped.
    pub method: Method,
    /// The ask's lines; each is in one group.
    pub line_numbers: Vec<i32>,
    /// Start of the first window, Unix seconds.
    pub window_start_s: i64,
    /// End of the last window, Unix seconds.
    pub ready_s: i64,
}

/// What a placement is to keep if it can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuoteAsk {
    /// Who was to do what; together all lines.
    pub groups: Vec<QuotedGroup>,
    /// Place nothing if the quote cannot be kept.
    pub required: bool,
}

/// Why a quote cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuoteFault {
    /// The units are gone.
    NoStock,
    /// The labor is taken, or the window closed.
    NoLabor,
    /// The window began.
    WindowPast,
    /// The node is not there, or the policy, or a planner, does not allow it.
    NodeNotAllowed,
}

impl QuoteFault {
    /// The name that the API uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoStock => "NO_STOCK",
            Self::NoLabor => "NO_LABOR",
            Self::WindowPast => "WINDOW_PAST",
            Self::NodeNotAllowed => "NODE_NOT_ALLOWED",
        }
    }
}

/// A quote that was not kept: why, and which node did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuoteLost {
    /// Why.
    pub fault: QuoteFault,
    /// Where.
    pub node_id: String,
}

/// The quoted plan under the stock of now, and its groups in indices.
pub(crate) fn quoted(
    world: &World,
    ask: &Ask,
    quote: &QuoteAsk,
    supply: &EngineSupply<'_>,
) -> Result<(Plan, Vec<Draft>), QuoteLost> {
    let store = quote.groups.iter().find(|one| one.method == Method::Pickup);
    let mut agreed = ask.clone();
    // The customer chose this very option: that is the consent to it.
    agreed.pickup_only_at = store.map(|one| one.node_id.clone());
    agreed.consent.ship_home = true;
    let eligible = allowed(world, &agreed);
    let mut drafts: Vec<Draft> = Vec::with_capacity(quote.groups.len());
    for group in &quote.groups {
        let lost = |fault| QuoteLost {
            fault,
            node_id: group.node_id.clone(),
        };
        let Some(draft) = drafted(world, &agreed, group, &eligible) else {
            return Err(lost(QuoteFault::NodeNotAllowed));
        };
        if !in_time(world, ask, &draft) {
            return Err(lost(QuoteFault::WindowPast));
        }
        drafts.push(draft);
    }
    drafts.sort_by_key(|draft| draft.node);
    if let Some(beyond) = beyond_limit(world, &drafts) {
        return Err(QuoteLost {
            fault: QuoteFault::NodeNotAllowed,
            node_id: node_id(world, beyond),
        });
    }
    for draft in &drafts {
        room(world, ask, draft, supply).map_err(|fault| QuoteLost {
            fault,
            node_id: node_id(world, draft.node),
        })?;
    }
    let stock = Stock::read(world, supply, ask.lines.len());
    let opportunity = charged(world, ask, supply, &stock);
    let shelves = Shelves {
        stock: &stock,
        opportunity: &opportunity,
    };
    let plan = Plan {
        groups: groups(world, ask, &drafts),
        unfilled: Vec::new(),
        terms: price(world, ask, &drafts, Some(&shelves)),
        customer_node_id: eligible.customer_node.map(|node| node_id(world, node)),
    };
    Ok((plan, drafts))
}

/// The group in indices; none if the policy, or a planner, does not allow it.
fn drafted(world: &World, ask: &Ask, group: &QuotedGroup, eligible: &Eligible) -> Option<Draft> {
    let node = world.network.index(&group.node_id)?;
    // A quote does not say when a transfer is received.
    let mut open = eligible
        .allowed
        .iter()
        .filter(|one| one.1 != Method::Transfer);
    let (_, method, leg) = open.find(|one| one.0 == node && one.1 == group.method)?;
    let lines = lines_of(ask, group);
    let is_ruled = |line: &usize| world.sites.line_rule(ask, *line, node).is_some();
    let closed = Closed::of(ask, &group.node_id, group.method);
    if closed.holds(group.ready_s) || lines.iter().any(is_ruled) {
        return None;
    }
    let span_s = group.ready_s - group.window_start_s;
    Some(Draft {
        node,
        method: *method,
        leg: *leg,
        lines,
        first_start_s: group.window_start_s,
        span: usize::try_from(span_s / WINDOW_S).unwrap_or(1).max(1),
        received_s: None,
    })
}

/// The first node that is one more than an order may have. `drafts`: by rising node.
fn beyond_limit(world: &World, drafts: &[Draft]) -> Option<usize> {
    let mut nodes: Vec<usize> = drafts.iter().map(|draft| draft.node).collect();
    nodes.dedup();
    nodes.get(world.policy.rules.nodes_max?).copied()
}

pub(crate) fn lines_of(ask: &Ask, group: &QuotedGroup) -> Vec<usize> {
    let numbered = ask.lines.iter().enumerate();
    numbered
        .filter(|(_, line)| group.line_numbers.contains(&line.line_number))
        .map(|(index, _)| index)
        .collect()
}

fn in_time(world: &World, ask: &Ask, draft: &Draft) -> bool {
    let ready_ms = draft.ready_s().saturating_mul(1_000);
    let lead_ms = ask.now_ms.saturating_add(world.policy.lead_time_ms);
    draft.first_start_s.saturating_mul(1_000) >= ask.now_ms && ready_ms >= lead_ms
}

/// Whether the ledger has the group's units, those aside that its method leaves there, and seconds. Two groups never share a cell: they are at
/// different nodes.
fn room(
    world: &World,
    ask: &Ask,
    draft: &Draft,
    supply: &EngineSupply<'_>,
) -> Result<(), QuoteFault> {
    let floor = world.sites.floor(draft.node, draft.method);
    let mut left: HashMap<&str, i64> = HashMap::new();
    for line in &draft.lines {
        let Some(asked) = ask.lines.get(*line) else {
            continue;
        };
        let units = left
            .entry(asked.sku.as_str())
            .or_insert_with(|| supply.units(draft.node, *line) - floor);
        *units -= asked.quantity;
        if *units < 0 {
            return Err(QuoteFault::NoStock);
        }
    }
    let open = world.network.nodes().get(draft.node);
    let windows = open.map_or(&[][..], |node| node.spec.windows.as_slice());
    for (start_s, seconds) in draft.labor(world) {
        let is_open = windows.iter().any(|window| window.start_s == start_s);
        if !is_open || supply.seconds(draft.node, start_s) < seconds {
            return Err(QuoteFault::NoLabor);
        }
    }
    Ok(())
}
