//! Where the nodes of a network are in the ledger, looked up once for all plans in it.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bopis_ledger::LocationId;

use crate::counters::Counters;
use crate::network::Network;

/// No node.
const NO_NODE: u32 = u32::MAX;

/// Nodes and locations, both ways.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// By node; none: the ledger does not know its name yet.
    of_node: Vec<Option<LocationId>>,
    /// By location: the node.
    nodes: Vec<u32>,
    /// Whether the ledger knows all names.
    is_whole: bool,
}

impl Places {
    pub(crate) fn of(counters: &dyn Counters, network: &Network) -> Self {
        let nodes = network.nodes().iter();
        Self::new(nodes.map(|node| counters.location(&node.spec.node_id)))
    }

    fn new(of_node: impl Iterator<Item = Option<LocationId>>) -> Self {
        let of_node: Vec<Option<LocationId>> = of_node.collect();
        let last = of_node.iter().flatten().map(|location| location.0).max();
        let mut nodes = vec![NO_NODE; last.map_or(0, |last| last as usize + 1)];
        for (node, location) in of_node.iter().enumerate() {
            let slot = location.and_then(|location| nodes.get_mut(location.0 as usize));
            if let (Some(slot), Ok(node)) = (slot, u32::try_from(node)) {
                *slot = node;
            }
        }
        Self {
            is_whole: of_node.iter().all(Option::is_some),
            of_node,
            nodes,
        }
    }

    pub(crate) fn location(&self, node: usize) -> Option<LocationId> {
        self.of_node.get(node).copied().flatten()
    }

    /// The node at a location, if it is one of the network.
    pub(crate) fn node(&self, location: LocationId) -> Option<usize> {
        let node = *self.nodes.get(location.0 as usize)?;
        (node != NO_NODE).then_some(node as usize)
    }
}

/// The places of one network in one ledger. A name that the ledger learns later is found then; what
/// it stands for never changes.
#[derive(Debug, Default)]
pub(crate) struct KnownPlaces(ArcSwap<Places>);

impl KnownPlaces {
    pub(crate) fn of(&self, counters: &dyn Counters, network: &Network) -> Arc<Places> {
        let known = self.0.load_full();
        if known.is_whole && known.of_node.len() == network.nodes().len() {
            return known;
        }
        let now = Arc::new(Places::of(counters, network));
        if now.of_node != known.of_node {
            self.0.store(Arc::clone(&now));
        }
        now
    }
}
