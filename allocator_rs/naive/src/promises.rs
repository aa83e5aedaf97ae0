//! Holds, moves and the turns of a reservation, naively.

use std::collections::BTreeSet;

use bopis_ledger::{
    CellKey, Line, Lines, LocationId, Outcome, Refusal, ReservationId, ReservationState, Shortage,
    Stamp, Terms, DAY_MAX,
};

use super::{asked_of, cells_of, fits, Naive, Promise};

impl Naive {
    /// The cells of `lines` in which `after` leaves a day with less than nothing, and with less than
    /// it has now, in order of first naming.
    fn lacking(
        &self,
        lines: &[Line],
        after: &Self,
        net: impl Fn(CellKey) -> i128,
        now_ms: i64,
    ) -> Vec<Shortage> {
        let mut shortages = Vec::new();
        for cell in cells_of(lines) {
            let (now, then) = (self.course(cell, now_ms), after.course(cell, now_ms));
            let days = now.days().into_iter().chain(then.days());
            let lacks = days.map(|day| now.by(day).min(0) - then.by(day));
            let lacking = lacks.max().unwrap();
            if lacking > 0 {
                let requested = net(cell).max(lacking);
                let first = lines.iter().position(|line| line.cell == cell).unwrap();
                shortages.push(Shortage {
                    line_index: u32::try_from(first).unwrap(),
                    cell,
                    requested: i64::try_from(requested).unwrap(),
                    available: i64::try_from(requested - lacking).unwrap(),
                });
            }
        }
        shortages
    }

    /// What there is of each line of stock for that day. None: labor lacks, or there is nothing.
    fn what_there_is(&self, lines: &Lines, day: Option<i32>, now_ms: i64) -> Option<Lines> {
        let mut some = Lines::new();
        let mut has_stock = false;
        for line in Self::summed(lines) {
            let atp = self.atp_of_day(line.cell, day.unwrap_or(-1), now_ms);
            let quantity = i128::from(line.quantity).min(atp);
            let is_stock = self.is_stock(line.cell);
            if !is_stock && quantity < i128::from(line.quantity) {
                return None;
            }
            if quantity > 0 {
                has_stock |= is_stock;
                let quantity = i64::try_from(quantity).unwrap();
                some.push(Line { quantity, ..line });
            }
        }
        has_stock.then_some(some)
    }

    fn summed(lines: &[Line]) -> Lines {
        let sum = |cell| i64::try_from(asked_of(lines, cell)).unwrap();
        cells_of(lines)
            .into_iter()
            .map(|cell| Line {
                cell,
                quantity: sum(cell),
            })
            .collect()
    }

    pub(super) fn hold(
        &mut self,
        id: ReservationId,
        lines: &Lines,
        (ttl_ms, priority, terms): (i64, u8, Terms),
        stamp: Stamp,
    ) -> Result<Outcome, Refusal> {
        self.check(lines)?;
        let bad_day = terms.day.is_some_and(|day| !(0..=DAY_MAX).contains(&day));
        if ttl_ms <= 0 || bad_day {
            return Err(Refusal::Malformed);
        }
        if self.find(id).is_some() {
            return Ok(Outcome::Reservation(self.show(id, stamp)));
        }
        let deadline_ms = stamp
            .now_ms
            .checked_add(ttl_ms)
            .ok_or(Refusal::QuantityOutOfRange)?;
        if !cells_of(lines)
            .iter()
            .all(|cell| fits(asked_of(lines, *cell)))
        {
            return Err(Refusal::QuantityOutOfRange);
        }
        let promise = |lines| Promise {
            id,
            state: ReservationState::Held,
            deadline_ms,
            priority,
            day: terms.day,
            ended_ms: 0,
            lines,
        };
        let mut after = self.draft();
        after.promises.push(promise(Self::summed(lines)));
        let shortages = self.lacking(lines, &after, |cell| asked_of(lines, cell), stamp.now_ms);
        let granted = match shortages.is_empty() {
            true => Some(Self::summed(lines)),
            false if terms.is_partial => self.what_there_is(lines, terms.day, stamp.now_ms),
            false => None,
        };
        let Some(granted) = granted else {
            return Ok(Outcome::Insufficient(shortages));
        };
        self.promises.push(promise(granted));
        Ok(Outcome::Reservation(self.show(id, stamp)))
    }

    fn live(&self, id: ReservationId) -> Result<&Promise, Refusal> {
        let promise = self.find(id).ok_or(Refusal::ReservationNotFound)?;
        match promise.state {
            ReservationState::Held | ReservationState::Committed => Ok(promise),
            ReservationState::Expired => Err(Refusal::ReservationExpired),
            _ => Err(Refusal::ReservationEnded),
        }
    }

    pub(super) fn commit(&mut self, id: ReservationId, stamp: Stamp) -> Result<Outcome, Refusal> {
        let promise = self.live(id)?;
        assert!(promise.state != ReservationState::Held || promise.deadline_ms > stamp.now_ms);
        if promise.state == ReservationState::Committed {
            return Err(Refusal::AlreadyCommitted);
        }
        let mut after = self.draft();
        after.find_mut(id).unwrap().state = ReservationState::Committed;
        if !after.counts_fit(&promise.lines) {
            return Err(Refusal::QuantityOutOfRange);
        }
        self.find_mut(id).unwrap().state = ReservationState::Committed;
        Ok(Outcome::Reservation(self.show(id, stamp)))
    }

