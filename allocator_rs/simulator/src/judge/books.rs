//! An auditor's books: counters kept from commands and from what was recorded of reservations, by
//! arithmetic alone. They decide nothing, so they are no third ledger.

use std::collections::BTreeMap;

use bopis_ledger::{
    CellKey, CellView, Command, Line, Lines, Outcome, ReservationId, ReservationState,
    ReservationView, Stamp, QUANTITY_MAX,
};
use hashbrown::HashMap;

/// One reservation, as it was last recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Where it stands.
    pub state: ReservationState,
    /// Ledger time, ms.
    pub deadline_ms: i64,
    /// As given.
    pub priority: u8,
    /// When it ended; 0 while it lives.
    pub ended_ms: i64,
    /// The day on which its units leave; none: now.
    pub day: Option<i32>,
    /// What remains.
    pub lines: Lines,
}

/// The books.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// All cells that anything touched, without what later days need of them.
    cells: BTreeMap<CellKey, CellView>,
    /// Expected, and promised, by cell and day.
    supplies: BTreeMap<(CellKey, i32), i64>,
    demands: BTreeMap<(CellKey, i32), i64>,
    /// The time of the last count.
    counted_ms: BTreeMap<CellKey, i64>,
    /// All reservations that are not forgotten.
    pub reservations: HashMap<ReservationId, Kept>,
    /// Nothing that ended before this moment is among them.
    ended_from_ms: i64,
}

/// What remains of a part of a cell.
fn of_cell(lines: &[Line], cell: CellKey) -> i64 {
    let line = lines.iter().find(|line| line.cell == cell);
    line.map_or(0, |line| line.quantity)
}

impl Kept {
    /// Whether it takes units.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(
            self.state,
            ReservationState::Held | ReservationState::Committed
        )
    }

    fn view(&self, id: ReservationId, stamp: Stamp) -> ReservationView {
        let ahead_ms = self.deadline_ms.saturating_sub(stamp.now_ms);
        let expire_wall_ms = match self.state {
            ReservationState::Held => stamp.wall_ms.saturating_add(ahead_ms),
            _ => 0,
        };
        ReservationView {
            id,
            state: self.state,
            deadline_ms: self.deadline_ms,
            expire_wall_ms,
            priority: self.priority,
            lines: self.lines.clone(),
        }
    }
}

