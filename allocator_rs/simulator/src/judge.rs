//! Judges a run from outside: every durable record, every answer, every read, every recovery.
//!
//! | told | compared with |
//! | --- | --- |
//! | a durable record | the naive ledger's outcome; a ledger that decides it again; the books |
//! | an answer | its record, or the first answer to the request |
//! | published cells, the feed, reads of reservations | the books |
//! | what a recovery found | all that was ever judged durable |

pub mod books;
pub mod checks;
pub mod feed;
mod places;

use std::collections::BTreeMap;

use bopis_engine::{Done, Engine};
use bopis_ledger::{
    Act, ActOutcome, CellKey, Command, Ledger, Limits, Line, Outcome, Record, ReservationId,
    ReservationView, Stamp,
};
use bopis_naive::Naive;

use crate::plan::{lines_of, Setup};
use crate::witness::Durable;
use books::{Books, Kept};
use checks::{violated, Check, Requests};
use feed::Follower;

/// How often each thing came out, by name.
pub type Counts = BTreeMap<String, u64>;

/// Everything that is known of a run.
pub struct Judge {
    limits: Limits,
    changes_max: usize,
    naive: Naive,
    again: Ledger,
    books: Books,
    requests: Requests,
    follower: Follower,
    digests: Vec<u64>,
    /// The state at each place where a segment begins, by the last record before it.
    places: BTreeMap<u64, Option<u128>>,
    now_ms: i64,
    /// Lines asked and decided.
    pub operations: u64,
    /// Expiries.
    pub expiries: u64,
    /// Outcomes by command.
    pub outcomes: Counts,
}

impl Judge {
    /// Of a run that has not begun.
    #[must_use]
    pub fn new(setup: &Setup) -> Self {
        let limits = Limits {
            request_window_max: setup.request_window_max,
            request_window_bytes_max: u64::MAX,
            ..Limits::default()
        };
        Self {
            limits,
            changes_max: setup.changes_max,
            naive: Naive::new(limits),
            // An act refused for a full window is not journaled; the bound decides nothing here.
            again: Ledger::new(Limits {
                request_window_max: usize::MAX,
                ..limits
            }),
            books: Books::default(),
            requests: Requests::default(),
            follower: Follower::default(),
            digests: Vec::new(),
            places: BTreeMap::new(),
            now_ms: 0,
            operations: 0,
            expiries: 0,
            outcomes: Counts::new(),
        }
    }

