//! Any command, sound or not.

use bopis_ledger::{Command, LocationId, OrderRef, Terms};
use proptest::prelude::*;

use super::{any_cell, any_id, any_item_name, any_lines, any_name};

fn any_time() -> impl Strategy<Value = Option<i64>> {
    prop::option::of(any::<i64>())
}

fn any_timed_fact() -> impl Strategy<Value = Command> {
    prop_oneof![
        (any_cell(), any::<[i64; 2]>(), any::<u8>(), any_time()).prop_map(
            |(cell, [on_hand_delta, unavailable_delta], reason, effective_ms)| Command::Adjust {
                cell,
                on_hand_delta,
                unavailable_delta,
                reason,
                effective_ms,
            }
        ),
        (any_cell(), any_cell(), any::<i64>(), any_time()).prop_map(
            |(from, to, quantity, effective_ms)| Command::Transfer {
                from,
                to,
                quantity,
                effective_ms,
            }
        ),
        (
            any_cell(),
            any::<i64>(),
            prop::option::of(any::<i32>()),
            any_time()
        )
            .prop_map(
                |(cell, quantity, expected_day, effective_ms)| Command::Receive {
                    cell,
                    quantity,
                    expected_day,
                    effective_ms,
                }
            ),
        (
            any::<u128>(),
            any_cell(),
            any::<i64>(),
            prop::option::of(any_id()),
            any_time()
        )
            .prop_map(|(source, cell, quantity, reservation, effective_ms)| {
                Command::Sale {
                    source,
                    cell,
                    quantity,
                    reservation,
                    effective_ms,
                }
            }),
    ]
}

fn any_setting() -> impl Strategy<Value = Command> {
    let counters = || (any_cell(), any::<i64>(), any::<i64>());
    prop_oneof![
        counters().prop_map(|(cell, expected, on_hand)| Command::CompareAndSet {
            cell,
            expected,
            on_hand
        }),
        counters().prop_map(|(cell, counted, effective_ms)| Command::Count {
            cell,
            counted,
            effective_ms
        }),
        any_name().prop_map(|name| Command::RegisterLocation { name }),
        any_item_name().prop_map(|name| Command::RegisterItem { name }),
        (any_cell(), any::<i64>()).prop_map(|(cell, on_hand)| Command::SetOnHand { cell, on_hand }),
        (any_cell(), any::<i64>())
            .prop_map(|(cell, safety_stock)| Command::SetSafetyStock { cell, safety_stock }),
        any_cell().prop_map(|cell| Command::CloseWindow { cell }),
        (any_cell(), any::<i32>(), any::<i64>()).prop_map(|(cell, day, quantity)| {
            Command::SetInbound {
                cell,
                day,
                quantity,
            }
        }),
    ]
}

fn any_terms() -> impl Strategy<Value = Terms> {
    (any::<bool>(), prop::option::of(any::<i32>()))
        .prop_map(|(is_partial, day)| Terms { is_partial, day })
}

pub fn any_command() -> impl Strategy<Value = Command> {
    let part = || prop::option::of(any_lines());
    let hold = (
        any_id(),
        any::<u128>(),
        any_lines(),
        any::<i64>(),
        any::<u8>(),
        any_terms(),
    );
    prop_oneof![
        2 => any_timed_fact(),
        2 => any_setting(),
        2 => hold.prop_map(|(reservation, order, lines, ttl_ms, priority, terms)| {
            Command::Hold {
                reservation,
                order: OrderRef(order),
                lines,
                ttl_ms,
                priority,
                terms,
            }
        }),
        1 => any_id().prop_map(|reservation| Command::Commit { reservation }),
        1 => (any_id(), any::<i64>())
            .prop_map(|(reservation, ttl_ms)| Command::Extend { reservation, ttl_ms }),
        1 => (any_id(), part()).prop_map(|(id, lines)| Command::Release { reservation: id, lines }),
        1 => (any_id(), part()).prop_map(|(id, lines)| Command::Consume { reservation: id, lines }),
        1 => (any_id(), any::<u32>(), any_lines()).prop_map(|(reservation, to, lines)| {
            Command::Relocate { reservation, to: LocationId(to), lines }
        }),
        1 => prop::collection::vec((any_id(), any_lines()), 0..4)
            .prop_map(|moves| Command::Move { moves }),
        1 => any_id().prop_map(|reservation| Command::Expire { reservation }),
    ]
}
