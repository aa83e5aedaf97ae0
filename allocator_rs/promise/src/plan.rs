//! A plan in the terms of the outside: who does what, when, and what each term costs.

use bopis_sourcing::{distance_cost, Pattern, Solution};
use hashbrown::HashMap;

use crate::ask::{Ask, Method};
use crate::block::Blocks;
use crate::eligible::Leg;
use crate::network::WINDOW_S;
use crate::offers::Offers;
use crate::policy::weighed;
use crate::stock::Stock;
use crate::world::{line_tiers, ship_kg_cost, World};

/// Lines that one node does, by one method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The node.
    pub node_id: String,
    /// Collected or shipped.
    pub method: Method,
    /// The order's lines, in the order of the ask.
    pub line_numbers: Vec<i32>,
    /// Labor by hour: (start in Unix seconds, seconds at least 1), rising.
    pub labor: Vec<(i64, i64)>,
    /// Start of the first window, Unix seconds.
    pub window_start_s: i64,
    /// When it can be collected or leaves, Unix seconds: the end of the last window; of a transfer that
    /// of the hour of receiving.
    pub ready_s: i64,
    /// Where and when a transfer is received.
    pub receipt: Option<Receipt>,
}

/// Lines received at the store where they are collected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The store.
    pub node_id: String,
    /// Start of the hour, Unix seconds.
    pub window_start_s: i64,
    /// Labor seconds that it takes of the hour.
    pub seconds: i64,
}

/// Why no plan fills a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnfilledReason {
    /// No node has it.
    NoStock,
    /// Nodes have it, but none that the method, distance and consent allow.
    OutOfReach,
    /// Nodes have it, but no labor before the latest time the policy allows.
    NoLabor,
    /// The SKU is not in the catalog.
    UnknownSku,
    /// Filling it would cost more than leaving it, or (all-or-nothing) all lines do not fit one plan.
    TooCostly,
    /// No single node has the whole quantity.
    Quantity,
    /// A rule of the policy, or a planner, forbids it.
    Rule,
}

impl UnfilledReason {
    /// The name that the API uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoStock => "NO_STOCK",
            Self::OutOfReach => "OUT_OF_REACH",
            Self::NoLabor => "NO_LABOR",
            Self::UnknownSku => "UNKNOWN_SKU",
            Self::TooCostly => "TOO_COSTLY",
            Self::Quantity => "QUANTITY",
            Self::Rule => "RULE",
        }
    }
}

/// A line that no plan fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfilled {
    /// The line.
    pub line_number: i32,
    /// Why.
    pub reason: UnfilledReason,
    /// The name of the rule, if it is one; else empty.
    pub rule: String,
}

/// What a plan costs by term of the cost card (micro-units). Dual prices are not part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Per shipped group.
    pub ship_package: i64,
    /// Distance of shipped groups.
    pub ship_km: i64,
    /// Weight of shipped lines.
    pub ship_kg: i64,
    /// Picking.
    pub pick: i64,
    /// Groups beyond the first.
    pub extra_group: i64,
    /// Distance of another pickup store beyond the customer's.
    pub other_store_km: i64,
    /// Groups of a pickup order shipped home.
    pub pickup_shipped: i64,
    /// Moving lines to the store where they are collected.
    pub transfer: i64,
    /// Lateness of the latest group.
    pub late: i64,
    /// Lines left.
    pub unfilled: i64,
    /// That the promise is not kept, beside the hours.
    pub promise_broken: i64,
    /// What the last units taken are worth to later orders.
    pub opportunity: i64,
}

impl Terms {
    /// Names and amounts in the order of the cost card, zeros included.
    #[must_use]
    pub const fn named(&self) -> [(&'static str, i64); 12] {
        [
            ("ship_package", self.ship_package),
            ("ship_km", self.ship_km),
            ("ship_kg", self.ship_kg),
            ("pick", self.pick),
            ("extra_group", self.extra_group),
            ("other_store_km", self.other_store_km),
            ("pickup_shipped", self.pickup_shipped),
            ("transfer", self.transfer),
            ("late", self.late),
            ("unfilled", self.unfilled),
            ("promise_broken", self.promise_broken),
            ("opportunity", self.opportunity),
        ]
    }

    /// Their sum.
    #[must_use]
    pub fn total(&self) -> i64 {
        self.named().iter().map(|(_, amount)| amount).sum()
    }
}

/// A way to fulfill an ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Who does what; by rising place of the node in the network.
    pub groups: Vec<Group>,
    /// What nobody does. For an all-or-nothing ask that cannot be filled: the lines that lack.
    pub unfilled: Vec<Unfilled>,
    /// What it costs.
    pub terms: Terms,
    /// The customer's store; none for orders that are shipped.
    pub customer_node_id: Option<String>,
}

