//! `expiry_storm_1m_ms`: many holds are due at the same moment.
//!
//! | step | |
//! | --- | --- |
//! | holds of one unit with one deadline on a thousand cells | not timed |
//! | a hold of another cell every 100 us | latency before |
//! | the clock passes the deadline; the same goes on | latency meanwhile, and the time until no unit is held |
//!
//! Whether units are still held is read once a millisecond. Measured on a folder, and in memory.

use std::path::Path;
use std::time::{Duration, Instant};

use bopis_ledger::{
    Act, ActOutcome, CellKey, Command, Line, OrderRef, Outcome, RequestKey, ReservationId,
    ReservationState, Terms,
};

use crate::arguments::Arguments;
use crate::client::{Answered, Client};
use crate::figure::{Figure, Latencies};
use crate::folder::Folder;
use crate::random::id;
use crate::stock::Stock;
use crate::ticking::{be_punctual, sleep_until};
use crate::Failure;

/// Cells of the holds that are due; as many more for those that are asked meanwhile.
const CELLS: u32 = 1_000;
const ON_HAND: i32 = 1_000_000;
const TTL_MS: i64 = 60 * 60 * 1000;
const LASTING_TTL_MS: i64 = 100 * TTL_MS;
const PERIOD: Duration = Duration::from_micros(100);
/// Periods between two looks at what is still held.
const LOOK_EVERY: u32 = 10;
const GIVE_UP: Duration = Duration::from_secs(120);

struct Storm {
    took: Duration,
    before: Latencies,
    meanwhile: Latencies,
}

/// The figure.
pub(crate) fn figure(arguments: &Arguments) -> Result<(), Failure> {
    let folder = Folder::make(&arguments.folder, "storm")?;
    let in_memory = storm(None, arguments)?;
    let durable = storm(Some(folder.path()), arguments)?;
    let ratio = |storm: &Storm| storm.meanwhile.micros_at(0.99) / storm.before.micros_at(0.99);
    let millis = |storm: &Storm| storm.took.as_secs_f64() * 1e3;
    Figure::new(
        "expiry_storm_1m_ms",
        millis(&durable),
        "ms",
        "durable, library",
    )
    .latencies(
        &durable.meanwhile,
        "one hold meanwhile, from when it was due",
    )
    .with("p99_us_before", durable.before.micros_at(0.99))
    .with("p99_ratio", ratio(&durable))
    .with("memory_ms", millis(&in_memory))
    .with("memory_p99_us", in_memory.meanwhile.micros_at(0.99))
    .with("memory_p99_ratio", ratio(&in_memory))
    .with("holds", arguments.due as f64)
    .print(arguments);
    Ok(())
}

struct Scene {
    client: Client,
    stock: Stock,
    serial: u64,
}

fn storm(folder: Option<&Path>, arguments: &Arguments) -> Result<Storm, Failure> {
    let mut scene = Scene {
        client: Client::open(folder, arguments.due * 2)?,
        stock: Stock::new(2 * CELLS, |_| ON_HAND),
        serial: 0,
    };
    scene.client.bring_in(&scene.stock)?;
    scene.hold_all(arguments)?;
    let mut before = Latencies::new()?;
    let lasting = Duration::from_secs_f64(arguments.seconds.min(2.0));
    scene.ask(&mut before, |_, started| Ok(started.elapsed() < lasting))?;
    let due: Vec<CellKey> = (0..CELLS).map(|number| scene.stock.key(number)).collect();
    let mut views = Vec::new();
    let mut meanwhile = Latencies::new()?;
    scene.client.clock.set(2 * TTL_MS);
    let took = scene.ask(&mut meanwhile, |client, started| {
        if started.elapsed() > GIVE_UP {
            return Err("the storm does not end".into());
        }
        client.engine.read(&due, &mut views);
        Ok(views.iter().any(|view| view.held > 0))
    })?;
    for cell in scene.stock.cells.iter_mut().take(CELLS as usize) {
        cell.held = 0;
    }
    scene.client.check(&scene.stock)?;
    Ok(Storm {
        took,
        before,
        meanwhile,
    })
}

impl Scene {
    /// A hold of one unit; the cells are taken in turn from `first` on.
    fn hold(&mut self, first: u32, ttl_ms: i64) -> Act {
        self.serial += 1;
        let number = first + (self.serial % u64::from(CELLS)) as u32;
        self.stock.cells[number as usize].held += 1;
        let line = Line {
            cell: self.stock.key(number),
            quantity: 1,
        };
        let command = Command::Hold {
            reservation: ReservationId(id(2, self.serial)),
            order: OrderRef(id(3, self.serial)),
            lines: std::iter::once(line).collect(),
            ttl_ms,
            priority: 0,
            terms: Terms::default(),
        };
        Act {
            request: RequestKey {
                scope: 1,
                id: id(1, self.serial),
            },
            fingerprint: self.serial,
            commands: vec![command],
        }
    }

    fn hold_all(&mut self, arguments: &Arguments) -> Result<(), Failure> {
        let mut left = arguments.due as usize;
        while left > 0 {
            let count = left.min(arguments.batch);
            let acts = (0..count).map(|_| self.hold(0, TTL_MS)).collect();
            self.client.submit(acts, Instant::now())?;
            are_held(self.client.receive()?)?;
            left -= count;
        }
        let held: i64 = self
            .stock
            .cells
            .iter()
            .map(|cell| i64::from(cell.held))
            .sum();
        if held != arguments.due as i64 {
            return Err(format!("{held} units are held").into());
        }
        self.client.check(&self.stock)
    }

    /// One hold a period while `goes_on`, which is asked every so many periods; how long that was.
    fn ask(
        &mut self,
        latencies: &mut Latencies,
        mut goes_on: impl FnMut(&Client, Instant) -> Result<bool, Failure>,
    ) -> Result<Duration, Failure> {
        let (mut asked, mut answered) = (0, Vec::new());
        be_punctual()?;
        let started = Instant::now();
        let mut took = started.elapsed();
        while asked % LOOK_EVERY != 0 || goes_on(&self.client, started)? {
            asked += 1;
            let act = self.hold(CELLS, LASTING_TTL_MS);
            let due = started + PERIOD * asked;
            while let Some(one) = self.client.try_receive() {
                answered.push(one);
            }
            sleep_until(due);
            self.client.submit(vec![act], due)?;
            took = started.elapsed();
        }
        while answered.len() < asked as usize {
            answered.push(self.client.receive()?);
        }
        for one in answered {
            latencies.add(one.at - one.from);
            are_held(one)?;
        }
        Ok(took)
    }
}

fn are_held(answered: Answered) -> Result<(), Failure> {
    for done in answered.replies? {
        let ActOutcome::Done(outcomes) = &done.outcome else {
            return Err(format!("a hold was answered {done:?}").into());
        };
        let [Outcome::Reservation(view)] = outcomes.as_slice() else {
            return Err(format!("a hold was answered {outcomes:?}").into());
        };
        if view.state != ReservationState::Held {
            return Err(format!("a hold is {view:?}").into());
        }
    }
    Ok(())
}
