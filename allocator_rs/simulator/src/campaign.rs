//! Many runs on every core, added up.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use bopis_simulator::judge::checks::Violation;
use bopis_simulator::plan::Plan;
use bopis_simulator::random::Random;
use bopis_simulator::world::Report;
use bopis_simulator::{run as run_plan, shrink};

use crate::{table, Arguments};

/// What the threads have in common.
struct Board {
    next: AtomicU64,
    operations: AtomicU64,
    recoveries: AtomicU64,
    stop: AtomicBool,
    found: Mutex<(Report, Option<Found>)>,
}

/// A run that failed.
struct Found {
    number: u64,
    seed: u64,
    operations: usize,
    violation: Violation,
}

/// One run in so many is longer than the others: its indexes grow.
const LONG_EVERY: u64 = 32;
const LONG_TIMES: usize = 10;

/// How many operations a campaign's run has.
fn length_of(run: u64, arguments: &Arguments) -> usize {
    if run % LONG_EVERY == LONG_EVERY - 1 {
        arguments.run_operations * LONG_TIMES
    } else {
        arguments.run_operations
    }
}

/// How many runs have so many operations. The same seed does the same work on any machine.
fn runs_of(arguments: &Arguments) -> u64 {
    let mut sum = 0;
    let mut runs = 0;
    while sum < arguments.operations {
        sum += length_of(runs, arguments).max(1) as u64;
        runs += 1;
    }
    runs
}

/// The seed of a campaign's run.
fn seed_of(campaign: u64, run: u64) -> u64 {
    let mut random = Random::new(campaign.wrapping_mul(0x2545_F491_4F6C_DD1D) ^ run);
    // Short enough to be typed.
    random.any() >> 24
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let board = Board {
        next: AtomicU64::new(0),
        operations: AtomicU64::new(0),
        recoveries: AtomicU64::new(0),
        stop: AtomicBool::new(false),
        found: Mutex::default(),
    };
    let runs = runs_of(arguments);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..arguments.threads {
            scope.spawn(|| work(&board, arguments, runs));
        }
        scope.spawn(|| tell(&board, arguments.operations, started));
    });
    let (report, violation) = board.found.into_inner().unwrap_or_default();
    let seconds = started.elapsed().as_secs_f64();
    table::print(&report);
    println!(
        "seed {}: {} operations, {} recoveries in {seconds:.1} s; digest {:016x}",
        arguments.seed, report.operations, report.recoveries, report.digest
    );
    match violation {
        None => ExitCode::SUCCESS,
        Some(found) => {
            tell_violation(&found, arguments);
            ExitCode::FAILURE
        }
    }
}

fn work(board: &Board, arguments: &Arguments, runs: u64) {
    while !board.stop.load(Ordering::Relaxed) {
        let number = board.next.fetch_add(1, Ordering::Relaxed);
        if number >= runs {
            break;
        }
        let seed = seed_of(arguments.seed, number);
        let operations = length_of(number, arguments);
        let result = run_plan(&Plan::new(seed, operations));
        let Ok(mut found) = board.found.lock() else {
            break;
        };
        match result {
            Ok(report) => {
                board
                    .operations
                    .fetch_add(report.operations, Ordering::Relaxed);
                board
                    .recoveries
                    .fetch_add(report.recoveries, Ordering::Relaxed);
                add(&mut found.0, &report, number);
            }
            Err(violation) => {
                board.stop.store(true, Ordering::Relaxed);
                // The earliest, so that threads make no difference.
                if found.1.as_ref().is_none_or(|first| number < first.number) {
                    found.1 = Some(Found {
                        number,
                        seed,
                        operations,
                        violation,
                    });
                }
            }
        }
    }
    // Whoever is last ends the progress line.
    if board.next.load(Ordering::Relaxed) >= runs {
        board.stop.store(true, Ordering::Relaxed);
    }
}

fn add(sum: &mut Report, one: &Report, number: u64) {
    sum.operations += one.operations;
    sum.recoveries += one.recoveries;
    sum.expiries += one.expiries;
    for (kind, count) in &one.faults {
        *sum.faults.entry(kind.clone()).or_default() += count;
    }
    for (kind, count) in &one.outcomes {
        *sum.outcomes.entry(kind.clone()).or_default() += count;
    }
    // In no particular order: each run's digest is tied to its number, and the sum has none.
    let mut mixed = Random::new(one.digest ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    sum.digest = sum.digest.wrapping_add(mixed.any());
}

fn tell(board: &Board, operations: u64, started: Instant) {
    // A line that is written over, or into a file one from time to time.
    let is_terminal = std::io::stderr().is_terminal();
    let (start, every) = if is_terminal { ("\r", 1) } else { ("\n", 50) };
    let mut ticks = 0_u64;
    while !board.stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(200));
        ticks += 1;
        if !ticks.is_multiple_of(every) {
            continue;
        }
        let done = board.operations.load(Ordering::Relaxed);
        eprint!(
            "{start}{done} of {operations} operations, {} recoveries, {:.0} operations/s ",
            board.recoveries.load(Ordering::Relaxed),
            done as f64 / started.elapsed().as_secs_f64()
        );
        // A progress line that cannot be shown is not missed.
        let _ = std::io::stderr().flush();
    }
    if ticks >= every {
        eprintln!();
    }
}

fn tell_violation(found: &Found, arguments: &Arguments) {
    let Found {
        seed,
        operations,
        violation,
        ..
    } = found;
    println!("VIOLATION {}: {}", violation.check, violation.what);
    let again = format!("--run {seed} --run-ops {operations}");
    println!("again: make simulate ARGS=\"{again}\"");
    if !arguments.shrink {
        return;
    }
    let plan = Plan::new(*seed, *operations);
    let kept = shrink::shrink(&plan, |plan| run_plan(plan).is_err());
    let keep = shrink::ranges(&kept);
    println!(
        "{} of {} events are enough: make simulate ARGS=\"{again} --keep {keep}\"",
        kept.len(),
        plan.events.len()
    );
    let shortest = plan.only(&kept);
    for event in &shortest.events {
        println!("  {event:?}");
    }
    if let Err(violation) = run_plan(&shortest) {
        println!("which shows {}: {}", violation.check, violation.what);
    }
}
