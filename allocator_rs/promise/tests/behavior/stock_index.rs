//! Plans are chosen through an index of where stock is; the same plans come of a look at every node.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;

use bopis_engine::{Engine, Past};
use bopis_ledger::{CellKey, Command};
use bopis_promise::{decide_again, Ask, Decision, Item, Method, TableSupply};

use crate::bench::{act, bench, durable_bench, place, place_ask, Bench};
use crate::town::{ask, best, nodes, policy, world, Dice};

const NODES: [&str; 5] = ["near", "mid", "far", "dark", "depot"];
const SKUS: [&str; 4] = ["a", "b", "c", "d"];

fn cell(engine: &Engine, node: &str, sku: &str) -> CellKey {
    CellKey {
        location: engine.location(node).unwrap(),
        item: engine.sku(sku).unwrap(),
    }
}

/// A shelf that empties or fills.
fn fact(engine: &Engine, dice: &mut Dice) -> Command {
    let (node, sku) = (dice.one_of(&NODES), dice.one_of(&SKUS));
    Command::SetOnHand {
        cell: cell(engine, node, sku),
        on_hand: dice.one_of(&[0, 0, 0, 1, 3, 40]),
    }
}

fn random_ask(dice: &mut Dice) -> Ask {
    let method = dice.one_of(&[Method::Pickup, Method::Ship]);
    let line = |dice: &mut Dice| (dice.one_of(&SKUS), 1 + dice.below(3));
    let lines: Vec<(&str, i64)> = (0..=dice.below(4)).map(|_| line(dice)).collect();
    ask(method, &lines)
}

/// Every cell that an ask needs, read one by one.
fn read(bench: &Bench, ask: &Ask) -> TableSupply {
    let mut table = TableSupply::default();
    for (node, found) in world().network.nodes().iter().enumerate() {
        for (line, asked) in ask.lines.iter().enumerate() {
            let units = bench.atp(&found.spec.node_id, &asked.sku);
            table.units.insert((node, line), units);
        }
        for window in &found.spec.windows {
            let location = bench.engine.location(&found.spec.node_id).unwrap();
            let item = bench.engine.labor(window.start_s).unwrap();
            let seconds = bench.engine.atp(CellKey { location, item });
            table.seconds.insert((node, window.start_s), seconds);
        }
    }
    table
}

#[test]
fn a_plan_is_that_of_a_look_at_every_node_whatever_sold_out_and_came_back() {
    let bench = bench(&[]);
    let mut dice = Dice(3);
    let mut filled = 0;
    for turn in 0..600 {
        let facts = (0..=dice.below(3))
            .map(|_| fact(&bench.engine, &mut dice))
            .collect();
        act(&bench.engine, &format!("shelves {turn}"), facts);
        let asked = random_ask(&mut dice);
        let plan = bench.promiser.plan(&asked, 1).unwrap().remove(0);
        assert_eq!(
            plan,
            best(&world(), &asked, &read(&bench, &asked)),
            "turn {turn}"
        );
        filled += usize::from(!plan.groups.is_empty());
    }
    assert!(filled > 200, "{filled} plans fill something");
}

#[test]
fn stock_that_comes_back_to_a_node_is_promised_again() {
    let bench = bench(&[("near", "a", 1)]);
    let near = cell(&bench.engine, "near", "a");
    let asked = ask(Method::Pickup, &[("a", 1)]);
    for turn in 0..3 {
        for on_hand in [0, 5] {
            let fact = Command::SetOnHand {
                cell: near,
                on_hand,
            };
            act(
                &bench.engine,
                &format!("shelf {turn} {on_hand}"),
                vec![fact],
            );
            let plan = bench.promiser.plan(&asked, 1).unwrap().remove(0);
            assert_eq!(plan.groups.len(), usize::from(on_hand > 0));
        }
    }
}

#[test]
fn a_node_that_the_ledger_learns_of_later_is_found() {
    let bench = bench(&[]);
    let mut specs: Vec<_> = world()
        .network
        .nodes()
        .iter()
        .map(|n| n.spec.clone())
        .collect();
    specs[0].node_id = "new".to_owned();
    bench.promiser.load_network(specs, 2);
    let asked = ask(Method::Pickup, &[("a", 1)]);
    let plan = bench.promiser.plan(&asked, 1).unwrap().remove(0);
    assert!(plan.groups.is_empty());
    let name = Command::RegisterLocation { name: "new".into() };
    act(&bench.engine, "name", vec![name]);
    let location = bench.engine.location("new").unwrap();
    let windows = world().network.nodes()[0].spec.windows.clone();
    let labor = windows.iter().map(|window| Command::SetOnHand {
        cell: CellKey {
            location,
            item: bench.engine.labor(window.start_s).unwrap(),
        },
        on_hand: window.seconds,
    });
    act(&bench.engine, "labor", labor.collect());
    let stock = Command::SetOnHand {
        cell: cell(&bench.engine, "new", "a"),
        on_hand: 2,
    };
    act(&bench.engine, "stock", vec![stock]);
    let plan = bench.promiser.plan(&asked, 1).unwrap().remove(0);
    assert_eq!(nodes(&plan), [("new", Method::Pickup)]);
}

#[test]
fn choices_made_while_shelves_empty_and_fill_are_made_again_by_a_look_at_every_node() {
    let folder = tempfile::tempdir().unwrap();
    let bench = durable_bench(folder.path(), &[("depot", "a", 500), ("depot", "b", 500)]);
    let stop = Arc::new(AtomicBool::new(false));
    let (engine, stopped) = (bench.engine.clone(), Arc::clone(&stop));
    let other = thread::spawn(move || {
        let mut dice = Dice(11);
        let mut number = 0;
        while !stopped.load(Ordering::Relaxed) {
            number += 1;
            let facts = (0..4).map(|_| fact(&engine, &mut dice)).collect();
            act(&engine, &format!("shelves {number}"), facts);
        }
    });
    let mut dice = Dice(12);
    let mut made = Vec::new();
    for number in 0..400 {
        let asked = place_ask(random_ask(&mut dice), number);
        if let Ok(placed) = place(&bench.promiser, asked.clone()) {
            made.push((asked.ask, placed));
        }
    }
    stop.store(true, Ordering::Relaxed);
    other.join().unwrap();
    assert!(made.len() > 200, "{} placed", made.len());
    let journal = bench.engine.journal_id();
    let item = Item {
        unit_price_micro: 10_000_000,
        weight_g: 0,
    };
    for (asked, placed) in made.iter().step_by(9) {
        let sequence = placed.planned_at.expect("it was of one moment");
        let past = Past::at(folder.path(), journal, sequence).unwrap();
        let decision = Decision {
            nodes: world()
                .network
                .nodes()
                .iter()
                .map(|n| n.spec.clone())
                .collect(),
            items: SKUS.map(|sku| (sku.to_owned(), item)).to_vec(),
            policy: policy(),
            duals: None,
            ask: asked.clone(),
            quote: None,
            quote_lost: None,
        };
        let again = decide_again(&past, decision).unwrap();
        assert_eq!(again.plan, placed.plan, "at record {sequence}");
    }
}
