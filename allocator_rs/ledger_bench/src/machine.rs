//! The ledger as the engine's writer drives it, without the journal: the one place that calls it.

use std::time::{Duration, Instant};

use bopis_ledger::{
    Act, ActOutcome, CellKey, CellView, Command, ItemName, Ledger, Limits, Outcome, RecordView,
    RequestKey, ReservationId, Sink, Stamp,
};

use crate::took::Took;
use crate::workload::{Block, Workload};
use crate::Failure;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// Commands of an act that brings in names and opening stock.
const OPENING_COMMANDS: usize = 512;
const OPENING_SCOPE: u32 = 2;
/// Holds that the writer expires at most after a batch.
const EXPIRIES_MAX: usize = 2_000;

/// What the ledger makes of a batch: answers are kept, records are counted (there is no journal).
#[derive(Debug, Default)]
struct Made {
    answers: Vec<ActOutcome>,
    records: u64,
    bytes: u64,
    expired: Option<ReservationId>,
}

impl Sink for Made {
    fn record(&mut self, record: RecordView<'_>) {
        self.records += 1;
        match record {
            RecordView::Act { encoded, .. } => self.bytes += encoded.len() as u64,
            RecordView::Expire { reservation, .. } => self.expired = Some(reservation),
        }
    }

    fn answer(&mut self, outcome: ActOutcome) {
        self.answers.push(outcome);
    }
}

/// A ledger, its clock, and what is reused from batch to batch.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) ledger: Ledger,
    /// Requests remembered all the while: ledger time runs so that a day passes in so many acts.
    retained: u64,
    acts: u64,
    made: Made,
    changed: Vec<(CellKey, CellView)>,
}

impl Machine {
    pub(crate) fn new(retained: u64) -> Self {
        let limits = Limits {
            request_window_ms: DAY_MS as i64,
            // A sale takes a second entry.
            request_window_max: retained as usize * 5 / 4 + 1_000_000,
            request_window_bytes_max: u64::MAX,
            ..Limits::default()
        };
        Self {
            ledger: Ledger::new(limits),
            retained,
            acts: 0,
            made: Made::default(),
            changed: Vec::new(),
        }
    }

    fn stamp(&self) -> Stamp {
        let now_ms = i128::from(self.acts) * i128::from(DAY_MS) / i128::from(self.retained);
        Stamp {
            now_ms: now_ms as i64,
            wall_ms: 1_800_000_000_000 + now_ms as i64,
        }
    }

    /// One batch. Timed: deciding, taking effect, encoding outcomes, expiring what is due.
    fn apply(&mut self, acts: &[Act]) -> Took {
        self.acts += acts.len() as u64;
        let stamp = self.stamp();
        self.made.answers.clear();
        let started = Took::start();
        self.ledger.apply(acts, stamp, &mut self.made);
        self.ledger.expire_due(stamp, EXPIRIES_MAX, &mut self.made);
        started.end()
    }

    /// After each batch, not timed: one record per act, none of an expiry.
    fn check_records(&self) -> Result<(), Failure> {
        if let Some(expired) = self.made.expired {
            return Err(format!("a hold of the workload expired: {expired:?}").into());
        }
        let made = (self.made.records, self.made.answers.len());
        if made.0 != self.acts || (self.made.bytes == 0 && made.1 > 0) {
            return Err(format!("{made:?} records and answers of {} acts", self.acts).into());
        }
        Ok(())
    }

    /// Takes the changed cells, as the writer does after each batch; gives how long that took.
    fn take_changes(&mut self) -> Duration {
        let started = Instant::now();
        self.changed.clear();
        self.ledger.take_changed_cells(&mut self.changed);
        started.elapsed()
    }

    /// Applies a block in batches and checks every answer; gives the time of each batch.
    pub(crate) fn run(&mut self, block: Block, batch: usize) -> Result<Run, Failure> {
        let mut run = Run::default();
        let mut acts = block.acts.into_iter();
        let mut expected = block.expected.iter();
        loop {
            let some: Vec<Act> = acts.by_ref().take(batch).collect();
            if some.is_empty() {
                return Ok(run);
            }
            let took = self.apply(&some);
            run.batches.push(took.wall);
            run.cpu += took.cpu;
            run.changes += self.take_changes();
            self.check_records()?;
            for outcome in &self.made.answers {
                let expectation = expected.next().ok_or("more answers than acts")?;
                expectation.check(outcome)?;
            }
        }
    }

    /// Names and opening stock.
    pub(crate) fn open(&mut self, workload: &Workload) -> Result<(), Failure> {
        let stock = &workload.stock;
        let locations = (0..stock.locations()).map(|number| Command::RegisterLocation {
            name: format!("node-{number}").into(),
        });
        let items = (0..stock.items).map(|number| Command::RegisterItem {
            name: ItemName::Sku(format!("sku-{number}").into()),
        });
        let cells = (0u32..).zip(&stock.cells);
        let counts = cells.map(|(number, counters)| Command::SetOnHand {
            cell: stock.key(number),
            on_hand: counters.on_hand.into(),
        });
        let mut commands = locations.chain(items).chain(counts);
        for serial in 0.. {
            let commands: Vec<Command> = commands.by_ref().take(OPENING_COMMANDS).collect();
            if commands.is_empty() {
                break;
            }
            let request = RequestKey {
                scope: OPENING_SCOPE,
                id: serial,
            };
            let act = Act {
                request,
                fingerprint: 0,
                commands,
            };
            self.apply(&[act]);
            let is_done = self.made.answers.iter().all(|outcome| match outcome {
                ActOutcome::Done(outcomes) => outcomes
                    .iter()
                    .all(|o| matches!(o, Outcome::Registered { .. } | Outcome::Cell(_))),
                _ => false,
            });
            if !is_done {
                return Err("the opening stock was refused".into());
            }
            self.check_records()?;
            self.take_changes();
        }
        Ok(())
    }

    /// Every counter of every cell is what the workload comes to.
    pub(crate) fn check(&self, workload: &Workload) -> Result<(), Failure> {
        for (number, counters) in (0u32..).zip(&workload.stock.cells) {
            let view = self.ledger.cell(workload.stock.key(number));
            if !view.is_some_and(|view| counters.agree_with(&view)) {
                return Err(format!("cell {number}: {counters:?}, not {view:?}").into());
            }
        }
        Ok(())
    }
}

/// Times of a block.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) batches: Vec<Duration>,
    /// Processor time of the batches: less than wall time where others want the processor too.
    pub(crate) cpu: Duration,
    /// Taking the changed cells.
    pub(crate) changes: Duration,
}
