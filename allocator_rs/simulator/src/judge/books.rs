//! An auditor's books: counters kept from commands and from what was recorded of reservations, by
//! arithmetic alone. They decide nothing, so they are no third ledger. Days, and times that facts
//! name, are not in them: the plan has neither.

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
    /// What remains.
    pub lines: Lines,
}

/// The books.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// All cells that anything touched.
    pub cells: BTreeMap<CellKey, CellView>,
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
    /// The counters of a cell.
    #[must_use]
    pub fn cell(&self, key: CellKey) -> CellView {
        self.cells.get(&key).copied().unwrap_or_default()
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

    fn put_view(&mut self, view: &ReservationView, now_ms: i64) {
        let before = self.reservations.get(&view.id);
        let ended_ms = match before {
            Some(kept) if !kept.is_live() => kept.ended_ms,
            _ => now_ms,
        };
        let kept = Kept {
            state: view.state,
            deadline_ms: view.deadline_ms,
            priority: view.priority,
            ended_ms,
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
                    self.cells.entry(line.cell).or_default().on_hand -= gone;
                }
                self.put_view(view, stamp.now_ms);
            }
            (Command::Relocate { to, lines, .. }, Outcome::Reservation(view)) => {
                for line in lines {
                    let there = CellKey {
                        location: *to,
                        ..line.cell
                    };
                    self.cells.entry(line.cell).or_default().on_hand -= line.quantity;
                    self.cells.entry(there).or_default().on_hand += line.quantity;
                }
                self.put_view(view, stamp.now_ms);
            }
            (_, Outcome::Reservation(view)) => self.put_view(view, stamp.now_ms),
            (_, Outcome::Moved(views)) => {
                for view in views {
                    self.put_view(view, stamp.now_ms);
                }
            }
            (_, Outcome::Registered { .. }) => {}
            (
                Command::Count { cell, .. },
                Outcome::Counted {
                    drift, is_included, ..
                },
            ) => {
                let view = self.cells.entry(*cell).or_default();
                view.on_hand += if *is_included { 0 } else { *drift };
            }
            (_, Outcome::Cell(_) | Outcome::Transferred(..) | Outcome::Counted { .. }) => {
                self.take_fact(command, stamp);
            }
        }
    }

    fn take_fact(&mut self, command: &Command, stamp: Stamp) {
        match command {
            Command::Adjust {
                cell,
                on_hand_delta,
                unavailable_delta,
                ..
            } => {
                let view = self.cells.entry(*cell).or_default();
                view.on_hand += on_hand_delta;
                view.unavailable += unavailable_delta;
            }
            Command::SetOnHand { cell, on_hand } | Command::CompareAndSet { cell, on_hand, .. } => {
                self.cells.entry(*cell).or_default().on_hand = *on_hand;
            }
            Command::Transfer {
                from, to, quantity, ..
            } => {
                self.cells.entry(*from).or_default().on_hand -= quantity;
                self.cells.entry(*to).or_default().on_hand += quantity;
            }
            Command::Receive { cell, quantity, .. } => {
                self.cells.entry(*cell).or_default().on_hand += quantity;
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
                ..
            } => {
                self.cells.entry(*cell).or_default().on_hand -= quantity;
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
