//! The handle that everyone holds.

use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::sync::Arc;
use std::thread::{self, JoinHandle, ThreadId};

use bopis_ledger::{Act, CellKey, CellView, ItemId, ItemName, LocationId, ReservationId};
use crossbeam_channel::{Sender, TrySendError};
use parking_lot::Mutex;

use crate::error::{DrainError, OpenError, PositionError, SubmitError};
use crate::job::{
    Answer, DaysReply, DrainReport, Drained, Job, Position, Replies, Reply, ReservationReply,
};
use crate::options::EngineOptions;
use crate::shared::{EngineStatus, Shared};
use crate::stepper::{SimulatedDisk, Stepper};
use crate::weight::{are_too_large, gives_day, is_grant};

/// At which position and time a read was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadStamp {
    /// All cells are as they were after this record.
    pub sequence: u64,
    /// Wall time of the read, Unix ms.
    pub wall_ms: i64,
}

/// The engine: one writer thread around a ledger and its journal. Clones are the same engine. When
/// the last one is dropped the queue is finished, the journal sealed and the writer joined.
///
/// Callbacks run on the writer thread: they hand over what they got and return.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    /// None only while the last handle is being dropped.
    queue: Option<Sender<Job>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    writer_id: ThreadId,
}

impl Engine {
    /// Locks the folder, recovers, starts the writer.
    ///
    /// # Errors
    /// See [`OpenError`]; nothing is served then, and no sound byte of the journal was changed.
    pub fn open(options: EngineOptions) -> Result<Self, OpenError> {
        let (shared, queue, writer) = crate::open::open(options)?;
        Ok(Self(Arc::new(Inner {
            shared,
            queue: Some(queue),
            writer_id: writer.thread().id(),
            writer: Mutex::new(Some(writer)),
        })))
    }

    /// Puts an act into the queue. `done` is called exactly once if this returns Ok: after the act
    /// is durable and visible to reads, or with [`Unanswered`](crate::Unanswered).
    ///
    /// # Errors
    /// See [`SubmitError`]; `done` is not called then.
    pub fn submit(&self, act: Act, done: Box<dyn FnOnce(Reply) + Send>) -> Result<(), SubmitError> {
        self.admit(std::slice::from_ref(&act))?;
        self.enqueue(Job::Act(act, Answer::new(done)))
    }

    /// Puts acts into the queue that share one answer. They are independent, decided in order and
    /// share one turn with whatever else waits. `done` is called exactly once if this returns Ok.
    ///
    /// # Errors
    /// See [`SubmitError`]: for the first act that cannot be taken; none is taken then and `done`
    /// is not called. `TooLarge` also for acts that are too large together.
    pub fn submit_all(
        &self,
        acts: Vec<Act>,
        done: Box<dyn FnOnce(Replies) + Send>,
    ) -> Result<(), SubmitError> {
        self.admit(&acts)?;
        self.enqueue(Job::Acts(acts, Answer::new(done)))
    }

    fn admit(&self, acts: &[Act]) -> Result<(), SubmitError> {
        match self.0.shared.status() {
            EngineStatus::Serving => {}
            EngineStatus::DiskFull if !acts.iter().any(is_grant) => {}
            EngineStatus::DiskFull | EngineStatus::NoRoom => return Err(SubmitError::DiskFull),
            EngineStatus::Stopped => return Err(SubmitError::Stopped),
        }
        if are_too_large(acts) {
            return Err(SubmitError::TooLarge);
        }
        if acts.iter().any(gives_day) {
            self.0.shared.may_have_days.store(true, Ordering::Release);
        }
        Ok(())
    }

    /// Reads a reservation behind everything submitted before, when all of that is durable. While a
    /// full disk keeps a decision from that, the reservations that it changes hear
    /// [`Unanswered::DiskFull`](crate::Unanswered::DiskFull); others are read as ever.
    ///
    /// # Errors
    /// See [`SubmitError`]; `done` is not called then.
    pub fn reservation(
        &self,
        id: ReservationId,
        done: Box<dyn FnOnce(ReservationReply) + Send>,
    ) -> Result<(), SubmitError> {
        self.enqueue(Job::Reservation(id, Answer::new(done)))
    }

    /// An engine whose writer works only when the stepper is told to, on the caller's thread. The
    /// folder of the options is passed over. It ends when the last handle is dropped; to
    /// [`Engine::drain`] it is one that has stopped.
    ///
    /// # Errors
    /// As for [`Engine::open`].
    pub fn open_stepped(
        options: EngineOptions,
        disk: SimulatedDisk,
    ) -> Result<(Self, Stepper), OpenError> {
        let (shared, queue, stepper) = crate::open::open_stepped(options, disk)?;
        let engine = Self(Arc::new(Inner {
            shared,
            queue: Some(queue),
            writer_id: thread::current().id(),
            writer: Mutex::new(None),
        }));
        Ok((engine, stepper))
    }

    /// Reads a cell and its days behind everything submitted before, when all of that is durable.
    ///
    /// # Errors
    /// See [`SubmitError`]; `done` is not called then.
    pub fn days(
        &self,
        cell: CellKey,
        done: Box<dyn FnOnce(DaysReply) + Send>,
    ) -> Result<(), SubmitError> {
        self.enqueue(Job::Days(cell, Answer::new(done)))
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.0.shared
    }

