//! A choice is of one moment of the ledger, whoever changes it meanwhile, and is made again from it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use bopis_engine::Past;
use bopis_ledger::{CellKey, Command, ReservationId};
use bopis_promise::{decide_again, Ask, Decision, Item, Method, RequestId, StockPrice};

use crate::bench::{
    act, durable_bench, options, options_ask, place, place_ask, quoting, taken_up, DEADLINE,
};
use crate::town::{ask, policy, world};

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
        quote_lost: None,
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

#[test]
fn a_quote_that_was_lost_on_the_way_is_lost_when_the_choice_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let lines = [("a", 1)];
    let bench = durable_bench(folder.path(), &[("near", "a", 100)]);
    quoting(&bench);
    let read = options(&bench, &options_ask(&lines));
    let quoted = taken_up(&read.options[0], &lines, false);
    let stop = Arc::new(AtomicBool::new(false));
    let (engine, stopped) = (bench.engine.clone(), Arc::clone(&stop));
    // All units move between two shelves: a plan for the one is lost when they went to the other.
    let other = thread::spawn(move || {
        let shelf = |node| CellKey {
            location: engine.location(node).unwrap(),
            item: engine.sku("a").unwrap(),
        };
        let mut number = 0;
        while !stopped.load(Ordering::Relaxed) {
            number += 1;
            let fact = |node, is_full| Command::SetOnHand {
                cell: shelf(node),
                on_hand: if is_full { 100 } else { 0 },
            };
            let facts = vec![fact("near", number % 2 == 0), fact("mid", number % 2 == 1)];
            act(&engine, &format!("shelves {number}"), facts);
        }
    });
    let mut made = Vec::new();
    let started = Instant::now();
    for number in 0.. {
        let mut asked = quoted.clone();
        asked.reservation_id = ReservationId(1_000 + number);
        asked.request_id = RequestId(number);
        if let Ok(placed) = place(&bench.promiser, asked) {
            let release = Command::Release {
                reservation: ReservationId(1_000 + number),
                lines: None,
            };
            act(&bench.engine, &format!("release {number}"), vec![release]);
            if placed.attempts > 1 && placed.quote_lost.is_some() {
                made.push(placed);
            }
        }
        if made.len() == 3 {
            break;
        }
        assert!(started.elapsed() < DEADLINE, "{} such races", made.len());
    }
    stop.store(true, Ordering::Relaxed);
    other.join().unwrap();
    for placed in made {
        let sequence = placed.planned_at.expect("it was of one moment");
        let past = Past::at(folder.path(), bench.engine.journal_id(), sequence).unwrap();
        let recorded = Decision {
            quote: quoted.quote.clone(),
            quote_lost: placed.quote_lost.clone(),
            ..decision(&quoted.ask)
        };
        let again = decide_again(&past, recorded).unwrap();
        assert_eq!(again.plan, placed.plan, "at record {sequence}");
        assert_eq!(again.quote_lost, placed.quote_lost, "at record {sequence}");
    }
}
