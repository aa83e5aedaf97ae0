//! Where a basket can be had: one option per store, and one to ship it. Nothing is held.

use std::sync::Arc;

use bopis_engine::ReadStamp;

use crate::ask::{Ask, AskLine, Consent, Method};
use crate::duals::DualCharges;
use crate::eligible::allowed;
use crate::network::{meters_between, Network};
use crate::offers::AskError;
use crate::plan::{node_id, price, Plan, Shelves};
use crate::planner::{Planner, QuoteTerms};
use crate::stock::Stock;
use crate::supply::{charged, EngineSupply, ReadSupply};
use crate::world::World;

/// Stores looked at for one basket, the nearest ones.
pub const STORES_MAX: usize = 50;
/// Of those, the ones whose baskets are made whole by shipping: each takes a plan over all nodes.
pub const REST_STORES_MAX: usize = 10;
const HOUR_MS: i64 = 3_600_000;

/// Around where.
#[derive(Clone, Debug, PartialEq)]
pub enum Near {
    /// A place: degrees north and east.
    Place {
        /// Degrees north.
        latitude: f64,
        /// Degrees east.
        longitude: f64,
    },
    /// One store, which is the customer's.
    Store(String),
}

/// A basket and what is allowed for it.
#[derive(Clone, Debug, PartialEq)]
pub struct OptionsAsk {
    /// SKU and base units, 1 to 500 lines.
    pub lines: Vec<(String, i64)>,
    /// Around where.
    pub near: Near,
    /// Ready within this; none: the policy's.
    pub ready_within_ms: Option<i64>,
    /// Stores at most so far; none: the policy's reach, which is the most.
    pub radius_km: Option<i64>,
    /// Lines that a store lacks may be shipped home.
    pub ship_rest: bool,
    /// The best way to ship all is an option.
    pub with_shipping: bool,
    /// Options at most.
    pub options_max: usize,
}

/// Why there are no options to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    /// Network or policy were not loaded.
    #[error("network and policy are not loaded yet")]
    NotLoaded,
    /// No node of this id.
    #[error("no such node")]
    UnknownNode,
    /// Nobody collects at this node.
    #[error("nobody collects at this node")]
    NoStore,
    /// The basket breaks a limit.
    #[error(transparent)]
    Ask(#[from] AskError),
}

/// One way to get the basket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreOption {
    /// Collected at the store, or all shipped.
    pub method: Method,
    /// The store; empty: shipped.
    pub node_id: String,
    /// From the place to the store.
    pub meters: i64,
    /// Who does what, and what it costs.
    pub plan: Plan,
    /// By line: what the store has; shipped: the most that one node has.
    pub atp: Vec<i64>,
    /// What dual prices add.
    pub duals: Option<DualCharges>,
}

impl StoreOption {
    /// What options are put in order by.
    fn rank(&self) -> (i64, i64) {
        let steering = self.duals.map_or(0, |charges| charges.total());
        (
            self.plan.terms.total().saturating_add(steering),
            self.meters,
        )
    }
}

/// Options, cheapest first.
#[derive(Clone, Debug)]
pub struct Options {
    /// The cheapest.
    pub options: Vec<StoreOption>,
    /// SKUs that the catalog does not know, each once, in the order of the basket.
    pub unknown_skus: Vec<String>,
    /// The target, Unix ms.
    pub promise_ms: i64,
    /// What they were quoted under.
    pub terms: Arc<QuoteTerms>,
    /// Of all amounts.
    pub currency: String,
    /// As of when units were read.
    pub stamp: ReadStamp,
}

/// What all options of one basket are made from.
struct Shop<'a> {
    world: &'a World,
    base: &'a Ask,
    live: &'a EngineSupply<'a>,
    stock: &'a Stock,
    work_limit: u64,
}