    pub(crate) fn enqueue(&self, job: Job) -> Result<(), SubmitError> {
        let (Some(_pass), Some(queue)) = (self.0.shared.gate.enter(), &self.0.queue) else {
            job.forget();
            return Err(SubmitError::Stopped);
        };
        match queue.try_send(job) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(job)) => {
                job.forget();
                Err(SubmitError::Overloaded)
            }
            Err(TrySendError::Disconnected(job)) => {
                job.forget();
                Err(SubmitError::Stopped)
            }
        }
    }

    /// A node's id, once its registration is durable.
    #[must_use]
    pub fn location(&self, name: &str) -> Option<LocationId> {
        self.0.shared.names.location(name)
    }

    /// A SKU's id, once its registration is durable.
    #[must_use]
    pub fn sku(&self, name: &str) -> Option<ItemId> {
        self.0.shared.names.sku(name)
    }

    /// The id of the labor window that starts then (Unix s), once its registration is durable.
    #[must_use]
    pub fn labor(&self, window_start_s: i64) -> Option<ItemId> {
        self.0.shared.names.labor(window_start_s)
    }

    /// What a location's id stands for.
    #[must_use]
    pub fn location_name(&self, id: LocationId) -> Option<Arc<str>> {
        self.0.shared.names.location_name(id)
    }

    /// What an item's id stands for.
    #[must_use]
    pub fn item_name(&self, id: ItemId) -> Option<Arc<ItemName>> {
        self.0.shared.names.item_name(id)
    }

    /// Reads cells into `out` (cleared first), all at one sequence; an absent cell reads as zeros.
    /// Meant for up to 4,096 cells: more are read as exactly, but hold the writer up longer.
    pub fn read(&self, cells: &[CellKey], out: &mut Vec<CellView>) -> ReadStamp {
        let sequence = self.0.shared.mirror.read(cells, out);
        ReadStamp {
            sequence,
            wall_ms: self.wall_ms(),
        }
    }

    /// One cell's ATP as last published; never waits. 0 for an absent cell.
    #[must_use]
    pub fn atp(&self, cell: CellKey) -> i64 {
        self.0.shared.mirror.atp(cell)
    }

    /// Waits until reads are at least at `sequence`: at once, or for the flush under way.
    ///
    /// # Errors
    /// `NotAssigned` at once for a sequence above the last assigned; `Stopped`.
    pub fn wait_for(&self, sequence: u64) -> Result<(), PositionError> {
        self.0.shared.wait_for(sequence)
    }

    /// Which journal this is; in memory mode one of this start.
    #[must_use]
    pub fn journal_id(&self) -> u128 {
        self.0.shared.journal_id
    }

    /// The sequence that reads see.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.0.shared.mirror.sequence()
    }

    /// [`Engine::journal_id`] and [`Engine::position`].
    #[must_use]
    pub fn journal_position(&self) -> Position {
        Position {
            journal_id: self.journal_id(),
            sequence: self.position(),
        }
    }

    /// Wall time by the engine's clock, Unix ms.
    #[must_use]
    pub fn wall_ms(&self) -> i64 {
        self.0.shared.clock.wall_ms()
    }

    /// How the engine does.
    #[must_use]
    pub fn status(&self) -> EngineStatus {
        self.0.shared.status()
    }

    /// Why it stopped, if it stopped by itself.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.0.shared.failure()
    }

    /// Lets ledger time pass, if the engine was opened with `time_stands`.
    pub fn start_time(&self) {
        self.0.shared.time_stands.store(false, Ordering::Release);
    }

    /// Stops accepting, finishes the queue, seals the journal, writes `drained.json` beside it and
    /// joins the writer. Reads go on to answer the last state.
    ///
    /// # Errors
    /// See [`DrainError`]; the engine is stopped in any case but `OnWriterThread`.
    pub fn drain(&self) -> Result<DrainReport, DrainError> {
        if self.0.writer_id == thread::current().id() {
            return Err(DrainError::OnWriterThread);
        }
        let mut writer = self.0.writer.lock();
        if writer.is_none() {
            return Err(DrainError::Stopped);
        }
        self.0.shared.gate.shut();
        let (send, receive) = mpsc::channel();
        let answer = Answer::new(Box::new(move |drained| {
            // The receiver waits below for as long as the sender lives.
            let _ = send.send(drained);
        }));
        self.send_drain(answer);
        let drained = receive.recv();
        if let Some(thread) = writer.take() {
            // A panic of the writer aborts the process, so there is none to hear of here.
            let _ = thread.join();
        }
        match drained {
            Ok(Ok(drained)) => drained,
            Ok(Err(_)) | Err(_) => match self.failure() {
                Some(reason) => Err(DrainError::Journal(reason)),
                None => Err(DrainError::Stopped),
            },
        }
    }
}

impl Engine {
    /// Waits for room in the queue, which the writer makes. An answer that cannot be sent is
    /// dropped, which ends the wait for it.
    fn send_drain(&self, answer: Answer<Drained>) {
        let pass = self.0.shared.gate.enter_to_drain();
        if let (Some(_pass), Some(queue)) = (pass, &self.0.queue) {
            if let Err(unsent) = queue.send(Job::Drain(answer)) {
                unsent.into_inner().forget();
            }
        }
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Engine")
            .field("position", &self.journal_position())
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shared.gate.shut();
        self.queue = None;
        if let Some(thread) = self.writer.lock().take() {
            // The last handle may be dropped by a callback, on the writer thread itself.
            if self.writer_id != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}
