//! The ledger alone, in memory.
//!
//! | step | timed |
//! | --- | --- |
//! | names, opening stock, then acts until as many requests are remembered as shall be | no |
//! | a block of acts is made | no |
//! | the block is applied batch by batch | yes |
//! | answers are checked and dropped, changed cells are taken | no (the latter is stated) |
//! | every counter of every cell is compared | no |

use std::time::Duration;

use crate::arguments::Arguments;
use crate::figure::{Figure, Latencies};
use crate::machine::Machine;
use crate::workload::{Spread, Workload};
use crate::Failure;

/// Batches of a block.
const BLOCK: usize = 4;

/// What a run of the workload came to.
pub(crate) struct Measured {
    pub(crate) operations_per_second: f64,
    acts_per_second: f64,
    per_cpu_second: f64,
    /// The fastest block.
    best: f64,
    batches: Latencies,
    changes_ns: f64,
    short_share: f64,
    live: usize,
    remembered: usize,
}

/// `memory_uniform`.
pub(crate) fn uniform(arguments: &Arguments) -> Result<(), Failure> {
    let measured = measure(Spread::Uniform, arguments.cells, arguments)?;
    print("memory_uniform", &measured, arguments.cells, arguments);
    Ok(())
}

/// `memory_hot_cell`.
pub(crate) fn hot_cell(arguments: &Arguments) -> Result<(), Failure> {
    let measured = measure(Spread::Hot, arguments.cells, arguments)?;
    print("memory_hot_cell", &measured, arguments.cells, arguments);
    Ok(())
}

/// `growth_20m_over_1m`: cost per operation with many cells over that with few, in one run.
pub(crate) fn growth(arguments: &Arguments) -> Result<(), Failure> {
    let rate = |cells| -> Result<f64, Failure> {
        Ok(measure(Spread::Uniform, cells, arguments)?.operations_per_second)
    };
    let few_before = rate(arguments.cells)?;
    let many = rate(arguments.many_cells)?;
    let few = (few_before + rate(arguments.cells)?) / 2.0;
    Figure::new(
        "growth_20m_over_1m",
        few / many,
        "x",
        "memory, one core, library",
    )
    .with("few_cells", arguments.cells.into())
    .with("many_cells", arguments.many_cells.into())
    .with("ops_per_second_few", few)
    .with("ops_per_second_many", many)
    .print(arguments);
    Ok(())
}

fn print(name: &str, measured: &Measured, cells: u32, arguments: &Arguments) {
    let mode = "memory, one core, library";
    Figure::new(name, measured.operations_per_second, "ops/s", mode)
        .with("best", measured.best)
        .latencies(
            &measured.batches,
            &format!("a batch of {} acts", arguments.batch),
        )
        .with("acts_per_second", measured.acts_per_second)
        .with("ops_per_cpu_second", measured.per_cpu_second)
        .with("change_feed_ns_per_op", measured.changes_ns)
        .with("cells", cells.into())
        .with("retained_requests", measured.remembered as f64)
        .with("live_reservations", measured.live as f64)
        .with("short_share", measured.short_share)
        .print(arguments);
}

/// Runs the workload on a ledger of its own.
pub(crate) fn measure(
    spread: Spread,
    cells: u32,
    arguments: &Arguments,
) -> Result<Measured, Failure> {
    let mut workload = Workload::new(spread, cells, arguments.retained, arguments.seed);
    let mut machine = Machine::new(arguments.retained);
    machine.open(&workload)?;
    eprintln!("{spread:?}: {cells} cells; filling the request window");
    let block = BLOCK * arguments.batch;
    while workload.acts < arguments.retained + block as u64 {
        machine.run(workload.block(block), arguments.batch)?;
    }
    eprintln!("{spread:?}: measuring");
    let (acts_before, short_before) = (workload.acts, workload.short);
    let (mut total, mut cpu, mut changes) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let mut operations = 0;
    let (mut batches, mut best) = (Latencies::new()?, 0.0_f64);
    while total.as_secs_f64() < arguments.seconds {
        let block = workload.block(block);
        let of_block = block.operations;
        let run = machine.run(block, arguments.batch)?;
        run.batches.iter().for_each(|took| batches.add(*took));
        let took: Duration = run.batches.iter().sum();
        best = best.max(of_block as f64 / took.as_secs_f64());
        operations += of_block;
        total += took;
        cpu += run.cpu;
        changes += run.changes;
    }
    machine.check(&workload)?;
    let acts = (workload.acts - acts_before) as f64;
    Ok(Measured {
        operations_per_second: operations as f64 / total.as_secs_f64(),
        per_cpu_second: operations as f64 / cpu.as_secs_f64(),
        acts_per_second: acts / total.as_secs_f64(),
        best,
        batches,
        changes_ns: changes.as_secs_f64() * 1e9 / operations as f64,
        short_share: (workload.short - short_before) as f64 / acts,
        live: workload.live(),
        remembered: machine.ledger.request_count(),
    })
}
