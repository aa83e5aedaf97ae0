//! The engine is killed at any moment, again and again, and must have kept its word.
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

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command as Process, Stdio};
use std::sync::{mpsc, Arc};

use bopis_engine::{verify, Engine, EngineOptions, Reply, SystemClock};
use bopis_ledger::{
    Act, Command, Line, OrderRef, Outcome, RequestKey, ReservationId, ReservationState, Terms,
};
use support::{adjust, cell, done, durable, key, outcomes, register, state, submit_patiently};

const FOLDER: &str = "BOPIS_TEST_CRASH_FOLDER";
const FIRST: &str = "BOPIS_TEST_CRASH_FIRST";

fn open(folder: &Path) -> Engine {
    let options = durable(folder, Arc::new(SystemClock::new()));
    Engine::open(EngineOptions {
        segment_bytes: 256 << 10,
        ..options
    })
    .unwrap()
}

/// Submits one act after the other for ever, and prints every acknowledgement.
#[test]
#[ignore = "is started, and killed, by the test below"]
fn child_that_serves_until_it_is_killed() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let first: u128 = std::env::var(FIRST).unwrap().parse().unwrap();
    let engine = open(Path::new(&folder));
    register(&engine, 1, 1);
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        for id in first.. {
            submit_patiently(&engine, &child_act(id), || {
                let send = send.clone();
                Box::new(move |reply: Reply| send.send((id, reply.unwrap().sequence)).unwrap())
            });
        }
    });
    let mut out = std::io::stdout();
    for (id, sequence) in receive {
        writeln!(out, "ack {id} {sequence}.").unwrap();
    }
}

#[test]
fn a_killed_engine_keeps_all_that_it_acknowledged_and_retries_have_one_effect() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: BTreeMap<u128, u64> = BTreeMap::new();
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    for round in 0..12_u128 {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let wanted = 1 + (seed >> 33) as usize % 4_000;
        // Every child begins with the ids of the one before: whatever it did is repeated.
        let first = 1 + round.saturating_sub(1) * 10_000;
        let told = run_child_until(folder.path(), first, wanted);
        for (id, sequence) in told {
            // A repeat is answered at its own, or a later position; never at an earlier one.
            let known = acknowledged.entry(id).or_insert(sequence);
            assert!(sequence >= *known || round == 0, "act {id} moved back");
        }
        check(folder.path(), &acknowledged);
    }
    assert!(
        acknowledged.len() > 1_000,
        "only {} were acknowledged",
        acknowledged.len()
    );
}

fn run_child_until(folder: &Path, first: u128, wanted: usize) -> Vec<(u128, u64)> {
    let mut child = KillOnDrop(
        Process::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "child_that_serves_until_it_is_killed",
                "--ignored",
                "--nocapture",
            ])
            .env(FOLDER, folder)
            .env(FIRST, first.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let mut told = Vec::new();
    let mut killed = false;
    for line in lines {
        // Lines of the test harness are passed over; one cut short by the kill tells nothing.
        let line = line.unwrap();
        let Some(("ack", numbers)) = line.split_once(' ') else {
            continue;
        };
        let Some((id, sequence)) = numbers.strip_suffix('.').and_then(|n| n.split_once(' ')) else {
            continue;
        };
        told.push((id.parse().unwrap(), sequence.parse().unwrap()));
        if told.len() >= wanted && !killed {
            child.0.kill().unwrap();
            killed = true;
        }
    }
    child.0.wait().unwrap();
    told
}

struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Every acknowledged act is there, once; the whole decides the same again.
fn check(folder: &Path, acknowledged: &BTreeMap<u128, u64>) {
    let verified = verify(folder).unwrap();
    let engine = open(folder);
    assert_eq!(engine.position(), verified.sequence);
    let view = cell(&engine, key(0, 0));
    assert_eq!(
        view.on_hand, view.held,
        "each act adds one unit and holds one"
    );
    assert_eq!(
        view.on_hand as u64 + 1,
        verified.sequence,
        "one registration, one record per act"
    );
    assert!(view.on_hand as usize >= acknowledged.len());
    for id in acknowledged.keys().step_by(37) {
        assert_eq!(
            state(&engine, *id),
            Some(ReservationState::Held),
            "hold {id}"
        );
    }
    if let Some((id, sequence)) = acknowledged.last_key_value() {
        assert!(verified.sequence >= *sequence);
        let again = done(&engine, child_act(*id));
        assert!(matches!(
            outcomes(&again),
            [Outcome::Cell(_), Outcome::Reservation(_)]
        ));
        assert_eq!(
            engine.position(),
            verified.sequence,
            "a repeat writes nothing"
        );
    }
}

/// What the child submits under this id.
fn child_act(id: u128) -> Act {
    let lines = vec![Line {
        cell: key(0, 0),
        quantity: 1,
    }];
    let (reservation, order) = (ReservationId(id), OrderRef(0));
    let hold = Command::Hold {
        reservation,
        order,
        lines: lines.into(),
        ttl_ms: 86_400_000,
        priority: 0,
        terms: Terms::default(),
    };
    Act {
        request: RequestKey { scope: 1, id },
        fingerprint: 1,
        commands: vec![adjust(key(0, 0), 1), hold],
    }
}
