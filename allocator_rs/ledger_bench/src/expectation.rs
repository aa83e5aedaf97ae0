//! What an act must come to.

use bopis_ledger::{ActOutcome, Outcome, ReservationState};

use crate::Failure;

/// Known when the act is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expectation {
    /// The reservation is then in this state.
    Is(ReservationState),
    /// A hold finds too little.
    Short,
    /// A fact leaves this much on hand.
    OnHand(i32),
}

impl Expectation {
    /// An error names the difference.
    pub(crate) fn check(self, outcome: &ActOutcome) -> Result<(), Failure> {
        let ActOutcome::Done(outcomes) = outcome else {
            return Err(format!("expected {self:?}, not {outcome:?}").into());
        };
        let is_met = match (outcomes.as_slice(), self) {
            ([Outcome::Reservation(view)], Self::Is(state)) => view.state == state,
            ([Outcome::Insufficient(shortages)], Self::Short) => !shortages.is_empty(),
            ([Outcome::Cell(view)], Self::OnHand(on_hand)) => view.on_hand == i64::from(on_hand),
            _ => false,
        };
        if is_met {
            Ok(())
        } else {
            Err(format!("expected {self:?}, not {outcomes:?}").into())
        }
    }
}
