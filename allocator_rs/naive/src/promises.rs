//! Holds, moves and the turns of a reservation, naively.

use std::collections::BTreeSet;

use bopis_ledger::{
    CellKey, Line, Lines, Outcome, Refusal, ReservationId, ReservationState, Shortage, Stamp,
};

use super::{asked_of, cells_of, fits, Naive, Promise};

impl Naive {
    /// The cells of `lines` of which `net` is more than there is, in order of first naming.
    fn lacking(&self, lines: &[Line], net: impl Fn(CellKey) -> i128, now_ms: i64) -> Vec<Shortage> {
        let mut shortages = Vec::new();
        for cell in cells_of(lines) {
            let (requested, atp) = (net(cell), self.atp(cell, now_ms));
            if requested > 0 && requested > atp {
                let first = lines.iter().position(|line| line.cell == cell).unwrap();
                shortages.push(Shortage {
                    line_index: u32::try_from(first).unwrap(),
                    cell,
                    requested: i64::try_from(requested).unwrap(),
                    available: i64::try_from(atp.max(0)).unwrap(),
                });
            }
        }
        shortages
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
        ttl_ms: i64,
        priority: u8,
        stamp: Stamp,
    ) -> Result<Outcome, Refusal> {
        self.check(lines)?;
        if ttl_ms <= 0 {
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
        let shortages = self.lacking(lines, |cell| asked_of(lines, cell), stamp.now_ms);
        if !shortages.is_empty() {
            return Ok(Outcome::Insufficient(shortages));
        }
        self.promises.push(Promise {
            id,
            state: ReservationState::Held,
            deadline_ms,
            priority,
            ended_ms: 0,
            lines: Self::summed(lines),
        });
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
        let part = part.unwrap_or(&promise.lines);
        for cell in cells_of(part) {
            if asked_of(part, cell) > asked_of(&promise.lines, cell) {
                return Err(Refusal::LineNotHeld);
            }
        }
        if is_consumed {
            let after = |cell: &CellKey| {
                i128::from(self.physical.get(cell).copied().unwrap_or_default().0)
                    - asked_of(part, *cell)
            };
            if !cells_of(part).iter().all(|cell| fits(after(cell))) {
                return Err(Refusal::QuantityOutOfRange);
            }
            for line in part {
                self.physical.entry(line.cell).or_default().0 -= line.quantity;
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
        let net = |cell| asked_of(&all, cell) - self.promised(cell, |p| ids.contains(&p.id));
        let shortages = self.lacking(&all, net, stamp.now_ms);
        if !shortages.is_empty() {
            return Ok(Outcome::Insufficient(shortages));
        }
        for (id, lines) in moves {
            self.find_mut(*id).unwrap().lines = Self::summed(lines);
        }
        Ok(Outcome::Moved(
            moves.iter().map(|(id, _)| self.show(*id, stamp)).collect(),
        ))
    }
}
