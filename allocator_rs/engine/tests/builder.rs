//! The builder of snapshots dies at every step, and beside a writer that is killed: nothing is lost.
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
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command as Process, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{mpsc, Arc};

use bopis_engine::snapshot::{build, build_observed, BuildStep};
use bopis_engine::{verify, Engine, EngineOptions, Reply, SystemClock};
use bopis_ledger::ReservationState;
use support::{act, adjust, cell, done, durable, hold, key, register, state, submit_patiently};

const FOLDER: &str = "BOPIS_TEST_BUILDER_FOLDER";
const DIES_AT: &str = "BOPIS_TEST_BUILDER_DIES_AT";
const FIRST: &str = "BOPIS_TEST_BUILDER_FIRST";

fn open(folder: &Path) -> Engine {
    Engine::open(EngineOptions {
        segment_bytes: 64 << 10,
        ..durable(folder, Arc::new(SystemClock::new()))
    })
    .unwrap()
}

fn this_test(name: &str, folder: &Path) -> Process {
    let mut process = Process::new(std::env::current_exe().unwrap());
    process
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped());
    process
}

/// As kill -9 from outside.
fn die() -> ! {
    let me = std::process::id().to_string();
    Process::new("kill").args(["-9", &me]).status().unwrap();
    loop {
        std::thread::park();
    }
}

#[test]
#[ignore = "is started, and dies, by the test below"]
fn child_that_builds_until_it_dies() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let dies_at = std::env::var(DIES_AT).unwrap();
    build_observed(Path::new(&folder), &mut |step| {
        if format!("{step:?}") == dies_at {
            die();
        }
    })
    .unwrap();
}

fn serve(engine: &Engine, ids: std::ops::Range<u128>) {
    for id in ids {
        let commands = vec![adjust(key(0, 0), 1), hold(id, key(0, 0), 1, 86_400_000)];
        done(engine, act(id, commands));
    }
}

/// What a restart makes of the folder as it lies there, beside the engine that serves it.
fn assert_copy_recovers(folder: &Path, engine: &Engine, last: u128, why: &str) {
    let copy = tempfile::tempdir().unwrap();
    copy_all(folder, copy.path());
    let verified = verify(copy.path()).unwrap_or_else(|error| panic!("{why}: {error}"));
    assert_eq!(verified.sequence, engine.position(), "{why}");
    let again = open(copy.path());
    assert_eq!(again.journal_position(), engine.journal_position(), "{why}");
    assert_eq!(cell(&again, key(0, 0)), cell(engine, key(0, 0)), "{why}");
    for id in (1..=last).step_by(7) {
        assert_eq!(
            state(&again, id),
            Some(ReservationState::Held),
            "{why}: {id}"
        );
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry
            .map(|entry| (entry.path(), entry.file_name()))
            .unwrap();
        if path.is_dir() {
            copy_all(&path, &to.join(name));
        } else {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

#[test]
fn a_builder_killed_at_any_step_leaves_a_folder_that_recovers_and_builds_on() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(folder.path());
    register(&engine, 1, 1);
    let mut last = 0;
    for round in 0..2 {
        for step in BuildStep::ALL {
            let why = format!("round {round}, killed at {step:?}");
            serve(&engine, last + 1..last + 41);
            last += 40;
            let mut child = this_test("child_that_builds_until_it_dies", folder.path());
            let status = child.env(DIES_AT, format!("{step:?}")).status().unwrap();
            assert_eq!(status.code(), None, "{why}: it was to die by a signal");
            assert_copy_recovers(folder.path(), &engine, last, &why);
            if round == 1 {
                serve(&engine, last + 1..last + 21);
                last += 20;
                build(folder.path()).unwrap().expect("something was sealed");
                assert_copy_recovers(folder.path(), &engine, last, &format!("{why}, built on"));
                let kept = fs::read_dir(folder.path().join("snapshots")).unwrap();
                assert_eq!(kept.count(), 3, "{why}: two, and the lock");
            }
        }
    }
    let segments = fs::read_dir(folder.path().join("journal")).unwrap().count();
    assert!(segments < 12, "{segments} segments are left");
}

#[test]
#[ignore = "is started, and killed, by the test below"]
fn child_that_serves_until_it_is_killed() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let first: u128 = std::env::var(FIRST).unwrap().parse().unwrap();
    let engine = open(Path::new(&folder));
    register(&engine, 1, 1);
    let (send, receive) = mpsc::sync_channel(8);
    std::thread::spawn(move || {
        for id in first.. {
            let commands = vec![adjust(key(0, 0), 1), hold(id, key(0, 0), 1, 86_400_000)];
            submit_patiently(&engine, &act(id, commands), || {
                let send = send.clone();
                Box::new(move |reply: Reply| {
                    reply.unwrap();
                    send.send(id).unwrap();
                })
            });
        }
    });
    let mut out = std::io::stdout();
    for id in receive {
        writeln!(out, "ack {id}.").unwrap();
    }
}

struct KillOnDrop(Child);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run_server_until(folder: &Path, first: u128, wanted: usize) -> Vec<u128> {
    let mut process = this_test("child_that_serves_until_it_is_killed", folder);
    let mut child = KillOnDrop(process.env(FIRST, first.to_string()).spawn().unwrap());
    let mut told = Vec::new();
    for line in BufReader::new(child.0.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let id = line
            .strip_prefix("ack ")
            .and_then(|id| id.strip_suffix('.'));
        told.extend(id.map(|id| id.parse::<u128>().unwrap()));
        if told.len() >= wanted {
            child.0.kill().unwrap();
        }
    }
    told
}

#[test]
fn a_server_killed_while_snapshots_are_built_and_segments_retired_keeps_its_word() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged: BTreeSet<u128> = BTreeSet::new();
    let stop = Arc::new(AtomicBool::new(false));
    let builder = std::thread::spawn({
        let (folder, stop) = (folder.path().to_owned(), Arc::clone(&stop));
        move || {
            let (mut built, mut retired) = (0, 0);
            while !stop.load(Ordering::Relaxed) {
                // Before the first start there is no journal to read.
                if let Ok(Some(report)) = build(&folder) {
                    built += 1;
                    retired += report.retired;
                }
                std::thread::yield_now();
            }
            (built, retired)
        }
    });
    for round in 0..6_u128 {
        let told = run_server_until(folder.path(), 1 + round * 100_000, 1_500);
        acknowledged.extend(told);
        let engine = open(folder.path());
        for id in acknowledged.iter().step_by(23) {
            assert_eq!(
                state(&engine, *id),
                Some(ReservationState::Held),
                "hold {id}"
            );
        }
        let view = cell(&engine, key(0, 0));
        assert_eq!(
            view.on_hand, view.held,
            "each act adds one unit and holds one"
        );
        assert!(view.held as usize >= acknowledged.len());
    }
    stop.store(true, Ordering::Relaxed);
    let (built, retired) = builder.join().unwrap();
    assert!(
        built >= 3 && retired >= 3,
        "{built} built, {retired} retired"
    );
    verify(folder.path()).unwrap();
}
