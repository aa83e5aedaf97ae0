//! The invariants of the ledger's design, each a small function that knows nothing of the others.
//!
//! | check | looks at |
//! | --- | --- |
//! | I1 [`no_grant_below_zero`] | a hold or move, with the books right after it |
//! | I2 [`counters_are_the_sums`] | published cells, with the books |
//! | I3 [`counters_are_in_range`] | published cells |
//! | I4 [`Requests`] | every journaled act and every answer, across restarts |
//! | I5 [`acknowledged_is_durable`] | the platter at the moment of an answer; every recovery |
//! | I6 [`nothing_shown_is_rolled_back`] | every recovery |
//! | I7 [`expires_once`], [`is_not_overdue`], [`nothing_is_due`] | expiries; verbs on holds; turns |
//! | I8 [`one_writer`] | the disk's record of who wrote |
//! | I9 [`Follower`](super::feed::Follower) | the feed |
//! | I10 [`replay_is_live`] | state hashes after recovery and at an orderly end |

use bopis_ledger::{
    ActOutcome, CellKey, CellView, Command, Line, Outcome, RequestKey, ReservationId,
    ReservationState, QUANTITY_MAX, SALE_SOURCE_SCOPE,
};
use hashbrown::HashMap;

use super::books::{Books, Kept};

/// A check that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Its name.
    pub check: &'static str,
    /// What was found.
    pub what: String,
}

/// What a check comes to.
pub type Check = Result<(), Violation>;

/// A failed check.
///
/// # Errors
/// Always.
pub fn violated<T>(check: &'static str, what: impl Into<String>) -> Result<T, Violation> {
    let what = what.into();
    Err(Violation { check, what })
}

fn asked_of(lines: &[Line], cell: CellKey) -> i64 {
    lines
        .iter()
        .filter(|line| line.cell == cell)
        .map(|line| line.quantity)
        .sum()
}

/// I1. `before`: what the named reservations had; `atp_before`: of the named cells; `books`: right
/// after the grant. One of a later day may be granted of supply to come while today lacks already.
///
/// # Errors
/// A cell of which the grant took something is below 0, or lower than it was if that is of a day.
pub fn no_grant_below_zero(
    command: &Command,
    outcome: &Outcome,
    before: &[(ReservationId, Kept)],
    atp_before: &[(CellKey, i64)],
    books: &Books,
) -> Check {
    let had = |id: ReservationId, cell| {
        let kept = before
            .iter()
            .find(|(known, kept)| *known == id && kept.is_live());
        kept.map_or(0, |(_, kept)| asked_of(&kept.lines, cell))
    };
    let views = match (command, outcome) {
        (Command::Hold { reservation, .. }, Outcome::Reservation(view)) => {
            if before.iter().any(|(id, _)| id == reservation) {
                return Ok(());
            }
            std::slice::from_ref(view)
        }
        (Command::Move { .. }, Outcome::Moved(views)) => views.as_slice(),
        _ => return Ok(()),
    };
    let has_day = |view: &bopis_ledger::ReservationView| {
        let kept = books.reservations.get(&view.id);
        kept.is_some_and(|kept| kept.day.is_some())
    };
    let of_day = views.iter().any(has_day);
    for cell in views.iter().flat_map(|view| &view.lines).map(|l| l.cell) {
        let more =
            |view: &bopis_ledger::ReservationView| asked_of(&view.lines, cell) - had(view.id, cell);
        let taken: i64 = views.iter().map(more).sum();
        let atp = books.cell(cell).atp();
        let was = atp_before.iter().find(|(known, _)| *known == cell);
        let is_lower = was.is_none_or(|(_, was)| atp < *was);
        if taken > 0 && atp < 0 && (is_lower || !of_day) {
            return violated("I1", format!("{command:?} left {cell:?} at {atp}"));
        }
    }
    Ok(())
}

/// I2. Held and committed are the sums over live reservations, on hand is what came less what went.
///
/// # Errors
/// A published cell is not what the books say.
pub fn counters_are_the_sums(cell: CellKey, published: CellView, books: &Books) -> Check {
    let expected = books.cell(cell);
    if published != expected {
        let what = format!("{cell:?} is {published:?}, the books say {expected:?}");
        return violated("I2", what);
    }
    Ok(())
}

/// I3. Only on hand may be negative, and nothing is beyond the limit.
///
/// # Errors
/// A counter is out of its range.
pub fn counters_are_in_range(cell: CellKey, view: CellView) -> Check {
    let unsigned = [
        view.held,
        view.committed,
        view.unavailable,
        view.safety_stock,
    ];
    let fits = unsigned.iter().all(|c| (0..=QUANTITY_MAX).contains(c))
        && view.on_hand.unsigned_abs() <= QUANTITY_MAX.unsigned_abs();
    if fits {
        Ok(())
    } else {
        violated("I3", format!("{cell:?} is {view:?}"))
    }
}

/// I4. What every request came to.
#[derive(Clone, Debug, Default)]
pub struct Requests(HashMap<RequestKey, First>);

#[derive(Clone, Debug)]
struct First {
    sequence: u64,
    at_ms: i64,
    fingerprint: u64,
    outcome: ActOutcome,
}

