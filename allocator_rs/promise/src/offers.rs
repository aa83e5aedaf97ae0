//! From an ask to the kernel's problem: which node may do what, when, at which price.

use std::sync::Arc;

use bopis_sourcing::{
    distance_cost, k_best, per_unit_of, undominated_patterns, weight_cost, Facility,
    OpportunityTiers, Pattern, PatternLimits, Problem, ProblemError, Twins, CANNOT, COST_MAX,
    LINES_MAX,
};

use crate::ask::{Ask, Method};
use crate::network::{meters_between, Catalog, Network, Node, WINDOW_S};
use crate::plan::{other_store_cost, plan_of, Plan};
use crate::policy::Policy;
use crate::supply::Supply;

/// What plans are made in: one version of each.
#[derive(Clone, Debug)]
pub struct World {
    /// The nodes.
    pub network: Arc<Network>,
    /// The items.
    pub catalog: Arc<Catalog>,
    /// The rules.
    pub policy: Policy,
}

impl World {
    /// The best `k` plans (at least one) of an ask on a supply, cheapest first.
    ///
    /// # Errors
    /// [`AskError`] for an ask outside its limits.
    pub fn best_plans(
        &self,
        ask: &Ask,
        supply: &dyn Supply,
        k: usize,
        work_limit: u64,
    ) -> Result<Vec<Plan>, AskError> {
        let offers = build(self, ask, supply, true)?;
        let solutions = k_best(&offers.problem, k.max(1), work_limit);
        Ok(solutions
            .iter()
            .map(|solution| plan_of(self, ask, &offers, solution))
            .collect())
    }
}

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

/// What opening a group costs, by term (micro-units).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leg {
    pub(crate) ship_package: i64,
    pub(crate) ship_km: i64,
    pub(crate) other_store_km: i64,
    pub(crate) pickup_shipped: i64,
}

impl Leg {
    pub(crate) fn total(&self) -> i64 {
        self.ship_package + self.ship_km + self.other_store_km + self.pickup_shipped
    }
}

/// A group that could be opened; the kernel's facility of the same index.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// Index in the network.
    pub node: usize,
    /// Collected or shipped.
    pub method: Method,
    /// Start of the first window, Unix seconds.
    pub first_start_s: i64,
    /// Number of windows.
    pub span: usize,
    pub(crate) leg: Leg,
}

/// The kernel's problem of one ask, and what its indices mean.
#[derive(Clone, Debug)]
pub struct Offers {
    /// The problem.
    pub problem: Problem,
    /// The facilities.
    pub offers: Vec<Offer>,
    /// The customer's store; none for orders that are shipped.
    pub customer_node: Option<usize>,
    /// For every node and method that rules allow: before stock and labor are looked at.
    pub(crate) allowed: Vec<(usize, Method, Leg)>,
    /// Units at every node by line, node-major, as read for this problem.
    pub(crate) units: Vec<i64>,
}

/// Weight of a line in grams.
pub(crate) fn line_grams(world: &World, ask: &Ask, line: usize) -> i64 {
    let Some(line) = ask.lines.get(line) else {
        return 0;
    };
    let known = world.catalog.get(&line.sku).map_or(0, |item| item.weight_g);
    let unit = if known > 0 {
        known
    } else {
        world.policy.unit_weight_g
    };
    per_unit_of(unit, line.quantity)
}

/// What shipping a line's weight costs.
pub(crate) fn ship_kg_cost(world: &World, ask: &Ask, line: usize) -> i64 {
    weight_cost(
        world.policy.card.ship_kg_micro,
        line_grams(world, ask, line),
    )
    .min(COST_MAX / 4)
}

