//! Nodes with their labor windows, and items.

use std::f64::consts::FRAC_PI_2;
use std::sync::Arc;

use hashbrown::HashMap;

/// Mean radius of the earth in meters.
const EARTH_RADIUS_M: f64 = 6_371_008.8;
/// Seconds of a labor window: a full UTC hour.
pub(crate) const WINDOW_S: i64 = 3_600;

/// What kind of node it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeKind {
    /// Customers shop and collect there.
    Store,
    /// Customers collect there.
    DarkStore,
    /// Ships only.
    MicroFulfillmentCenter,
    /// Ships only.
    Warehouse,
}

impl NodeKind {
    /// Whether customers collect there.
    #[must_use]
    pub fn is_pickup(self) -> bool {
        matches!(self, Self::Store | Self::DarkStore)
    }
}

/// An open hour. What is free in it is in the ledger, not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Start of the full UTC hour, Unix seconds.
    pub start_s: i64,
    /// Seconds that the node offers in it.
    pub seconds: i64,
}

/// A node as it is loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeSpec {
    /// Its id.
    pub node_id: String,
    /// What kind of node it is.
    pub kind: NodeKind,
    /// Degrees north.
    pub latitude: f64,
    /// Degrees east.
    pub longitude: f64,
    /// Region of its place; may be empty.
    pub region: String,
    /// Lines that its associates pick in an hour, at least 1.
    pub pick_lines_per_hour: i64,
    /// Open hours.
    pub windows: Vec<Window>,
}

/// A node.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// As loaded, with windows in rising order.
    pub spec: NodeSpec,
    /// Labor seconds of one line: 3600 / lines an hour, rounded up.
    pub line_seconds: i64,
    pub(crate) place: Place,
}

/// All nodes; a node's index is its place in the order of loading.
#[derive(Clone, Debug, Default)]
pub struct Network {
    nodes: Vec<Node>,
    by_id: HashMap<String, usize>,
    /// Nodes where customers collect, from south to north.
    pickup: Vec<usize>,
    /// Those whose place is none on a globe.
    unplaced: Vec<usize>,
}

impl Network {
    /// Takes over nodes; of two with one id the later replaces the earlier.
    #[must_use]
    pub fn new(specs: Vec<NodeSpec>) -> Self {
        let mut network = Self::default();
        for mut spec in specs {
            spec.windows.sort_unstable_by_key(|w| w.start_s);
            spec.windows.dedup_by_key(|w| w.start_s);
            let rate = spec.pick_lines_per_hour.max(1);
            let node = Node {
                line_seconds: (WINDOW_S + rate - 1) / rate,
                place: Place::of(spec.latitude, spec.longitude),
                spec,
            };
            match network
                .by_id
                .get(&node.spec.node_id)
                .and_then(|i| network.nodes.get_mut(*i))
            {
                Some(known) => *known = node,
                None => {
                    network
                        .by_id
                        .insert(node.spec.node_id.clone(), network.nodes.len());
                    network.nodes.push(node);
                }
            }
        }
        network.sort_pickup();
        network
    }

    fn sort_pickup(&mut self) {
        let latitude = |index: &usize| self.nodes.get(*index).map_or(0.0, |n| n.place.latitude);
        let pickup = self.nodes.iter().enumerate();
        let pickup = pickup.filter(|(_, node)| node.spec.kind.is_pickup());
        let (mut placed, unplaced): (Vec<usize>, Vec<usize>) =
            pickup.map(|(index, _)| index).partition(|index| {
                self.nodes
                    .get(*index)
                    .is_some_and(|n| n.place.is_on_globe())
            });
        placed.sort_by(|one, other| latitude(one).total_cmp(&latitude(other)));
        (self.pickup, self.unplaced) = (placed, unplaced);
    }

    /// Every node where customers collect that is at most so many meters from a place, and others;
    /// in no order.
    pub(crate) fn pickup_near(
        &self,
        place: &Place,
        meters_max: i64,
    ) -> impl Iterator<Item = (usize, &Node)> {
        // No way is shorter than that from one parallel to the other; a meter for rounding.
        #[expect(
            clippy::cast_precision_loss,
            reason = "distances on a globe have 25 bits"
        )]
        let radians = meters_max.max(0).saturating_add(1) as f64 / EARTH_RADIUS_M;
        let (south, north) = if place.is_on_globe() {
            (place.latitude - radians, place.latitude + radians)
        } else {
            (f64::NEG_INFINITY, f64::INFINITY)
        };
        let is_below = |index: &usize, limit: f64| {
            let node = self.nodes.get(*index);
            node.is_some_and(|node| node.place.latitude < limit)
        };
        let first = self.pickup.partition_point(|index| is_below(index, south));
        let band = self.pickup.get(first..).unwrap_or(&[]).iter();
        let band = band.take_while(move |index| is_below(index, north));
        let found = band.chain(&self.unplaced);
        found.filter_map(|index| Some((*index, self.nodes.get(*index)?)))
    }

    /// In the order of loading.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Index of a node.
    #[must_use]
    pub fn index(&self, node_id: &str) -> Option<usize> {
        self.by_id.get(node_id).copied()
    }
}

