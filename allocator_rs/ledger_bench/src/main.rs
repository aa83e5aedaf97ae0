//! Figures of the ledger and the engine, one JSON line each on standard output.
//!
//! | figure | measures |
//! | --- | --- |
//! | `memory_uniform`, `memory_hot_cell` | `Ledger::apply`, every act on its own, all indexes, no journal |
//!
//! The workload knows what every act must come to before it is sent ([`workload`]); answers and
//! counters are compared with that outside the timed part, and a difference ends the run.
#![allow(
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a measurement: what is out of range must end it"
)]

#[global_allocator]
static GLOBAL: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod arguments;
mod expectation;
mod figure;
mod machine;
mod memory;
mod random;
mod stock;
mod took;
mod workload;

use std::error::Error;
use std::process::ExitCode;

/// Whatever makes a run void.
type Failure = Box<dyn Error + Send + Sync>;

fn run() -> Result<(), Failure> {
    let arguments = arguments::parse(std::env::args().skip(1))?;
    for name in &arguments.figures {
        match name.as_str() {
            "memory_uniform" => memory::uniform(&arguments)?,
            "memory_hot_cell" => memory::hot_cell(&arguments)?,
            _ => return Err(format!("there is no figure {name}").into()),
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ledger bench: {error}");
            ExitCode::FAILURE
        }
    }
}
