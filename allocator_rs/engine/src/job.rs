//! What waits in the queue. Whatever becomes of a job, its callback is called exactly once.

use bopis_ledger::{
    Act, ActOutcome, CellKey, CellView, DayPlan, OrderRef, ReservationId, ReservationView,
};

use crate::error::{DrainError, Unanswered};

/// A journal and a place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// Which journal.
    pub journal_id: u128,
    /// The record; 0: before the first.
    pub sequence: u64,
}

/// An act that is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// A position at which its effect is visible and durable; for a first time its own record.
    pub sequence: u64,
    /// Wall time of the decision, Unix ms.
    pub wall_ms: i64,
    /// What came of it; a repeat gets the first outcome.
    pub outcome: ActOutcome,
}

/// What came of acts that were submitted together: one per act, in order.
pub type Replies = Result<Vec<Done>, Unanswered>;

/// What came of a submitted act.
pub type Reply = Result<Done, Unanswered>;

/// What came of a reservation read.
pub type ReservationReply = Result<(Option<ReservationView>, Position), Unanswered>;

/// Most reservations that one search gives.
pub const FOUND_MAX: usize = 1_000;

/// Which reservations are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Search {
    /// Those of an order, ended ones as long as they are kept.
    OfOrder(OrderRef),
    /// The live ones with a line of this cell.
    OfCell(CellKey),
    /// The holds that expire within so many ms of ledger time, the next one first.
    Expiring {
        /// From now on.
        within_ms: i64,
    },
    /// These, ended ones as long as they are kept.
    Named(Vec<ReservationId>),
}

/// Which part of what is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Behind this one: a deadline, which matters to [`Search::Expiring`] only, and an id.
    pub after: Option<(i64, ReservationId)>,
    /// So many at most, and never more than [`FOUND_MAX`].
    pub limit: usize,
}

impl Page {
    /// From the start, as many as one search gives.
    pub const FIRST: Self = Self {
        after: None,
        limit: FOUND_MAX,
    };
}

/// Reservations that were looked for, at one position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// In order of their ids; those that expire in order of their deadlines.
    pub reservations: Vec<ReservationView>,
    /// The day of each of them while it is live. None: from the shelf, now.
    pub days: Vec<Option<i32>>,
    /// How many there are in all; of those that expire and of named ones: how many are given.
    pub count: usize,
    /// There are others behind them.
    pub is_more: bool,
    /// Read here.
    pub position: Position,
}

/// What came of a search.
pub type FoundReply = Result<Found, Unanswered>;

/// A cell and its days, at one position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Days {
    /// The counters.
    pub view: CellView,
    /// The days on which something comes in or is promised, in order, and what can be promised from
    /// each of them on.
    pub days: Vec<(DayPlan, i64)>,
    /// Read here.
    pub position: Position,
}

/// What came of a read of days.
pub type DaysReply = Result<Days, Unanswered>;

/// State at the orderly end, as written to `drained.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainReport {
    /// The journal.
    pub journal_id: u128,
    /// Its last record.
    pub sequence: u64,
    /// The ledger's state.
    pub state_hash: u128,
}

/// What is looked for, and which part of it is given.
pub(crate) type Searched = (Search, Page);

/// A callback that hears `Err(Unanswered::Stopped)` when it is dropped unanswered.
pub(crate) struct Answer<T: 'static>(Option<Callback<T>>);

type Callback<T> = Box<dyn FnOnce(Result<T, Unanswered>) + Send>;

impl<T> Answer<T> {
    pub(crate) fn new(done: Callback<T>) -> Self {
        Self(Some(done))
    }

    pub(crate) fn give(mut self, value: T) {
        if let Some(done) = self.0.take() {
            done(Ok(value));
        }
    }

    pub(crate) fn refuse(mut self, reason: Unanswered) {
        if let Some(done) = self.0.take() {
            done(Err(reason));
        }
    }

    /// Drops the callback uncalled: the caller is told in another way.
    pub(crate) fn forget(mut self) {
        self.0 = None;
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        if let Some(done) = self.0.take() {
            done(Err(Unanswered::Stopped));
        }
    }
}

pub(crate) type ReservationAnswer = Answer<(Option<ReservationView>, Position)>;

pub(crate) type Drained = Result<DrainReport, DrainError>;

pub(crate) enum Job {
    Act(Act, Answer<Done>),
    Acts(Vec<Act>, Answer<Vec<Done>>),
    Reservation(ReservationId, ReservationAnswer),
    Days(CellKey, Answer<Days>),
    Search(Searched, Answer<Found>),
    Drain(Answer<Drained>),
}

impl Job {
    pub(crate) fn forget(self) {
        match self {
            Self::Act(_, answer) => answer.forget(),
            Self::Acts(_, answer) => answer.forget(),
            Self::Reservation(_, answer) => answer.forget(),
            Self::Days(_, answer) => answer.forget(),
            Self::Search(_, answer) => answer.forget(),
            Self::Drain(answer) => answer.forget(),
        }
    }
}