    pub(super) fn extend(
        &mut self,
        id: ReservationId,
        ttl_ms: i64,
        stamp: Stamp,
    ) -> Result<Outcome, Refusal> {
        if ttl_ms <= 0 {
            return Err(Refusal::Malformed);
        }
        if self.live(id)?.state == ReservationState::Committed {
            return Err(Refusal::AlreadyCommitted);
        }
        let deadline = i128::from(stamp.now_ms) + i128::from(ttl_ms);
        let deadline_ms = i64::try_from(deadline).map_err(|_| Refusal::QuantityOutOfRange)?;
        self.find_mut(id).unwrap().deadline_ms = deadline_ms;
        Ok(Outcome::Reservation(self.show(id, stamp)))
    }

    pub(super) fn take(
        &mut self,
        id: ReservationId,
        part: Option<&Lines>,
        end: ReservationState,
        stamp: Stamp,
    ) -> Result<Outcome, Refusal> {
        if let Some(part) = part {
            self.check(part)?;
        }
        let promise = self.live(id)?.clone();
        let is_consumed = end == ReservationState::Consumed;
        if is_consumed && promise.state != ReservationState::Committed {
            return Err(Refusal::NotCommitted);
        }
        let part = part.unwrap_or(&promise.lines).clone();
        let part = &part;
        for cell in cells_of(part) {
            if asked_of(part, cell) > asked_of(&promise.lines, cell) {
                return Err(Refusal::LineNotHeld);
            }
        }
        if is_consumed {
            let after = |cell: &CellKey| i128::from(self.on_hand(*cell)) - asked_of(part, *cell);
            if !cells_of(part).iter().all(|cell| fits(after(cell))) {
                return Err(Refusal::QuantityOutOfRange);
            }
            for line in part {
                self.change(line.cell, -line.quantity, (None, stamp));
            }
        }
        let promise = self.find_mut(id).unwrap();
        for line in part {
            promise
                .lines
                .iter_mut()
                .find(|own| own.cell == line.cell)
                .unwrap()
                .quantity -= line.quantity;
        }
        promise.lines.retain(|line| line.quantity > 0);
        if promise.lines.is_empty() {
            promise.state = end;
            promise.ended_ms = stamp.now_ms;
        }
        Ok(Outcome::Reservation(self.show(id, stamp)))
    }

    pub(super) fn shift(
        &mut self,
        moves: &[(ReservationId, Lines)],
        stamp: Stamp,
    ) -> Result<Outcome, Refusal> {
        let all: Lines = moves.iter().flat_map(|(_, lines)| lines.clone()).collect();
        let ids: BTreeSet<_> = moves.iter().map(|(id, _)| *id).collect();
        if moves.is_empty() || all.len() > self.limits.move_lines_max || ids.len() < moves.len() {
            return Err(Refusal::Malformed);
        }
        for (_, lines) in moves {
            self.check(lines)?;
        }
        let worst = [
            Refusal::ReservationNotFound,
            Refusal::ReservationExpired,
            Refusal::ReservationEnded,
        ];
        for refusal in worst {
            if ids.iter().any(|id| self.live(*id).err() == Some(refusal)) {
                return Err(refusal);
            }
        }
        if !cells_of(&all)
            .iter()
            .all(|cell| fits(asked_of(&all, *cell)))
        {
            return Err(Refusal::QuantityOutOfRange);
        }
        let given = |cell| {
            let back = self.promises.iter().filter(|p| ids.contains(&p.id));
            back.map(|p| asked_of(&p.lines, cell)).sum::<i128>()
        };
        let net = |cell| asked_of(&all, cell) - given(cell);
        let mut after = self.draft();
        let give = |to: &mut Self| {
            for (id, lines) in moves {
                to.find_mut(*id).unwrap().lines = Self::summed(lines);
            }
        };
        give(&mut after);
        let shortages = self.lacking(&all, &after, net, stamp.now_ms);
        if !shortages.is_empty() {
            return Ok(Outcome::Insufficient(shortages));
        }
        if !after.counts_fit(&all) {
            return Err(Refusal::QuantityOutOfRange);
        }
        give(self);
        Ok(Outcome::Moved(
            moves.iter().map(|(id, _)| self.show(*id, stamp)).collect(),
        ))
    }

    pub(super) fn relocate(
        &mut self,
        id: ReservationId,
        to: LocationId,
        part: &Lines,
        stamp: Stamp,
    ) -> Result<Outcome, Refusal> {
        self.check(part)?;
        let stays = |line: &Line| line.cell.location == to || !self.is_stock(line.cell);
        if to.0 as usize >= self.locations.len() || part.iter().any(stays) {
            return Err(Refusal::Malformed);
        }
        if self.live(id)?.state != ReservationState::Committed {
            return Err(Refusal::NotCommitted);
        }
        let mut lines = self.find(id).unwrap().lines.clone();
        let there = |line: &Line| CellKey {
            location: to,
            ..line.cell
        };
        for cell in cells_of(part) {
            if asked_of(part, cell) > asked_of(&lines, cell) {
                return Err(Refusal::LineNotHeld);
            }
        }
        let mut after = self.clone();
        for line in part {
            let own = lines.iter_mut().find(|own| own.cell == line.cell).unwrap();
            own.quantity -= line.quantity;
            after.change(line.cell, -line.quantity, (None, stamp));
        }
        lines.retain(|line| line.quantity > 0);
        for line in part {
            let (cell, quantity) = (there(line), line.quantity);
            lines.push(Line { cell, quantity });
            after.change(cell, quantity, (None, stamp));
        }
        after.find_mut(id).unwrap().lines = Self::summed(&lines);
        let cells = part.iter().flat_map(|line| [line.cell, there(line)]);
        let fit = |cell| fits(i128::from(after.on_hand(cell))) && fits(after.held(cell));
        if !cells.into_iter().all(fit) {
            return Err(Refusal::QuantityOutOfRange);
        }
        *self = after;
        Ok(Outcome::Reservation(self.show(id, stamp)))
    }
}
