//! From an ask to the kernel's problem: which node may do what, when, at which price.

use bopis_sourcing::{
    per_unit_of, Facility, LatePrice, OpportunityTiers, Problem, ProblemError, Store, Twins,
    CANNOT, COST_MAX,
};

use crate::ask::{Ask, AskLine, Method};
use crate::block::Blocks;
use crate::eligible::{allowed, allowed_of, Eligible, Leg};
use crate::hours::patterns;
use crate::network::WINDOW_S;
use crate::plan::Shelves;
use crate::policy::weighed;
use crate::stock::Stock;
use crate::supply::{charged, Supply};
use crate::transfer;
use crate::world::{line_tiers, ship_kg_cost, World};

/// Why an ask cannot be planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// No line, too many lines, or a quantity below 1.
    #[error("an ask has 1 to 500 lines with quantities of at least 1")]
    Lines,
}

impl From<ProblemError> for AskError {
    fn from(_: ProblemError) -> Self {
        Self::Lines
    }
}

/// A group that could be opened; the kernel's facility of the same index.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offer {
    /// Index in the network.
    pub(crate) node: usize,
    /// Collected or shipped.
    pub(crate) method: Method,
    /// Start of the first window, Unix seconds.
    pub(crate) first_start_s: i64,
    /// Number of windows.
    pub(crate) span: usize,
    /// Start of the hour in which a transfer is received.
    pub(crate) received_s: Option<i64>,
    pub(crate) leg: Leg,
}

/// The kernel's problem of one ask, and what its indices mean.
#[derive(Clone, Debug)]
pub(crate) struct Offers {
    /// The problem.
    pub(crate) problem: Problem,
    /// The facilities.
    pub(crate) offers: Vec<Offer>,
    /// The customer's store; none for orders that are shipped.
    pub(crate) customer_node: Option<usize>,
    /// Who may do what, and who may not by a rule: before stock and labor are looked at.
    pub(crate) eligible: Eligible,
    /// Units as read for this problem.
    pub(crate) stock: Stock,
    /// By the same rows: whether opportunity is charged there; empty: everywhere.
    pub(crate) opportunity: Vec<bool>,
}

impl Offers {
    /// What is on the shelves before the plan.
    pub(crate) fn shelves(&self) -> Shelves<'_> {
        Shelves {
            stock: &self.stock,
            opportunity: &self.opportunity,
        }
    }
}

/// Builds the problem. `opportunity`: charge what the last units of a cell are worth.
///
/// # Errors
/// [`AskError`] for an ask outside its limits.
pub(crate) fn build(
    world: &World,
    ask: &Ask,
    supply: &dyn Supply,
    opportunity: bool,
) -> Result<Offers, AskError> {
    if ask.lines.is_empty() || ask.lines.iter().any(|line| line.quantity < 1) {
        return Err(AskError::Lines);
    }
    let stock = Stock::read(world, supply, ask.lines.len());
    // A store that has nothing may receive what others send.
    let eligible = match world.policy.transfers {
        Some(_) => allowed(world, ask),
        None => allowed_of(world, ask, &stock.nodes().collect::<Vec<usize>>()),
    };
    let mut builder = Builder::new((world, ask, supply), stock, opportunity);
    builder.reserve(eligible.allowed.len());
    let receiving = transfer::receiving(&eligible);
    for (node, method, leg) in &eligible.allowed {
        let shared = receiving.contains(node);
        builder.offer(*node, (*method, shared), *leg);
    }
    let twins = twins(ask, &builder);
    let unfilled = |(index, line): (usize, &AskLine)| {
        if supply.is_promised(index) {
            COST_MAX
        } else {
            world.policy.left_cost(ask, line)
        }
    };
    let unfilled: Vec<i64> = ask.lines.iter().enumerate().map(unfilled).collect();
    let problem = Problem::new(
        builder.facilities,
        builder.costs,
        unfilled,
        world.policy.card.extra_group_micro,
        LatePrice {
            broken: weighed(world.policy.card.promise_broken_micro, ask.weight_percent),
            hour: weighed(world.policy.card.late_hour_micro, ask.weight_percent),
        },
        ask.all_or_nothing,
        twins,
    )?;
    let problem = transfer::at_stores(problem, (world, ask, supply), &builder.offers, &receiving)?;
    Ok(Offers {
        problem,
        offers: builder.offers,
        customer_node: eligible.customer_node,
        eligible,
        stock: builder.stock,
        opportunity: builder.opportunity,
    })
}

