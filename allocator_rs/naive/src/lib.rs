//! A second, naive ledger: lists, searched from the start each time; ATP is recomputed from the
//! list of reservations. It treats a due hold as expired at once, whatever the journal says, and
//! only counts it in `held` until its expiry is told.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod days;
mod names;
mod promises;
mod stock;

use std::collections::{BTreeMap, BTreeSet};

use bopis_ledger::{
    Act, ActOutcome, CellKey, Command, ItemName, Limits, Line, Lines, Outcome, Refusal, RequestKey,
    ReservationId, ReservationState, ReservationView, Stamp, QUANTITY_MAX,
};

use names::register;

#[derive(Clone)]
struct Promise {
    id: ReservationId,
    state: ReservationState,
    deadline_ms: i64,
    priority: u8,
    day: Option<i32>,
    ended_ms: i64,
    lines: Lines,
}

/// A change of on hand: when it was taken over, of what, when it took effect, units.
type Change = (i64, CellKey, i64, i64);

#[derive(Clone, Default)]
pub struct Naive {
    limits: Limits,
    locations: Vec<Box<str>>,
    items: Vec<ItemName>,
    physical: BTreeMap<CellKey, (i64, i64)>,
    buffers: BTreeMap<CellKey, i64>,
    supplies: BTreeMap<(CellKey, i32), i64>,
    changes: Vec<Change>,
    /// When the last change that is forgotten took effect.
    horizon_ms: Option<i64>,
    counted_ms: BTreeMap<CellKey, i64>,
    promises: Vec<Promise>,
    requests: Vec<(i64, RequestKey, u64, ActOutcome)>,
    sources: Vec<(i64, u128)>,
}

fn asked_of(lines: &[Line], cell: CellKey) -> i128 {
    lines
        .iter()
        .filter(|line| line.cell == cell)
        .map(|line| i128::from(line.quantity))
        .sum()
}

fn cells_of(lines: &[Line]) -> Vec<CellKey> {
    let mut seen = BTreeSet::new();
    lines
        .iter()
        .map(|line| line.cell)
        .filter(|cell| seen.insert(*cell))
        .collect()
}

fn fits(value: i128) -> bool {
    value.abs() <= i128::from(QUANTITY_MAX)
}

impl Naive {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    pub fn is_anything_due(&self, now_ms: i64) -> bool {
        self.promises
            .iter()
            .any(|p| p.state == ReservationState::Held && p.deadline_ms <= now_ms)
    }

    /// Forgets what is over; called when the ledger journals something.
    pub fn forget(&mut self, now_ms: i64) {
        let keep = self.limits.request_window_ms;
        self.requests.retain(|(at_ms, ..)| at_ms + keep > now_ms);
        self.sources.retain(|(at_ms, _)| at_ms + keep > now_ms);
        self.promises
            .retain(|p| !p.lines.is_empty() || p.ended_ms + keep > now_ms);
        self.forget_changes(now_ms);
    }

    /// What decides about units, to try something on; what is over is left out.
    fn draft(&self) -> Self {
        let live = self.promises.iter().filter(|p| !p.lines.is_empty());
        Self {
            limits: self.limits,
            physical: self.physical.clone(),
            buffers: self.buffers.clone(),
            supplies: self.supplies.clone(),
            promises: live.cloned().collect(),
            ..Self::default()
        }
    }

    /// Whether this request is still answered from memory.
    pub fn remembers(&self, request: &RequestKey, now_ms: i64) -> bool {
        let keep = self.limits.request_window_ms;
        self.requests
            .iter()
            .any(|(at_ms, key, ..)| key == request && at_ms + keep > now_ms)
    }

    /// The ledger journaled that this hold expired.
    pub fn expire(&mut self, id: ReservationId, now_ms: i64) {
        self.forget(now_ms);
        let promise = self.find_mut(id).expect("it expires what it has");
        assert_eq!(promise.state, ReservationState::Held, "{id:?}");
        assert!(promise.deadline_ms <= now_ms, "{id:?}");
        promise.state = ReservationState::Expired;
        promise.ended_ms = now_ms;
        promise.lines.clear();
    }

    fn find(&self, id: ReservationId) -> Option<&Promise> {
        self.promises.iter().find(|promise| promise.id == id)
    }

    fn find_mut(&mut self, id: ReservationId) -> Option<&mut Promise> {
        self.promises.iter_mut().find(|promise| promise.id == id)
    }

