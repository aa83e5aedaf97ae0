//! Whole runs: the same again, all that a run should meet, and failing ones made small.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;

use bopis_simulator::plan::{Event, Plan};
use bopis_simulator::shrink::{parse_ranges, ranges, shrink};
use bopis_simulator::{run, world::Report};

fn report(seed: u64) -> Report {
    match run(&Plan::new(seed, 600)) {
        Ok(report) => report,
        Err(violation) => panic!("seed {seed}: {violation:?}"),
    }
}

#[test]
fn the_same_seed_does_the_same_and_another_one_does_not() {
    for seed in 0..20 {
        let (first, second) = (report(seed), report(seed));
        assert_eq!(first.digest, second.digest, "seed {seed}");
        assert_eq!(first.outcomes, second.outcomes, "seed {seed}");
        assert_ne!(first.digest, report(seed + 1_000).digest, "seed {seed}");
    }
}

/// Every fault and every outcome that some run meets.
const EXPECTED: &[&str] = &[
    "crash in a write: lost",
    "crash in a write: short",
    "crash in a write: torn",
    "crash in a write: whole",
    "crash in a write: flipped",
    "crash in a write: misdirected",
    "crash in a write: killed",
    "crash in a flush",
    "crash in a change of names",
    "write failed",
    "flush failed",
    "folder flush failed",
    "create failed",
    "disk full",
    "turn without room",
    "answered: disk full",
    "refused: disk full",
    "engine stopped by a failed write",
    "killed between writes",
    "power lost between writes",
    "stopped in order",
    "start met a fault",
    "damage refused and named",
    "bit turned at rest",
    "rename failed",
    "remove failed",
    "snapshot: built",
    "snapshot: segments retired",
    "snapshot: nothing was sealed",
    "snapshot: its builder died",
    "snapshot: its builder met a fault",
    "snapshot: no room for one",
    "snapshot: the disk got full",
    "snapshot: bit turned at rest",
    "clock: passed",
    "clock: wall set",
    "clock: counted back",
    "act repeat",
    "act RequestIdReused",
    "act RequestWindowFull",
    "Hold Held",
    "Hold Insufficient",
    "Commit Committed",
    "Commit ReservationExpired",
    "Extend Held",
    "Release Released",
    "Consume Consumed",
    "Consume Committed",
    "Move Moved",
    "Sale Cell",
    "Sale Duplicate",
    "Transfer Transferred",
    "CompareAndSet Cell",
    "CompareAndSet NotAsExpected",
    "SetInbound Cell",
    "Receive Cell",
    "Count Counted",
    "Count CountTooOld",
    "CloseWindow Cell",
    "Relocate Committed",
];

/// What the runs come to; a campaign that misses a case proves nothing about it.
#[test]
fn the_runs_meet_every_fault_and_every_outcome() {
    let mut met = BTreeMap::<String, u64>::new();
    for seed in 0..300 {
        let report = report(seed);
        for (kind, count) in report.faults.into_iter().chain(report.outcomes) {
            *met.entry(kind).or_default() += count;
        }
    }
    for kind in EXPECTED {
        assert!(met.contains_key(*kind), "{kind} is not among {met:#?}");
    }
}

#[test]
fn a_failing_run_is_shrunk_to_the_events_that_matter() {
    let plan = Plan::new(3, 600);
    let turns = |plan: &Plan| plan.events.iter().filter(|e| **e == Event::Turn).count();
    let reads = |plan: &Plan| plan.events.iter().filter(|e| **e == Event::Read).count();
    let kept = shrink(&plan, |plan| turns(plan) >= 3 && reads(plan) >= 1);
    let smallest = plan.only(&kept);
    assert_eq!((turns(&smallest), reads(&smallest), kept.len()), (3, 1, 4));
}

#[test]
fn what_is_kept_is_written_and_read_as_ranges() {
    for (kept, text) in [
        (vec![], ""),
        (vec![3], "3"),
        (vec![3, 5, 6, 7, 9], "3,5-7,9"),
    ] {
        assert_eq!(ranges(&kept), text);
        assert_eq!(parse_ranges(text), Some(kept));
    }
    assert_eq!(parse_ranges("3,x"), None);
}