impl Requests {
    /// A journaled act is the first of its key within the retention.
    ///
    /// # Errors
    /// It is not.
    pub fn is_first(
        &mut self,
        act: &bopis_ledger::Act,
        outcome: &ActOutcome,
        sequence: u64,
        at_ms: i64,
        keep_ms: i64,
    ) -> Check {
        let first = First {
            sequence,
            at_ms,
            fingerprint: act.fingerprint,
            outcome: outcome.clone(),
        };
        match self.0.insert(act.request, first) {
            Some(old) if at_ms - old.at_ms < keep_ms => violated(
                "I4",
                format!(
                    "{:?} took effect at {} and again",
                    act.request, old.sequence
                ),
            ),
            _ => Ok(()),
        }
    }

    /// An act that was answered without a record: the first answer again, or a reason.
    ///
    /// # Errors
    /// It is another answer, or it should have been the first of its key.
    pub fn is_repeat(
        &self,
        act: &bopis_ledger::Act,
        outcome: &ActOutcome,
        sequence: u64,
        now_ms: i64,
        keep_ms: i64,
    ) -> Check {
        let first = self.0.get(&act.request);
        let first = first.filter(|first| now_ms - first.at_ms < keep_ms);
        let is_right = match (first, outcome) {
            (Some(first), ActOutcome::Done(_)) => {
                first.fingerprint == act.fingerprint
                    && first.outcome == *outcome
                    && first.sequence <= sequence
            }
            (Some(first), ActOutcome::RequestIdReused) => first.fingerprint != act.fingerprint,
            (None, ActOutcome::RequestIdReused) => act.request.scope == SALE_SOURCE_SCOPE,
            (None, ActOutcome::RequestWindowFull) => true,
            (Some(_), ActOutcome::RequestWindowFull) | (None, ActOutcome::Done(_)) => false,
        };
        if is_right {
            return Ok(());
        }
        let what = format!(
            "{:?} was answered {outcome:?}, first {first:?}",
            act.request
        );
        violated("I4", what)
    }
}

/// I5. An answer speaks of what is on the platter when it is given.
///
/// # Errors
/// It speaks of more.
pub fn acknowledged_is_durable(answered: u64, durable: u64) -> Check {
    if answered > durable {
        let what = format!("record {answered} was acknowledged, {durable} is durable");
        return violated("I5", what);
    }
    Ok(())
}

/// I6. What was shown to anyone is what is found after a crash: as many records, the same ones.
///
/// # Errors
/// Less, or others.
pub fn nothing_shown_is_rolled_back(shown: &[u64], found: &[u64]) -> Check {
    if found.len() < shown.len() {
        let what = format!(
            "{} records were shown, {} are left",
            shown.len(),
            found.len()
        );
        return violated("I6", what);
    }
    match shown.iter().zip(found).position(|(old, new)| old != new) {
        Some(at) => violated("I6", format!("record {} is another one now", at + 1)),
        None => Ok(()),
    }
}

/// I7. What expires is a hold whose deadline has come.
///
/// # Errors
/// It is not.
pub fn expires_once(id: ReservationId, before: Option<&Kept>, now_ms: i64) -> Check {
    let is_due = before
        .is_some_and(|kept| kept.state == ReservationState::Held && kept.deadline_ms <= now_ms);
    if is_due {
        return Ok(());
    }
    violated("I7", format!("{id:?} expired at {now_ms}: {before:?}"))
}

/// I7. No verb that a deadline forbids succeeds from the deadline on.
///
/// # Errors
/// One did.
pub fn is_not_overdue(
    command: &Command,
    outcome: &Outcome,
    before: &[(ReservationId, Kept)],
    now_ms: i64,
) -> Check {
    let took_effect = matches!(outcome, Outcome::Reservation(_) | Outcome::Moved(_));
    let is_overdue =
        |kept: &Kept| kept.state == ReservationState::Held && kept.deadline_ms <= now_ms;
    let overdue = before.iter().find(|(_, kept)| is_overdue(kept));
    match overdue {
        Some((id, kept)) if took_effect => violated(
            "I7",
            format!(
                "{command:?} at {now_ms} on {id:?}, due at {}",
                kept.deadline_ms
            ),
        ),
        _ => Ok(()),
    }
}

/// I7. A turn leaves nothing due behind, while time passes.
///
/// # Errors
/// A hold lives past its deadline.
pub fn nothing_is_due(books: &Books, now_ms: i64) -> Check {
    let due = books
        .reservations
        .iter()
        .find(|(_, kept)| kept.state == ReservationState::Held && kept.deadline_ms <= now_ms);
    match due {
        Some((id, kept)) => violated(
            "I7",
            format!("{id:?} lives at {now_ms}, due at {}", kept.deadline_ms),
        ),
        None => Ok(()),
    }
}

/// I8. One writer at a time, and none that goes on after a failed write.
///
/// # Errors
/// What the disk saw.
pub fn one_writer(misuse: Option<String>) -> Check {
    misuse.map_or(Ok(()), |what| violated("I8", what))
}

/// I10. The state is that of its records, decided again.
///
/// # Errors
/// It is another one.
pub fn replay_is_live(live: u128, replayed: u128, when: &str) -> Check {
    if live == replayed {
        Ok(())
    } else {
        violated(
            "I10",
            format!("{when}: {live:032x}, replayed {replayed:032x}"),
        )
    }
}
