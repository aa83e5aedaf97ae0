//! Journaled records in, the same state out.
//!
//! | call | decides | takes effect |
//! | --- | --- | --- |
//! | `replay` | no | as recorded |
//! | `verify` | again, and must come to what is recorded | yes |
//!
//! The bounds of the request window are not asked again: they may have been others then.

use crate::codec::encode_outcomes;
use crate::command::{Act, Lines, Stamp};
use crate::decide::Decision;
use crate::error::{Divergence, ReplayError};
use crate::ids::ReservationId;
use crate::ledger::Ledger;
use crate::limits::SALE_SOURCE_SCOPE;
use crate::outcome::{ActOutcome, Outcome, Record};

impl Ledger {
    /// Brings all that these records will touch close, some dozens of them, so that memory answers for
    /// all at once. Nothing depends on it.
    pub fn prefetch<'a>(&mut self, records: impl Iterator<Item = &'a Record>) {
        let acts = records.filter_map(|record| match record {
            Record::Act { act, .. } => Some(act),
            Record::Expire { .. } => None,
        });
        let mut ahead = std::mem::take(&mut self.ahead);
        self.look_ahead(acts, &mut ahead);
        self.ahead = ahead;
    }

    /// Takes over a journaled record's effect without deciding again.
    ///
    /// # Errors
    /// The record cannot have followed this state; the ledger must not be used any more.
    pub fn replay(&mut self, record: &Record) -> Result<(), ReplayError> {
        match record {
            Record::Expire { stamp, reservation } => self.replay_expiry(*reservation, *stamp),
            Record::Act {
                stamp,
                act,
                outcome,
            } => {
                let outcomes = self.replay_begin(act, outcome, *stamp)?;
                for (index, (command, outcome)) in act.commands.iter().zip(outcomes).enumerate() {
                    self.effect(command, outcome, *stamp).map_err(|reason| {
                        ReplayError::Command {
                            command: index,
                            reason,
                        }
                    })?;
                }
                self.replay_end(act, outcomes, *stamp)
            }
        }
    }

    /// Decides a journaled record again, compares, and takes its effect.
    ///
    /// # Errors
    /// The decision is another one, or the record cannot have followed this state; the ledger must
    /// not be used any more.
    pub fn verify(&mut self, record: &Record) -> Result<(), Divergence> {
        let (stamp, act, outcome) = match record {
            Record::Expire { stamp, reservation } => {
                return Ok(self.replay_expiry(*reservation, *stamp)?)
            }
            Record::Act {
                stamp,
                act,
                outcome,
            } => (*stamp, act, outcome),
        };
        let outcomes = self.replay_begin(act, outcome, stamp)?;
        for (index, (command, recorded)) in act.commands.iter().zip(outcomes).enumerate() {
            if self.touches_days(command) && self.reservations.next_due(stamp.now_ms).is_some() {
                return Err(Divergence::MissingExpiry { command: index });
            }
            let decided = match self.decide(command, stamp) {
                Decision::Outcome(decided) => decided,
                Decision::ExpireFirst(_) => {
                    return Err(Divergence::MissingExpiry { command: index })
                }
                Decision::Short(_) | Decision::Partial(_)
                    if self.reservations.next_due(stamp.now_ms).is_some() =>
                {
                    return Err(Divergence::MissingExpiry { command: index })
                }
                Decision::Partial(decided) => decided,
                Decision::Short(shortages) => Outcome::Insufficient(shortages),
            };
            if decided != *recorded {
                return Err(Divergence::Outcome {
                    command: index,
                    recorded: Box::new(recorded.clone()),
                    decided: Box::new(decided),
                });
            }
            self.effect(command, recorded, stamp)
                .map_err(|reason| ReplayError::Command {
                    command: index,
                    reason,
                })?;
        }
        Ok(self.replay_end(act, outcomes, stamp)?)
    }

    fn replay_time(&mut self, stamp: Stamp) -> Result<(), ReplayError> {
        self.is_deciding = false;
        if stamp.now_ms < self.now_ms {
            return Err(ReplayError::TimeWentBack {
                last_ms: self.now_ms,
                record_ms: stamp.now_ms,
            });
        }
        self.advance(stamp);
        Ok(())
    }

    fn replay_expiry(&mut self, id: ReservationId, stamp: Stamp) -> Result<(), ReplayError> {
        self.replay_time(stamp)?;
        if self.take_expiry(id, stamp, &mut Lines::new()) {
            Ok(())
        } else {
            Err(ReplayError::NotDue)
        }
    }

    fn replay_begin<'a>(
        &mut self,
        act: &Act,
        outcome: &'a ActOutcome,
        stamp: Stamp,
    ) -> Result<&'a [Outcome], ReplayError> {
        let ActOutcome::Done(outcomes) = outcome else {
            return Err(ReplayError::NotAnEffect);
        };
        if act.commands.len() != outcomes.len() {
            return Err(ReplayError::OutcomeCount {
                commands: act.commands.len(),
                outcomes: outcomes.len(),
            });
        }
        self.replay_time(stamp)?;
        let keep_ms = self.limits.request_window_ms;
        if act.request.scope == SALE_SOURCE_SCOPE
            || self
                .window
                .find(&act.request, stamp.now_ms, keep_ms)
                .is_some()
        {
            return Err(ReplayError::Repeated);
        }
        Ok(outcomes)
    }

    fn replay_end(
        &mut self,
        act: &Act,
        outcomes: &[Outcome],
        stamp: Stamp,
    ) -> Result<(), ReplayError> {
        let mut encoded = Vec::with_capacity(128);
        encode_outcomes(outcomes, &mut encoded);
        self.remember(act.request, act.fingerprint, stamp.now_ms, &encoded)
            .map_err(|_| ReplayError::Repeated)
    }
}