/// An item of the catalog.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// Price of a unit (micro-units).
    pub unit_price_micro: i64,
    /// Weight of a unit; 0: unknown.
    pub weight_g: i64,
}

/// The catalog by SKU. Versions share what they have in common: a copy costs a few pointers, and an
/// import of many messages copies each item a few times in all.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    /// Later ones count; each holds at least twice as many items as the next.
    layers: Vec<Arc<HashMap<Arc<str>, Item>>>,
    currency: Option<Arc<str>>,
}

impl Catalog {
    /// Adds or replaces items.
    pub fn put(&mut self, items: impl IntoIterator<Item = (String, Item)>) {
        let mut newest: HashMap<Arc<str>, Item> = items
            .into_iter()
            .map(|(sku, item)| (sku.into(), item))
            .collect();
        if newest.is_empty() {
            return;
        }
        while let Some(older) = self.layers.pop_if(|last| last.len() < 2 * newest.len()) {
            let mut merged = Arc::unwrap_or_clone(older);
            merged.extend(newest);
            newest = merged;
        }
        self.layers.push(Arc::new(newest));
    }

    /// Names the currency of all prices: the first one named stays.
    pub fn name_currency(&mut self, currency: &str) {
        if self.currency.is_none() && !currency.is_empty() {
            self.currency = Some(currency.into());
        }
    }

    /// The currency of all prices; empty while there is none.
    #[must_use]
    pub fn currency(&self) -> &str {
        self.currency.as_deref().unwrap_or_default()
    }

    /// An item.
    #[must_use]
    pub fn get(&self, sku: &str) -> Option<Item> {
        let layers = self.layers.iter().rev();
        layers.filter_map(|layer| layer.get(sku).copied()).next()
    }
}

/// Where something is, with what every distance from it needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Place {
    /// Radians.
    latitude: f64,
    cos_latitude: f64,
    /// Degrees.
    longitude: f64,
}

impl Place {
    /// Degrees north and east in WGS 84.
    pub(crate) fn of(latitude: f64, longitude: f64) -> Self {
        let latitude = latitude.to_radians();
        Self {
            latitude,
            cos_latitude: latitude.cos(),
            longitude,
        }
    }

    /// Whether the distance grows with the difference in latitude at least.
    fn is_on_globe(&self) -> bool {
        self.latitude.abs() <= FRAC_PI_2 && self.longitude.is_finite()
    }

    /// See [`meters_between`].
    pub(crate) fn meters_to(&self, to: &Self) -> i64 {
        let half_lat = ((to.latitude - self.latitude) / 2.0).sin();
        let half_lon = ((to.longitude - self.longitude).to_radians() / 2.0).sin();
        let across = self.cos_latitude * to.cos_latitude * half_lon * half_lon;
        let chord = half_lat * half_lat + across;
        let meters = 2.0 * EARTH_RADIUS_M * chord.clamp(0.0, 1.0).sqrt().asin();
        // At most 20,015,114 m, so the cast keeps every value; NaN becomes 0.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "bounded by half of the circumference"
        )]
        let whole = meters.round() as i64;
        whole
    }
}

/// Great-circle distance (haversine) in whole meters, rounded; degrees in WGS 84. 0 for NaN.
#[must_use]
pub fn meters_between(from: (f64, f64), to: (f64, f64)) -> i64 {
    Place::of(from.0, from.1).meters_to(&Place::of(to.0, to.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_import_of_many_messages_copies_each_item_a_few_times() {
        const MESSAGES: usize = 4_000;
        const ITEMS: usize = 25;
        let mut catalog = Catalog::default();
        let start = std::time::Instant::now();
        for message in 0..MESSAGES {
            // The planner still looks at the version before.
            let in_use = catalog.clone();
            let item = |index| {
                let price = i64::try_from(message).unwrap();
                let item = Item {
                    unit_price_micro: price,
                    weight_g: 0,
                };
                (format!("sku-{}", message * ITEMS + index), item)
            };
            catalog.put((0..ITEMS).map(item));
            assert!(in_use.get(&format!("sku-{}", message * ITEMS)).is_none());
        }
        // Copying the whole catalog for each message would move 200 million items.
        assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
        for sku in [0, 1, 777, MESSAGES * ITEMS - 1] {
            let item = catalog.get(&format!("sku-{sku}")).unwrap();
            assert_eq!(item.unit_price_micro, i64::try_from(sku / ITEMS).unwrap());
        }
    }

    #[test]
    fn the_latest_version_of_an_item_counts() {
        let mut catalog = Catalog::default();
        for price in 0..50 {
            let item = |unit_price_micro| Item {
                unit_price_micro,
                weight_g: 0,
            };
            let others = (0..price).map(|n| (format!("{price}-{n}"), item(7)));
            catalog.put(others.chain([("a".to_owned(), item(price))]));
            assert_eq!(catalog.get("a").unwrap().unit_price_micro, price);
        }
    }
}
