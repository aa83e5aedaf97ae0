//! Which node may do which method for an ask, by the rules alone: before stock and labor.

use std::sync::Arc;

use bopis_sourcing::distance_cost;

use crate::ask::{Ask, Method};
use crate::network::{Node, Place, WINDOW_S};
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
        let stores: Vec<(usize, Leg)> = self.allowed.iter().map(|one| (one.0, one.2)).collect();
        for (store, leg) in stores {
            let Some(there) = nodes.get(store) else {
                continue;
            };
            for (index, node) in nodes.iter().enumerate() {
                let meters = node.place.meters_to(&there.place);
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
    let nodes: Vec<usize> = (0..world.network.nodes().len()).collect();
    allowed_of(world, ask, &nodes)
}

/// The same with only some of the nodes, in rising order; the customer's store may be another one.
pub(crate) fn allowed_of(world: &World, ask: &Ask, among: &[usize]) -> Eligible {
    let home = Place::of(ask.latitude, ask.longitude);
    let nodes: Vec<(usize, &Node, i64)> = among
        .iter()
        .filter_map(|index| Some((*index, world.network.nodes().get(*index)?)))
        .filter(|(_, node)| !is_excluded(ask, &node.spec.node_id))
        .map(|(index, node)| (index, node, home.meters_to(&node.place)))
        .collect();
    let customer_node = match ask.method {
        Method::Pickup => {
            let known = ask.customer_node_id.as_deref();
            known
                .and_then(|node_id| world.network.index(node_id))
                .or_else(|| customer_store(world, ask, &home))
        }
        Method::Ship | Method::Transfer => None,
    };
    let mut eligible = Eligible {
        customer_node,
        allowed: Vec::with_capacity(nodes.len()),
        ruled_out: Vec::new(),
    };
    if let Some(own) = customer_node {
        eligible.add_pickups(world, ask, own, &nodes);
        eligible.add_transfers(world, ask);
    }
    let ships = match (ask.method, customer_node) {
        (Method::Ship | Method::Transfer, _) => true,
        (Method::Pickup, Some(_)) => ask.consent.ship_home,
        (Method::Pickup, None) => world.policy.ship_when_out_of_reach || ask.consent.ship_home,
    };
    if ships {
        eligible.add_shipping(world, ask, &nodes);
    }
    eligible
}

impl Eligible {
    /// Adds where the order may be collected; `own`: the customer's store.
    fn add_pickups(&mut self, world: &World, ask: &Ask, own: usize, nodes: &[(usize, &Node, i64)]) {
        let home = Place::of(ask.latitude, ask.longitude);
        let own_node = world.network.nodes().get(own);
        let own_meters = own_node.map_or(0, |node| home.meters_to(&node.place));
        let other_max = ask.consent.other_store_km.min(world.policy.pickup_reach_km) * 1000;
        for (index, node, meters) in nodes {
            let named = match &ask.pickup_only_at {
                Some(only) => *only == node.spec.node_id,
                None => *index == own || *meters <= other_max,
            };
            if node.spec.kind.is_pickup() && named {
                let other_store_km = other_store_cost(world, own_meters, *meters);
                let leg = Leg {
                    other_store_km,
                    ..Leg::default()
                };
                self.add(world, ask, (*index, Method::Pickup), (*meters, leg));
            }
        }
    }

    /// Adds who may ship.
    fn add_shipping(&mut self, world: &World, ask: &Ask, nodes: &[(usize, &Node, i64)]) {
        let card = &world.policy.card;
        let pickup_shipped = self.customer_node.map_or(0, |_| card.pickup_shipped_micro);
        for (index, _, meters) in nodes {
            let leg = Leg {
                ship_package: card.ship_package_micro,
                ship_km: distance_cost(card.ship_km_micro, *meters),
                pickup_shipped,
                ..Leg::default()
            };
            self.add(world, ask, (*index, Method::Ship), (*meters, leg));
        }
    }
}

fn is_excluded(ask: &Ask, node_id: &str) -> bool {
    ask.excluded_node_ids
        .iter()
        .any(|excluded| excluded == node_id)
}

/// The nearest store in reach that is open before the promise, else the nearest in reach; none of
/// those where the rules allow no pickup.
fn customer_store(world: &World, ask: &Ask, home: &Place) -> Option<usize> {
    let reach = world.policy.pickup_reach_km * 1000;
    let open_before = |node: &Node| {
        node.spec.windows.iter().any(|w| {
            w.seconds > 0
                && w.start_s * 1000 >= ask.now_ms
                && (w.start_s + WINDOW_S) * 1000 <= ask.promise_ms
        })
    };
    let near = world.network.pickup_near(home, reach);
    let near = near.filter(|(index, _)| world.sites.is_pickup(*index));
    let in_reach = near
        .map(|(index, node)| (home.meters_to(&node.place), index, node))
        .filter(|(meters, _, _)| *meters <= reach);
    // Who is open goes first.
    let ranked = in_reach.map(|(meters, index, node)| (!open_before(node), meters, index));
    ranked.min().map(|(_, _, index)| index)
}
