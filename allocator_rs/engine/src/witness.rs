//! What records say of reservations.
//!
//! | outcome | told |
//! | --- | --- |
//! | a new hold, and any other change | yes, in the order of the commands |
//! | a hold that came back to what was there | no, unless it asks for the very same deadline later |
//! | refused, too little | no |
//! | a deadline passed | yes, before the act that needed it |

use bopis_ledger::{Act, Command, Outcome, ReservationId, ReservationState, Stamp};

use crate::feed::{ReservationChange, Told};

/// Reads records in their order.
#[derive(Default)]
pub(crate) struct Witness {
    /// Which reservations were given a deadline at `now_ms`.
    given: hashbrown::HashSet<ReservationId, rustc_hash::FxBuildHasher>,
    now_ms: i64,
}

impl Witness {
    /// Appends what an act's record says.
    pub(crate) fn act(
        &mut self,
        (sequence, stamp): (u64, Stamp),
        act: &Act,
        outcomes: &[Outcome],
        out: &mut Vec<Told>,
    ) {
        if stamp.now_ms != self.now_ms {
            self.given.clear();
            self.now_ms = stamp.now_ms;
        }
        let wall_ms = stamp.wall_ms;
        let mut tell = |id, change| {
            out.push(Told {
                sequence,
                wall_ms,
                reservation: id,
                change,
            });
        };
        for (command, outcome) in act.commands.iter().zip(outcomes) {
            match (command, outcome) {
                (Command::Move { moves }, Outcome::Moved(_)) => {
                    for (id, _) in moves {
                        tell(*id, ReservationChange::Moved);
                    }
                }
                (
                    Command::Sale {
                        reservation: Some(id),
                        ..
                    },
                    Outcome::Cell(_),
                ) => tell(*id, ReservationChange::Consumed),
                (Command::Hold { ttl_ms, .. }, Outcome::Reservation(view)) => {
                    let deadline_ms = stamp.now_ms.saturating_add(*ttl_ms);
                    let may_be_new =
                        view.state == ReservationState::Held && view.deadline_ms == deadline_ms;
                    if may_be_new && self.given.insert(view.id) {
                        tell(view.id, ReservationChange::Held);
                    }
                }
                (command, Outcome::Reservation(view)) => {
                    let Some(change) = change(command) else {
                        continue;
                    };
                    if change == ReservationChange::Extended {
                        self.given.insert(view.id);
                    }
                    tell(view.id, change);
                }
                _ => {}
            }
        }
    }
}

/// What a command does to its reservation when it is not refused. The expiry that a command asks
/// for has a record of its own.
const fn change(command: &Command) -> Option<ReservationChange> {
    match command {
        Command::Extend { .. } => Some(ReservationChange::Extended),
        Command::Commit { .. } => Some(ReservationChange::Committed),
        Command::Release { .. } => Some(ReservationChange::Released),
        Command::Consume { .. } => Some(ReservationChange::Consumed),
        Command::Relocate { .. } => Some(ReservationChange::Relocated),
        _ => None,
    }
}

/// What the record of an expiry says.
pub(crate) const fn expiry(sequence: u64, stamp: Stamp, id: ReservationId) -> Told {
    Told {
        sequence,
        wall_ms: stamp.wall_ms,
        reservation: id,
        change: ReservationChange::Expired,
    }
}
