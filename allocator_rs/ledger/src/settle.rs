//! One command, with the expiries that it needs.
//!
//! | decided | then |
//! | --- | --- |
//! | by a shortcut | taken already |
//! | on a due hold, or short while holds are due | those expire, and it is decided again |
//! | else | its effect is taken |
//!
//! Expiries that a command needs are journaled before its act. So that they are also *seen* before
//! it, the counters that earlier commands of the same act answered with are corrected by them; no
//! other outcome can depend on whether a due hold has expired yet.

use crate::command::{Act, Command, Lines, Stamp};
use crate::decide::Decision;
use crate::ids::{CellKey, ReservationId};
use crate::ledger::Ledger;
use crate::outcome::{Outcome, Outcomes};
use crate::sink::{RecordView, Sink};
use crate::warm::Found;

impl Ledger {
    /// Decides one command, with the expiries that it needs, and takes its effect; appends what it
    /// came to.
    pub(crate) fn carry_out(
        &mut self,
        act: &Act,
        (command, found): (&Command, Option<Found<'_>>),
        stamp: Stamp,
        outcomes: &mut Outcomes,
        sink: &mut impl Sink,
    ) {
        let decided = cfg!(debug_assertions).then(|| self.decide(command, stamp));
        if found.is_some_and(|found| self.shortcut(command, found, stamp, outcomes).is_some()) {
            let is_same = |decided| matches!(decided, Decision::Outcome(other) if Some(&other) == outcomes.last());
            debug_assert!(
                decided.is_none_or(is_same),
                "{command:?} came to {:?}",
                outcomes.last()
            );
            return;
        }
        let outcome = self.settle(act, command, stamp, outcomes, sink);
        let effect = self.effect(command, &outcome, stamp);
        assert!(
            effect.is_ok(),
            "a decision takes effect on the state it was made on"
        );
        outcomes.push(outcome);
    }

    /// Decides one command, with the expiries that it needs.
    fn settle(
        &mut self,
        act: &Act,
        command: &Command,
        stamp: Stamp,
        earlier: &mut [Outcome],
        sink: &mut impl Sink,
    ) -> Outcome {
        if self.touches_days(command) {
            self.expire_all(act, stamp, earlier, sink);
        }
        loop {
            match self.decide(command, stamp) {
                Decision::Outcome(outcome) => return outcome,
                Decision::ExpireFirst(id) => {
                    let lines = self.expire(id, stamp, sink);
                    correct(&act.commands, earlier, &lines);
                }
                Decision::Partial(outcome) => {
                    if self.reservations.next_due(stamp.now_ms).is_none() {
                        return outcome;
                    }
                    self.expire_all(act, stamp, earlier, sink);
                }
                Decision::Short(shortages) => {
                    let is_short = |lines: &Lines| {
                        lines
                            .iter()
                            .any(|l| shortages.iter().any(|s| s.cell == l.cell))
                    };
                    let mut helped = false;
                    while let (false, Some(id)) = (helped, self.reservations.next_due(stamp.now_ms))
                    {
                        let lines = self.expire(id, stamp, sink);
                        correct(&act.commands, earlier, &lines);
                        helped = is_short(&lines);
                    }
                    if !helped {
                        return Outcome::Insufficient(shortages);
                    }
                }
            }
        }
    }

    /// Expires every due hold, before the act and so for its earlier outcomes, too.
    fn expire_all(
        &mut self,
        act: &Act,
        stamp: Stamp,
        earlier: &mut [Outcome],
        sink: &mut impl Sink,
    ) {
        while let Some(id) = self.reservations.next_due(stamp.now_ms) {
            let lines = self.expire(id, stamp, sink);
            correct(&act.commands, earlier, &lines);
        }
    }

    /// Expires a due hold; its lines.
    pub(crate) fn expire(
        &mut self,
        id: ReservationId,
        stamp: Stamp,
        sink: &mut impl Sink,
    ) -> Lines {
        let mut lines = Lines::new();
        let expired = self.take_expiry(id, stamp, &mut lines);
        assert!(expired, "only a due hold expires");
        sink.record(RecordView::Expire {
            stamp,
            reservation: id,
        });
        lines
    }
}

/// Makes earlier outcomes of an act what they are with an expiry that is journaled before the act.
fn correct(commands: &[Command], earlier: &mut [Outcome], lines: &Lines) {
    let freed = |cell: &CellKey| {
        let line = lines.iter().find(|line| line.cell == *cell);
        line.map_or(0, |line| line.quantity)
    };
    for (command, outcome) in commands.iter().zip(earlier) {
        match (outcome, command) {
            (
                Outcome::Cell(view),
                Command::Adjust { cell, .. }
                | Command::SetOnHand { cell, .. }
                | Command::CompareAndSet { cell, .. }
                | Command::SetSafetyStock { cell, .. }
                | Command::CloseWindow { cell }
                | Command::SetInbound { cell, .. }
                | Command::Receive { cell, .. }
                | Command::Sale { cell, .. },
            )
            | (Outcome::Counted { view, .. }, Command::Count { cell, .. }) => {
                view.held -= freed(cell);
            }
            (Outcome::Transferred(left, come), Command::Transfer { from, to, .. }) => {
                left.held -= freed(from);
                come.held -= freed(to);
            }
            _ => {}
        }
    }
}
