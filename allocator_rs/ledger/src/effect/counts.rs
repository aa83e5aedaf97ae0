//! Effects of counts.

use super::{Effect, NOT_ITS_OUTCOME};
use crate::cells::Delta;
use crate::command::{Command, Stamp};
use crate::ledger::Ledger;
use crate::outcome::Outcome;

impl Ledger {
    pub(super) fn take_count(
        &mut self,
        command: &Command,
        outcome: &Outcome,
        stamp: Stamp,
    ) -> Effect {
        let (
            Command::Count {
                cell, effective_ms, ..
            },
            Outcome::Counted {
                view,
                drift,
                is_included,
            },
        ) = (command, outcome)
        else {
            return Err(NOT_ITS_OUTCOME);
        };
        let time_ms = (*effective_ms).min(stamp.wall_ms);
        if self.is_counted_since(*cell, time_ms) != *is_included {
            return Err("a count is inside the last one if that is later");
        }
        let delta = Delta {
            on_hand: if *is_included { 0 } else { *drift },
            ..Delta::default()
        };
        self.take_fact(*cell, delta, *view, (Some(time_ms), stamp))?;
        if !is_included {
            self.drift.set_counted(*cell, time_ms);
        }
        Ok(())
    }
}
