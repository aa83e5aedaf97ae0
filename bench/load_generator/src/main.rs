//! Native load on InventoryService.Reserve.
//!
//! | mode | what it does | what its latencies mean |
//! | --- | --- | --- |
//! | closed (`--rate 0`) | keeps `connections x in_flight` calls under way | service under saturation |
//! | open (`--rate R`) | starts R calls a second whatever comes back | counted from the moment a call was due, so a stall is not hidden |
//!
//! Each call reserves one unit of one of `--skus` SKUs at one node. A call counts only if its answer
//! is a reservation in state HELD with that line; anything else is an error and printed as such.
//! The result is one JSON line on standard output; `generator_cpu` is this process's own CPU time
//! over the measured wall time on one core (PROTOCOL.md: above 0.8 the run is void).

mod arguments;
mod load;

/// The client generated from the public protos.
#[allow(missing_docs, unreachable_pub, dead_code, clippy::all)]
mod v1 {
    tonic::include_proto!("bopis.v1");
}

use std::error::Error;
use std::process::ExitCode;

fn run() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments = arguments::parse(std::env::args().skip(1))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(load::run(&arguments))?;
    println!("{report}");
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("load generator: {error}");
            ExitCode::FAILURE
        }
    }
}