/// A group in indices: what plans are priced and rendered from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) node: usize,
    pub(crate) method: Method,
    pub(crate) leg: Leg,
    pub(crate) lines: Vec<usize>,
    pub(crate) first_start_s: i64,
    pub(crate) span: usize,
    /// Start of the hour in which a transfer is received.
    pub(crate) received_s: Option<i64>,
}

impl Draft {
    pub(crate) fn ready_s(&self) -> i64 {
        let picked_s = self.first_start_s + WINDOW_S * i64::try_from(self.span).unwrap_or(1);
        self.received_s
            .map_or(picked_s, |start_s| start_s + WINDOW_S)
    }

    /// The store, hour and seconds of receiving a transfer.
    fn receipt(&self, world: &World) -> Option<(usize, i64, i64)> {
        let (sent, start_s) = self.leg.sent.zip(self.received_s)?;
        let line_s = world.policy.transfers.as_ref()?.receive_line_s;
        let lines = i64::try_from(self.lines.len()).unwrap_or(i64::MAX);
        Some((sent.store, start_s, line_s.saturating_mul(lines)))
    }

    /// Node, hour and seconds of all labor: of picking, and of receiving.
    pub(crate) fn all_labor(&self, world: &World) -> Vec<(usize, i64, i64)> {
        let picking = self.labor(world).into_iter();
        let picking = picking.map(|(start_s, seconds)| (self.node, start_s, seconds));
        picking.chain(self.receipt(world)).collect()
    }

    /// Seconds of picking by hour, hours without any left out.
    pub(crate) fn labor(&self, world: &World) -> Vec<(i64, i64)> {
        let seconds = world
            .network
            .nodes()
            .get(self.node)
            .map_or(1, |n| n.line_seconds);
        let lines = i64::try_from(self.lines.len()).unwrap_or(i64::MAX);
        (0..self.span)
            .map(|index| {
                let start = self.first_start_s + WINDOW_S * i64::try_from(index).unwrap_or(0);
                (
                    start,
                    Pattern::share(seconds, self.span, index).saturating_mul(lines),
                )
            })
            .filter(|(_, seconds)| *seconds > 0)
            .collect()
    }
}

/// The groups of a solution, by rising node.
pub(crate) fn drafts(offers: &Offers, solution: &Solution) -> Vec<Draft> {
    let mut drafts: Vec<(usize, Draft)> = Vec::new();
    for (line, choice) in solution.assignment.iter().enumerate() {
        let Some(facility) = choice else { continue };
        let Some(offer) = offers.offers.get(*facility) else {
            continue;
        };
        match drafts.iter_mut().find(|(f, _)| f == facility) {
            Some((_, draft)) => draft.lines.push(line),
            None => drafts.push((
                *facility,
                Draft {
                    node: offer.node,
                    method: offer.method,
                    leg: offer.leg,
                    lines: vec![line],
                    first_start_s: offer.first_start_s,
                    span: offer.span,
                    received_s: offer.received_s,
                },
            )),
        }
    }
    let mut drafts: Vec<Draft> = drafts.into_iter().map(|(_, draft)| draft).collect();
    drafts.sort_by_key(|draft| draft.node);
    drafts
}

/// What the cells of an ask's lines have before a plan, and where their opportunity is charged, by
/// the same rows (empty: everywhere).
pub(crate) struct Shelves<'a> {
    pub(crate) stock: &'a Stock,
    pub(crate) opportunity: &'a [bool],
}

impl Shelves<'_> {
    fn is_charged(&self, node: usize, line: usize) -> bool {
        let place = self.stock.place(node, line);
        place.and_then(|place| self.opportunity.get(place)) != Some(&false)
    }
}

