//! A choice is of one moment of the ledger, whoever changes it meanwhile, and is made again from it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "a test fails by panicking"
)]

mod bench;
mod town;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;

use bench::{act, durable_bench, place, place_ask};
use bopis_engine::Past;
use bopis_ledger::{CellKey, Command};
use bopis_promise::{decide_again, Ask, Decision, Item, Method, StockPrice};
use town::{ask, policy, world};

/// An ask of the town's, under no prices.
fn decision(ask: &Ask) -> Decision {
    let item = Item {
        unit_price_micro: 10_000_000,
        weight_g: 0,
    };
    let nodes = world()
        .network
        .nodes()
        .iter()
        .map(|n| n.spec.clone())
        .collect();
    Decision {
        nodes,
        items: vec![("a".to_owned(), item)],
        policy: policy(),
        duals: None,
        ask: ask.clone(),
        quote: None,
    }
}

#[test]
fn a_choice_under_dual_prices_is_made_again_under_them_and_is_another_without() {
    let folder = tempfile::tempdir().unwrap();
    let bench = durable_bench(folder.path(), &[("near", "a", 30), ("mid", "a", 30)]);
    let price = StockPrice {
        node_id: "near".to_owned(),
        sku: "a".to_owned(),
        price_micro: 50_000_000,
    };
    bench
        .promiser
        .load_duals(7, std::slice::from_ref(&price), &[]);
    let asked = place_ask(ask(Method::Ship, &[("a", 1)]), 1);
    let placed = place(&bench.promiser, asked.clone()).unwrap();
    assert_eq!(placed.plan.groups[0].node_id, "mid");
    let (journal, sequence) = (bench.engine.journal_id(), placed.planned_at.unwrap());
    let past = Past::at(folder.path(), journal, sequence).unwrap();
    let priced = Decision {
        duals: Some((7, vec![price], Vec::new())),
        ..decision(&asked.ask)
    };
    let again = decide_again(&past, priced).unwrap();
    assert_eq!((again.plan, again.duals), (placed.plan, placed.duals));
    let without = decide_again(&past, decision(&asked.ask)).unwrap();
    assert_eq!(without.plan.groups[0].node_id, "near");
    assert_eq!(without.duals, None);
}

#[test]
fn a_choice_made_while_stock_changes_is_made_again_at_its_record() {
    let folder = tempfile::tempdir().unwrap();
    let bench = durable_bench(folder.path(), &[("near", "a", 3), ("far", "a", 500)]);
    let stop = Arc::new(AtomicBool::new(false));
    let (engine, stopped) = (bench.engine.clone(), Arc::clone(&stop));
    let near = CellKey {
        location: engine.location("near").unwrap(),
        item: engine.sku("a").unwrap(),
    };
    // Somebody takes the near shelf's last units away and brings them back, all the time.
    let other = thread::spawn(move || {
        let mut number = 0;
        while !stopped.load(Ordering::Relaxed) {
            number += 1;
            let on_hand = if number % 2 == 0 { 100 } else { 0 };
            let fact = Command::SetOnHand {
                cell: near,
                on_hand,
            };
            act(&engine, &format!("shelf {number}"), vec![fact]);
        }
    });
    let mut made = Vec::new();
    for number in 0..300 {
        let asked = place_ask(ask(Method::Ship, &[("a", 1)]), number);
        if let Ok(placed) = place(&bench.promiser, asked.clone()) {
            made.push((asked.ask, placed));
        }
    }
    stop.store(true, Ordering::Relaxed);
    other.join().unwrap();
    assert!(made.len() > 200);
    let journal = bench.engine.journal_id();
    for (asked, placed) in made.iter().step_by(29) {
        let sequence = placed.planned_at.expect("it was of one moment");
        let past = Past::at(folder.path(), journal, sequence).unwrap();
        let again = decide_again(&past, decision(asked)).unwrap();
        assert_eq!(again.plan, placed.plan, "at record {sequence}");
    }
}
