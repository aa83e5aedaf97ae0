//! Reads of many cells at one sequence, and of reservations, while the writer works.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

#[path = "behavior/support.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with the other binaries of tests"
)]
mod support;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{mpsc, Arc};
use std::thread;
use std::time::{Duration, Instant};

use bopis_engine::{Engine, Found, Holder, Page, Search};
use bopis_ledger::{CellKey, Command, ItemId, LocationId, OrderRef, ReservationId};
use support::{act, adjust, cell, done, hold, key, memory, register, submit_patiently};

fn search(engine: &Engine, search: Search) -> Found {
    let (send, receive) = mpsc::channel();
    let done = Box::new(move |reply| send.send(reply).unwrap());
    engine.search(search, done).unwrap();
    let found = receive.recv_timeout(Duration::from_secs(30));
    found.expect("no answer in 30 s").unwrap()
}

fn of_order(id: u128, order: u128, cell: CellKey) -> Command {
    let Command::Hold {
        reservation,
        lines,
        ttl_ms,
        priority,
        terms,
        ..
    } = hold(id, cell, 1, 60_000)
    else {
        panic!("a hold")
    };
    Command::Hold {
        reservation,
        order: OrderRef(order),
        lines,
        ttl_ms,
        priority,
        terms,
    }
}

fn ids(found: &Found) -> Vec<u128> {
    found.reservations.iter().map(|view| view.id.0).collect()
}

#[test]
fn reservations_are_found_by_order_and_by_cell_behind_what_was_submitted_before() {
    let engine = memory();
    register(&engine, 2, 1);
    done(&engine, act(1, vec![adjust(key(0, 0), 9)]));
    done(&engine, act(2, vec![adjust(key(1, 0), 9)]));
    let holds = [(7, 1, 0), (5, 1, 1), (6, 2, 0)];
    for (id, order, node) in holds {
        done(
            &engine,
            act(10 + id, vec![of_order(id, order, key(node, 0))]),
        );
    }
    let release = Command::Release {
        reservation: ReservationId(7),
        lines: None,
    };
    let released = done(&engine, act(30, vec![release]));
    let first = search(&engine, Search::OfOrder(OrderRef(1)));
    assert_eq!(ids(&first), [5, 7], "ended ones are kept");
    assert_eq!(first.position.sequence, released.sequence);
    assert_eq!(first.count, 2);
    let live = search(&engine, Search::OfCell(key(0, 0)));
    assert_eq!(ids(&live), [6], "only live ones are promised");
    assert_eq!(ids(&search(&engine, Search::OfOrder(OrderRef(3)))), []);
    assert_eq!(ids(&search(&engine, Search::OfCell(key(1, 9)))), []);
}

/// What a search finds, page by page.
fn pages(engine: &Engine, wanted: &Search, limit: usize) -> Vec<Found> {
    let mut pages: Vec<Found> = Vec::new();
    loop {
        let last = pages.last().and_then(|page| page.reservations.last());
        let after = last.map(|view| (view.deadline_ms, view.id));
        let (send, receive) = mpsc::channel();
        let done = Box::new(move |reply| send.send(reply).unwrap());
        let page = Page { after, limit };
        engine.search_page(wanted.clone(), page, done).unwrap();
        let found = receive.recv_timeout(Duration::from_secs(30));
        let found = found.expect("no answer in 30 s").unwrap();
        assert_eq!(found.days.len(), found.reservations.len());
        let is_more = found.is_more;
        pages.push(found);
        if !is_more {
            return pages;
        }
    }
}

#[test]
fn what_is_found_comes_in_pages_each_once_and_tells_the_days() {
    let engine = memory();
    register(&engine, 1, 1);
    done(&engine, act(1, vec![adjust(key(0, 0), 100)]));
    assert!(!engine.may_have_days());
    for id in 0..10_u128 {
        let ttl_ms = 3_600_000 - 60_000 * i64::try_from(id % 5).unwrap();
        let mut command = hold(id, key(0, 0), 1, ttl_ms);
        if let (Command::Hold { terms, .. }, true) = (&mut command, id == 3) {
            terms.day = Some(20_000);
        }
        done(&engine, act(10 + id, vec![command]));
    }
    assert!(engine.may_have_days());
    let all = |wanted: Search, limit| {
        let pages = pages(&engine, &wanted, limit);
        assert!(pages.iter().all(|page| ids(page).len() <= limit));
        pages.iter().flat_map(ids).collect::<Vec<_>>()
    };
    let sorted: Vec<u128> = (0..10).collect();
    for limit in [1, 3, 5, 10, 11] {
        assert_eq!(all(Search::OfCell(key(0, 0)), limit), sorted);
        let within_ms = 3_600_000;
        let expiring = all(Search::Expiring { within_ms }, limit);
        let last_minutes = |id: &u128| id % 5;
        assert!(expiring.is_sorted_by_key(|id| std::cmp::Reverse(last_minutes(id))));
        assert_eq!(expiring.iter().copied().collect::<BTreeSet<_>>().len(), 10);
    }
    let soon = Search::Expiring {
        within_ms: 3_600_000 - 60_000 * 2 - 30_000,
    };
    assert_eq!(all(soon, 3), [4, 9, 3, 8]);
    let named = Search::Named([5, 3, 77, 3].map(ReservationId).to_vec());
    let found = search(&engine, named);
    assert_eq!(
        (ids(&found), found.days),
        (vec![3, 5], vec![Some(20_000), None])
    );
}