/// The tiers of a line's SKU: of its catalog price, else of the price ordered.
pub(crate) fn line_tiers(world: &World, ask: &Ask, line: usize) -> OpportunityTiers {
    let Some(line) = ask.lines.get(line) else {
        return OpportunityTiers::default();
    };
    let listed = world
        .catalog
        .get(&line.sku)
        .map_or(0, |item| item.unit_price_micro);
    world.policy.tiers(if listed > 0 {
        listed
    } else {
        line.unit_price_micro
    })
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
    let (customer_node, allowed) = allowed(world, ask);
    let count = ask.lines.len();
    let units = read_units(world, supply, count);
    let kg: Vec<i64> = (0..count).map(|l| ship_kg_cost(world, ask, l)).collect();
    let tiers: Vec<OpportunityTiers> = (0..count)
        .map(|l| {
            if opportunity {
                line_tiers(world, ask, l)
            } else {
                OpportunityTiers::default()
            }
        })
        .collect();
    let mut offers: Vec<Offer> = Vec::new();
    let mut facilities: Vec<Facility> = Vec::new();
    let mut costs: Vec<i64> = Vec::new();
    let mut row = vec![CANNOT; count];
    for (node_index, method, leg) in &allowed {
        let Some(node) = world.network.nodes().get(*node_index) else {
            continue;
        };
        let at_node = units
            .get(node_index * count..(node_index + 1) * count)
            .unwrap_or(&[]);
        let mut serves = 0_u32;
        for (index, slot) in row.iter_mut().enumerate() {
            let quantity = ask.lines.get(index).map_or(i64::MAX, |line| line.quantity);
            let available = at_node.get(index).copied().unwrap_or(0);
            *slot = CANNOT;
            if available < quantity {
                continue;
            }
            serves += 1;
            let weight = if *method == Method::Ship {
                kg.get(index).copied().unwrap_or(0)
            } else {
                0
            };
            let worth = tiers
                .get(index)
                .map_or(0, |t| t.charge(available, quantity));
            let dual = per_unit_of(supply.unit_price(*node_index, index), quantity);
            let parts = [world.policy.card.pick_line_micro, weight, worth, dual];
            *slot = parts
                .iter()
                .fold(0_i64, |sum, part| sum.saturating_add(*part));
        }
        if serves == 0 {
            continue;
        }
        for pattern in patterns(world, ask, node, *node_index, supply, serves) {
            let tag = u64::try_from(offers.len()).unwrap_or(u64::MAX);
            facilities.push(Facility {
                node: u32::try_from(*node_index).unwrap_or(u32::MAX),
                pickup: *method == Method::Pickup,
                fixed: leg.total().min(COST_MAX),
                // Room for all that it can serve is room for the whole order.
                capacity: if pattern.capacity >= serves {
                    LINES_MAX as u32
                } else {
                    pattern.capacity
                },
                late: pattern.late,
                tag,
            });
            costs.extend(row.iter().map(|cost| match *cost {
                CANNOT => CANNOT,
                cost => cost.saturating_add(pattern.line_price).min(COST_MAX),
            }));
            let first_start_s =
                pattern.ready_s - WINDOW_S * i64::try_from(pattern.span).unwrap_or(1);
            offers.push(Offer {
                node: *node_index,
                method: *method,
                first_start_s,
                span: pattern.span,
                leg: *leg,
            });
        }
    }
    let twins = twins(ask, &tiers, &offers, &units);
    let unfilled: Vec<i64> = ask
        .lines
        .iter()
        .map(|line| {
            world
                .policy
                .unfilled_cost(line.quantity, line.unit_price_micro)
        })
        .collect();
    let problem = Problem::new(
        facilities,
        costs,
        unfilled,
        world.policy.card.extra_group_micro,
        world.policy.card.late_hour_micro,
        ask.all_or_nothing,
        twins,
    )?;
    Ok(Offers {
        problem,
        offers,
        customer_node,
        allowed,
        units,
    })
}

fn read_units(world: &World, supply: &dyn Supply, lines: usize) -> Vec<i64> {
    let nodes = world.network.nodes().len();
    let mut units = Vec::with_capacity(nodes * lines);
    for node in 0..nodes {
        units.extend((0..lines).map(|line| supply.units(node, line)));
    }
    units
}

/// Which windows of a node may be used at all, and the promise, in seconds.
fn usable(ask: &Ask, policy: &Policy, start_s: i64) -> bool {
    let last_ready_ms = ask.promise_ms + i64::from(policy.late_windows_max_h) * 3_600_000;
    start_s * 1000 >= ask.now_ms && (start_s + WINDOW_S) * 1000 <= last_ready_ms
}

fn patterns(
    world: &World,
    ask: &Ask,
    node: &Node,
    node_index: usize,
    supply: &dyn Supply,
    serves: u32,
) -> Vec<Pattern> {
    let policy = &world.policy;
    let limits = PatternLimits {
        line_seconds: node.line_seconds,
        lines: serves,
        promise_s: ask.promise_ms.div_euclid(1000),
        late_max_h: policy.late_windows_max_h,
        span_max: policy.span_windows_max,
        ready_from_s: (ask.now_ms + policy.lead_time_ms + 999).div_euclid(1000),
    };
    let from = node
        .spec
        .windows
        .partition_point(|w| w.start_s * 1000 < ask.now_ms);
    let later = node.spec.windows.get(from..).unwrap_or(&[]);
    let mut windows: Vec<bopis_sourcing::Window> = Vec::new();
    for window in later.iter().take_while(|w| usable(ask, policy, w.start_s)) {
        windows.push(bopis_sourcing::Window {
            start_s: window.start_s,
            end_s: window.start_s + WINDOW_S,
            available: supply.seconds(node_index, window.start_s),
            price: supply.second_price(node_index, window.start_s),
        });
        // The first windows with room for all lines beat all later ones, unless seconds are priced.
        if windows.len() <= 2 && !supply.has_second_prices() {
            let found = undominated_patterns(&windows, &limits);
            if found.iter().any(|p| p.capacity >= serves) {
                return found;
            }
        }
    }
    undominated_patterns(&windows, &limits)
}

