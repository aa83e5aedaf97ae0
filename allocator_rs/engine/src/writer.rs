//! The writer thread, the only one that changes the ledger.
//!
//! One turn: take what waits (natural batching), one stamp, expire a slice of what is due, apply,
//! encode, one journal write, publish reads, then give the answers. Until the write is on the disk
//! nobody but this thread sees any of it.

mod room;

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bopis_journal::{Journal, JournalError};
use bopis_ledger::{Act, CellKey, CellView, Ledger, ReservationId, Stamp};
use crossbeam_channel::{Receiver, RecvTimeoutError};

use crate::batch::{Batch, Waiting};
use crate::folder;
use crate::job::{Answer, Done, DrainReport, Drained, Job, Position, ReservationAnswer};
use crate::ledger_time::LedgerTime;
use crate::shared::{EngineStatus, Shared};
use crate::turn::Turn;
use crate::weight::WEIGHT_MAX;
use crate::DrainError;
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
const EXPIRE_SLICE: usize = 2_048;

/// What a durable engine has and one in memory has not.
pub(crate) struct Disk {
    journal: Journal,
    directory: PathBuf,
    written: Instant,
    /// Held as long as the journal is open.
    _lock: File,
}

impl Disk {
    pub(crate) fn new(journal: Journal, directory: PathBuf, lock: File) -> Self {
        Self {
            journal,
            directory,
            written: Instant::now(),
            _lock: lock,
        }
    }
}

/// The engine cannot go on; why is in `Shared`.
struct Failed;