#[test]
fn who_holds_an_item_and_a_basket_everywhere_are_what_single_reads_say() {
    let engine = memory();
    register(&engine, 40, 3);
    let mut id = 1;
    for node in 0..40 {
        for sku in 0..3 {
            let quantity = i64::from((node * 7 + sku * 5) % 4);
            if quantity > 0 {
                id += 1;
                done(&engine, act(id, vec![adjust(key(node, sku), quantity)]));
            }
        }
    }
    for sku in 0..3 {
        let (holders, stamp) = engine.locations_of(ItemId(sku));
        let expected = (0..40).filter_map(|node| {
            let view = cell(&engine, key(node, sku));
            let location = LocationId(node);
            (view.on_hand > 0).then_some(Holder { location, view })
        });
        assert_eq!(holders, expected.collect::<Vec<_>>());
        assert_eq!(stamp.sequence, engine.position());
    }
    assert_eq!(engine.locations_of(ItemId(9)).0, []);
    let items = [ItemId(2), ItemId(0)];
    let basket = engine.basket(&items, None);
    let anywhere: BTreeSet<_> = (0..40)
        .filter(|node| [0, 2].iter().any(|sku| engine.atp(key(*node, *sku)) > 0))
        .collect();
    let found: Vec<_> = basket.locations.iter().map(|location| location.0).collect();
    assert_eq!(found, anywhere.into_iter().collect::<Vec<_>>());
    for (row, location) in basket.locations.iter().enumerate() {
        for (column, item) in items.iter().enumerate() {
            let alone = engine.atp(key(location.0, item.0));
            assert_eq!(basket.atp[row * 2 + column], alone);
        }
    }
    let named = engine.basket(&items, Some(&[LocationId(3), LocationId(99)]));
    assert_eq!(named.locations, [LocationId(3), LocationId(99)]);
    assert_eq!(named.atp[2..], [0, 0], "nobody ever stocked node 99");
}

/// Moves units about until told to stop: the sum of all ATP never changes. Cells that were never
/// touched join in as it goes on.
fn transfers(
    engine: &Engine,
    (nodes, skus): (u32, u32),
    stop: &Arc<AtomicBool>,
) -> thread::JoinHandle<u64> {
    let (engine, stop) = (engine.clone(), Arc::clone(stop));
    thread::spawn(move || {
        let answered = Arc::new(AtomicU64::new(0));
        let mut id = 1_000_u128;
        while !stop.load(Ordering::Relaxed) {
            let pick = |by: u128| ((id * by) >> 5) as u32;
            let sku = pick(2_654_435_761) % skus;
            let (from, to) = (pick(40_503) % nodes, pick(48_271) % nodes);
            if from != to {
                let transfer = Command::Transfer {
                    from: key(from, sku),
                    to: key(to, sku),
                    quantity: 1 + i64::from(sku % 3),
                    effective_ms: None,
                };
                submit_patiently(&engine, &act(id, vec![transfer]), || {
                    let answered = Arc::clone(&answered);
                    Box::new(move |_| {
                        answered.fetch_add(1, Ordering::Relaxed);
                    })
                });
            }
            id += 1;
        }
        answered.load(Ordering::Relaxed)
    })
}

/// Every SKU at the first half of the nodes.
fn stock(engine: &Engine, (nodes, skus): (u32, u32)) -> i64 {
    register(engine, nodes, skus);
    for node in 0..nodes / 2 {
        let commands = (0..skus).map(|sku| adjust(key(node, sku), 1_000));
        done(engine, act(10 + u128::from(node), commands.collect()));
    }
    i64::from(nodes / 2) * i64::from(skus) * 1_000
}