impl Books {
    /// The cells that anything touched.
    pub fn keys(&self) -> impl Iterator<Item = CellKey> + '_ {
        self.cells.keys().copied()
    }

    /// The counters of a cell.
    #[must_use]
    pub fn cell(&self, key: CellKey) -> CellView {
        let view = self.cells.get(&key).copied().unwrap_or_default();
        CellView {
            held: view.held + self.lacking(key),
            ..view
        }
    }

    /// What later days need of what is there now: the most by which demand runs ahead of supply.
    fn lacking(&self, key: CellKey) -> i64 {
        let days = (key, i32::MIN)..=(key, i32::MAX);
        let (mut demand, mut most) = (0, 0);
        for ((_, day), units) in self.demands.range(days) {
            demand += units;
            let until = (key, i32::MIN)..=(key, *day);
            let supply: i64 = self.supplies.range(until).map(|(_, units)| units).sum();
            most = most.max(demand - supply);
        }
        most
    }

    /// What a read of the reservation should tell.
    #[must_use]
    pub fn reservation(
        &self,
        id: ReservationId,
        stamp: Stamp,
        keep_ms: i64,
    ) -> Option<ReservationView> {
        let kept = self.reservations.get(&id)?;
        let is_kept = kept.is_live() || stamp.now_ms - kept.ended_ms < keep_ms;
        is_kept.then(|| kept.view(id, stamp))
    }

    /// Adds (or with -1 takes off) what a reservation holds.
    fn count(&mut self, id: ReservationId, sign: i64) {
        let Some(kept) = self.reservations.get(&id) else {
            return;
        };
        for line in &kept.lines {
            let view = self.cells.entry(line.cell).or_default();
            if let Some(day) = kept.day {
                *self.demands.entry((line.cell, day)).or_default() += sign * line.quantity;
                continue;
            }
            match kept.state {
                ReservationState::Held => view.held += sign * line.quantity,
                ReservationState::Committed => view.committed += sign * line.quantity,
                _ => {}
            }
        }
    }

    /// The reservation is like this from now on.
    fn put(&mut self, id: ReservationId, kept: Kept) {
        self.count(id, -1);
        self.reservations.insert(id, kept);
        self.count(id, 1);
    }

    fn put_view(&mut self, view: &ReservationView, day: Option<i32>, now_ms: i64) {
        let before = self.reservations.get(&view.id);
        let day = before.map_or(day, |kept| kept.day);
        let ended_ms = match before {
            Some(kept) if !kept.is_live() => kept.ended_ms,
            _ => now_ms,
        };
        let kept = Kept {
            state: view.state,
            deadline_ms: view.deadline_ms,
            priority: view.priority,
            ended_ms,
            day,
            lines: view.lines.clone(),
        };
        self.put(view.id, kept);
    }

    /// A hold expired; what it was.
    pub fn expire(&mut self, id: ReservationId, now_ms: i64) -> Option<Kept> {
        let before = self.reservations.get(&id)?.clone();
        let after = Kept {
            state: ReservationState::Expired,
            ended_ms: now_ms,
            lines: Lines::new(),
            ..before.clone()
        };
        self.put(id, after);
        Some(before)
    }

    /// Reservations that ended so long ago are forgotten, and their ids are free again.
    pub fn forget(&mut self, now_ms: i64, keep_ms: i64) {
        if now_ms - self.ended_from_ms < keep_ms {
            return;
        }
        self.reservations
            .retain(|_, kept| kept.is_live() || now_ms - kept.ended_ms < keep_ms);
        let ended = self.reservations.values().filter(|kept| !kept.is_live());
        self.ended_from_ms = ended.map(|kept| kept.ended_ms).min().unwrap_or(now_ms);
    }

    /// Takes over one command and what was recorded of it.
    pub fn take(&mut self, command: &Command, outcome: &Outcome, stamp: Stamp) {
        match (command, outcome) {
            (_, Outcome::Refused(_) | Outcome::Insufficient(_) | Outcome::Duplicate) => {}
            (Command::Consume { reservation, .. }, Outcome::Reservation(view)) => {
                let before = self.reservations.get(reservation);
                for line in before.map(|kept| kept.lines.clone()).unwrap_or_default() {
                    let gone = line.quantity - of_cell(&view.lines, line.cell);
                    self.add(line.cell, -gone);
                }
                self.put_view(view, None, stamp.now_ms);
            }
            (Command::Relocate { to, lines, .. }, Outcome::Reservation(view)) => {
                for line in lines {
                    let there = CellKey {
                        location: *to,
                        ..line.cell
                    };
                    self.add(line.cell, -line.quantity);
                    self.add(there, line.quantity);
                }
                self.put_view(view, None, stamp.now_ms);
            }
            (Command::Hold { terms, .. }, Outcome::Reservation(view)) => {
                self.put_view(view, terms.day, stamp.now_ms);
            }
            (_, Outcome::Reservation(view)) => self.put_view(view, None, stamp.now_ms),
            (_, Outcome::Moved(views)) => {
                for view in views {
                    self.put_view(view, None, stamp.now_ms);
                }
            }
            (_, Outcome::Registered { .. }) => {}
            (
                Command::Count {
                    cell, effective_ms, ..
                },
                Outcome::Counted {
                    drift, is_included, ..
                },
            ) => {
                if !is_included {
                    self.add(*cell, *drift);
                    let at_ms = stamp.wall_ms.min(*effective_ms);
                    self.counted_ms.insert(*cell, at_ms);
                }
            }
            (_, Outcome::Cell(_) | Outcome::Transferred(..) | Outcome::Counted { .. }) => {
                self.take_fact(command, stamp);
            }
        }
    }

    fn add(&mut self, cell: CellKey, on_hand: i64) {
        self.cells.entry(cell).or_default().on_hand += on_hand;
    }

    /// Adds what a fact changed, unless a count includes it.
    fn add_fact(&mut self, cell: CellKey, units: i64, effective_ms: Option<i64>, stamp: Stamp) {
        let counted_ms = self.counted_ms.get(&cell);
        let is_counted = effective_ms
            .zip(counted_ms)
            .is_some_and(|(at_ms, counted_ms)| at_ms.min(stamp.wall_ms) <= *counted_ms);
        self.add(cell, if is_counted { 0 } else { units });
    }

    fn take_fact(&mut self, command: &Command, stamp: Stamp) {
        match command {
            Command::Adjust {
                cell,
                on_hand_delta,
                unavailable_delta,
                effective_ms,
                ..
            } => {
                self.add_fact(*cell, *on_hand_delta, *effective_ms, stamp);
                self.cells.entry(*cell).or_default().unavailable += unavailable_delta;
            }
            Command::SetOnHand { cell, on_hand } | Command::CompareAndSet { cell, on_hand, .. } => {
                self.cells.entry(*cell).or_default().on_hand = *on_hand;
            }
            Command::Transfer {
                from,
                to,
                quantity,
                effective_ms,
            } => {
                self.add_fact(*from, -quantity, *effective_ms, stamp);
                self.add_fact(*to, *quantity, *effective_ms, stamp);
            }
            Command::Receive {
                cell,
                quantity,
                expected_day,
                effective_ms,
            } => {
                if let Some(day) = expected_day {
                    self.supplies.remove(&(*cell, *day));
                }
                self.add_fact(*cell, *quantity, *effective_ms, stamp);
            }
            Command::SetInbound {
                cell,
                day,
                quantity,
            } => {
                self.cells.entry(*cell).or_default();
                self.supplies.insert((*cell, *day), *quantity);
            }
            Command::CloseWindow { cell } => {
                self.cells.entry(*cell).or_default().safety_stock = QUANTITY_MAX;
            }
            Command::SetSafetyStock { cell, safety_stock } => {
                self.cells.entry(*cell).or_default().safety_stock = *safety_stock;
            }
            Command::Sale {
                cell,
                quantity,
                reservation,
                effective_ms,
                ..
            } => {
                self.add_fact(*cell, -quantity, *effective_ms, stamp);
                if let Some(id) = reservation {
                    self.sell(*id, *cell, *quantity, stamp.now_ms);
                }
            }
            _ => {}
        }
    }

    /// A sale fulfills what it can of a committed reservation.
    fn sell(&mut self, id: ReservationId, cell: CellKey, quantity: i64, now_ms: i64) {
        let Some(kept) = self.reservations.get(&id).cloned() else {
            return;
        };
        if kept.state != ReservationState::Committed {
            return;
        }
        let mut after = kept;
        for line in after.lines.iter_mut().filter(|line| line.cell == cell) {
            line.quantity = (line.quantity - quantity).max(0);
        }
        after.lines.retain(|line| line.quantity > 0);
        if after.lines.is_empty() {
            after.state = ReservationState::Consumed;
            after.ended_ms = now_ms;
        }
        self.put(id, after);
    }
}