/// Prices groups from the rules alone. Without shelves the opportunity is not charged.
pub(crate) fn price(
    world: &World,
    ask: &Ask,
    drafts: &[Draft],
    shelves: Option<&Shelves<'_>>,
) -> Terms {
    let card = &world.policy.card;
    let mut terms = Terms::default();
    let mut filled = vec![false; ask.lines.len()];
    let mut late_h = 0;
    for draft in drafts {
        terms.ship_package += draft.leg.ship_package;
        terms.ship_km += draft.leg.ship_km;
        // The customer drives once, whatever is collected there.
        terms.other_store_km = terms.other_store_km.max(draft.leg.other_store_km);
        terms.transfer += draft.leg.transfer;
        terms.pickup_shipped += draft.leg.pickup_shipped;
        let past_s = (draft.ready_s() - ask.promise_ms.div_euclid(1000)).max(0);
        late_h = late_h.max((past_s + WINDOW_S - 1) / WINDOW_S);
        let floor = world.sites.floor(draft.node, draft.method);
        let mut taken: HashMap<&str, (usize, i64)> = HashMap::new();
        for line in &draft.lines {
            let Some(asked) = ask.lines.get(*line) else {
                continue;
            };
            if let Some(slot) = filled.get_mut(*line) {
                *slot = true;
            }
            terms.pick += card.pick_line_micro;
            if draft.method == Method::Ship {
                terms.ship_kg += ship_kg_cost(world, ask, *line);
            }
            let charged = shelves.filter(|shelves| shelves.is_charged(draft.node, *line));
            if let Some(shelves) = charged {
                let blocks = Blocks::of_line(ask, *line, shelves.stock.column(*line));
                let available = shelves.stock.units(draft.node, *line) - floor;
                terms.opportunity +=
                    blocks.charge(card.opportunity_block_micro, available, asked.quantity);
            }
            taken.entry(asked.sku.as_str()).or_insert((*line, 0)).1 += asked.quantity;
        }
        if let Some(shelves) = shelves {
            taken.retain(|_, (line, _)| shelves.is_charged(draft.node, *line));
            for (line, quantity) in taken.into_values() {
                let available = shelves.stock.units(draft.node, line) - floor;
                terms.opportunity += line_tiers(world, ask, line).charge(available, quantity);
            }
        }
    }
    terms.extra_group =
        card.extra_group_micro * i64::try_from(drafts.len().saturating_sub(1)).unwrap_or(0);
    terms.late = weighed(card.late_hour_micro, ask.weight_percent) * late_h;
    if late_h > 0 {
        terms.promise_broken = weighed(card.promise_broken_micro, ask.weight_percent);
    }
    for (line, filled) in ask.lines.iter().zip(filled) {
        if !filled {
            terms.unfilled += world.policy.left_cost(ask, line);
        }
    }
    terms
}

/// Renders groups with names.
pub(crate) fn groups(world: &World, ask: &Ask, drafts: &[Draft]) -> Vec<Group> {
    drafts
        .iter()
        .map(|draft| Group {
            node_id: node_id(world, draft.node),
            method: draft.method,
            line_numbers: draft
                .lines
                .iter()
                .filter_map(|line| ask.lines.get(*line).map(|l| l.line_number))
                .collect(),
            labor: draft.labor(world),
            window_start_s: draft.first_start_s,
            ready_s: draft.ready_s(),
            receipt: draft
                .receipt(world)
                .map(|(store, window_start_s, seconds)| Receipt {
                    node_id: node_id(world, store),
                    window_start_s,
                    seconds,
                }),
        })
        .collect()
}

pub(crate) fn node_id(world: &World, node: usize) -> String {
    world
        .network
        .nodes()
        .get(node)
        .map(|n| n.spec.node_id.clone())
        .unwrap_or_default()
}

/// The price of the way from the customer's store to another pickup store.
pub(crate) fn other_store_cost(world: &World, own_meters: i64, meters: i64) -> i64 {
    distance_cost(
        world.policy.card.other_store_km_micro,
        (meters - own_meters).max(0),
    )
}

/// The plan of a solution. `is_limited`: one with more nodes than an order may have would be cheaper.
pub(crate) fn plan_of(
    world: &World,
    ask: &Ask,
    offers: &Offers,
    solution: &Solution,
    is_limited: bool,
) -> Plan {
    let drafts = drafts(offers, solution);
    let terms = price(world, ask, &drafts, Some(&offers.shelves()));
    Plan {
        groups: groups(world, ask, &drafts),
        unfilled: crate::reasons::unfilled(world, ask, offers, &drafts, is_limited),
        terms,
        customer_node_id: offers.customer_node.map(|node| node_id(world, node)),
    }
}
