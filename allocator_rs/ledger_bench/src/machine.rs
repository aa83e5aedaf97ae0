//! The ledger as the engine's writer drives it, without the journal: the one place that calls it.

use std::time::{Duration, Instant};

use bopis_ledger::{
    Act, ActOutcome, ChangedCell, Ledger, Limits, RecordView, ReservationId, Sink, Stamp,
};

use crate::opening;
use crate::timing::{time_after_ms, wall_ms, window_entries, DAY_MS};
use crate::took::Took;
use crate::workload::{Block, Workload};
use crate::Failure;

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
    changed: Vec<ChangedCell>,
}

impl Machine {
    pub(crate) fn new(retained: u64) -> Self {
        let limits = Limits {
            request_window_ms: DAY_MS,
            request_window_max: window_entries(retained),
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
        let now_ms = time_after_ms(self.acts, self.retained);
        Stamp {
            now_ms,
            wall_ms: wall_ms(now_ms),
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
        for act in opening::acts(&workload.stock) {
            self.apply(&[act]);
            self.made.answers.iter().try_for_each(opening::check)?;
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

#[cfg(test)]
mod tests {
    use super::Machine;
    use crate::expectation::Expectation;
    use crate::workload::{Spread, Workload};
    use crate::Failure;

    const RETAINED: u64 = 20_000;
    const ACTS: usize = 50_000;

    fn opened(spread: Spread) -> Result<(Workload, Machine), Failure> {
        let workload = Workload::new(spread, 2_000, RETAINED, 7);
        let mut machine = Machine::new(RETAINED);
        machine.open(&workload)?;
        Ok((workload, machine))
    }

    #[test]
    fn every_answer_and_counter_is_what_the_workload_says() -> Result<(), Failure> {
        for spread in [Spread::Uniform, Spread::Hot] {
            let (mut workload, mut machine) = opened(spread)?;
            machine.run(workload.block(ACTS), 256)?;
            machine.check(&workload)?;
        }
        Ok(())
    }

    #[test]
    fn so_many_requests_are_remembered_and_no_more() -> Result<(), Failure> {
        let (mut workload, mut machine) = opened(Spread::Uniform)?;
        machine.run(workload.block(ACTS), 256)?;
        let remembered = machine.ledger.request_count() as u64;
        // A sale takes a second entry: one act in forty.
        assert!(
            (RETAINED..RETAINED * 21 / 20).contains(&remembered),
            "{remembered}"
        );
        Ok(())
    }

    #[test]
    fn a_wrong_answer_ends_the_run() -> Result<(), Failure> {
        let (mut workload, mut machine) = opened(Spread::Uniform)?;
        let mut block = workload.block(1_000);
        if let Some(last) = block.expected.last_mut() {
            *last = Expectation::OnHand(-1);
        }
        assert!(machine.run(block, 256).is_err());
        Ok(())
    }

    #[test]
    fn a_wrong_counter_ends_the_run() -> Result<(), Failure> {
        let (mut workload, mut machine) = opened(Spread::Uniform)?;
        machine.run(workload.block(1_000), 256)?;
        machine.check(&workload)?;
        if let Some(cell) = workload.stock.cells.last_mut() {
            cell.held += 1;
        }
        assert!(machine.check(&workload).is_err());
        Ok(())
    }
}
