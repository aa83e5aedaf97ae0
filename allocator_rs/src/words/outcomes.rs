//! Outcomes in words.

use bopis_ledger::{CellView, Outcome, Refusal, ReservationState, ReservationView, Shortage};

use super::{named, uuid, Map, Speaker, Word};

impl Speaker<'_> {
    pub(super) fn outcome(&self, outcome: &Outcome) -> Word {
        match outcome {
            Outcome::Registered { index } => {
                named("registered", vec![("index", i64::from(*index).into())])
            }
            Outcome::Cell(view) => named("cell", counters(view)),
            Outcome::Transferred(left, come) => named(
                "transferred",
                vec![
                    ("from", Word::Map(counters(left))),
                    ("to", Word::Map(counters(come))),
                ],
            ),
            Outcome::Counted {
                view,
                drift,
                is_included,
            } => {
                let mut words = counters(view);
                words.push(("drift", (*drift).into()));
                words.push(("is_included", i64::from(*is_included).into()));
                named("counted", words)
            }
            Outcome::Duplicate => named("duplicate", Vec::new()),
            Outcome::Reservation(view) => named("reservation", self.reservation(view)),
            Outcome::Moved(views) => {
                let views = views.iter().map(|view| Word::Map(self.reservation(view)));
                named("moved", vec![("reservations", Word::List(views.collect()))])
            }
            Outcome::Insufficient(shortages) => {
                let shortages = shortages.iter().map(|one| self.shortage(one)).collect();
                named("insufficient", vec![("shortages", Word::List(shortages))])
            }
            Outcome::Refused(why) => named("refused", vec![("why", refusal(*why).into())]),
        }
    }

    fn reservation(&self, view: &ReservationView) -> Map {
        let state = match view.state {
            ReservationState::Held => "HELD",
            ReservationState::Committed => "COMMITTED",
            ReservationState::Consumed => "CONSUMED",
            ReservationState::Released => "RELEASED",
            ReservationState::Expired => "EXPIRED",
        };
        vec![
            ("reservation_id", uuid(view.id.0)),
            ("state", state.into()),
            ("deadline_ms", view.deadline_ms.into()),
            ("priority", i64::from(view.priority).into()),
            ("lines", self.lines(&view.lines)),
        ]
    }

    fn shortage(&self, shortage: &Shortage) -> Word {
        let mut words = self.cell(shortage.cell);
        words.extend([
            ("line_index", i64::from(shortage.line_index).into()),
            ("requested", shortage.requested.into()),
            ("available", shortage.available.into()),
        ]);
        Word::Map(words)
    }
}

fn counters(view: &CellView) -> Map {
    vec![
        ("on_hand", view.on_hand.into()),
        ("held", view.held.into()),
        ("committed", view.committed.into()),
        ("unavailable", view.unavailable.into()),
        ("safety_stock", view.safety_stock.into()),
    ]
}

const fn refusal(why: Refusal) -> &'static str {
    match why {
        Refusal::Malformed => "malformed",
        Refusal::ReservationNotFound => "reservation_not_found",
        Refusal::ReservationExpired => "reservation_expired",
        Refusal::ReservationEnded => "reservation_ended",
        Refusal::AlreadyCommitted => "already_committed",
        Refusal::NotCommitted => "not_committed",
        Refusal::LineNotHeld => "line_not_held",
        Refusal::QuantityOutOfRange => "quantity_out_of_range",
        Refusal::NotAsExpected => "not_as_expected",
        Refusal::CountTooOld => "count_too_old",
    }
}
