//! What an index of stock chooses from is what a look at every node chooses from: the same problem for
//! the kernel, bit for bit, and the same plan, over random networks, stock, orders and policies.

use std::sync::Arc;

use bopis_sourcing::solve;
use hashbrown::HashSet;

use super::Stock;
use crate::ask::{Ask, AskLine, Closure, Consent, Method, Pin};
use crate::network::{
    meters_between, Catalog, Item, Network, NodeKind, NodeSpec, Window, WINDOW_S,
};
use crate::offers::{build, Offers};
use crate::plan::{plan_of, Plan};
use crate::policy::{CostCard, Policy, Transfers};
use crate::rules::{ItemRule, NodeRule, NodeSet, Rules};
use crate::supply::{Supply, TableSupply};
use crate::world::World;

const CASES: u64 = 1_500;
const SKUS: u64 = 6;
const NOW_S: i64 = 1_795_000_000 / WINDOW_S * WINDOW_S;

/// Numbers that a seed leads to (a linear congruential generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % end
    }

    fn between(&mut self, from: i64, to: i64) -> i64 {
        from + self.below((to - from) as u64) as i64
    }

    fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }
}

/// Tables, and dual prices of some cells; with an index of what is not 0, or without.
struct Priced<'a> {
    table: &'a TableSupply,
    prices: &'a HashSet<(usize, usize)>,
    is_indexed: bool,
}

impl Supply for Priced<'_> {
    fn units(&self, node: usize, line: usize) -> i64 {
        self.table.units(node, line)
    }

    fn stock(&self) -> Option<Vec<(usize, usize, i64)>> {
        let cells = self.table.units.iter();
        let cells = cells.map(|((node, line), units)| (*node, *line, *units));
        self.is_indexed
            .then(|| cells.filter(|(_, _, units)| *units != 0).collect())
    }

    fn seconds(&self, node: usize, window_start_s: i64) -> i64 {
        self.table.seconds(node, window_start_s)
    }

    fn unit_price(&self, node: usize, line: usize) -> i64 {
        i64::from(self.is_priced(node, line)) * 1_300_000
    }

    fn is_priced(&self, node: usize, line: usize) -> bool {
        self.prices.contains(&(node, line))
    }
}

fn node(dice: &mut Dice, number: u64) -> NodeSpec {
    let kinds = [
        NodeKind::Store,
        NodeKind::Store,
        NodeKind::DarkStore,
        NodeKind::Warehouse,
    ];
    let latitude = match dice.below(24) {
        0 => f64::NAN,
        1 => dice.between(-9_100, 9_100) as f64 / 100.0,
        _ => dice.between(3_950, 4_050) as f64 / 100.0,
    };
    let longitude = match dice.below(24) {
        0 => f64::INFINITY,
        1 => dice.between(-18_000, 18_000) as f64 / 100.0,
        _ => dice.between(-9_550, -9_450) as f64 / 100.0,
    };
    let opens_h = dice.between(0, 4);
    let windows = (opens_h..opens_h + dice.between(0, 8)).map(|hour| Window {
        start_s: NOW_S + hour * WINDOW_S,
        seconds: dice.between(0, 2) * WINDOW_S,
    });
    let windows = windows.collect();
    NodeSpec {
        node_id: format!("node-{number}"),
        kind: kinds[dice.below(4) as usize],
        latitude,
        longitude,
        region: ["north", "south"][dice.below(2) as usize].to_owned(),
        windows,
        pick_lines_per_hour: dice.between(10, 60),
    }
}

fn node_set(dice: &mut Dice) -> NodeSet {
    NodeSet {
        node_ids: (0..3).map(|_| format!("node-{}", dice.below(20))).collect(),
        kinds: Vec::new(),
        regions: ["north".to_owned()]
            .into_iter()
            .filter(|_| dice.one_in(2))
            .collect(),
        inverted: dice.one_in(4),
    }
}

fn rules(dice: &mut Dice) -> Rules {
    let node_rule = |dice: &mut Dice| NodeRule {
        name: "nodes".to_owned(),
        nodes: node_set(dice),
        ships: dice.one_in(2),
        pickup: dice.one_in(2),
        ship_floor: dice.between(0, 3),
        ship_km_max: dice.one_in(3).then_some(60),
    };
    let item_rule = |dice: &mut Dice| ItemRule {
        name: "items".to_owned(),
        sku: format!("sku-{}", dice.below(SKUS)),
        is_prefix: false,
        nodes: node_set(dice),
        only: dice.one_in(3),
        until_ms: None,
    };
    Rules {
        nodes_max: dice.one_in(4).then_some(2),
        ship_km_max: dice.one_in(4).then_some(80),
        nodes: (0..dice.below(2)).map(|_| node_rule(dice)).collect(),
        items: (0..dice.below(3)).map(|_| item_rule(dice)).collect(),
    }
}