    pub fn apply(&mut self, act: &Act, stamp: Stamp) -> ActOutcome {
        let now = stamp.now_ms;
        let keep = self.limits.request_window_ms;
        let known = self
            .requests
            .iter()
            .find(|(at_ms, key, ..)| *key == act.request && at_ms + keep > now);
        if let Some((_, _, fingerprint, outcome)) = known {
            return if *fingerprint == act.fingerprint {
                outcome.clone()
            } else {
                ActOutcome::RequestIdReused
            };
        }
        let used = self
            .requests
            .iter()
            .filter(|(at_ms, ..)| at_ms + keep > now)
            .count()
            + self
                .sources
                .iter()
                .filter(|(at_ms, _)| at_ms + keep > now)
                .count();
        let sales = act
            .commands
            .iter()
            .filter(|c| matches!(c, Command::Sale { .. }))
            .count();
        if used + sales + 1 > self.limits.request_window_max {
            return ActOutcome::RequestWindowFull;
        }
        self.forget(now);
        let outcomes = act
            .commands
            .iter()
            .map(|command| self.run(command, stamp))
            .collect();
        let outcome = ActOutcome::Done(outcomes);
        self.requests
            .push((now, act.request, act.fingerprint, outcome.clone()));
        outcome
    }

    fn run(&mut self, command: &Command, stamp: Stamp) -> Outcome {
        let result = match command {
            Command::RegisterLocation { name } => register(&mut self.locations, name, name.len()),
            Command::RegisterItem { name } => {
                let length = match name {
                    ItemName::Sku(sku) => sku.len(),
                    ItemName::Labor { .. } => 1,
                };
                register(&mut self.items, name, length)
            }
            Command::Adjust { .. }
            | Command::SetOnHand { .. }
            | Command::CompareAndSet { .. }
            | Command::Transfer { .. }
            | Command::SetSafetyStock { .. }
            | Command::CloseWindow { .. }
            | Command::Receive { .. }
            | Command::SetInbound { .. }
            | Command::Count { .. }
            | Command::Sale { .. } => self.run_fact(command, stamp),
            Command::Relocate {
                reservation,
                to,
                lines,
            } => self.relocate(*reservation, *to, lines, stamp),
            Command::Extend {
                reservation,
                ttl_ms,
            } => self.extend(*reservation, *ttl_ms, stamp),
            Command::Hold {
                reservation,
                lines,
                ttl_ms,
                priority,
                terms,
                order: _,
            } => self.hold(*reservation, lines, (*ttl_ms, *priority, *terms), stamp),
            Command::Commit { reservation } => self.commit(*reservation, stamp),
            Command::Release { reservation, lines } => self.take(
                *reservation,
                lines.as_ref(),
                ReservationState::Released,
                stamp,
            ),
            Command::Consume { reservation, lines } => self.take(
                *reservation,
                lines.as_ref(),
                ReservationState::Consumed,
                stamp,
            ),
            Command::Move { moves } => self.shift(moves, stamp),
            Command::Expire { reservation } => match self.find(*reservation) {
                Some(_) => Ok(Outcome::Reservation(self.show(*reservation, stamp))),
                None => Err(Refusal::ReservationNotFound),
            },
        };
        result.unwrap_or_else(Outcome::Refused)
    }

    fn show(&self, id: ReservationId, stamp: Stamp) -> ReservationView {
        let promise = self.find(id).expect("it is there");
        let is_held = promise.state == ReservationState::Held;
        let expire_wall_ms = if is_held {
            let ahead = i128::from(promise.deadline_ms) - i128::from(stamp.now_ms);
            i64::try_from(i128::from(stamp.wall_ms) + ahead).unwrap_or(i64::MAX)
        } else {
            0
        };
        assert!(
            !is_held || promise.deadline_ms > stamp.now_ms,
            "a due hold was shown as held"
        );
        ReservationView {
            id,
            state: promise.state,
            deadline_ms: promise.deadline_ms,
            expire_wall_ms,
            priority: promise.priority,
            lines: promise.lines.clone(),
        }
    }

    fn knows(&self, cell: CellKey) -> bool {
        (cell.location.0 as usize) < self.locations.len()
            && (cell.item.0 as usize) < self.items.len()
    }

    fn check(&self, lines: &Lines) -> Result<(), Refusal> {
        let bad = |line: &Line| line.quantity <= 0 || !self.knows(line.cell);
        if lines.is_empty() || lines.len() > 512 || lines.iter().any(bad) {
            return Err(Refusal::Malformed);
        }
        Ok(())
    }
}
