//! Ids of reservations as clients name them.
//!
//! | id | read | chosen for a new one | committed, released, moved, sold |
//! | --- | --- | --- | --- |
//! | a UUID of version 8: an order's | yes | no | only by the order's verbs |
//! | any other UUID | yes | yes | yes |
//!
//! `bopis/domain/ids.py` makes orders' reservations version 8. Whether an id is an order's is seen
//! without asking the ledger, so a repeat of a call finds the same answer.

use bopis_ledger::ReservationId;
use tonic::Status;

use super::errors::{invalid_field, item_error};
use crate::errors::Refusal;
use crate::rules::parse_uuid;
use crate::v1::{ErrorReason, ItemError};

const VERSION_SHIFT: u32 = 76;
const OF_ORDERS: u128 = 8;
const NOT_CHOSEN: &str = "must not be a UUID of version 8: those are orders'";
const NOT_CHANGED: &str = "the reservation is an order's: its own verbs change it";
const NO_UUID: &str = "must be a UUID in its canonical form";
const FIELD: &str = "reservation_id";

const fn is_an_orders(id: u128) -> bool {
    (id >> VERSION_SHIFT) & 0xf == OF_ORDERS
}

/// A reservation to read.
pub(super) fn read(text: &str) -> Result<ReservationId, Status> {
    parse_uuid(text)
        .map(ReservationId)
        .ok_or_else(|| invalid_field(FIELD, NO_UUID))
}

/// A reservation to change; `path` names its field.
pub(super) fn change(text: &str, path: &str) -> Result<ReservationId, Status> {
    let id = read(text)?;
    if is_an_orders(id.0) {
        let refusal = Refusal::new(ErrorReason::ReservationOfOrder, NOT_CHANGED);
        return Err(refusal.field(path, NOT_CHANGED).status());
    }
    Ok(id)
}

/// The same for one item of a batch; empty names none.
pub(super) fn change_item(text: &str) -> Result<Option<ReservationId>, ItemError> {
    match parse_uuid(text) {
        Some(id) if is_an_orders(id) => Err(item_error(
            ErrorReason::ReservationOfOrder,
            NOT_CHANGED,
            FIELD,
        )),
        found => Ok(found.map(ReservationId)),
    }
}

/// The id of a new reservation; empty: that of its request.
pub(super) fn choose(text: &str, request: u128) -> Result<ReservationId, Status> {
    let (id, path) = match parse_uuid(text) {
        Some(id) => (id, FIELD),
        None => (request, "request_id"),
    };
    if is_an_orders(id) {
        return Err(invalid_field(path, NOT_CHOSEN));
    }
    Ok(ReservationId(id))
}

/// The same for one item of a batch, which must name one.
pub(super) fn choose_item(text: &str) -> Result<ReservationId, ItemError> {
    match parse_uuid(text) {
        Some(id) if !is_an_orders(id) => Ok(ReservationId(id)),
        Some(_) => Err(item_error(ErrorReason::FieldInvalid, NOT_CHOSEN, FIELD)),
        None => Err(item_error(ErrorReason::FieldInvalid, NO_UUID, FIELD)),
    }
}

#[cfg(test)]
mod tests {
    use super::is_an_orders;
    use crate::rules::parse_uuid;

    #[test]
    fn only_version_8_is_an_orders() {
        for version in 0..16_u32 {
            let text = format!("01234567-89ab-{version:x}def-8123-456789abcdef");
            let found = parse_uuid(&text).map(is_an_orders);
            assert_eq!(found, Some(version == 8), "{text}");
        }
    }
}
