//! Any ids, names and lines: for bytes, not for a ledger that knows them.

pub mod commands;

use bopis_ledger::{CellKey, ItemId, ItemName, Line, Lines, LocationId, ReservationId};
use proptest::prelude::*;

pub fn any_cell() -> impl Strategy<Value = CellKey> {
    (any::<u32>(), any::<u32>()).prop_map(|(location, item)| CellKey {
        location: LocationId(location),
        item: ItemId(item),
    })
}

pub fn any_id() -> impl Strategy<Value = ReservationId> {
    any::<u128>().prop_map(ReservationId)
}

pub fn any_lines() -> impl Strategy<Value = Lines> {
    let line = (any_cell(), any::<i64>()).prop_map(|(cell, quantity)| Line { cell, quantity });
    prop::collection::vec(line, 0..7).prop_map(Lines::from_vec)
}

pub fn any_name() -> impl Strategy<Value = Box<str>> {
    ".{0,12}".prop_map(String::into_boxed_str)
}

pub fn any_item_name() -> impl Strategy<Value = ItemName> {
    prop_oneof![
        any_name().prop_map(ItemName::Sku),
        any::<i64>().prop_map(|window_start_s| ItemName::Labor { window_start_s }),
    ]
}
