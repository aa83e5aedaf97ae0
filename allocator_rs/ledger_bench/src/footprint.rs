//! `memory_5m_cells_gib`: memory of a process that holds many cells and live reservations.
//!
//! | process | holds |
//! | --- | --- |
//! | engine, in memory (the figure) | ledger, published cells, change feed, names |
//! | ledger | the ledger alone |
//!
//! Each reservation is of 1 to 5 lines and its request is still remembered; those of the opening
//! stock are not any more. The workload's own books are dropped before memory is read.

use crate::arguments::Arguments;
use crate::child;
use crate::figure::Figure;
use crate::machine::Machine;
use crate::session::Session;
use crate::workload::{Spread, Workload};
use crate::Failure;

/// Tasks of the two processes.
pub(crate) const ENGINE: &str = "footprint_engine";
pub(crate) const LEDGER: &str = "footprint_ledger";
const HOLDS: usize = 65_536;

/// The figure.
pub(crate) fn figure(arguments: &Arguments) -> Result<(), Failure> {
    let (cells, reservations) = arguments.footprint;
    let ask = |task: &str| {
        let words = [
            ("--figures", task.to_owned()),
            ("--cells", cells.to_string()),
            ("--retained", reservations.to_string()),
        ];
        child::ask::<2>(&words.map(|(name, value)| [name.to_owned(), value]).concat())
    };
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    let [engine, engine_peak] = ask(ENGINE)?;
    let [ledger, ledger_peak] = ask(LEDGER)?;
    Figure::new(
        "memory_5m_cells_gib",
        gib(engine),
        "GiB",
        "memory, engine, process of its own",
    )
    .with("peak_gib", gib(engine_peak))
    .with("ledger_gib", gib(ledger))
    .with("ledger_peak_gib", gib(ledger_peak))
    .with("cells", cells.into())
    .with("live_reservations", reservations as f64)
    .print(arguments);
    Ok(())
}

/// The process with an engine.
pub(crate) fn engine(arguments: &Arguments) -> Result<(), Failure> {
    let mut session = Session::stocked(Spread::Uniform, None, arguments)?;
    session.hold(arguments.retained)?;
    session.client.check(&session.workload.stock)?;
    let Session {
        workload, client, ..
    } = session;
    drop(workload);
    answer()?;
    drop(client);
    Ok(())
}

/// The process with a ledger.
pub(crate) fn ledger(arguments: &Arguments) -> Result<(), Failure> {
    let retained = arguments.retained;
    let mut workload = Workload::new(Spread::Uniform, arguments.cells, retained, arguments.seed);
    let mut machine = Machine::new(retained);
    machine.open(&workload)?;
    while (workload.live() as u64) < retained {
        let left = (retained - workload.live() as u64) as usize;
        machine.run(workload.holds(left.min(HOLDS)), arguments.batch)?;
    }
    machine.check(&workload)?;
    drop(workload);
    answer()?;
    drop(machine);
    Ok(())
}

fn answer() -> Result<(), Failure> {
    let (now, peak) = child::memory_bytes()?;
    child::answer(&[now, peak]);
    Ok(())
}
