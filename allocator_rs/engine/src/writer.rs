//! The writer, the only one that changes the ledger.
//!
//! One turn: take what waits (natural batching), one stamp, expire a slice of what is due, apply,
//! encode, one journal write, publish reads, then give the answers. Until the write is on the disk
//! nobody but the writer sees any of it.
//!
//! | driven by | waits |
//! | --- | --- |
//! | a thread of its own ([`run`](Writer::run)) | for jobs, for the next tick, for room |
//! | a simulation, step by step ([`crate::Stepper`]) | never |

mod days;
mod disk;
mod pace;
mod room;
mod search;

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;

use bopis_journal::JournalError;
use bopis_ledger::{Act, CellKey, ChangedCell, Ledger, ReservationId, Stamp};
use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::batch::{Batch, Waiting};
use crate::deficits::Deficits;
use crate::folder;
use crate::job::{
    Answer, Days, Done, DrainReport, Drained, Found, Job, Position, ReservationAnswer, Searched,
};
use crate::ledger_time::LedgerTime;
use crate::shared::{EngineStatus, Shared};
use crate::turn::Turn;
use crate::weight::WEIGHT_MAX;
use crate::DrainError;
pub(crate) use disk::{Disk, Folder};
pub(crate) use pace::{Pace, ThreadPace};
use room::Undurable;

/// How often deadlines are looked at when nothing else happens.
const TICK: Duration = Duration::from_millis(10);
/// The same when no hold is live.
const IDLE_TICK: Duration = Duration::from_millis(100);
/// An unsealed last frame is sealed when nothing was written for so long.
const SEAL_AFTER: Duration = Duration::from_millis(400);
/// While holds are live, ledger time is journaled at least so often.
const KEEP_TIME_EVERY: Duration = Duration::from_secs(10);
/// How many holds expire in one turn.
const EXPIRE_SLICE: usize = 4_096;

/// The engine cannot go on; why is in `Shared`.
pub(crate) struct Failed;

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A turn is over, and answered.
    Turned,
    /// The disk is full: what is decided waits, what comes in is refused.
    NoRoom,
    /// It was the last: drained, failed, or the last handle is gone.
    Ended,
}

pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    jobs: Receiver<Job>,
    pub(crate) ledger: Ledger,
    pub(crate) disk: Option<Disk>,
    time: LedgerTime,
    batch_max: usize,
    weight_max: usize,
    more_due: bool,
    /// The acts of the turn.
    acts: Vec<Act>,
    turn: Turn,
    changed: Vec<ChangedCell>,
    deficits: Deficits,
    /// The reads of the turn.
    reads: Vec<(ReservationId, ReservationAnswer)>,
    day_reads: Vec<(CellKey, Answer<Days>)>,
    searches: Vec<(Searched, Answer<Found>)>,
    /// A turn that is decided, and not on the disk.
    decided: Option<Decided>,
    /// Nobody can submit any more.
    is_last: bool,
    /// Who waits for the orderly end, once that is wanted.
    drain: Option<Answer<Drained>>,
}

/// A turn's stamp, and who waits for its answers.
struct Decided {
    stamp: Stamp,
    waiting: Vec<Waiting>,
}

/// Aborts the process when the writer panics: its ledger may be half changed, and whoever restarts
/// the process gets the last durable state.
struct AbortOnPanic;

impl Drop for AbortOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::process::abort();
        }
    }
}

impl Writer {
    pub(crate) fn new(
        shared: Arc<Shared>,
        jobs: Receiver<Job>,
        ledger: Ledger,
        disk: Option<Disk>,
        time: LedgerTime,
        (sequence, deficits, reservation_events): (u64, Deficits, bool),
        batch_max: usize,
    ) -> Self {
        // A turn fits what is left of a segment when the disk turns out to be full.
        let quarter = disk
            .as_ref()
            .map_or(u64::MAX, |disk| disk.journal.segment_bytes() / 4);
        let weight_max = WEIGHT_MAX.min(usize::try_from(quarter).unwrap_or(WEIGHT_MAX));
        let turn = Turn::new(disk.is_some(), sequence, reservation_events);
        Self {
            shared,
            jobs,
            ledger,
            disk,
            time,
            batch_max,
            weight_max,
            more_due: false,
            acts: Vec::new(),
            turn,
            changed: Vec::new(),
            deficits,
            reads: Vec::new(),
            day_reads: Vec::new(),
            searches: Vec::new(),
            decided: None,
            is_last: false,
            drain: None,
        }
    }