/// Collects facilities and the rows of their line costs.
struct Builder<'a> {
    world: &'a World,
    ask: &'a Ask,
    supply: &'a dyn Supply,
    stock: Stock,
    /// By row and line: whether opportunity is charged.
    opportunity: Vec<bool>,
    /// By line: what shipping its weight costs, and what its last units are worth.
    kg: Vec<i64>,
    tiers: Vec<OpportunityTiers>,
    /// By line: its SKU's largest stocks, where opportunity is charged.
    blocks: Vec<Blocks>,
    /// By line: whether the catalog has its SKU; lines of others are left.
    known: Vec<bool>,
    /// By row and line: whether a rule keeps the line from coming from there; empty: nowhere.
    denied: Vec<bool>,
    offers: Vec<Offer>,
    facilities: Vec<Facility>,
    costs: Vec<i64>,
}

impl<'a> Builder<'a> {
    fn new(
        (world, ask, supply): (&'a World, &'a Ask, &'a dyn Supply),
        stock: Stock,
        opportunity: bool,
    ) -> Self {
        let lines = 0..ask.lines.len();
        let tiers = |line| {
            if opportunity {
                line_tiers(world, ask, line)
            } else {
                OpportunityTiers::default()
            }
        };
        let blocks = |line| {
            if opportunity {
                Blocks::of_line(ask, line, stock.column(line))
            } else {
                Blocks::default()
            }
        };
        Self {
            world,
            ask,
            supply,
            opportunity: if opportunity {
                charged(world, ask, supply, &stock)
            } else {
                Vec::new()
            },
            blocks: lines.clone().map(blocks).collect(),
            denied: world.sites.denied(ask, stock.nodes()),
            stock,
            kg: lines
                .clone()
                .map(|line| ship_kg_cost(world, ask, line))
                .collect(),
            tiers: lines.map(tiers).collect(),
            known: ask
                .lines
                .iter()
                .map(|line| world.catalog.get(&line.sku).is_some())
                .collect(),
            offers: Vec::new(),
            facilities: Vec::new(),
            costs: Vec::new(),
        }
    }

    /// Makes room for so many facilities: mostly one for each node and method.
    fn reserve(&mut self, facilities: usize) {
        self.facilities.reserve(facilities);
        self.offers.reserve(facilities);
        self.costs.reserve(facilities * self.ask.lines.len());
    }

    /// Adds a facility for each undominated pattern of a node and method.
    /// `shared`: its hours also receive what other nodes send.
    fn offer(&mut self, node_index: usize, (method, shared): (Method, bool), leg: Leg) {
        let Some(node) = self.world.network.nodes().get(node_index) else {
            return;
        };
        let row = self.line_costs(node_index, method);
        let serves = row.iter().filter(|cost| **cost != CANNOT).count();
        let serves = u32::try_from(serves).unwrap_or(u32::MAX);
        if serves == 0 {
            return;
        }
        let from = (node, node_index, method);
        let (world, ask, supply) = (self.world, self.ask, self.supply);
        let hours = match leg.sent {
            Some(sent) => transfer::patterns(world, ask, (from, sent), supply, serves),
            None => {
                let each_h = shared.then(|| transfer::roomy_s(world, ask, node_index));
                let patterns = patterns(world, ask, from, supply, (serves, each_h));
                patterns.into_iter().map(|one| (one, None)).collect()
            }
        };
        // The way to a store where several groups may meet is paid once.
        let apart = if shared || leg.sent.is_some() {
            leg.other_store_km
        } else {
            0
        };
        let opening = leg.total() - apart;
        for (pattern, received_s) in hours {
            // Room for all that it can serve is room for the whole order.
            let roomy = pattern.capacity >= serves;
            let number = u32::try_from(node_index).unwrap_or(u32::MAX);
            self.facilities.push(Facility {
                node: number,
                store: transfer::store_of(node_index, method, leg).map(Store::at),
                fixed: opening.min(COST_MAX),
                capacity: if roomy { u32::MAX } else { pattern.capacity },
                late: pattern.late,
            });
            self.costs.extend(row.iter().map(|cost| match *cost {
                CANNOT => CANNOT,
                cost => cost.saturating_add(pattern.line_price).min(COST_MAX),
            }));
            let span_s = WINDOW_S * i64::try_from(pattern.span).unwrap_or(1);
            self.offers.push(Offer {
                node: node_index,
                method,
                first_start_s: pattern.ready_s - span_s,
                span: pattern.span,
                received_s,
                leg,
            });
        }
    }

    /// What each line costs at a node, labor's dual price left aside; [`CANNOT`] where units lack or
    /// the SKU is unknown, or a rule forbids it.
    fn line_costs(&self, node: usize, method: Method) -> Vec<i64> {
        let lines = self.ask.lines.len();
        let Some(row) = self.stock.row(node) else {
            return vec![CANNOT; lines];
        };
        let floor = self.world.sites.floor(node, method);
        let cells = self
            .ask
            .lines
            .iter()
            .zip(self.stock.of_row(row))
            .enumerate();
        let cost = |(line, (asked, units)): (usize, (&AskLine, &i64))| {
            let place = row * lines + line;
            let known = self.known.get(line) == Some(&true);
            let denied = self.denied.get(place) == Some(&true);
            if units - floor < asked.quantity || !known || denied {
                return CANNOT;
            }
            self.line_cost(
                (node, method),
                (line, place),
                (units - floor, asked.quantity),
            )
        };
        cells.map(cost).collect()
    }

    fn line_cost(
        &self,
        (node, method): (usize, Method),
        (line, place): (usize, usize),
        (available, quantity): (i64, i64),
    ) -> i64 {
        let weight = match method {
            Method::Ship => self.kg.get(line).copied().unwrap_or(0),
            Method::Pickup | Method::Transfer => 0,
        };
        let card = &self.world.policy.card;
        let charged = self.opportunity.get(place) != Some(&false);
        let tiers = self.tiers.get(line).filter(|_| charged);
        let worth = tiers.map_or(0, |tiers| tiers.charge(available, quantity));
        let blocks = self.blocks.get(line).filter(|_| charged);
        let block = blocks.map_or(0, |blocks| {
            blocks.charge(card.opportunity_block_micro, available, quantity)
        });
        let dual = per_unit_of(self.supply.unit_price(node, line), quantity);
        let parts = [card.pick_line_micro, weight, worth, block, dual];
        parts
            .iter()
            .fold(0_i64, |sum, part| sum.saturating_add(*part))
            .min(COST_MAX)
    }
}

/// Lines that name the same SKU.
fn twins(ask: &Ask, builder: &Builder<'_>) -> Vec<Twins> {
    let mut by_sku: hashbrown::HashMap<&str, Vec<usize>> = hashbrown::HashMap::new();
    for (index, line) in ask.lines.iter().enumerate() {
        by_sku.entry(line.sku.as_str()).or_default().push(index);
    }
    let mut groups: Vec<Vec<usize>> = by_sku
        .into_values()
        .filter(|lines| lines.len() > 1)
        .collect();
    groups.sort_unstable();
    groups
        .into_iter()
        .filter_map(|lines| {
            let first = *lines.first()?;
            let charged = builder.opportunity.get(first) != Some(&false);
            let tiers = builder.tiers.get(first).filter(|_| charged);
            Some(Twins {
                quantities: lines
                    .iter()
                    .map(|l| ask.lines.get(*l).map_or(1, |line| line.quantity))
                    .collect(),
                available: builder
                    .offers
                    .iter()
                    .map(|o| {
                        let floor = builder.world.sites.floor(o.node, o.method);
                        builder.stock.units(o.node, first) - floor
                    })
                    .collect(),
                tiers: tiers.copied().unwrap_or_default(),
                lines,
            })
        })
        .collect()
}
