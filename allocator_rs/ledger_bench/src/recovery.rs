//! From a folder to a serving engine, in a process of its own.
//!
//! | figure | folder |
//! | --- | --- |
//! | `replay_records` | what the workload left: the opening stock, then some millions of acts |
//! | `recovery_10m_seconds` | some millions of live holds of orders of 1 to 5 lines, in a snapshot |
//!
//! The journal was written just before, so it is read from the page cache. Every counter that the
//! recovered engine shows is compared with the workload's.

use std::path::Path;

use bopis_engine::snapshot;

use crate::arguments::Arguments;
use crate::child;
use crate::client::Client;
use crate::figure::Figure;
use crate::folder::{bytes_within, Folder};
use crate::session::Session;
use crate::stock::Stock;
use crate::took::Took;
use crate::workload::Spread;
use crate::Failure;

const GIB: f64 = (1_u64 << 30) as f64;

/// The task of the process that recovers.
pub(crate) const OPENED: &str = "opened";

struct Recovered {
    seconds: f64,
    cpu_seconds: f64,
    records: f64,
    memory_gib: f64,
    journal_gib: f64,
}

/// `replay_records`.
pub(crate) fn replay(arguments: &Arguments) -> Result<(), Failure> {
    let folder = Folder::make(&arguments.folder, "replay")?;
    let mut session = Session::stocked(Spread::Uniform, Some(folder.path()), arguments)?;
    session.act(arguments.replayed)?;
    let recovered = recover(&Left::by(session)?, folder.path(), arguments)?;
    let rate = recovered.records / recovered.seconds;
    print("replay_records", rate, "records/s", &recovered, arguments);
    Ok(())
}

/// `recovery_10m_seconds`.
pub(crate) fn of_live_reservations(arguments: &Arguments) -> Result<(), Failure> {
    let folder = Folder::make(&arguments.folder, "recovery")?;
    let mut session = Session::stocked(Spread::Uniform, Some(folder.path()), arguments)?;
    session.hold(arguments.live)?;
    let left = Left::by(session)?;
    let of_journal = recover(&left, folder.path(), arguments)?;
    eprintln!("building a snapshot");
    let started = Took::start();
    let built = snapshot::build(folder.path()).map_err(|error| error.to_string())?;
    let build_seconds = started.end().wall.as_secs_f64();
    let built = built.ok_or("no segment was filled: there is nothing to build of")?;
    let of_snapshot = recover(&left, folder.path(), arguments)?;
    let seconds = of_snapshot.seconds;
    figure("recovery_10m_seconds", seconds, "s", &of_snapshot)
        .with("of_journal_seconds", of_journal.seconds)
        .with("of_journal_cpu_seconds", of_journal.cpu_seconds)
        .with("build_seconds", build_seconds)
        .with("snapshot_records", built.sequence as f64)
        .with("snapshot_gib", built.bytes as f64 / GIB)
        .print(arguments);
    Ok(())
}

fn print(name: &str, value: f64, unit: &str, recovered: &Recovered, arguments: &Arguments) {
    figure(name, value, unit, recovered).print(arguments);
}

fn figure(name: &str, value: f64, unit: &str, recovered: &Recovered) -> Figure {
    Figure::new(name, value, unit, "durable, library, page cache warm")
        .with("seconds", recovered.seconds)
        .with("cpu_seconds", recovered.cpu_seconds)
        .with("records", recovered.records)
        .with("journal_gib", recovered.journal_gib)
        .with("memory_gib", recovered.memory_gib)
}

/// What a session left in its folder.
struct Left {
    sequence: u64,
    digest: u64,
}

impl Left {
    fn by(session: Session) -> Result<Self, Failure> {
        Ok(Self {
            sequence: session.client.engine.drain()?.sequence,
            digest: session.workload.stock.digest(),
        })
    }
}

fn recover(left: &Left, folder: &Path, arguments: &Arguments) -> Result<Recovered, Failure> {
    let Left { sequence, digest } = *left;
    eprintln!("recovering {sequence} records");
    let words = [
        ("--figures", OPENED.to_owned()),
        ("--folder", folder.display().to_string()),
        ("--cells", arguments.cells.to_string()),
        ("--retained", arguments.retained.to_string()),
    ];
    let words = words.map(|(name, value)| [name.to_owned(), value]).concat();
    let [micros, cpu_micros, found, found_digest, memory] = child::ask(&words)?;
    if (found, found_digest) != (sequence, digest) {
        return Err(format!("recovered {found} records of {sequence}, or other counters").into());
    }
    Ok(Recovered {
        seconds: micros as f64 / 1e6,
        cpu_seconds: cpu_micros as f64 / 1e6,
        records: sequence as f64,
        memory_gib: memory as f64 / GIB,
        journal_gib: bytes_within(folder)? as f64 / GIB,
    })
}

/// The other process: opens the folder, answers time, records, digest of all counters, memory.
pub(crate) fn opened(arguments: &Arguments) -> Result<(), Failure> {
    let started = Took::start();
    let client = Client::open(Some(&arguments.folder), arguments.retained)?;
    let took = started.end();
    let [micros, cpu_micros] = [took.wall, took.cpu].map(|time| time.as_micros() as u64);
    let (memory, _) = child::memory_bytes()?;
    let mut stock = Stock::new(arguments.cells, |_| 0);
    client.read_into(&mut stock)?;
    let (sequence, digest) = (client.engine.position(), stock.digest());
    child::answer(&[micros, cpu_micros, sequence, digest, memory]);
    Ok(())
}