fn policy(dice: &mut Dice) -> Policy {
    let transfers = Transfers {
        from_kinds: vec![NodeKind::Warehouse, NodeKind::Store],
        reach_km: 90,
        handling_s: 0,
        km_per_h: 60,
        receive_line_s: 120,
        source_micro: 500_000,
        km_micro: 2_000,
    };
    Policy {
        card: CostCard {
            ship_package_micro: 7_000_000,
            ship_km_micro: 30_000,
            ship_kg_micro: 1_200_000,
            pick_line_micro: 500_000,
            extra_group_micro: 2_000_000,
            other_store_km_micro: 250_000,
            pickup_shipped_micro: 3_000_000,
            late_hour_micro: 3_000_000,
            promise_broken_micro: 4_000_000,
            unfilled_share_bp: 4_500,
            unfilled_goodwill_micro: 6_000_000,
            opportunity_last_bp: 3_000,
            opportunity_next_two_bp: 1_000,
            opportunity_cap_micro: 6_000_000,
            opportunity_block_micro: 10_000_000 * i64::from(dice.one_in(2)),
        },
        unit_weight_g: 500,
        lead_time_ms: 3_600_000,
        pickup_reach_km: dice.between(0, 60),
        ship_when_out_of_reach: dice.one_in(2),
        late_windows_max_h: 6,
        span_windows_max: 3,
        opportunity_beside_duals: false,
        transfers: dice.one_in(5).then_some(transfers),
        rules: Arc::new(rules(dice)),
    }
}

fn world(dice: &mut Dice) -> World {
    let nodes = (0..dice.between(1, 90) as u64).map(|number| node(dice, number));
    let network = Network::new(nodes.collect());
    let mut catalog = Catalog::default();
    let item = |sku| {
        let item = Item {
            unit_price_micro: 10_000_000,
            weight_g: 400,
        };
        (format!("sku-{sku}"), item)
    };
    catalog.put((0..SKUS - 1).map(item));
    World::new(Arc::new(network), Arc::new(catalog), policy(dice))
}

fn ask(dice: &mut Dice) -> Ask {
    let line = |dice: &mut Dice, number: i32| AskLine {
        line_number: number,
        sku: format!("sku-{}", dice.below(SKUS)),
        quantity: dice.between(1, 4),
        unit_price_micro: 9_000_000,
    };
    let name = |dice: &mut Dice| format!("node-{}", dice.below(30));
    let pin = dice.one_in(8).then(|| Pin {
        node_id: dice.one_in(2).then(|| name(dice)),
        method: dice.one_in(2).then_some(Method::Ship),
    });
    let closed = (0..dice.below(2)).map(|_| Closure {
        node_id: name(dice),
        method: None,
        after_s: NOW_S,
        until_s: NOW_S + dice.between(1, 9) * WINDOW_S,
        rule: "closed".to_owned(),
    });
    let closed = closed.collect();
    Ask {
        order_id: "order".to_owned(),
        method: [Method::Pickup, Method::Pickup, Method::Ship][dice.below(3) as usize],
        latitude: dice.between(3_950, 4_050) as f64 / 100.0,
        longitude: dice.between(-9_550, -9_450) as f64 / 100.0,
        lines: (1..=dice.between(1, 6) as i32)
            .map(|number| line(dice, number))
            .collect(),
        now_ms: (NOW_S + 900) * 1_000,
        promise_ms: (NOW_S + dice.between(1, 8) * WINDOW_S) * 1_000,
        consent: Consent {
            other_store_km: dice.between(0, 60),
            ship_home: dice.one_in(2),
        },
        all_or_nothing: dice.one_in(6),
        excluded_node_ids: (0..dice.below(3)).map(|_| name(dice)).collect(),
        pickup_only_at: dice.one_in(8).then(|| name(dice)),
        customer_node_id: dice.one_in(8).then(|| name(dice)),
        pin,
        closed,
        weight_percent: 100,
    }
}

/// Stock of some SKUs at some nodes, of others at all; a few cells owe units.
fn table(dice: &mut Dice, world: &World, ask: &Ask) -> TableSupply {
    let mut table = TableSupply::default();
    for (node, found) in world.network.nodes().iter().enumerate() {
        for sku in 0..SKUS {
            let units = match dice.below(2 + 2 * sku) {
                0 => dice.between(1, 6),
                1 if dice.one_in(4) => dice.between(-3, 1),
                _ => 0,
            };
            let name = format!("sku-{sku}");
            let lines = ask.lines.iter().enumerate();
            for (line, _) in lines.filter(|(_, line)| line.sku == name) {
                table.units.insert((node, line), units);
            }
        }
        for window in &found.spec.windows {
            let seconds = dice.between(0, window.seconds + 1);
            table.seconds.insert((node, window.start_s), seconds);
        }
    }
    table
}

