//! Every way in which engine and ledger refuse, mapped once to the reasons of the API.

use std::time::Duration;

use bopis_engine::SubmitError;
use bopis_ledger::Refusal as LedgerRefusal;
use tonic::Status;

use crate::errors::{name_of, not_serving, Refusal};
use crate::rules::{violations, Validate, Violation};
use crate::v1::{ErrorReason, ItemError};

const OVERLOAD_RETRY: Duration = Duration::from_millis(100);
const WINDOW_RETRY: Duration = Duration::from_secs(60);
const DISK_RETRY: Duration = Duration::from_secs(10);

/// # Errors
/// All violations of the message in one status.
pub(super) fn check(message: &impl Validate) -> Result<(), Status> {
    let broken = violations(message);
    if broken.is_empty() {
        Ok(())
    } else {
        Err(invalid(broken))
    }
}

/// The first violation of an item, as that item's error.
pub(super) fn check_item(item: &impl Validate) -> Result<(), ItemError> {
    match violations(item).into_iter().next() {
        None => Ok(()),
        Some(first) => Err(item_error(first.reason, first.description, first.path)),
    }
}

/// One field is wrong.
pub(super) fn invalid_field(path: impl Into<String>, description: impl Into<String>) -> Status {
    invalid(vec![Violation {
        path: path.into(),
        reason: ErrorReason::FieldInvalid,
        description: description.into(),
    }])
}

fn invalid(broken: Vec<Violation>) -> Status {
    let card = broken
        .iter()
        .any(|v| v.reason == ErrorReason::CardNumberRefused);
    let reason = if card {
        ErrorReason::CardNumberRefused
    } else {
        ErrorReason::FieldInvalid
    };
    let message = match broken.as_slice() {
        [only] => format!("{} {}", only.path, only.description),
        many => format!("{} fields break their rules", many.len()),
    };
    let refusal = Refusal::new(reason, message);
    broken
        .into_iter()
        .fold(refusal, |refusal, v| refusal.field(v.path, v.description))
        .status()
}

/// An item's error.
pub(super) fn item_error(
    reason: ErrorReason,
    message: impl Into<String>,
    field: impl Into<String>,
) -> ItemError {
    ItemError {
        reason: reason.into(),
        message: message.into(),
        field: field.into(),
    }
}

/// The act was not taken into the queue.
pub(super) fn not_submitted(error: SubmitError) -> Status {
    match error {
        SubmitError::Overloaded => {
            Refusal::new(ErrorReason::Overloaded, "the ledger's queue is full")
                .retry_after(OVERLOAD_RETRY)
                .status()
        }
        SubmitError::DiskFull => Refusal::new(
            ErrorReason::DiskFull,
            "the disk is full: no new promises now",
        )
        .retry_after(DISK_RETRY)
        .status(),
        SubmitError::TooLarge => Refusal::new(
            ErrorReason::FieldInvalid,
            "the request has too many lines in all",
        )
        .status(),
        SubmitError::Stopped => not_serving(),
    }
}

/// The key was used with another body.
pub(super) fn request_id_reused() -> Status {
    let message = "the request_id was used with another body";
    Refusal::new(ErrorReason::RequestIdReused, message)
        .field("request_id", message)
        .status()
}

/// The request window is full.
pub(super) fn request_window_full() -> Status {
    Refusal::new(
        ErrorReason::RequestWindowFull,
        "too many requests are remembered",
    )
    .retry_after(WINDOW_RETRY)
    .status()
}

/// The reason and the words of a refusal of the ledger's.
pub(super) const fn reason_of(refusal: LedgerRefusal) -> (ErrorReason, &'static str) {
    match refusal {
        LedgerRefusal::Malformed => (
            ErrorReason::FieldInvalid,
            "the request breaks a limit of the ledger",
        ),
        LedgerRefusal::ReservationNotFound => {
            (ErrorReason::ReservationNotFound, "no such reservation")
        }
        LedgerRefusal::ReservationExpired => (
            ErrorReason::ReservationExpired,
            "the reservation's deadline has passed",
        ),
        LedgerRefusal::ReservationEnded => (
            ErrorReason::ReservationEnded,
            "the reservation is consumed or released",
        ),
        LedgerRefusal::AlreadyCommitted => (
            ErrorReason::ReservationAlreadyCommitted,
            "the reservation is committed already",
        ),
        LedgerRefusal::NotCommitted => (
            ErrorReason::ReservationNotCommitted,
            "the reservation is only held; commit it first",
        ),
        LedgerRefusal::LineNotHeld => (
            ErrorReason::LineNotFound,
            "the reservation does not hold that much of the line",
        ),
        LedgerRefusal::NotAsExpected => (
            ErrorReason::StockChanged,
            "on hand is not what the request expected",
        ),
        LedgerRefusal::CountTooOld => (
            ErrorReason::CountTooOld,
            "what changed since the count is not known any more: count again",
        ),
        LedgerRefusal::QuantityOutOfRange => (
            ErrorReason::QuantityOutOfRange,
            "a quantity, or a sum of quantities, does not fit",
        ),
    }
}

/// A command that the ledger refused, as the call's error.
pub(super) fn refused(refusal: LedgerRefusal) -> Status {
    let (reason, message) = reason_of(refusal);
    Refusal::new(reason, message).status()
}

/// A command that the ledger refused, as an item's error.
pub(super) fn refused_item(refusal: LedgerRefusal) -> ItemError {
    let (reason, message) = reason_of(refusal);
    item_error(reason, message, "")
}

/// The ledger answered a command with something that this command never gets: a defect of ours.
pub(super) fn unexpected() -> Status {
    tracing::error!("the ledger's outcome does not fit the command");
    not_serving()
}

/// A name that the ledger does not know.
pub(super) fn not_found(reason: ErrorReason, path: String, key: &str, value: &str) -> Status {
    let what = name_of(reason)
        .trim_end_matches("_NOT_FOUND")
        .to_lowercase();
    let message = format!("no such {what}");
    Refusal::new(reason, message.clone())
        .with(key, value)
        .field(path, message)
        .status()
}