    /// Works until drained, failed, or the last handle is gone.
    pub(crate) fn run(mut self) {
        let _abort = AbortOnPanic;
        let mut pace = ThreadPace::new();
        while self.step(&mut pace) != Step::Ended {}
    }

    /// Takes what waits and does one turn with it, or tries again to write the last one.
    pub(crate) fn step(&mut self, pace: &mut dyn Pace) -> Step {
        match self.try_step(pace) {
            Ok(step) if step != Step::Ended => step,
            ended => {
                self.end(ended.map(|_| ()), pace);
                Step::Ended
            }
        }
    }

    fn try_step(&mut self, pace: &mut dyn Pace) -> Result<Step, Failed> {
        // A step that decides nothing passes time over as well, if it stands.
        self.now();
        if self.decided.is_none() {
            if !self.has_room() {
                self.answer_without_room(Undurable::Nothing, pace);
                let wanted = self.drain.is_some();
                return Ok(if wanted { Step::Ended } else { Step::NoRoom });
            }
            let batch = self.gather(pace);
            self.decide(batch);
        }
        if !self.finish(pace)? {
            self.answer_without_room(Undurable::Records, pace);
            return Ok(Step::NoRoom);
        }
        if self.is_last {
            return Ok(Step::Ended);
        }
        self.keep_sealed(pace)?;
        Ok(Step::Turned)
    }

    fn end(&mut self, result: Result<(), Failed>, pace: &mut dyn Pace) {
        let sealed = result.and_then(|()| self.write_seal(pace));
        self.shared.set_status(EngineStatus::Stopped);
        // What is decided or left in the queue hears `Stopped` as it is dropped.
        self.decided = None;
        self.reads.clear();
        self.day_reads.clear();
        self.searches.clear();
        let jobs = &self.jobs;
        self.shared.gate.close(|| while jobs.try_recv().is_ok() {});
        if sealed.is_err() {
            tracing::error!(reason = self.shared.failure(), "engine_stopped");
        } else if let Some(drain) = self.drain.take() {
            drain.give(self.report());
        }
    }

    /// What waits in the queue, or comes before the next tick.
    fn gather(&mut self, pace: &mut dyn Pace) -> Batch {
        let patience = if self.drain.is_some() {
            Duration::ZERO
        } else {
            self.patience()
        };
        let mut batch = Batch::default();
        match pace.next(&self.jobs, patience) {
            Ok(job) => {
                batch.add(job);
                while !batch.is_full(self.batch_max, self.weight_max) {
                    let Ok(job) = self.jobs.try_recv() else { break };
                    batch.add(job);
                }
            }
            Err(RecvTimeoutError::Timeout) => self.is_last = self.drain.is_some(),
            Err(RecvTimeoutError::Disconnected) => self.is_last = true,
        }
        if let Some(answer) = batch.drain.take() {
            self.drain.get_or_insert(answer);
        }
        batch
    }

    fn patience(&self) -> Duration {
        match self.ledger.next_deadline_ms() {
            _ if self.more_due => Duration::ZERO,
            Some(_) => TICK,
            None => IDLE_TICK,
        }
    }

    fn now(&mut self) -> Stamp {
        let clock = self.shared.clock.as_ref();
        let stands = self.shared.time_stands.load(Ordering::Acquire);
        Stamp {
            now_ms: self.time.now_ms(clock, stands),
            wall_ms: clock.wall_ms(),
        }
    }

    fn decide(&mut self, batch: Batch) {
        let stamp = self.now();
        self.turn.start();
        let stands = self.shared.time_stands.load(Ordering::Acquire);
        let due = self
            .ledger
            .next_deadline_ms()
            .is_some_and(|due_ms| due_ms <= stamp.now_ms);
        self.more_due =
            due && !stands && self.ledger.expire_due(stamp, EXPIRE_SLICE, &mut self.turn);
        let Batch {
            acts,
            waiting,
            reads,
            days,
            searches,
            ..
        } = batch;
        self.acts = acts;
        self.reads = reads;
        self.day_reads = days;
        self.searches = searches;
        self.ledger.apply(&self.acts, stamp, &mut self.turn);
        let last = self.turn.sequence;
        self.shared.assigned.store(last, Ordering::Release);
        self.decided = Some(Decided { stamp, waiting });
    }

