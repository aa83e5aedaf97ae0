//! Figures of the ledger and the engine, one JSON line each on standard output.
//!
//! | figures | measure |
//! | --- | --- |
//! | `memory_*`, `growth_20m_over_1m` | `Ledger::apply`: every act on its own, all indexes, no journal |
//! | `durable_batched`, `durable_hot_cell` | the engine on a folder, batches in flight |
//! | `durable_ack_*` | its acknowledgements at half load, over the device's own flush |
//! | `replay_records`, `recovery_10m_seconds` | from a folder to a serving engine |
//! | `expiry_storm_1m_ms` | holds that are due together, and who asks meanwhile |
//! | `memory_5m_cells_gib` | memory of a process of its own |
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

mod acknowledgement;
mod arguments;
mod child;
mod client;
mod device;
mod durable;
mod expectation;
mod figure;
mod folder;
mod footprint;
mod machine;
mod memory;
mod opening;
mod order;
mod random;
mod recovery;
mod session;
mod stock;
mod storm;
mod ticking;
mod timing;
mod took;
mod workload;

use std::error::Error;
use std::process::ExitCode;

use crate::arguments::Arguments;

/// Whatever makes a run void.
type Failure = Box<dyn Error + Send + Sync>;

fn measure(name: &str, arguments: &Arguments) -> Result<(), Failure> {
    match name {
        "memory_uniform" => memory::uniform(arguments),
        "memory_hot_cell" => memory::hot_cell(arguments),
        "growth_20m_over_1m" => memory::growth(arguments),
        "durable_batched" => durable::batched(arguments),
        "durable_hot_cell" => durable::hot_cell(arguments),
        "durable_ack_p99_over_flush_p99" => acknowledgement::alone(arguments),
        "durable_ack_p99_over_flush_p99_solver_running" => {
            acknowledgement::solver_running(arguments)
        }
        "replay_records" => recovery::replay(arguments),
        "recovery_10m_seconds" => recovery::of_live_reservations(arguments),
        "expiry_storm_1m_ms" => storm::figure(arguments),
        "memory_5m_cells_gib" => footprint::figure(arguments),
        recovery::OPENED => recovery::opened(arguments),
        footprint::ENGINE => footprint::engine(arguments),
        footprint::LEDGER => footprint::ledger(arguments),
        _ => Err(format!("there is no figure {name}").into()),
    }
}

fn run() -> Result<(), Failure> {
    let arguments = arguments::parse(std::env::args().skip(1))?;
    for name in &arguments.figures {
        eprintln!("{name}");
        measure(name, &arguments)?;
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