    /// The last record that was judged.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.digests.len() as u64
    }

    /// Digests of all records, in order.
    #[must_use]
    pub fn digests(&self) -> &[u64] {
        &self.digests
    }

    /// Ledger time of the last record.
    #[must_use]
    pub const fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// One turn: acts in the order of submission with their answers, and the records it made.
    ///
    /// # Errors
    /// What does not fit.
    pub fn turn(&mut self, acts: &[(Act, Done)], records: Vec<Durable>, stamp: Stamp) -> Check {
        let mut records = records.into_iter().peekable();
        for (act, done) in acts {
            self.operations += act.commands.iter().map(lines_of).sum::<usize>() as u64;
            self.expire_all(&mut records, stamp)?;
            let is_own = |durable: &Durable| match &durable.record {
                Record::Act { act: recorded, .. } => recorded == act,
                Record::Expire { .. } => false,
            };
            if !self.naive.remembers(&act.request, stamp.now_ms) {
                if let Some(durable) = records.next_if(is_own) {
                    self.first_time(done, durable, stamp)?;
                    continue;
                }
            }
            self.without_record(act, done, stamp)?;
        }
        self.expire_all(&mut records, stamp)?;
        match records.next() {
            Some(left) => violated("I4", format!("nobody was answered for {left:?}")),
            None => Ok(()),
        }
    }

    fn expire_all(
        &mut self,
        records: &mut std::iter::Peekable<std::vec::IntoIter<Durable>>,
        stamp: Stamp,
    ) -> Check {
        let is_expiry = |durable: &Durable| matches!(durable.record, Record::Expire { .. });
        while let Some(durable) = records.next_if(is_expiry) {
            is_stamped(&durable, stamp)?;
            self.record(&durable)?;
        }
        Ok(())
    }

    fn first_time(&mut self, done: &Done, durable: Durable, stamp: Stamp) -> Check {
        is_stamped(&durable, stamp)?;
        self.record(&durable)?;
        let Record::Act { outcome, .. } = &durable.record else {
            return Ok(());
        };
        if (&done.outcome, done.sequence) != (outcome, durable.sequence) {
            let what = format!("answered {done:?}, recorded {durable:?}");
            return violated("answer is the record", what);
        }
        if done.wall_ms != stamp.wall_ms {
            return violated("time", format!("answered at {}, {stamp:?}", done.wall_ms));
        }
        Ok(())
    }

    fn without_record(&mut self, act: &Act, done: &Done, stamp: Stamp) -> Check {
        let keep_ms = self.limits.request_window_ms;
        self.requests
            .is_repeat(act, &done.outcome, done.sequence, stamp.now_ms, keep_ms)?;
        // The naive ledger knows no reserved scope.
        if act.request.scope != bopis_ledger::SALE_SOURCE_SCOPE {
            let expected = self.naive.apply(act, stamp);
            if expected != done.outcome {
                let what = format!("{act:?}: {:?}, naive {expected:?}", done.outcome);
                return violated("model", what);
            }
        }
        let name = match &done.outcome {
            ActOutcome::Done(_) => "repeat",
            ActOutcome::RequestIdReused => "RequestIdReused",
            ActOutcome::RequestWindowFull => "RequestWindowFull",
        };
        self.count("act", name);
        Ok(())
    }

    fn count(&mut self, command: &str, outcome: &str) {
        *self
            .outcomes
            .entry(format!("{command} {outcome}"))
            .or_default() += 1;
    }

    /// One durable record, whoever heard of it.
    ///
    /// # Errors
    /// What does not fit.
    pub fn record(&mut self, durable: &Durable) -> Check {
        self.digests.push(durable.digest);
        if let Err(divergence) = self.again.verify(&durable.record) {
            return violated("I10", format!("{divergence} at {durable:?}"));
        }
        self.keep_state();
        match &durable.record {
            Record::Expire { stamp, reservation } => self.expiry(*reservation, *stamp),
            Record::Act {
                stamp,
                act,
                outcome,
            } => self.act(act, outcome, *stamp),
        }
    }

    fn advance(&mut self, stamp: Stamp) -> Check {
        if stamp.now_ms < self.now_ms {
            let what = format!("ledger time went from {} to {}", self.now_ms, stamp.now_ms);
            return violated("time", what);
        }
        self.now_ms = stamp.now_ms;
        self.books
            .forget(stamp.now_ms, self.limits.request_window_ms);
        Ok(())
    }

    fn expiry(&mut self, id: ReservationId, stamp: Stamp) -> Check {
        self.advance(stamp)?;
        self.expiries += 1;
        let before = self.books.expire(id, stamp.now_ms);
        checks::expires_once(id, before.as_ref(), stamp.now_ms)?;
        self.naive.expire(id, stamp.now_ms);
        Ok(())
    }

    fn act(&mut self, act: &Act, outcome: &ActOutcome, stamp: Stamp) -> Check {
        self.advance(stamp)?;
        let keep_ms = self.limits.request_window_ms;
        let sequence = self.sequence();
        self.requests
            .is_first(act, outcome, sequence, stamp.now_ms, keep_ms)?;
        let ActOutcome::Done(outcomes) = outcome else {
            return violated("I4", format!("{outcome:?} was journaled"));
        };
        for (command, outcome) in act.commands.iter().zip(outcomes) {
            let before = self.named(command);
            checks::is_not_overdue(command, outcome, &before, stamp.now_ms)?;
            let atp_before = self.atp_of_lines(command);
            self.books.take(command, outcome, stamp);
            checks::no_grant_below_zero(command, outcome, &before, &atp_before, &self.books)?;
            let (command, outcome) = (word(command), name_of_outcome(outcome));
            self.count(&command, &outcome);
        }
        let expected = self.naive.apply(act, stamp);
        if expected != *outcome {
            let what = format!("{act:?} at {stamp:?}: {outcome:?}, naive {expected:?}");
            return violated("model", what);
        }
        Ok(())
    }

    /// The ATP of the cells of which a command asks for units, as it is.
    fn atp_of_lines(&self, command: &Command) -> Vec<(CellKey, i64)> {
        let atp = |line: &Line| (line.cell, self.books.cell(line.cell).atp());
        match command {
            Command::Hold { lines, .. } => lines.iter().map(atp).collect(),
            Command::Move { moves } => moves.iter().flat_map(|(_, l)| l).map(atp).collect(),
            _ => Vec::new(),
        }
    }

    /// The reservations that a command names, as they are.
    fn named(&self, command: &Command) -> Vec<(ReservationId, Kept)> {
        let ids = match command {
            Command::Hold { reservation, .. }
            | Command::Extend { reservation, .. }
            | Command::Commit { reservation }
            | Command::Release { reservation, .. }
            | Command::Consume { reservation, .. }
            | Command::Relocate { reservation, .. }
            | Command::Expire { reservation } => vec![*reservation],
            Command::Move { moves } => moves.iter().map(|(id, _)| *id).collect(),
            _ => Vec::new(),
        };
        let kept = |id| Some((id, self.books.reservations.get(&id)?.clone()));
        ids.into_iter().filter_map(kept).collect()
    }

    /// What readers see now is what is durable.
    ///
    /// # Errors
    /// It is not.
    pub fn published(&self, engine: &Engine) -> Check {
        let keys: Vec<CellKey> = self.books.keys().collect();
        let mut views = Vec::new();
        let shown = engine.read(&keys, &mut views).sequence;
        if shown != self.sequence() {
            let what = format!("reads are at {shown}, {} is durable", self.sequence());
            return violated("I5", what);
        }
        for (cell, view) in keys.into_iter().zip(views) {
            checks::counters_are_in_range(cell, view)?;
            checks::counters_are_the_sums(cell, view, &self.books)?;
            if engine.atp(cell) != view.atp() {
                return violated("I2", format!("{cell:?} has two ATPs"));
            }
        }
        Ok(())
    }

    /// The feed leads to the same.
    ///
    /// # Errors
    /// See [`Follower::follow`].
    pub fn follow(&mut self, engine: &Engine) -> Check {
        self.follower.follow(engine, &self.books, self.changes_max)
    }

    /// No hold is past its deadline.
    ///
    /// # Errors
    /// One is.
    pub fn nothing_is_due(&self, now_ms: i64) -> Check {
        checks::nothing_is_due(&self.books, now_ms)
    }

    /// A reservation was read.
    ///
    /// # Errors
    /// It is told wrong.
    pub fn looked(&self, id: ReservationId, told: &Option<ReservationView>, stamp: Stamp) -> Check {
        let keep_ms = self.limits.request_window_ms;
        let expected = self.books.reservation(id, stamp, keep_ms);
        if *told == expected {
            return Ok(());
        }
        violated(
            "I6",
            format!("{id:?} was read as {told:?}, it is {expected:?}"),
        )
    }

    /// An engine was recovered: its state, and that of every index in it.
    ///
    /// # Errors
    /// It is another state than that of the records.
    pub fn recovered(&mut self, live: &Ledger) -> Check {
        self.follower.fall_behind();
        self.compare_states(live, "after recovery")
    }

    /// The state of an engine that has written all it decided.
    ///
    /// # Errors
    /// It is another state than that of the records.
    pub fn compare_states(&self, live: &Ledger, when: &str) -> Check {
        if let Err(what) = live.check_invariants() {
            return violated("I2", format!("{when}: {what}"));
        }
        checks::replay_is_live(live.state_hash(), self.again.state_hash(), when)
    }
}

/// A record was made at the moment that the clock told.
fn is_stamped(durable: &Durable, expected: Stamp) -> Check {
    let (Record::Act { stamp, .. } | Record::Expire { stamp, .. }) = &durable.record;
    if *stamp == expected {
        return Ok(());
    }
    violated("time", format!("{durable:?} was made at {expected:?}"))
}

/// The first word of what is written, and no more work than that.
struct Word(String);

impl std::fmt::Write for Word {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let word = text.split([' ', '(', '{']).next().unwrap_or_default();
        self.0.push_str(word);
        if word.len() < text.len() {
            return Err(std::fmt::Error);
        }
        Ok(())
    }
}

fn word(of: &impl std::fmt::Debug) -> String {
    let mut word = Word(String::new());
    // The error is how it stops early.
    let _ = std::fmt::write(&mut word, format_args!("{of:?}"));
    word.0
}

fn name_of_outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Refused(refusal) => word(refusal),
        Outcome::Reservation(view) => word(&view.state),
        other => word(other),
    }
}