impl Planner {
    /// The options of a basket under the stock and dual prices of now. Runs on the caller's thread, at
    /// most as long as 11 plans that use up the work limit; those of one store alone are short.
    ///
    /// # Errors
    /// See [`OptionsError`].
    pub fn options(&self, asked: &OptionsAsk) -> Result<Options, OptionsError> {
        let world = self.world.load_full().ok_or(OptionsError::NotLoaded)?;
        let terms = self.terms.load_full().ok_or(OptionsError::NotLoaded)?;
        let stores = stores_near(&world, &asked.near, asked.radius_km)?;
        let base = base_ask(&world, &terms, asked, self.engine.wall_ms())?;
        let live = EngineSupply::new(&self.engine, &world, &base, self.duals.load_full());
        let (stock, stamp) = live.stock_at_once(&world, &self.engine);
        let shop = Shop {
            world: &world,
            base: &base,
            live: &live,
            stock: &stock,
            work_limit: self.work_limit,
        };
        let mut options = Vec::with_capacity(stores.len() + 1);
        if base.customer_node_id.is_some() {
            let nearest = stores.into_iter().take(STORES_MAX);
            for (rank, (meters, node)) in nearest.enumerate() {
                let ship_rest = asked.ship_rest && rank < REST_STORES_MAX;
                options.push(shop.pickup(node, meters, ship_rest)?);
            }
        }
        if asked.with_shipping {
            options.push(shop.shipping()?);
        }
        options.sort_by_key(StoreOption::rank);
        options.truncate(asked.options_max);
        Ok(Options {
            options,
            unknown_skus: unknown_skus(&world, asked),
            promise_ms: base.promise_ms,
            terms,
            currency: world.catalog.currency().to_owned(),
            stamp,
        })
    }
}

impl Shop<'_> {
    /// Collected at one store; `ship_rest`: with what it lacks shipped, if that makes it whole.
    fn pickup(&self, node: usize, meters: i64, ship_rest: bool) -> Result<StoreOption, AskError> {
        let node_id = node_id(self.world, node);
        let mut ask = self.base.clone();
        ask.pickup_only_at = Some(node_id.clone());
        let (mut plan, mut duals) = self.best(&ask, self.stock)?;
        let lines = self.base.lines.len();
        if ship_rest && !plan.unfilled.is_empty() && !plan.groups.is_empty() {
            ask.consent.ship_home = true;
            let (with_rest, charges) = self.best(&ask, &self.left_to_store(node, &plan))?;
            let collects = with_rest.groups.iter().any(|g| g.method == Method::Pickup);
            if with_rest.unfilled.is_empty() && collects {
                (plan, duals) = (with_rest, charges);
            }
        }
        let atp = (0..lines).map(|line| self.stock.units(node, line));
        Ok(StoreOption {
            method: Method::Pickup,
            node_id,
            meters,
            plan,
            atp: atp.collect(),
            duals,
        })
    }

    /// The units that are left to choose from when a store does the lines of its plan: of those, no
    /// other node has any.
    fn left_to_store(&self, store: usize, plan: &Plan) -> Stock {
        let mut stock = self.stock.clone();
        let done = plan.groups.iter().flat_map(|group| &group.line_numbers);
        for line in done.filter_map(|number| usize::try_from(number - 1).ok()) {
            for other in self.stock.nodes().filter(|node| *node != store) {
                stock.set(other, line, 0);
            }
        }
        stock
    }

    /// All of it shipped.
    fn shipping(&self) -> Result<StoreOption, AskError> {
        let mut ask = self.base.clone();
        ask.method = Method::Ship;
        ask.customer_node_id = None;
        let (plan, duals) = self.best(&ask, self.stock)?;
        let lines = self.base.lines.len();
        let ships = allowed(self.world, &ask).allowed;
        let most = |line: usize| {
            let free = ships.iter().map(|(node, method, _)| {
                self.stock.units(*node, line) - self.world.sites.floor(*node, *method)
            });
            free.max()
        };
        Ok(StoreOption {
            method: Method::Ship,
            node_id: String::new(),
            meters: 0,
            plan,
            atp: (0..lines).map(|line| most(line).unwrap_or(0)).collect(),
            duals,
        })
    }

    /// The best plan from some of the units, priced by what there is in all.
    fn best(&self, ask: &Ask, stock: &Stock) -> Result<(Plan, Option<DualCharges>), AskError> {
        let supply = ReadSupply {
            engine: self.live,
            stock,
        };
        let (mut plan, drafts, _) = self.world.best(ask, &supply, self.work_limit)?;
        let opportunity = charged(self.world, ask, &supply, self.stock);
        let shelves = Shelves {
            stock: self.stock,
            opportunity: &opportunity,
        };
        plan.terms = price(self.world, ask, &drafts, Some(&shelves));
        let charges = self.live.charges(self.world, ask, &drafts);
        Ok((plan, charges))
    }
}

