//! The engine on a real folder: `durable_batched`, `durable_hot_cell`.
//!
//! A peer is measured by another program in between: with `--rounds-on-stdin` each line that comes
//! in starts a round, and each round prints its figure.

use std::io::BufRead as _;

use crate::arguments::Arguments;
use crate::figure::Figure;
use crate::folder::Folder;
use crate::session::{Measured, Session};
use crate::workload::Spread;
use crate::Failure;

/// `durable_batched`.
pub(crate) fn batched(arguments: &Arguments) -> Result<(), Failure> {
    rounds("durable_batched", Spread::Uniform, arguments)
}

/// `durable_hot_cell`.
pub(crate) fn hot_cell(arguments: &Arguments) -> Result<(), Failure> {
    rounds("durable_hot_cell", Spread::Hot, arguments)
}

fn rounds(name: &str, spread: Spread, arguments: &Arguments) -> Result<(), Failure> {
    let folder = Folder::make(&arguments.folder, name)?;
    let mut session = Session::open(spread, folder.path(), arguments)?;
    eprintln!("{spread:?}: ready");
    if arguments.rounds_on_stdin {
        println!("{{\"ready\": \"{name}\"}}");
        for line in std::io::stdin().lock().lines() {
            line?;
            round(name, &mut session, arguments)?;
        }
    } else {
        round(name, &mut session, arguments)?;
    }
    session.client.check(&session.workload.stock)
}

fn round(name: &str, session: &mut Session, arguments: &Arguments) -> Result<(), Failure> {
    let measured = session.measure(arguments.seconds)?;
    print(name, &measured, session, arguments);
    Ok(())
}

fn print(name: &str, measured: &Measured, session: &Session, arguments: &Arguments) {
    let acts = arguments.batch * arguments.in_flight;
    Figure::new(
        name,
        measured.operations_per_second(),
        "ops/s",
        "durable, library, load and writer on a core each",
    )
    .latencies(
        &measured.batches,
        &format!("a batch of {} acts", arguments.batch),
    )
    .with("acts_per_second", measured.acts_per_second())
    .with("in_flight_acts", acts as f64)
    .with("cells", arguments.cells.into())
    .with("live_reservations", session.workload.live() as f64)
    .print(arguments);
}
