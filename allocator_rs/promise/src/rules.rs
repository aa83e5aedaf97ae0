//! Hard rules of the policy: which nodes may do what at all, whatever it would save.
//!
//! | rule | acts on |
//! | --- | --- |
//! | [`NodeRule`] | whether a node ships or sends to stores and how far, serves pickups, keeps units from both |
//! | [`ItemRule`] | where a SKU, or all with a prefix, may come from |
//! | `ship_km_max`, `nodes_max` | how far a parcel goes, how many nodes serve one order |
//!
//! A rule names a set of nodes; which ones those are is looked up once per network, in [`Sites`].

use std::sync::Arc;

use hashbrown::HashSet;

use crate::ask::{Ask, AskLine, Method};
use crate::network::{Network, Node, NodeKind};

/// The name of the rule that limits the nodes of one order.
pub(crate) const NODES_MAX: &str = "nodes_per_order_max";
/// The name of the rule that limits how far parcels go.
pub(crate) const SHIP_KM_MAX: &str = "ship_km_max";
/// The name under which a planner's pin acts.
pub(crate) const PIN: &str = "pin";

/// A set of nodes: those named, of a kind, or in a region. Any of the three is enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSet {
    /// By id.
    pub node_ids: HashSet<String>,
    /// By kind.
    pub kinds: Vec<NodeKind>,
    /// By the region of their place.
    pub regions: Vec<String>,
    /// All other nodes instead.
    pub inverted: bool,
}

impl NodeSet {
    fn holds(&self, node: &Node) -> bool {
        let spec = &node.spec;
        let named = self.node_ids.contains(&spec.node_id)
            || self.kinds.contains(&spec.kind)
            || (!spec.region.is_empty() && self.regions.contains(&spec.region));
        named != self.inverted
    }
}

/// What the nodes of a set may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRule {
    /// What unfilled lines call it.
    pub name: String,
    /// Whom it binds.
    pub nodes: NodeSet,
    /// Whether they ship.
    pub ships: bool,
    /// Whether customers collect there.
    pub pickup: bool,
    /// Units of each SKU that shipping leaves there.
    pub ship_floor: i64,
    /// Most km from there to where it ships.
    pub ship_km_max: Option<i64>,
}

/// Where a SKU, or every SKU with a prefix, may come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemRule {
    /// What unfilled lines call it.
    pub name: String,
    /// The SKU, or the prefix.
    pub sku: String,
    /// Whether `sku` is a prefix; the empty prefix is every SKU.
    pub is_prefix: bool,
    /// The nodes.
    pub nodes: NodeSet,
    /// True: from these nodes only. False: from none of them.
    pub only: bool,
    /// Until when it holds, Unix ms; none: for ever.
    pub until_ms: Option<i64>,
}

impl ItemRule {
    fn binds(&self, ask: &Ask, line: &AskLine) -> bool {
        let named = if self.is_prefix {
            line.sku.starts_with(&self.sku)
        } else {
            line.sku == self.sku
        };
        named && self.until_ms.is_none_or(|until_ms| ask.now_ms < until_ms)
    }
}

/// The hard rules; the default has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Most nodes that serve one order.
    pub nodes_max: Option<usize>,
    /// Most km from a node to where it ships.
    pub ship_km_max: Option<i64>,
    /// What nodes may do; where several bind a node, all of them do.
    pub nodes: Vec<NodeRule>,
    /// Where SKUs may come from; where several bind a line, all of them do.
    pub items: Vec<ItemRule>,
}

/// What the rules say of one node. Names are those of the first rule that forbids it.
#[derive(Clone, Debug, Default)]
struct Site {
    no_ship: Option<Arc<str>>,
    no_pickup: Option<Arc<str>>,
    floor: i64,
    floor_rule: Option<Arc<str>>,
    /// Most meters of a parcel, and the rule that says so.
    near: Option<(i64, Arc<str>)>,
}

#[derive(Clone, Debug)]
struct SiteItems {
    rule: ItemRule,
    name: Arc<str>,
    /// By node: whether the rule's SKUs must not come from there.
    denied: Vec<bool>,
}

/// The rules over the nodes of one network. Without rules it is empty, and binds nobody.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sites {
    sites: Vec<Site>,
    items: Vec<SiteItems>,
    ship_meters_max: Option<i64>,
}

