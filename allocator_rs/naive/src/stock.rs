//! Facts and settings, naively.

use bopis_ledger::{
    CellKey, Command, ItemName, Outcome, Refusal, ReservationId, ReservationState, Stamp, DAY_MAX,
    INBOUND_DAYS_MAX, QUANTITY_MAX,
};

use super::{fits, Naive};

/// When a fact took effect, as it says, and now.
pub(super) type Time = (Option<i64>, Stamp);

impl Naive {
    pub(super) fn run_fact(&mut self, command: &Command, stamp: Stamp) -> Result<Outcome, Refusal> {
        match command {
            Command::Adjust {
                cell,
                on_hand_delta,
                unavailable_delta,
                effective_ms,
                reason: _,
            } => {
                let units = i128::from(*on_hand_delta);
                let spoilt = i128::from(*unavailable_delta);
                self.fact(*cell, units, spoilt, *effective_ms, stamp)
            }
            Command::SetOnHand { cell, on_hand } => self.set(*cell, None, *on_hand, stamp),
            Command::CompareAndSet {
                cell,
                expected,
                on_hand,
            } => self.set(*cell, Some(*expected), *on_hand, stamp),
            Command::Transfer {
                from,
                to,
                quantity,
                effective_ms,
            } => self.transfer(*from, *to, *quantity, (*effective_ms, stamp)),
            Command::SetSafetyStock { cell, safety_stock } => self.keep(*cell, *safety_stock),
            Command::CloseWindow { cell } => self.close(*cell),
            Command::Receive {
                cell,
                quantity,
                expected_day,
                effective_ms,
            } => self.receive(*cell, *quantity, *expected_day, (*effective_ms, stamp)),
            Command::SetInbound {
                cell,
                day,
                quantity,
            } => self.expect(*cell, *day, *quantity),
            Command::Count {
                cell,
                counted,
                effective_ms,
            } => self.count(*cell, *counted, *effective_ms, stamp),
            Command::Sale {
                source,
                cell,
                quantity,
                reservation,
                effective_ms,
            } => {
                let time = (*effective_ms, stamp);
                self.sale(*source, (*cell, *quantity), *reservation, time)
            }
            _ => Err(Refusal::Malformed),
        }
    }

    pub(super) fn on_hand(&self, cell: CellKey) -> i64 {
        self.physical.get(&cell).copied().unwrap_or_default().0
    }

    pub(super) fn is_stock(&self, cell: CellKey) -> bool {
        let item = self.items.get(cell.item.0 as usize);
        self.knows(cell) && matches!(item, Some(ItemName::Sku(_)))
    }

    /// Units come or leave, and that is remembered.
    pub(super) fn change(&mut self, cell: CellKey, units: i64, (effective, now): Time) {
        self.physical.entry(cell).or_default().0 += units;
        if units != 0 {
            let at_ms = effective.unwrap_or(now.wall_ms).min(now.wall_ms);
            if self.changes.len() >= self.limits.count_changes_max {
                self.forget_change();
            }
            self.changes.push((now.now_ms, cell, at_ms, units));
        }
    }

    fn forget_change(&mut self) {
        let (_, _, effective_ms, _) = self.changes.remove(0);
        self.horizon_ms = self.horizon_ms.max(Some(effective_ms));
    }

    pub(super) fn forget_changes(&mut self, now_ms: i64) {
        let keep_ms = self.limits.count_age_max_ms;
        while matches!(self.changes.first(), Some((at_ms, ..)) if at_ms + keep_ms <= now_ms) {
            self.forget_change();
        }
    }

    /// The fact took effect before the last count, which so includes it.
    fn is_counted(&self, cell: CellKey, (effective, now): Time) -> bool {
        match (effective, self.counted_ms.get(&cell)) {
            (Some(at_ms), Some(counted_ms)) => at_ms.min(now.wall_ms) <= *counted_ms,
            _ => false,
        }
    }

    /// What of these units no count includes.
    fn uncounted(&self, cell: CellKey, units: i128, time: Time) -> i128 {
        if self.is_counted(cell, time) {
            0
        } else {
            units
        }
    }

    fn has_room(&self, cell: CellKey, units: i128) -> bool {
        fits(i128::from(self.on_hand(cell)) + units)
    }

    pub(super) fn fact(
        &mut self,
        cell: CellKey,
        units: i128,
        spoilt: i128,
        effective: Option<i64>,
        stamp: Stamp,
    ) -> Result<Outcome, Refusal> {
        if !self.knows(cell) {
            return Err(Refusal::Malformed);
        }
        let time = (effective, stamp);
        let units = self.uncounted(cell, units, time);
        let old_spoilt = self.physical.get(&cell).copied().unwrap_or_default().1;
        let spoilt = i128::from(old_spoilt) + spoilt;
        if !self.has_room(cell, units) || !fits(spoilt) || spoilt < 0 {
            return Err(Refusal::QuantityOutOfRange);
        }
        self.change(cell, i64::try_from(units).unwrap(), time);
        self.physical.entry(cell).or_default().1 = i64::try_from(spoilt).unwrap();
        Ok(Outcome::Cell(self.view(cell)))
    }

    pub(super) fn set(
        &mut self,
        cell: CellKey,
        expected: Option<i64>,
        on_hand: i64,
        stamp: Stamp,
    ) -> Result<Outcome, Refusal> {
        let before = self.on_hand(cell);
        if self.knows(cell) && expected.is_some_and(|expected| expected != before) {
            return Err(Refusal::NotAsExpected);
        }
        let units = i128::from(on_hand) - i128::from(before);
        self.fact(cell, units, 0, None, stamp)
    }

