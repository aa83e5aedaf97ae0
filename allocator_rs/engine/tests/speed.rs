//! Rough figures, one JSON line each: `cargo test --release -p bopis-engine --test speed --
//! --ignored --nocapture`. One act is one hold of one line, all granted; mode as printed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measurement that prints"
)]

#[path = "behavior/support.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "shared with the other binaries of tests"
)]
mod support;

use std::sync::{mpsc, Arc};
use std::time::{Duration, Instant};

use bopis_engine::{verify, Engine, EngineOptions, SubmitError, SystemClock};
use bopis_ledger::{Outcome, ReservationState};
use support::{act, adjust, done, hold, key, outcomes, register};

const CELLS: u32 = 10_000;
const LASTING: Duration = Duration::from_secs(4);

fn stocked(options: EngineOptions) -> Engine {
    let engine = Engine::open(options).unwrap();
    register(&engine, 1, CELLS);
    let stock = (0..CELLS)
        .map(|sku| adjust(key(0, sku), 1_000_000))
        .collect();
    done(&engine, act(1, stock));
    engine
}

/// Keeps `in_flight` acts unanswered for some seconds; prints rate and latencies.
fn measure(mode: &str, engine: &Engine, in_flight: usize) {
    let (send, receive) = mpsc::channel();
    let started = Instant::now();
    let mut latencies = Vec::new();
    let (mut next, mut waiting) = (10_u128, 0);
    loop {
        let over = started.elapsed() > LASTING;
        while waiting < in_flight && !over {
            let (send, asked) = (send.clone(), Instant::now());
            let id = next;
            let cell = key(0, (id % u128::from(CELLS)) as u32);
            let answer = Box::new(move |reply: bopis_engine::Reply| {
                let granted = matches!(
                    outcomes(&reply.unwrap()),
                    [Outcome::Reservation(view)] if view.state == ReservationState::Held
                );
                send.send((granted, asked.elapsed())).unwrap();
            });
            match engine.submit(act(id, vec![hold(id, cell, 1, 3_600_000)]), answer) {
                Ok(()) => (next, waiting) = (next + 1, waiting + 1),
                Err(SubmitError::Overloaded) => break,
                Err(error) => panic!("{error}"),
            }
        }
        if waiting == 0 {
            break;
        }
        let (granted, latency) = receive.recv().unwrap();
        assert!(granted);
        waiting -= 1;
        latencies.push(latency);
    }
    let seconds = started.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let at =
        |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e6;
    println!(
        "{{\"figure\": \"acts_per_second\", \"mode\": \"{mode}\", \"in_flight\": {in_flight}, \
         \"value\": {:.0}, \"p50_us\": {:.0}, \"p99_us\": {:.0}, \"p999_us\": {:.0}, \
         \"max_us\": {:.0}, \"acts\": {}}}",
        latencies.len() as f64 / seconds,
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
        latencies.len()
    );
}

#[test]
#[ignore = "a measurement: run it alone, in release"]
fn acts_per_second() {
    for in_flight in [1, 1_024] {
        let clock = Arc::new(SystemClock::new());
        measure("memory", &stocked(EngineOptions::memory(clock)), in_flight);
    }
    for in_flight in [1, 1_024] {
        let folder = tempfile::tempdir().unwrap();
        let options = EngineOptions::durable(folder.path(), Arc::new(SystemClock::new()));
        let engine = stocked(options.clone());
        measure("durable", &engine, in_flight);
        let records = engine.drain().unwrap().sequence;
        drop(engine);
        let started = Instant::now();
        let engine = Engine::open(options).unwrap();
        let rate = records as f64 / started.elapsed().as_secs_f64();
        println!("{{\"figure\": \"records_recovered_per_second\", \"value\": {rate:.0}}}");
        drop(engine);
        assert_eq!(verify(folder.path()).unwrap().sequence, records);
    }
}

#[test]
#[ignore = "a measurement: run it alone, in release"]
fn reads_of_4096_cells() {
    let engine = stocked(EngineOptions::memory(Arc::new(SystemClock::new())));
    let keys: Vec<_> = (0..4_096).map(|sku| key(0, sku)).collect();
    let mut out = Vec::new();
    let started = Instant::now();
    for _ in 0..1_000 {
        engine.read(&keys, &mut out);
    }
    let micros = started.elapsed().as_secs_f64() * 1e3;
    println!("{{\"figure\": \"read_4096_cells_us\", \"value\": {micros:.1}}}");
    let started = Instant::now();
    let sum: i64 = (0..1_000)
        .flat_map(|_| &keys)
        .map(|key| engine.atp(*key))
        .sum();
    let nanos = started.elapsed().as_secs_f64() * 1e9 / 4_096_000.0;
    assert_eq!(sum, 4_096_000 * 1_000_000);
    println!("{{\"figure\": \"atp_ns\", \"value\": {nanos:.1}}}");
}
