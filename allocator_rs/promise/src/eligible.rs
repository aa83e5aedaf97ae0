//! Which node may do which method for an ask, by the rules alone: before stock and labor.

use std::sync::Arc;

use bopis_sourcing::distance_cost;

use crate::ask::{Ask, Method};
use crate::network::{meters_between, Node, WINDOW_S};
use crate::plan::other_store_cost;
use crate::world::World;

/// What opening a group costs, by term (micro-units).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leg {
    pub(crate) ship_package: i64,
    pub(crate) ship_km: i64,
    pub(crate) other_store_km: i64,
    pub(crate) pickup_shipped: i64,
    pub(crate) transfer: i64,
    /// Where a transfer goes; none: it is none.
    pub(crate) sent: Option<Sent>,
}

/// The way of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    /// Where it is received and collected.
    pub(crate) store: usize,
    /// From the end of picking to the arrival.
    pub(crate) seconds: i64,
}

impl Leg {
    pub(crate) fn total(&self) -> i64 {
        self.ship_package + self.ship_km + self.other_store_km + self.pickup_shipped + self.transfer
    }
}

/// Who may do what.
#[derive(Clone, Debug, Default)]
pub(crate) struct Eligible {
    /// The customer's store; none for orders that are shipped.
    pub(crate) customer_node: Option<usize>,
    /// Nodes, methods, and what opening such a group costs.
    pub(crate) allowed: Vec<(usize, Method, Leg)>,
    /// Nodes and methods that order and consent would allow but a rule of this name forbids.
    pub(crate) ruled_out: Vec<(usize, Method, Arc<str>)>,
}

impl Eligible {
    /// Adds a node and method, on the side that the rules say.
    fn add(&mut self, world: &World, ask: &Ask, at: (usize, Method), way: (i64, Leg)) {
        let (node, method) = at;
        let (meters, leg) = way;
        let Some(found) = world.network.nodes().get(node) else {
            return;
        };
        match world.sites.group_rule(ask, &found.spec.node_id, at, meters) {
            Some(rule) => self.ruled_out.push((node, method, rule)),
            None => self.allowed.push((node, method, leg)),
        }
    }
}

impl Eligible {
    /// Adds what other nodes may send to the stores where the order may be collected.
    fn add_transfers(&mut self, world: &World, ask: &Ask) {
        let Some(transfers) = &world.policy.transfers else {
            return;
        };
        let nodes = world.network.nodes();
        let place = |node: &Node| (node.spec.latitude, node.spec.longitude);
        let stores: Vec<(usize, Leg)> = self.allowed.iter().map(|one| (one.0, one.2)).collect();
        for (store, leg) in stores {
            let Some(there) = nodes.get(store) else {
                continue;
            };
            for (index, node) in nodes.iter().enumerate() {
                let meters = meters_between(place(node), place(there));
                let sends = index != store
                    && transfers.from_kinds.contains(&node.spec.kind)
                    && meters <= transfers.reach_km * 1_000
                    && !is_excluded(ask, &node.spec.node_id);
                if sends {
                    let leg = Leg {
                        transfer: transfers.cost(meters),
                        sent: Some(Sent {
                            store,
                            seconds: transfers.seconds(meters),
                        }),
                        ..leg
                    };
                    self.add(world, ask, (index, Method::Transfer), (meters, leg));
                }
            }
        }
    }
}

/// Which node may do which method, with what its leg costs; and the customer's store.
pub(crate) fn allowed(world: &World, ask: &Ask) -> Eligible {
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
        Method::Pickup => {
            let known = ask.customer_node_id.as_deref();
            known
                .and_then(|node_id| world.network.index(node_id))
                .or_else(|| customer_store(world, ask, &meters))
        }
        Method::Ship | Method::Transfer => None,
    };
    let included = |index: &usize| {
        nodes
            .get(*index)
            .is_some_and(|n| !is_excluded(ask, &n.spec.node_id))
    };
    let mut eligible = Eligible {
        customer_node,
        ..Eligible::default()
    };
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
                let leg = Leg {
                    other_store_km,
                    ..Leg::default()
                };
                eligible.add(world, ask, (index, Method::Pickup), (distance, leg));
            }
        }
        eligible.add_transfers(world, ask);
    }
    let ships = match (ask.method, customer_node) {
        (Method::Ship | Method::Transfer, _) => true,
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
                pickup_shipped,
                ..Leg::default()
            };
            eligible.add(world, ask, (index, Method::Ship), (distance, leg));
        }
    }
    eligible
}

fn is_excluded(ask: &Ask, node_id: &str) -> bool {
    ask.excluded_node_ids
        .iter()
        .any(|excluded| excluded == node_id)
}

/// The nearest store in reach that is open before the promise, else the nearest in reach; none of
/// those where the rules allow no pickup.
fn customer_store(world: &World, ask: &Ask, meters: &[i64]) -> Option<usize> {
    let reach = world.policy.pickup_reach_km * 1000;
    let nodes = world.network.nodes();
    let in_reach = || {
        nodes
            .iter()
            .enumerate()
            .zip(meters)
            .filter(|((index, node), distance)| {
                let serves = node.spec.kind.is_pickup() && world.sites.is_pickup(*index);
                serves && **distance <= reach
            })
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