    /// Writes, publishes and answers what is decided. False: there is no room to write it.
    fn finish(&mut self, pace: &dyn Pace) -> Result<bool, Failed> {
        let Some(decided) = self.decided.take() else {
            return Ok(true);
        };
        if !self.write(decided.stamp.now_ms, pace)? {
            self.decided = Some(decided);
            return Ok(false);
        }
        let Decided { stamp, waiting } = decided;
        self.publish(stamp.wall_ms);
        self.answer(waiting, stamp.wall_ms);
        let position = Position {
            journal_id: self.shared.journal_id,
            sequence: self.turn.sequence,
        };
        self.answer_reservations(stamp, position);
        self.answer_days(position);
        Ok(true)
    }

    /// Gives the answers, which are durable now.
    fn answer(&mut self, waiting: Vec<Waiting>, wall_ms: i64) {
        let mut answers = self.turn.answers.drain(..).map(|(sequence, outcome)| Done {
            sequence,
            wall_ms,
            outcome,
        });
        for waiting in waiting {
            match waiting {
                Waiting::One(answer) => match answers.next() {
                    Some(done) => answer.give(done),
                    // Never: one answer per act. Dropped, it says that the engine stopped.
                    None => drop(answer),
                },
                Waiting::Many(count, answer) => {
                    answer.give(answers.by_ref().take(count).collect());
                }
            }
        }
    }

    /// Brings the turn's records to the disk. False: there is no room; the decisions stand.
    fn write(&mut self, now_ms: i64, pace: &dyn Pace) -> Result<bool, Failed> {
        let Some(disk) = self.disk.as_mut().filter(|_| !self.turn.is_empty()) else {
            return Ok(true);
        };
        match disk.journal.append(&self.turn.buffer, now_ms) {
            Ok(()) => {
                disk.written = pace.passed();
                Ok(true)
            }
            Err(JournalError::DiskFull) if !self.shared.gate.is_shut() => {
                self.shared.set_status(EngineStatus::NoRoom);
                Ok(false)
            }
            Err(error) => Err(fail(&self.shared, &error)),
        }
    }

    fn publish(&mut self, wall_ms: i64) {
        if self.turn.is_empty() {
            return;
        }
        self.changed.clear();
        self.ledger.take_changed_cells(&mut self.changed);
        for (command, index) in &self.turn.named {
            self.shared.names.publish(command, *index);
        }
        self.deficits.look_at(&self.changed, &self.ledger);
        self.shared.publish(
            &self.changed,
            &mut self.deficits.changed,
            &mut self.turn.events,
            (self.turn.sequence, wall_ms),
        );
    }

    /// Seals a last frame that was left alone, and journals ledger time while holds are live.
    fn keep_sealed(&mut self, pace: &dyn Pace) -> Result<(), Failed> {
        let live = self.ledger.next_deadline_ms().is_some();
        let Some(disk) = &self.disk else {
            return Ok(());
        };
        let idle = pace.passed().saturating_sub(disk.written);
        let sealed = disk.journal.is_sealed();
        if (!sealed && idle >= SEAL_AFTER) || (live && idle >= KEEP_TIME_EVERY) {
            return self.write_seal(pace);
        }
        Ok(())
    }

    fn write_seal(&mut self, pace: &dyn Pace) -> Result<(), Failed> {
        let now_ms = self.now().now_ms;
        let Some(disk) = &mut self.disk else {
            return Ok(());
        };
        match disk.journal.seal(now_ms) {
            // Without room for a seal the last frame stays unsealed, which recovery can tell.
            Ok(()) | Err(JournalError::DiskFull) => {
                disk.written = pace.passed();
                Ok(())
            }
            Err(error) => Err(fail(&self.shared, &error)),
        }
    }

    fn report(&self) -> Drained {
        let report = DrainReport {
            journal_id: self.shared.journal_id,
            sequence: self.turn.sequence,
            state_hash: self.ledger.state_hash(),
        };
        if let Some(folder) = self.disk.as_ref().and_then(|disk| disk.folder.as_ref()) {
            folder::write_drained(&folder.directory, &report).map_err(DrainError::Report)?;
        }
        Ok(report)
    }
}

fn fail(shared: &Shared, error: &JournalError) -> Failed {
    shared.fail(error.to_string());
    Failed
}
