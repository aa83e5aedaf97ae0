//! A small country for tests: a town with three stores, a dark store, and a warehouse far off.

use std::sync::Arc;

use bopis_promise::{
    Ask, AskLine, Catalog, Consent, CostCard, Item, Method, Network, NodeKind, NodeSpec, Plan,
    Policy, QuotedGroup, TableSupply, Transfers, UnfilledReason, Window, World,
};

pub const HOUR_S: i64 = 3_600;
/// A full hour in 2026, Unix seconds.
pub const NOON_S: i64 = 1_795_000_000 / HOUR_S * HOUR_S;

pub const PLENTY: i64 = 50;

pub fn policy() -> Policy {
    Policy {
        card: CostCard {
            ship_package_micro: 7_000_000,
            ship_km_micro: 3_000,
            ship_kg_micro: 1_200_000,
            pick_line_micro: 500_000,
            extra_group_micro: 2_000_000,
            other_store_km_micro: 250_000,
            pickup_shipped_micro: 3_000_000,
            late_hour_micro: 3_000_000,
            promise_broken_micro: 24_000_000,
            unfilled_share_bp: 4_500,
            unfilled_goodwill_micro: 6_000_000,
            opportunity_last_bp: 3_000,
            opportunity_next_two_bp: 1_000,
            opportunity_cap_micro: 6_000_000,
            opportunity_block_micro: 10_000_000,
        },
        unit_weight_g: 500,
        lead_time_ms: 3_600_000,
        pickup_reach_km: 40,
        ship_when_out_of_reach: true,
        late_windows_max_h: 48,
        span_windows_max: 3,
        opportunity_beside_duals: false,
        transfers: None,
        rules: Arc::default(),
    }
}

/// Transfers from warehouses and dark stores.
pub fn transfers() -> Transfers {
    Transfers {
        from_kinds: vec![NodeKind::Warehouse, NodeKind::DarkStore],
        reach_km: 300,
        handling_s: 1_800,
        km_per_h: 60,
        receive_line_s: 30,
        source_micro: 2_500_000,
        km_micro: 2_000,
    }
}

pub fn node(
    node_id: &str,
    kind: NodeKind,
    latitude: f64,
    rate: i64,
    open_h: std::ops::Range<i64>,
) -> NodeSpec {
    NodeSpec {
        node_id: node_id.to_owned(),
        kind,
        latitude,
        longitude: 0.0,
        region: String::new(),
        pick_lines_per_hour: rate,
        windows: open_h
            .map(|h| Window {
                start_s: NOON_S + h * HOUR_S,
                seconds: HOUR_S,
            })
            .collect(),
    }
}

/// Nodes 0 to 4: "near" (1.1 km), "mid" (11 km), "far" (33 km), "dark" (22 km), "depot" (556 km).
pub fn world() -> World {
    let nodes = vec![
        node("near", NodeKind::Store, 0.01, 60, 0..60),
        node("mid", NodeKind::Store, 0.1, 60, 0..60),
        node("far", NodeKind::Store, 0.3, 60, 0..60),
        node("dark", NodeKind::DarkStore, 0.2, 60, 0..60),
        node("depot", NodeKind::Warehouse, 5.0, 600, 0..60),
    ];
    let mut catalog = Catalog::default();
    let price = Item {
        unit_price_micro: 10_000_000,
        weight_g: 0,
    };
    catalog.put(["a", "b", "c", "d"].map(|sku| (sku.to_owned(), price)));
    World::new(Arc::new(Network::new(nodes)), Arc::new(catalog), policy())
}

pub fn ask(method: Method, lines: &[(&str, i64)]) -> Ask {
    Ask {
        order_id: "order-1".to_owned(),
        method,
        latitude: 0.0,
        longitude: 0.0,
        lines: lines
            .iter()
            .enumerate()
            .map(|(index, (sku, quantity))| AskLine {
                line_number: index as i32 + 1,
                sku: (*sku).to_owned(),
                quantity: *quantity,
                unit_price_micro: 10_000_000,
            })
            .collect(),
        now_ms: NOON_S * 1_000,
        promise_ms: (NOON_S + 4 * HOUR_S) * 1_000,
        consent: Consent {
            other_store_km: 40,
            ship_home: true,
        },
        all_or_nothing: false,
        excluded_node_ids: Vec::new(),
        pickup_only_at: None,
        customer_node_id: None,
        pin: None,
        closed: Vec::new(),
        weight_percent: 100,
    }
}

/// Units by (node, line) as given; every open hour free.
pub fn supply(world: &World, units: &[((usize, usize), i64)]) -> TableSupply {
    let mut table = TableSupply::default();
    table.units.extend(units.iter().copied());
    for (index, node) in world.network.nodes().iter().enumerate() {
        for window in &node.spec.windows {
            table
                .seconds
                .insert((index, window.start_s), window.seconds);
        }
    }
    table
}

/// Plenty of the first line at every node.
pub fn everywhere(world: &World) -> TableSupply {
    let units: Vec<_> = (0..5).map(|node| ((node, 0), PLENTY)).collect();
    supply(world, &units)
}

pub fn best(world: &World, ask: &Ask, supply: &TableSupply) -> Plan {
    world.best_plans(ask, supply, 1, 100_000).unwrap().remove(0)
}

pub fn nodes(plan: &Plan) -> Vec<(&str, Method)> {
    plan.groups
        .iter()
        .map(|g| (g.node_id.as_str(), g.method))
        .collect()
}

pub fn reasons(plan: &Plan) -> Vec<(i32, UnfilledReason)> {
    plan.unfilled
        .iter()
        .map(|u| (u.line_number, u.reason))
        .collect()
}

/// A plan's groups as those that an order is held by.
pub fn in_force(plan: &Plan) -> Vec<QuotedGroup> {
    let groups = plan.groups.iter();
    groups
        .map(|group| QuotedGroup {
            node_id: group.node_id.clone(),
            method: group.method,
            line_numbers: group.line_numbers.clone(),
            window_start_s: group.window_start_s,
            ready_s: group.ready_s,
        })
        .collect()
}

/// Numbers that a seed leads to (a linear congruential generator).
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, bound: i64) -> i64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as i64 % bound
    }

    pub fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as i64) as usize]
    }
}