/// Whether customers collect at a node: by its kind and by the policy.
fn collects(world: &World, node: usize) -> bool {
    let found = world.network.nodes().get(node);
    found.is_some_and(|one| one.spec.kind.is_pickup()) && world.sites.is_pickup(node)
}

/// Stores where customers collect, nearest first, with the way in meters.
pub(crate) fn stores_near(
    world: &World,
    near: &Near,
    radius_km: Option<i64>,
) -> Result<Vec<(i64, usize)>, OptionsError> {
    let nodes = world.network.nodes();
    let place = match near {
        Near::Store(node_id) => {
            let node = world.network.index(node_id);
            let node = node.ok_or(OptionsError::UnknownNode)?;
            return match collects(world, node) {
                true => Ok(vec![(0, node)]),
                false => Err(OptionsError::NoStore),
            };
        }
        Near::Place {
            latitude,
            longitude,
        } => (*latitude, *longitude),
    };
    let reach_km = world.policy.pickup_reach_km;
    let radius = radius_km.map_or(reach_km, |km| km.min(reach_km)) * 1_000;
    let pickup = nodes.iter().enumerate();
    let mut stores: Vec<(i64, usize)> = pickup
        .filter(|(index, _)| collects(world, *index))
        .map(|(index, node)| {
            let at = (node.spec.latitude, node.spec.longitude);
            (meters_between(place, at), index)
        })
        .filter(|(meters, _)| *meters <= radius)
        .collect();
    stores.sort_unstable();
    Ok(stores)
}

/// The basket as an order that is to be collected at the customer's store.
fn base_ask(
    world: &World,
    terms: &QuoteTerms,
    asked: &OptionsAsk,
    now_ms: i64,
) -> Result<Ask, AskError> {
    if asked.lines.is_empty() {
        return Err(AskError::Lines);
    }
    let within_ms = asked.ready_within_ms.unwrap_or(terms.promise_ms);
    let wanted_ms = now_ms.saturating_add(within_ms);
    let (latitude, longitude) = place_of(&world.network, &asked.near);
    let line = |(index, (sku, quantity)): (usize, &(String, i64))| AskLine {
        line_number: i32::try_from(index + 1).unwrap_or(i32::MAX),
        sku: sku.clone(),
        quantity: *quantity,
        unit_price_micro: world
            .catalog
            .get(sku)
            .map_or(0, |item| item.unit_price_micro),
    };
    let mut ask = Ask {
        order_id: String::new(),
        method: Method::Pickup,
        latitude,
        longitude,
        lines: asked.lines.iter().enumerate().map(line).collect(),
        now_ms,
        promise_ms: wanted_ms.saturating_add(HOUR_MS - 1).div_euclid(HOUR_MS) * HOUR_MS,
        consent: Consent::default(),
        all_or_nothing: false,
        excluded_node_ids: Vec::new(),
        pickup_only_at: None,
        customer_node_id: match &asked.near {
            Near::Store(node_id) => Some(node_id.clone()),
            Near::Place { .. } => None,
        },
        pin: None,
        closed: Vec::new(),
        weight_percent: 100,
    };
    if ask.customer_node_id.is_none() {
        let own = allowed(world, &ask).customer_node;
        ask.customer_node_id = own.map(|node| node_id(world, node));
    }
    Ok(ask)
}

fn place_of(network: &Network, near: &Near) -> (f64, f64) {
    match near {
        Near::Place {
            latitude,
            longitude,
        } => (*latitude, *longitude),
        Near::Store(node_id) => {
            let node = network.index(node_id);
            let node = node.and_then(|index| network.nodes().get(index));
            node.map_or((0.0, 0.0), |n| (n.spec.latitude, n.spec.longitude))
        }
    }
}

fn unknown_skus(world: &World, asked: &OptionsAsk) -> Vec<String> {
    let mut unknown: Vec<String> = Vec::new();
    for (sku, _) in &asked.lines {
        if world.catalog.get(sku).is_none() && !unknown.contains(sku) {
            unknown.push(sku.clone());
        }
    }
    unknown
}