type Allowed = Vec<(usize, Method, Leg)>;

/// Which node may do which method, with what its leg costs; and the customer's store.
fn allowed(world: &World, ask: &Ask) -> (Option<usize>, Allowed) {
    let nodes = world.network.nodes();
    let card = &world.policy.card;
    let meters: Vec<i64> = nodes
        .iter()
        .map(|n| {
            meters_between(
                (ask.latitude, ask.longitude),
                (n.spec.latitude, n.spec.longitude),
            )
        })
        .collect();
    let customer_node = match ask.method {
        Method::Pickup => customer_store(world, ask, &meters),
        Method::Ship => None,
    };
    let included = |index: &usize| {
        nodes
            .get(*index)
            .is_some_and(|n| !is_excluded(ask, &n.spec.node_id))
    };
    let mut allowed: Allowed = Vec::new();
    if let Some(own) = customer_node {
        let own_meters = meters.get(own).copied().unwrap_or(0);
        let other_max = ask.consent.other_store_km.min(world.policy.pickup_reach_km) * 1000;
        for (index, node) in nodes.iter().enumerate().filter(|(i, _)| included(i)) {
            let distance = meters.get(index).copied().unwrap_or(i64::MAX);
            let named = match &ask.pickup_only_at {
                Some(only) => *only == node.spec.node_id,
                None => index == own || distance <= other_max,
            };
            if node.spec.kind.is_pickup() && named {
                let other_store_km = other_store_cost(world, own_meters, distance);
                allowed.push((
                    index,
                    Method::Pickup,
                    Leg {
                        other_store_km,
                        ..Leg::default()
                    },
                ));
            }
        }
    }
    let ships = match (ask.method, customer_node) {
        (Method::Ship, _) => true,
        (Method::Pickup, Some(_)) => ask.consent.ship_home,
        (Method::Pickup, None) => world.policy.ship_when_out_of_reach || ask.consent.ship_home,
    };
    if ships {
        let pickup_shipped = customer_node.map_or(0, |_| card.pickup_shipped_micro);
        for index in (0..nodes.len()).filter(included) {
            let distance = meters.get(index).copied().unwrap_or(0);
            let leg = Leg {
                ship_package: card.ship_package_micro,
                ship_km: distance_cost(card.ship_km_micro, distance),
                other_store_km: 0,
                pickup_shipped,
            };
            allowed.push((index, Method::Ship, leg));
        }
    }
    (customer_node, allowed)
}

fn is_excluded(ask: &Ask, node_id: &str) -> bool {
    ask.excluded_node_ids
        .iter()
        .any(|excluded| excluded == node_id)
}

/// The nearest store in reach that is open before the promise, else the nearest in reach.
fn customer_store(world: &World, ask: &Ask, meters: &[i64]) -> Option<usize> {
    let reach = world.policy.pickup_reach_km * 1000;
    let nodes = world.network.nodes();
    let in_reach = || {
        nodes
            .iter()
            .enumerate()
            .zip(meters)
            .filter(|((_, node), distance)| node.spec.kind.is_pickup() && **distance <= reach)
            .map(|((index, node), distance)| (*distance, index, node))
    };
    let open_before = |node: &Node| {
        node.spec.windows.iter().any(|w| {
            w.seconds > 0
                && w.start_s * 1000 >= ask.now_ms
                && (w.start_s + WINDOW_S) * 1000 <= ask.promise_ms
        })
    };
    let nearest = |candidates: &mut dyn Iterator<Item = (i64, usize)>| candidates.min();
    nearest(
        &mut in_reach()
            .filter(|(_, _, n)| open_before(n))
            .map(|(d, i, _)| (d, i)),
    )
    .or_else(|| nearest(&mut in_reach().map(|(d, i, _)| (d, i))))
    .map(|(_, index)| index)
}

/// Lines that name the same SKU.
fn twins(ask: &Ask, tiers: &[OpportunityTiers], offers: &[Offer], units: &[i64]) -> Vec<Twins> {
    let count = ask.lines.len();
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
            Some(Twins {
                quantities: lines
                    .iter()
                    .map(|l| ask.lines.get(*l).map_or(1, |line| line.quantity))
                    .collect(),
                available: offers
                    .iter()
                    .map(|o| units.get(o.node * count + first).copied().unwrap_or(0))
                    .collect(),
                tiers: tiers.get(first).copied().unwrap_or_default(),
                lines,
            })
        })
        .collect()
}
