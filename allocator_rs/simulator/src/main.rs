//! `make simulate`: runs of a seed, one after the other on every core, until so many operations.
//!
//! ```text
//! bopis-simulator [--seed N] [--ops N] [--run-ops N] [--threads N]
//! bopis-simulator --run SEED [--run-ops N] [--keep 3,5-9]     one run, or a part of its events
//! ```
//!
//! Exit code 0: no violation. 1: one, with the shortest run that shows it. 2: the arguments.

mod campaign;
mod table;

use std::process::ExitCode;

use bopis_simulator::plan::Plan;
use bopis_simulator::{run, shrink};

/// What was asked for.
struct Arguments {
    seed: u64,
    operations: u64,
    run_operations: usize,
    threads: usize,
    /// One run instead of a campaign.
    run: Option<u64>,
    keep: Option<Vec<usize>>,
    shrink: bool,
}

fn arguments() -> Result<Arguments, String> {
    let mut found = Arguments {
        seed: 1,
        operations: 1_000_000,
        run_operations: 1_000,
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        run: None,
        keep: None,
        shrink: true,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if word == "--no-shrink" {
            found.shrink = false;
            continue;
        }
        let value = words
            .next()
            .ok_or_else(|| format!("{word} needs a value"))?;
        let number = || {
            let digits = value.replace('_', "");
            digits
                .parse::<u64>()
                .map_err(|_| format!("{word} needs a number"))
        };
        match word.as_str() {
            "--seed" => found.seed = number()?,
            "--ops" => found.operations = number()?,
            "--run-ops" => found.run_operations = usize::try_from(number()?).unwrap_or(1),
            "--threads" => found.threads = usize::try_from(number()?).unwrap_or(1).max(1),
            "--run" => found.run = Some(number()?),
            "--keep" => {
                let kept = shrink::parse_ranges(&value);
                found.keep = Some(kept.ok_or("--keep needs indexes like 3,5-9")?);
            }
            _ => return Err(format!("unknown argument {word}")),
        }
    }
    Ok(found)
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!("bopis-simulator: {problem}");
            return ExitCode::from(2);
        }
    };
    // A panic is a violation, and told as one.
    std::panic::set_hook(Box::new(|_| {}));
    match arguments.run {
        Some(seed) => one(seed, &arguments),
        None => campaign::run(&arguments),
    }
}

fn one(seed: u64, arguments: &Arguments) -> ExitCode {
    let mut plan = Plan::new(seed, arguments.run_operations);
    if let Some(kept) = &arguments.keep {
        plan = plan.only(kept);
    }
    match run(&plan) {
        Ok(report) => {
            table::print(&report);
            println!("run digest {:016x}", report.digest);
            ExitCode::SUCCESS
        }
        Err(violation) => {
            println!("VIOLATION {}: {}", violation.check, violation.what);
            if arguments.keep.is_some() {
                for event in &plan.events {
                    println!("  {event:?}");
                }
            }
            ExitCode::FAILURE
        }
    }
}
