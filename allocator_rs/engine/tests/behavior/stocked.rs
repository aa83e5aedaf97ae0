//! Where an item has units, by the ring of its cells, beside what each cell says.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use bopis_engine::Engine;
use bopis_ledger::{Command, ItemId, LocationId, ReservationId};

use crate::support::{act, adjust, done, hold, key, memory, register};

const NODES: u32 = 40;
const SKUS: u32 = 5;

/// What the ring says; of a location that comes twice the later.
fn by_ring(engine: &Engine, sku: u32) -> BTreeMap<LocationId, i64> {
    engine.stocked(key(0, sku).item).into_iter().collect()
}

/// The same, each cell asked for.
fn by_cell(engine: &Engine, sku: u32) -> BTreeMap<LocationId, i64> {
    let cells = (0..NODES).map(|node| (key(node, sku).location, engine.atp(key(node, sku))));
    cells.filter(|(_, atp)| *atp != 0).collect()
}

fn set(node: u32, sku: u32, on_hand: i64) -> Command {
    Command::SetOnHand {
        cell: key(node, sku),
        on_hand,
    }
}

/// Numbers that a seed leads to (a linear congruential generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        ((self.0 >> 33) % u64::from(end)) as u32
    }
}

#[test]
fn an_item_is_found_where_it_is_whatever_came_and_went() {
    for seed in 0..4 {
        let engine = memory();
        register(&engine, NODES, SKUS);
        let mut dice = Dice(seed);
        let mut held: Vec<u128> = Vec::new();
        for number in 0..1_500_u128 {
            let (node, sku) = (dice.below(NODES), dice.below(SKUS));
            let command = match dice.below(8) {
                0..=2 => set(node, sku, 0),
                3 | 4 => set(node, sku, i64::from(dice.below(4))),
                5 => adjust(key(node, sku), 1),
                6 => {
                    held.push(number);
                    hold(number, key(node, sku), 1, 60_000)
                }
                _ => match held.pop() {
                    Some(id) => Command::Release {
                        reservation: ReservationId(id),
                        lines: None,
                    },
                    None => continue,
                },
            };
            done(&engine, act(number + 10, vec![command]));
            assert_eq!(
                by_ring(&engine, sku),
                by_cell(&engine, sku),
                "seed {seed}, act {number}"
            );
        }
        for sku in 0..SKUS {
            assert_eq!(by_ring(&engine, sku), by_cell(&engine, sku), "seed {seed}");
        }
    }
}

#[test]
fn a_node_whose_last_unit_went_is_found_again_when_units_come_back() {
    let engine = memory();
    register(&engine, 3, 1);
    for (number, on_hand) in [5, 0, 7, 0, 2].into_iter().enumerate() {
        let commands = (0..3).map(|node| set(node, 0, on_hand)).collect();
        done(&engine, act(number as u128 + 1, commands));
        let found = by_ring(&engine, 0);
        let expected = if on_hand == 0 { 0 } else { 3 };
        assert_eq!(found.len(), expected, "{on_hand} units: {found:?}");
        assert!(found.values().all(|atp| *atp == on_hand));
    }
}

#[test]
fn nobody_overlooks_a_node_that_has_units_while_others_sell_out_and_fill() {
    let engine = memory();
    register(&engine, NODES, 1);
    let steady = |node: u32| node % 4 == 1;
    let stock = (0..NODES).map(|node| set(node, 0, 9)).collect();
    done(&engine, act(1, stock));
    let stop = Arc::new(AtomicBool::new(false));
    let (other, stopped) = (engine.clone(), Arc::clone(&stop));
    let writer = thread::spawn(move || {
        let mut dice = Dice(7);
        for number in 2.. {
            if stopped.load(Ordering::Relaxed) {
                return;
            }
            let nodes = (0..8)
                .map(|_| dice.below(NODES))
                .filter(|node| !steady(*node));
            let nodes: Vec<u32> = nodes.collect();
            let facts = nodes
                .into_iter()
                .map(|node| set(node, 0, i64::from(dice.below(2))));
            let facts: Vec<Command> = facts.collect();
            if !facts.is_empty() {
                done(&other, act(number, facts));
            }
        }
    });
    let always: Vec<LocationId> = (0..NODES)
        .filter(|node| steady(*node))
        .map(|node| key(node, 0).location)
        .collect();
    let item: ItemId = key(0, 0).item;
    let (mut moved, mut last, mut turn) = (0, 0, 0_u64);
    let deadline = Instant::now() + Duration::from_secs(30);
    while moved < 500 {
        turn += 1;
        let found = engine.stocked(item);
        for location in &always {
            assert!(found.contains(&(*location, 9)), "turn {turn}: {found:?}");
        }
        if turn % 16 == 0 {
            let read = || (by_ring(&engine, 0), by_cell(&engine, 0));
            let ((ring, cells), stamp) = engine.at_one_record(read);
            assert_eq!(ring, cells, "turn {turn}, record {}", stamp.sequence);
            moved += u64::from(stamp.sequence != last);
            last = stamp.sequence;
            assert!(
                Instant::now() < deadline,
                "the ledger changed {moved} times only"
            );
        }
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
}