fn planned(world: &World, ask: &Ask, offers: &Offers) -> Plan {
    plan_of(world, ask, offers, &solve(&offers.problem, 20_000), false)
}

#[test]
fn an_index_and_a_look_at_every_node_give_the_same_problem_and_plan() {
    let (mut offered, mut filled, mut spared) = (0, 0, 0);
    for seed in 0..CASES {
        let mut dice = Dice(seed);
        let (world, ask) = (world(&mut dice), ask(&mut dice));
        let table = table(&mut dice, &world, &ask);
        let nodes = world.network.nodes().len();
        let mut prices = HashSet::new();
        if dice.one_in(3) {
            let cell =
                |dice: &mut Dice| (dice.below(nodes as u64) as usize, dice.below(6) as usize);
            prices.extend((0..nodes).map(|_| cell(&mut dice)));
        }
        let supply = |is_indexed| Priced {
            table: &table,
            prices: &prices,
            is_indexed,
        };
        let plain = build(&world, &ask, &supply(false), true).unwrap();
        let indexed = build(&world, &ask, &supply(true), true).unwrap();
        assert_eq!(
            format!("{:?}", plain.offers),
            format!("{:?}", indexed.offers),
            "seed {seed}"
        );
        assert_eq!(plain.customer_node, indexed.customer_node, "seed {seed}");
        if !plain.offers.is_empty() {
            assert_eq!(plain.problem, indexed.problem, "seed {seed}");
        }
        let plan = planned(&world, &ask, &plain);
        assert_eq!(plan, planned(&world, &ask, &indexed), "seed {seed}");
        for node in 0..nodes {
            for line in 0..ask.lines.len() {
                assert_eq!(
                    plain.stock.units(node, line),
                    indexed.stock.units(node, line)
                );
            }
        }
        offered += plain.offers.len();
        filled += usize::from(!plan.groups.is_empty());
        spared += nodes - indexed.stock.nodes().count();
    }
    assert!(offered > 10_000, "{offered} facilities");
    assert!(filled > 500, "{filled} plans fill something");
    assert!(spared > 10_000, "{spared} nodes were left out");
}

/// The customer's store by a look at every node.
fn customer_store(world: &World, ask: &Ask) -> Option<usize> {
    let near = |open: bool| {
        let nodes = world.network.nodes().iter().enumerate();
        let in_reach = nodes.filter_map(|(index, node)| {
            let place = (node.spec.latitude, node.spec.longitude);
            let meters = meters_between((ask.latitude, ask.longitude), place);
            let serves = node.spec.kind.is_pickup() && world.sites.is_pickup(index);
            let is_open = node.spec.windows.iter().any(|window| {
                let end_ms = (window.start_s + WINDOW_S) * 1_000;
                let begins_later = window.start_s * 1_000 >= ask.now_ms;
                window.seconds > 0 && begins_later && end_ms <= ask.promise_ms
            });
            let in_reach = meters <= world.policy.pickup_reach_km * 1_000;
            (serves && in_reach && (is_open || !open)).then_some((meters, index))
        });
        in_reach.min().map(|(_, index)| index)
    };
    near(true).or_else(|| near(false))
}

#[test]
fn the_customers_store_is_the_nearest_of_all() {
    let mut found = 0;
    for seed in 0..4 * CASES {
        let mut dice = Dice(seed);
        let (world, mut ask) = (world(&mut dice), ask(&mut dice));
        (ask.method, ask.customer_node_id) = (Method::Pickup, None);
        if dice.one_in(10) {
            ask.latitude = f64::NAN;
        }
        let own = crate::eligible::allowed(&world, &ask).customer_node;
        assert_eq!(own, customer_store(&world, &ask), "seed {seed}");
        found += usize::from(own.is_some());
    }
    assert!(found > 1_000, "{found} stores");
}

#[test]
fn rows_are_of_the_nodes_that_have_units_and_the_later_of_two_counts() {
    let cells = [(200, 1, 5), (3, 0, 2), (64, 0, 7), (200, 1, 4), (63, 1, -1)];
    let stock = Stock::of_cells((201, 2), &cells);
    assert_eq!(stock.nodes().collect::<Vec<_>>(), [3, 63, 64, 200]);
    assert_eq!(stock.column(0).collect::<Vec<_>>(), [2, 0, 7, 0]);
    assert_eq!(stock.column(1).collect::<Vec<_>>(), [0, -1, 0, 4]);
    assert_eq!(
        (stock.row(64), stock.row(65), stock.row(900)),
        (Some(2), None, None)
    );
    assert_eq!(
        (stock.units(200, 1), stock.units(200, 2), stock.units(5, 0)),
        (4, 0, 0)
    );
    assert_eq!(Stock::of_cells((201, 2), &stock.cells()), stock);
}
