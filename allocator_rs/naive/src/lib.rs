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

mod promises;

use std::collections::{BTreeMap, BTreeSet};

use bopis_ledger::{
    Act, ActOutcome, CellKey, CellView, Command, ItemName, Limits, Line, Lines, Outcome, Refusal,
    RequestKey, ReservationId, ReservationState, ReservationView, Stamp, QUANTITY_MAX,
};

#[derive(Clone)]
struct Promise {
    id: ReservationId,
    state: ReservationState,
    deadline_ms: i64,
    priority: u8,
    ended_ms: i64,
    lines: Lines,
}

#[derive(Default)]
pub struct Naive {
    limits: Limits,
    locations: Vec<Box<str>>,
    items: Vec<ItemName>,
    physical: BTreeMap<CellKey, (i64, i64)>,
    buffers: BTreeMap<CellKey, i64>,
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

    fn promised(&self, cell: CellKey, counts: impl Fn(&Promise) -> bool) -> i128 {
        let of = |promise: &Promise| asked_of(&promise.lines, cell);
        self.promises
            .iter()
            .filter(|promise| counts(promise))
            .map(of)
            .sum()
    }

    pub fn atp(&self, cell: CellKey, now_ms: i64) -> i128 {
        let (on_hand, unavailable) = self.physical.get(&cell).copied().unwrap_or_default();
        let lives = |p: &Promise| p.state != ReservationState::Held || p.deadline_ms > now_ms;
        i128::from(on_hand)
            - i128::from(unavailable)
            - i128::from(self.buffer(cell))
            - self.promised(cell, lives)
    }

    pub fn view(&self, cell: CellKey) -> CellView {
        let (on_hand, unavailable) = self.physical.get(&cell).copied().unwrap_or_default();
        let held = self.promised(cell, |p| p.state == ReservationState::Held);
        let committed = self.promised(cell, |p| p.state == ReservationState::Committed);
        CellView {
            on_hand,
            held: i64::try_from(held).unwrap(),
            committed: i64::try_from(committed).unwrap(),
            unavailable,
            safety_stock: self.buffer(cell),
        }
    }

    fn buffer(&self, cell: CellKey) -> i64 {
        self.buffers.get(&cell).copied().unwrap_or_default()
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
            Command::Adjust {
                cell,
                on_hand_delta,
                unavailable_delta,
                reason: _,
            } => self.fact(
                *cell,
                i128::from(*on_hand_delta),
                i128::from(*unavailable_delta),
            ),
            Command::SetOnHand { cell, on_hand } => {
                let before = self.physical.get(cell).copied().unwrap_or_default().0;
                self.fact(*cell, i128::from(*on_hand) - i128::from(before), 0)
            }
            Command::CompareAndSet {
                cell,
                expected,
                on_hand,
            } => self.compare_and_set(*cell, *expected, *on_hand),
            Command::Transfer { from, to, quantity } => self.transfer(*from, *to, *quantity),
            Command::SetSafetyStock { cell, safety_stock } => self.keep(*cell, *safety_stock),
            Command::Extend {
                reservation,
                ttl_ms,
            } => self.extend(*reservation, *ttl_ms, stamp),
            Command::Sale {
                source,
                cell,
                quantity,
                reservation,
            } => self.sale(*source, *cell, *quantity, *reservation, stamp),
            Command::Hold {
                reservation,
                lines,
                ttl_ms,
                priority,
                order: _,
            } => self.hold(*reservation, lines, *ttl_ms, *priority, stamp),
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

    fn fact(&mut self, cell: CellKey, on_hand: i128, spoilt: i128) -> Result<Outcome, Refusal> {
        if !self.knows(cell) {
            return Err(Refusal::Malformed);
        }
        let (old_on_hand, old_spoilt) = self.physical.get(&cell).copied().unwrap_or_default();
        let on_hand = i128::from(old_on_hand) + on_hand;
        let spoilt = i128::from(old_spoilt) + spoilt;
        if !fits(on_hand) || !fits(spoilt) || spoilt < 0 {
            return Err(Refusal::QuantityOutOfRange);
        }
        let counters = (
            i64::try_from(on_hand).unwrap(),
            i64::try_from(spoilt).unwrap(),
        );
        self.physical.insert(cell, counters);
        Ok(Outcome::Cell(self.view(cell)))
    }

    fn compare_and_set(
        &mut self,
        cell: CellKey,
        expected: i64,
        on_hand: i64,
    ) -> Result<Outcome, Refusal> {
        let before = self.physical.get(&cell).copied().unwrap_or_default().0;
        if self.knows(cell) && before != expected {
            return Err(Refusal::NotAsExpected);
        }
        self.fact(cell, i128::from(on_hand) - i128::from(before), 0)
    }

    fn keep(&mut self, cell: CellKey, units: i64) -> Result<Outcome, Refusal> {
        if units < 0 || !self.knows(cell) {
            return Err(Refusal::Malformed);
        }
        if !fits(i128::from(units)) {
            return Err(Refusal::QuantityOutOfRange);
        }
        self.buffers.insert(cell, units);
        Ok(Outcome::Cell(self.view(cell)))
    }

    fn transfer(&mut self, from: CellKey, to: CellKey, quantity: i64) -> Result<Outcome, Refusal> {
        let other_item = from.item != to.item;
        let nowhere = !self.knows(from) || !self.knows(to);
        if quantity < 1 || other_item || from.location == to.location || nowhere {
            return Err(Refusal::Malformed);
        }
        let before = self.physical.clone();
        let both = self
            .fact(from, -i128::from(quantity), 0)
            .and_then(|_| self.fact(to, i128::from(quantity), 0));
        if let Err(refusal) = both {
            self.physical = before;
            return Err(refusal);
        }
        Ok(Outcome::Transferred(self.view(from), self.view(to)))
    }

    fn sale(
        &mut self,
        source: u128,
        cell: CellKey,
        quantity: i64,
        reservation: Option<ReservationId>,
        stamp: Stamp,
    ) -> Result<Outcome, Refusal> {
        if quantity < 1 || !self.knows(cell) {
            return Err(Refusal::Malformed);
        }
        if self.sources.iter().any(|(_, seen)| *seen == source) {
            return Ok(Outcome::Duplicate);
        }
        self.fact(cell, -i128::from(quantity), 0)?;
        self.sources.push((stamp.now_ms, source));
        if let Some(promise) = reservation.and_then(|id| self.find_mut(id)) {
            if promise.state == ReservationState::Committed {
                for line in promise.lines.iter_mut().filter(|line| line.cell == cell) {
                    line.quantity = (line.quantity - quantity).max(0);
                }
                promise.lines.retain(|line| line.quantity > 0);
                if promise.lines.is_empty() {
                    promise.state = ReservationState::Consumed;
                    promise.ended_ms = stamp.now_ms;
                }
            }
        }
        Ok(Outcome::Cell(self.view(cell)))
    }
}

fn register<T: Clone + PartialEq>(
    names: &mut Vec<T>,
    name: &T,
    length: usize,
) -> Result<Outcome, Refusal> {
    if length == 0 || length > 256 {
        return Err(Refusal::Malformed);
    }
    let at = names
        .iter()
        .position(|known| known == name)
        .unwrap_or_else(|| {
            names.push(name.clone());
            names.len() - 1
        });
    let index = u32::try_from(at).unwrap();
    Ok(Outcome::Registered { index })
}