pub(crate) struct Writer {
    shared: Arc<Shared>,
    jobs: Receiver<Job>,
    ledger: Ledger,
    disk: Option<Disk>,
    time: LedgerTime,
    batch_max: usize,
    weight_max: usize,
    more_due: bool,
    /// The acts of the turn.
    acts: Vec<Act>,
    turn: Turn,
    changed: Vec<(CellKey, CellView)>,
    /// The reads of the turn.
    reads: Vec<(ReservationId, ReservationAnswer)>,
    /// Who waits for the orderly end, once that is wanted.
    drain: Option<Answer<Drained>>,
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
        sequence: u64,
        batch_max: usize,
    ) -> Self {
        // A turn fits what is left of a segment when the disk turns out to be full.
        let quarter = disk
            .as_ref()
            .map_or(u64::MAX, |disk| disk.journal.segment_bytes() / 4);
        let weight_max = WEIGHT_MAX.min(usize::try_from(quarter).unwrap_or(WEIGHT_MAX));
        let turn = Turn::new(disk.is_some(), sequence);
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
            reads: Vec::new(),
            drain: None,
        }
    }

    /// Works until drained, failed, or the last handle is gone.
    pub(crate) fn run(mut self) {
        let _abort = AbortOnPanic;
        let result = self.turns();
        let sealed = result.and_then(|()| self.seal());
        self.shared.set_status(EngineStatus::Stopped);
        // What is left in the queue hears `Stopped` as it is dropped.
        let jobs = &self.jobs;
        self.shared.gate.close(|| while jobs.try_recv().is_ok() {});
        if sealed.is_err() {
            tracing::error!(reason = self.shared.failure(), "engine_stopped");
        } else if let Some(drain) = self.drain.take() {
            drain.give(self.report());
        }
    }

    fn turns(&mut self) -> Result<(), Failed> {
        loop {
            if !self.has_room() {
                self.answer_without_room(Undurable::Nothing);
                if self.drain.is_some() {
                    return Ok(());
                }
                continue;
            }
            let timeout = if self.drain.is_some() {
                Duration::ZERO
            } else {
                self.patience()
            };
            let mut batch = Batch::default();
            let open = match self.jobs.recv_timeout(timeout) {
                Ok(job) => {
                    batch.add(job);
                    while !batch.is_full(self.batch_max, self.weight_max) {
                        let Ok(job) = self.jobs.try_recv() else { break };
                        batch.add(job);
                    }
                    true
                }
                Err(RecvTimeoutError::Timeout) => self.drain.is_none(),
                Err(RecvTimeoutError::Disconnected) => false,
            };
            if let Some(answer) = batch.drain.take() {
                self.drain.get_or_insert(answer);
            }
            self.turn(batch)?;
            if !open {
                return Ok(());
            }
            self.keep_sealed()?;
        }
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

    fn turn(&mut self, batch: Batch) -> Result<(), Failed> {
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
            ..
        } = batch;
        self.acts = acts;
        self.reads = reads;
        self.ledger.apply(&self.acts, stamp, &mut self.turn);
        self.write(stamp.now_ms)?;
        self.publish();
        self.answer(waiting, stamp.wall_ms);
        let position = Position {
            journal_id: self.shared.journal_id,
            sequence: self.turn.sequence,
        };
        for (id, answer) in self.reads.drain(..) {
            answer.give((self.ledger.reservation(id, stamp), position));
        }
        Ok(())
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

    /// Brings the turn's records to the disk.
    fn write(&mut self, now_ms: i64) -> Result<(), Failed> {
        let last = self.turn.sequence;
        self.shared.assigned.store(last, Ordering::Release);
        if self.turn.is_empty() {
            return Ok(());
        }
        while let Some(disk) = &mut self.disk {
            match disk.journal.append(&self.turn.buffer, now_ms) {
                Ok(()) => {
                    disk.written = Instant::now();
                    break;
                }
                // The decisions stand: they wait for room.
                Err(JournalError::DiskFull) if !self.shared.gate.is_shut() => {
                    self.shared.set_status(EngineStatus::NoRoom);
                    self.answer_without_room(Undurable::Records);
                }
                Err(error) => return fail(&self.shared, &error),
            }
        }
        Ok(())
    }

    fn publish(&mut self) {
        if self.turn.is_empty() {
            return;
        }
        self.changed.clear();
        self.ledger.take_changed_cells(&mut self.changed);
        for (command, index) in &self.turn.named {
            self.shared.names.publish(command, *index);
        }
        self.shared.publish(&self.changed, self.turn.sequence);
    }

    /// Seals a last frame that was left alone, and journals ledger time while holds are live.
    fn keep_sealed(&mut self) -> Result<(), Failed> {
        let live = self.ledger.next_deadline_ms().is_some();
        let Some(disk) = &self.disk else {
            return Ok(());
        };
        let (idle, sealed) = (disk.written.elapsed(), disk.journal.is_sealed());
        if (!sealed && idle >= SEAL_AFTER) || (live && idle >= KEEP_TIME_EVERY) {
            return self.write_seal();
        }
        Ok(())
    }

    fn seal(&mut self) -> Result<(), Failed> {
        if self.disk.is_some() {
            self.write_seal()
        } else {
            Ok(())
        }
    }

    fn write_seal(&mut self) -> Result<(), Failed> {
        let now_ms = self.now().now_ms;
        let Some(disk) = &mut self.disk else {
            return Ok(());
        };
        match disk.journal.seal(now_ms) {
            // Without room for a seal the last frame stays unsealed, which recovery can tell.
            Ok(()) | Err(JournalError::DiskFull) => {
                disk.written = Instant::now();
                Ok(())
            }
            Err(error) => fail(&self.shared, &error),
        }
    }

    fn report(&self) -> Drained {
        let report = DrainReport {
            journal_id: self.shared.journal_id,
            sequence: self.turn.sequence,
            state_hash: self.ledger.state_hash(),
        };
        if let Some(disk) = &self.disk {
            folder::write_drained(&disk.directory, &report).map_err(DrainError::Report)?;
        }
        Ok(report)
    }
}

fn fail(shared: &Shared, error: &JournalError) -> Result<(), Failed> {
    shared.fail(error.to_string());
    Err(Failed)
}