    pub(super) fn keep(&mut self, cell: CellKey, units: i64) -> Result<Outcome, Refusal> {
        if units < 0 || !self.knows(cell) {
            return Err(Refusal::Malformed);
        }
        if !fits(i128::from(units)) {
            return Err(Refusal::QuantityOutOfRange);
        }
        self.buffers.insert(cell, units);
        Ok(Outcome::Cell(self.view(cell)))
    }

    pub(super) fn close(&mut self, cell: CellKey) -> Result<Outcome, Refusal> {
        if self.is_stock(cell) {
            return Err(Refusal::Malformed);
        }
        self.keep(cell, QUANTITY_MAX)
    }

    pub(super) fn expect(
        &mut self,
        cell: CellKey,
        day: i32,
        quantity: i64,
    ) -> Result<Outcome, Refusal> {
        if quantity < 0 || !self.is_stock(cell) || !(0..=DAY_MAX).contains(&day) {
            return Err(Refusal::Malformed);
        }
        let before = self.supplies.clone();
        self.supplies.insert((cell, day), quantity);
        self.supplies.retain(|_, quantity| *quantity != 0);
        let own = self.supplies.iter().filter(|((of, _), _)| *of == cell);
        let total: i128 = own.clone().map(|(_, units)| i128::from(*units)).sum();
        if own.count() > INBOUND_DAYS_MAX || !fits(total) || !fits(self.held(cell)) {
            self.supplies = before;
            return Err(Refusal::QuantityOutOfRange);
        }
        Ok(Outcome::Cell(self.view(cell)))
    }

    pub(super) fn receive(
        &mut self,
        cell: CellKey,
        quantity: i64,
        expected_day: Option<i32>,
        (effective, stamp): Time,
    ) -> Result<Outcome, Refusal> {
        let bad_day = expected_day.is_some_and(|day| !(0..=DAY_MAX).contains(&day));
        if quantity < 1 || !self.is_stock(cell) || bad_day {
            return Err(Refusal::Malformed);
        }
        let units = i128::from(quantity);
        if !self.has_room(cell, self.uncounted(cell, units, (effective, stamp))) {
            return Err(Refusal::QuantityOutOfRange);
        }
        if let Some(day) = expected_day {
            self.expect(cell, day, 0)?;
        }
        self.fact(cell, units, 0, effective, stamp)
    }

    pub(super) fn count(
        &mut self,
        cell: CellKey,
        counted: i64,
        effective_ms: i64,
        stamp: Stamp,
    ) -> Result<Outcome, Refusal> {
        if counted < 0 || !self.is_stock(cell) {
            return Err(Refusal::Malformed);
        }
        let at_ms = effective_ms.min(stamp.wall_ms);
        let is_forgotten = self.horizon_ms.is_some_and(|horizon| at_ms < horizon);
        if is_forgotten || at_ms < stamp.wall_ms - self.limits.count_age_max_ms {
            return Err(Refusal::CountTooOld);
        }
        let later = self
            .changes
            .iter()
            .filter(|(_, of, then_ms, _)| *of == cell && *then_ms > at_ms)
            .map(|(.., units)| i128::from(*units));
        let then = i128::from(self.on_hand(cell)) - later.sum::<i128>();
        let drift = i128::from(counted) - then;
        let is_included = self.counted_ms.get(&cell).is_some_and(|last| at_ms < *last);
        let now = i128::from(self.on_hand(cell)) + if is_included { 0 } else { drift };
        if !fits(drift / 2) || !fits(now) {
            return Err(Refusal::QuantityOutOfRange);
        }
        let drift = i64::try_from(drift).unwrap();
        if !is_included {
            self.change(cell, drift, (Some(at_ms), stamp));
            self.counted_ms.insert(cell, at_ms);
        }
        Ok(Outcome::Counted {
            view: self.view(cell),
            drift,
            is_included,
        })
    }

    pub(super) fn transfer(
        &mut self,
        from: CellKey,
        to: CellKey,
        quantity: i64,
        (effective, stamp): Time,
    ) -> Result<Outcome, Refusal> {
        let other_item = from.item != to.item;
        let nowhere = !self.knows(from) || !self.knows(to);
        if quantity < 1 || other_item || from.location == to.location || nowhere {
            return Err(Refusal::Malformed);
        }
        let units = i128::from(quantity);
        if !self.has_room(to, self.uncounted(to, units, (effective, stamp))) {
            return Err(Refusal::QuantityOutOfRange);
        }
        self.fact(from, -units, 0, effective, stamp)?;
        self.fact(to, units, 0, effective, stamp)?;
        Ok(Outcome::Transferred(self.view(from), self.view(to)))
    }

    pub(super) fn sale(
        &mut self,
        source: u128,
        (cell, quantity): (CellKey, i64),
        reservation: Option<ReservationId>,
        (effective, stamp): Time,
    ) -> Result<Outcome, Refusal> {
        if quantity < 1 || !self.knows(cell) {
            return Err(Refusal::Malformed);
        }
        if self.sources.iter().any(|(_, seen)| *seen == source) {
            return Ok(Outcome::Duplicate);
        }
        self.fact(cell, -i128::from(quantity), 0, effective, stamp)?;
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