impl Sites {
    pub(crate) fn of(rules: &Rules, network: &Network) -> Self {
        let nodes = network.nodes();
        let site = |node: &Node| {
            let mut site = Site::default();
            for rule in rules.nodes.iter().filter(|rule| rule.nodes.holds(node)) {
                let name = || Some(Arc::from(rule.name.as_str()));
                if !rule.ships && site.no_ship.is_none() {
                    site.no_ship = name();
                }
                if !rule.pickup && site.no_pickup.is_none() {
                    site.no_pickup = name();
                }
                if let Some(meters) = rule.ship_km_max.map(|km| km.saturating_mul(1_000)) {
                    if site.near.as_ref().is_none_or(|(known, _)| meters < *known) {
                        site.near = Some((meters, Arc::from(rule.name.as_str())));
                    }
                }
                if rule.ship_floor > site.floor {
                    site.floor = rule.ship_floor;
                    site.floor_rule = name();
                }
            }
            site
        };
        let items = |rule: &ItemRule| SiteItems {
            name: Arc::from(rule.name.as_str()),
            denied: nodes
                .iter()
                .map(|node| rule.nodes.holds(node) != rule.only)
                .collect(),
            rule: rule.clone(),
        };
        Self {
            sites: if rules.nodes.is_empty() {
                Vec::new()
            } else {
                nodes.iter().map(site).collect()
            },
            items: rules.items.iter().map(items).collect(),
            ship_meters_max: rules.ship_km_max.map(|km| km.saturating_mul(1_000)),
        }
    }

    /// Whether customers may collect at a node at all.
    pub(crate) fn is_pickup(&self, node: usize) -> bool {
        self.sites
            .get(node)
            .is_none_or(|site| site.no_pickup.is_none())
    }

    /// Units of each SKU at a node that a method leaves there, at least 0.
    pub(crate) fn floor(&self, node: usize, method: Method) -> i64 {
        match method {
            Method::Ship | Method::Transfer => self.sites.get(node).map_or(0, |site| site.floor),
            Method::Pickup => 0,
        }
    }

    /// The rule that keeps a node from being asked, if there is one. `meters`: from the customer, of a
    /// transfer to the store.
    pub(crate) fn group_rule(
        &self,
        ask: &Ask,
        node_id: &str,
        at: (usize, Method),
        meters: i64,
    ) -> Option<Arc<str>> {
        let (node, method) = at;
        if let Some(pin) = &ask.pin {
            // Two nodes serve what is transferred.
            let is_apart = |only: &str| only != node_id || method == Method::Transfer;
            let elsewhere = pin.node_id.as_deref().is_some_and(is_apart);
            let is_shipped = method == Method::Ship;
            let otherwise = pin
                .method
                .is_some_and(|only| (only == Method::Ship) != is_shipped);
            if elsewhere || otherwise {
                return Some(Arc::from(PIN));
            }
        }
        let site = self.sites.get(node);
        let of_node = match method {
            Method::Ship | Method::Transfer => site.and_then(|site| {
                let near = site.near.as_ref().filter(|(most, _)| meters > *most);
                let far = near.map(|(_, rule)| Arc::clone(rule));
                site.no_ship.clone().or(far)
            }),
            Method::Pickup => site.and_then(|site| site.no_pickup.clone()),
        };
        let sends = method != Method::Pickup;
        let far = sends && self.ship_meters_max.is_some_and(|max| meters > max);
        of_node.or_else(|| far.then(|| Arc::from(SHIP_KM_MAX)))
    }

    /// The rule that keeps a line from coming from a node, if there is one.
    pub(crate) fn line_rule(&self, ask: &Ask, line: usize, node: usize) -> Option<Arc<str>> {
        let asked = ask.lines.get(line)?;
        let denies =
            |one: &&SiteItems| one.denied.get(node) == Some(&true) && one.rule.binds(ask, asked);
        self.items.iter().find(denies).map(|one| one.name.clone())
    }

    /// The rule behind [`Self::floor`].
    pub(crate) fn floor_rule(&self, node: usize) -> Option<Arc<str>> {
        self.sites
            .get(node)
            .and_then(|site| site.floor_rule.clone())
    }

    /// By these nodes, then by line: whether a rule keeps the line from coming from there. Empty if
    /// none does.
    pub(crate) fn denied(
        &self,
        ask: &Ask,
        nodes: impl Iterator<Item = usize> + Clone,
    ) -> Vec<bool> {
        let binds = |one: &SiteItems| ask.lines.iter().any(|line| one.rule.binds(ask, line));
        if !self.items.iter().any(binds) {
            return Vec::new();
        }
        let lines = ask.lines.len();
        let mut denied = vec![false; nodes.clone().count() * lines];
        for one in &self.items {
            for (line, asked) in ask.lines.iter().enumerate() {
                if !one.rule.binds(ask, asked) {
                    continue;
                }
                let column = denied.iter_mut().skip(line).step_by(lines);
                for (slot, node) in column.zip(nodes.clone()) {
                    *slot |= one.denied.get(node) == Some(&true);
                }
            }
        }
        denied
    }
}
