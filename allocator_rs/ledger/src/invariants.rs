//! The invariants, recomputed from the reservations.
//!
//! | checked | of the design |
//! | --- | --- |
//! | held and committed of every cell are the sums over live reservations | I2, I7 |
//! | every counter is in its range; only on hand may be negative | I3 |
//! | a live reservation has lines, one per cell, from 1; an ended one has none | I2, I7 |
//! | every hold has its deadline; the ended wait to be dropped | I7 |
//! | reservations by id, by order and by cell are the same | I2 |
//! | the request window's index has its entries; none is older than the retention | I4 |
//! | demand of days is the sum over live reservations of those days; `held` withholds it | I2 |
//! | the changes kept for counts are chained by cell | - |
//! | names and integers agree | - |
//!
//! That no grant leaves ATP below 0 (I1) is a property of an act, not of a state: `verify` and the
//! tests check it on every grant.

use std::collections::{BTreeMap, BTreeSet};

use crate::ids::CellKey;
use crate::ledger::Ledger;
use crate::limits::QUANTITY_MAX;
use crate::outcome::ReservationState;

type Check = Result<(), String>;

impl Ledger {
    /// Recomputes what the state must satisfy, in time linear in the state.
    ///
    /// # Errors
    /// The first violation, in words.
    pub fn check_invariants(&self) -> Check {
        let promised = self.check_reservations()?;
        self.check_cells(&promised)?;
        self.check_window()?;
        self.check_days()?;
        if !self.drift.is_consistent(&self.cells) {
            return Err("the changes kept for counts are not chained".to_owned());
        }
        if !self.locations.is_consistent() || !self.items.is_consistent() {
            return Err("names and their integers disagree".to_owned());
        }
        Ok(())
    }

    /// (held, committed) by cell.
    fn check_reservations(&self) -> Result<BTreeMap<CellKey, (i64, i64)>, String> {
        let mut promised: BTreeMap<CellKey, (i64, i64)> = BTreeMap::new();
        let (mut holds, mut ended) = (0, 0);
        for found in self.reservations.iter_unordered() {
            let (id, lines) = (found.id, self.lines_of(found));
            let is_held = found.state == ReservationState::Held;
            holds += usize::from(is_held);
            if !found.is_live() {
                ended += 1;
                let age_ms = self.now_ms.saturating_sub(found.ended_ms());
                if !(0..self.limits.request_window_ms).contains(&age_ms) {
                    return Err(format!("{id:?} ended {age_ms} ms ago and is kept"));
                }
            }
            if found.is_live() == lines.is_empty() {
                return Err(format!("{id:?} is {:?} with {lines:?}", found.state));
            }
            let is_dated = self.dated.day_of(id).is_some();
            if is_dated && !found.is_live() {
                return Err(format!("{id:?} has a day and is {:?}", found.state));
            }
            let mut cells = BTreeSet::new();
            for line in &lines {
                if line.quantity < 1 || !cells.insert(line.cell) {
                    return Err(format!("{id:?} has a bad line {line:?}"));
                }
                let (held, committed) = promised.entry(line.cell).or_default();
                let counter = if is_held { held } else { committed };
                let quantity = if is_dated { 0 } else { line.quantity };
                *counter = counter
                    .checked_add(quantity)
                    .ok_or_else(|| format!("what is promised of {:?} overflows", line.cell))?;
            }
        }
        let counted = self.reservations.held_len();
        if holds != counted || !self.reservations.is_consistent(&self.cells) {
            return Err(format!(
                "{holds} holds, {counted} counted; or an index of the reservations disagrees"
            ));
        }
        if ended != self.reservations.ended_len() {
            return Err(format!(
                "{ended} ended, {} to drop",
                self.reservations.ended_len()
            ));
        }
        Ok(promised)
    }

    fn check_cells(&self, promised: &BTreeMap<CellKey, (i64, i64)>) -> Check {
        for key in promised.keys() {
            if self.cells.get(*key).is_none() {
                return Err(format!("{key:?} is promised but does not exist"));
            }
        }
        for (key, view) in self.cells.iter_in_order() {
            let (held, committed) = promised.get(&key).copied().unwrap_or_default();
            let held = held + self.dated.withheld(key);
            if (view.held, view.committed) != (held, committed) {
                return Err(format!(
                    "{key:?} counts {view:?}, its reservations {held} held, {committed} committed"
                ));
            }
            let unsigned = 0..=QUANTITY_MAX;
            let is_in_range = (-QUANTITY_MAX..=QUANTITY_MAX).contains(&view.on_hand)
                && [
                    view.held,
                    view.committed,
                    view.unavailable,
                    view.safety_stock,
                ]
                .iter()
                .all(|counter| unsigned.contains(counter));
            if !is_in_range || !self.knows(key) {
                return Err(format!("{key:?} is unknown or out of range: {view:?}"));
            }
        }
        Ok(())
    }

    fn check_days(&self) -> Check {
        let mut demand: BTreeMap<(CellKey, i32), i64> = BTreeMap::new();
        for (id, day) in self.dated.days_unordered() {
            let Some(found) = self.reservations.get(id) else {
                return Err(format!("{id:?} has a day and does not exist"));
            };
            for line in self.lines_of(found) {
                *demand.entry((line.cell, day)).or_default() += line.quantity;
            }
        }
        for (key, plan) in self.dated.plans_unordered() {
            let days = plan.days();
            if days.is_empty() || !days.is_sorted_by(|one, next| one.day < next.day) {
                return Err(format!("the days of {key:?} are not in order"));
            }
            for one in days {
                let promised = demand.remove(&(key, one.day)).unwrap_or_default();
                if one.demand != promised || one.supply < 0 || one.supply + promised == 0 {
                    return Err(format!("{key:?} plans {one:?}, promised is {promised}"));
                }
            }
        }
        match demand.pop_first() {
            Some(unplanned) => Err(format!("{unplanned:?} is promised and not planned")),
            None => Ok(()),
        }
    }

    fn check_window(&self) -> Check {
        if !self.window.is_consistent() {
            return Err("the indexes of the request window disagree".to_owned());
        }
        let keep_ms = self.limits.request_window_ms;
        if self.window.count(self.now_ms, keep_ms) != self.window.len() {
            return Err("the request window keeps what no longer counts".to_owned());
        }
        Ok(())
    }
}
