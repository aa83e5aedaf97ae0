//! Small random orders over four nodes, three SKUs and a few hours.

use std::sync::Arc;

use bopis_promise::{
    Ask, Catalog, Consent, ExplainAsk, Explained, Item, Method, Network, NodeKind, Plan, Rules,
    TableSupply, World,
};

use crate::town::{self, in_force, node, policy, Dice, HOUR_S, NOON_S};

pub const NODES: [(&str, NodeKind, f64); 4] = [
    ("near", NodeKind::Store, 0.01),
    ("mid", NodeKind::Store, 0.1),
    ("far", NodeKind::Store, 0.3),
    ("depot", NodeKind::Warehouse, 5.0),
];
pub const SKUS: [&str; 3] = ["a", "b", "c"];
/// Open hours; the promise is after the second, the last that may be used the fourth.
pub const HOURS: i64 = 4;

pub struct Case {
    pub world: World,
    pub ask: Ask,
    pub supply: TableSupply,
}

/// Work within which every case is explained to the end.
pub const WORK: u64 = 10_000_000;

impl Case {
    pub fn best(&self) -> Plan {
        town::best(&self.world, &self.ask, &self.supply)
    }

    /// Explains `chosen` as the plan in force.
    pub fn explain(&self, chosen: &Plan, work_limit: u64) -> Explained {
        let asked = ExplainAsk {
            ask: self.ask.clone(),
            in_force: in_force(chosen),
            plans_max: 10,
            nodes_max: 10,
            flips_max: 100,
            relaxations_max: 100,
            opportunity: true,
        };
        self.world
            .explain(&asked, &self.supply, work_limit)
            .unwrap()
    }
}

fn plain_world() -> World {
    let specs = NODES.map(|(name, kind, latitude)| node(name, kind, latitude, 60, 0..HOURS));
    let mut catalog = Catalog::default();
    let item = Item {
        unit_price_micro: 10_000_000,
        weight_g: 0,
    };
    catalog.put(SKUS.map(|sku| (sku.to_owned(), item)));
    let mut policy = policy();
    policy.span_windows_max = 1;
    policy.late_windows_max_h = 2;
    policy.card.opportunity_last_bp = 0;
    policy.card.opportunity_next_two_bp = 0;
    policy.card.opportunity_cap_micro = 0;
    policy.card.opportunity_block_micro = 0;
    World::new(
        Arc::new(Network::new(specs.into())),
        Arc::new(catalog),
        policy,
    )
}

pub fn random_case(seed: u64) -> Case {
    let mut dice = Dice(seed);
    let mut world = plain_world();
    let rules = Rules {
        nodes_max: (dice.below(4) == 0).then_some(1),
        ship_km_max: (dice.below(4) == 0).then_some(100),
        ..Default::default()
    };
    world.policy.rules = Arc::new(rules);
    let world = World::new(world.network, world.catalog, world.policy);
    let count = 1 + dice.below(3) as usize;
    let method = dice.one_of(&[Method::Pickup, Method::Ship]);
    let quantity = |dice: &mut Dice| 1 + dice.below(2);
    let lines: Vec<(&str, i64)> = (0..count).map(|l| (SKUS[l], quantity(&mut dice))).collect();
    let mut ask = town::ask(method, &lines);
    ask.promise_ms = (NOON_S + 2 * HOUR_S) * 1_000;
    ask.customer_node_id = Some("near".to_owned());
    ask.consent = Consent {
        other_store_km: dice.one_of(&[0, 15, 40]),
        ship_home: dice.below(2) == 0,
    };
    let mut supply = TableSupply::default();
    for place in 0..NODES.len() {
        for line in 0..count {
            supply.units.insert((place, line), dice.below(3));
        }
        for hour in 0..HOURS {
            let seconds = dice.one_of(&[0, 59, 60, 130, 3_600]);
            supply
                .seconds
                .insert((place, NOON_S + hour * HOUR_S), seconds);
        }
    }
    Case { world, ask, supply }
}