#[test]
fn a_copy_of_all_atp_is_of_one_sequence_while_units_move() {
    let engine = memory();
    let size = (20, 2_000);
    let total = stock(&engine, size);
    let stop = Arc::new(AtomicBool::new(false));
    let writer = transfers(&engine, size, &stop);
    let (mut keys, mut last, mut news) = (Vec::new(), 0, 0);
    let started = Instant::now();
    while news < 100 && started.elapsed() < Duration::from_secs(30) {
        let copy = engine.copy_atp(keys.len()).unwrap();
        assert_eq!(copy.location_ids.len(), copy.item_ids.len());
        keys.extend(copy.location_ids.iter().copied().zip(copy.item_ids));
        assert_eq!(keys.len(), copy.atp.len(), "each cell's key is told once");
        assert_eq!(copy.atp.iter().sum::<i64>(), total);
        assert!(copy.sequence >= last);
        assert!(
            engine.position() >= copy.sequence,
            "reads never fall behind it"
        );
        news += usize::from(copy.sequence > last);
        last = copy.sequence;
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    assert!(news >= 100, "{news} copies saw news");
    engine.drain().unwrap();
    let copy = engine.copy_atp(0).unwrap();
    let distinct: BTreeSet<_> = keys.iter().copied().collect();
    assert_eq!(distinct.len(), keys.len());
    let again = copy.location_ids.iter().copied().zip(copy.item_ids);
    assert!(keys.iter().copied().eq(again.take(keys.len())));
    for ((location, item), atp) in keys.iter().zip(&copy.atp) {
        assert_eq!(*atp, engine.atp(key(*location, *item)));
    }
}

#[test]
fn a_basket_at_all_nodes_is_of_one_sequence_while_units_move() {
    let engine = memory();
    let size = (20, 50);
    let total = stock(&engine, size);
    let stop = Arc::new(AtomicBool::new(false));
    let writer = transfers(&engine, size, &stop);
    let items: Vec<_> = (0..size.1).map(ItemId).collect();
    let nodes: Vec<_> = (0..size.0).map(LocationId).collect();
    for _ in 0..300 {
        let basket = engine.basket(&items, Some(&nodes));
        assert_eq!(basket.atp.iter().sum::<i64>(), total);
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
}

/// Transfers a second, while a thread does `work` again and again.
fn rate_beside(work: impl Fn(&Engine) + Send + 'static) -> f64 {
    let engine = memory();
    let size = (20, 2_000);
    stock(&engine, size);
    let stop = Arc::new(AtomicBool::new(false));
    let reader = {
        let (engine, stop) = (engine.clone(), Arc::clone(&stop));
        thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                work(&engine);
            }
        })
    };
    let (before, started) = (engine.position(), Instant::now());
    let writer = transfers(&engine, size, &stop);
    thread::sleep(Duration::from_millis(700));
    let rate = (engine.position() - before) as f64 / started.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    reader.join().unwrap();
    rate
}

#[test]
fn readers_that_never_rest_do_not_hold_the_writer_up() {
    // A thread that only counts takes as much of the machine as one that reads.
    let beside_counting = rate_beside(|_| {
        std::hint::black_box((0..10_000).fold(0, |sum: u64, one: u64| sum ^ one.wrapping_mul(31)));
    });
    let nodes: Vec<_> = (0..20).map(LocationId).collect();
    let items: Vec<_> = (0..50).map(ItemId).collect();
    let beside_baskets = rate_beside(move |engine| {
        std::hint::black_box(engine.basket(&items, Some(&nodes)));
    });
    let beside_copies = rate_beside(|engine| {
        std::hint::black_box(engine.copy_atp(0).unwrap());
    });
    println!(
        "{{\"figure\": \"writer_beside_readers\", \"counting\": {beside_counting:.0}, \
         \"baskets\": {:.2}, \"copies\": {:.2}}}",
        beside_baskets / beside_counting,
        beside_copies / beside_counting
    );
    assert!(beside_baskets > 0.3 * beside_counting);
    assert!(beside_copies > 0.3 * beside_counting);
}

#[test]
#[ignore = "a measurement: run it alone, in release"]
fn a_copy_of_a_million_cells() {
    let engine = memory();
    register(&engine, 100, 10_000);
    for node in 0..100 {
        for part in 0..10 {
            let skus = (part * 1_000)..(part + 1) * 1_000;
            let commands = skus.map(|sku| adjust(key(node, sku), 1)).collect();
            done(&engine, act(u128::from(node * 10 + part), commands));
        }
    }
    let first = engine.copy_atp(0).unwrap();
    assert_eq!(first.atp.iter().sum::<i64>(), 1_000_000);
    let started = Instant::now();
    for _ in 0..20 {
        assert_eq!(engine.copy_atp(1_000_000).unwrap().atp.len(), 1_000_000);
    }
    let ms = started.elapsed().as_secs_f64() * 1e3 / 20.0;
    println!("{{\"figure\": \"copy_1m_cells_ms\", \"value\": {ms:.2}}}");
}
