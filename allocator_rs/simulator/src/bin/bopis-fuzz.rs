//! `make fuzz`: cases of every target until the time is over.
//!
//! ```text
//! bopis-fuzz [--seconds N] [--seed N]             all targets, on every core
//! bopis-fuzz --target NAME --seed N --cases 1     one case again
//! ```
//!
//! Exit code 0: nothing found. 1: a finding, with the command that shows it again. 2: the arguments.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bopis_simulator::fuzz::{run, Target, TARGETS};

struct Arguments {
    seconds: u64,
    seed: u64,
    cases: u64,
    target: Option<String>,
}

fn arguments() -> Result<Arguments, String> {
    let mut found = Arguments {
        seconds: 10,
        seed: 1,
        cases: u64::MAX,
        target: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words
            .next()
            .ok_or_else(|| format!("{word} needs a value"))?;
        let number = || value.parse().map_err(|_| format!("{word} needs a number"));
        match word.as_str() {
            "--seconds" => found.seconds = number()?,
            "--seed" => found.seed = number()?,
            "--cases" => found.cases = number()?,
            "--target" => found.target = Some(value.clone()),
            _ => return Err(format!("unknown argument {word}")),
        }
    }
    Ok(found)
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(problem) => {
            eprintln!("bopis-fuzz: {problem}");
            return ExitCode::from(2);
        }
    };
    std::panic::set_hook(Box::new(|_| {}));
    let wanted = |name: &str| arguments.target.as_deref().is_none_or(|one| one == name);
    let targets: Vec<(&str, Target)> = TARGETS
        .into_iter()
        .filter(|(name, _)| wanted(name))
        .collect();
    if targets.is_empty() {
        eprintln!(
            "bopis-fuzz: the targets are {:?}",
            TARGETS.map(|(name, _)| name)
        );
        return ExitCode::from(2);
    }
    let share = Duration::from_secs(arguments.seconds) / u32::try_from(targets.len()).unwrap_or(1);
    let mut is_clean = true;
    for (name, target) in targets {
        is_clean &= hunt(name, target, share, &arguments);
    }
    if is_clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn hunt(name: &str, target: Target, share: Duration, arguments: &Arguments) -> bool {
    let (cases, is_clean) = (AtomicU64::new(0), AtomicBool::new(true));
    let started = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while started.elapsed() < share && is_clean.load(Ordering::Relaxed) {
                    let number = cases.fetch_add(1, Ordering::Relaxed);
                    if number >= arguments.cases {
                        cases.fetch_sub(1, Ordering::Relaxed);
                        break;
                    }
                    let seed = arguments.seed.wrapping_add(number);
                    if let Err(what) = run(target, seed) {
                        is_clean.store(false, Ordering::Relaxed);
                        println!("FOUND {name}: {what}");
                        let again = format!("--target {name} --seed {seed} --cases 1");
                        println!("again: make fuzz ARGS=\"{again}\"");
                    }
                }
            });
        }
    });
    println!("{name}: {} cases", cases.load(Ordering::Relaxed));
    is_clean.load(Ordering::Relaxed)
}
