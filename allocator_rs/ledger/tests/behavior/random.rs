//! Random acts: mostly sensible, over few cells and reservations so that they meet.

use bopis_ledger::{
    Act, CellKey, Command, Line, Lines, LocationId, OrderRef, RequestKey, ReservationId, Terms,
    DAY_MAX, QUANTITY_MAX,
};
use proptest::prelude::*;

use crate::support::{cell, UNKNOWN, WALL_AHEAD_MS};

#[derive(Clone, Debug)]
pub enum Step {
    Acts { after_ms: i64, acts: Vec<Act> },
    ExpireDue { after_ms: i64, limit: usize },
}

fn any_cell() -> impl Strategy<Value = CellKey> {
    prop_oneof![
        50 => (0u32..2, 0u32..2).prop_map(|(location, item)| cell(location, item)),
        10 => (0u32..2, 0u32..3).prop_map(|(location, item)| cell(location, item)),
        1 => Just(UNKNOWN),
    ]
}

fn any_quantity() -> impl Strategy<Value = i64> {
    prop_oneof![
        60 => 1i64..6,
        1 => prop::sample::select(vec![
            i64::MIN, -1, 0, QUANTITY_MAX, QUANTITY_MAX + 1, i64::MAX
        ]),
    ]
}

fn any_lines() -> impl Strategy<Value = Lines> {
    let line = (any_cell(), any_quantity()).prop_map(|(cell, quantity)| Line { cell, quantity });
    let some = prop::collection::vec(line, 1..5).prop_map(Lines::from_vec);
    prop_oneof![20 => some, 1 => Just(Lines::new())]
}

/// What a reservation may well have.
fn any_part() -> impl Strategy<Value = Lines> {
    let line = (any_cell(), 1i64..4).prop_map(|(cell, quantity)| Line { cell, quantity });
    let some = prop::collection::vec(line, 1..3).prop_map(Lines::from_vec);
    prop_oneof![9 => some, 1 => any_lines()]
}

fn any_id() -> impl Strategy<Value = ReservationId> {
    (0u128..9).prop_map(ReservationId)
}

fn any_ttl() -> impl Strategy<Value = i64> {
    prop_oneof![
        20 => 1i64..60,
        1 => prop::sample::select(vec![i64::MIN, 0, i64::MAX - 500, i64::MAX]),
    ]
}

fn any_day() -> impl Strategy<Value = i32> {
    prop_oneof![40 => 0i32..5, 1 => prop::sample::select(vec![i32::MIN, -1, DAY_MAX, i32::MAX])]
}

fn any_terms() -> impl Strategy<Value = Terms> {
    let day = prop_oneof![3 => Just(None), 2 => any_day().prop_map(Some)];
    (prop::bool::weighted(0.3), day).prop_map(|(is_partial, day)| Terms { is_partial, day })
}

/// Times that facts name: of the run, before it, and to come.
fn any_time() -> impl Strategy<Value = i64> {
    prop_oneof![
        30 => (-30i64..500).prop_map(|now_ms| now_ms + WALL_AHEAD_MS),
        1 => prop::sample::select(vec![i64::MIN, 0, i64::MAX]),
    ]
}

fn any_effective() -> impl Strategy<Value = Option<i64>> {
    prop::option::weighted(0.4, any_time())
}

fn any_grant() -> impl Strategy<Value = Command> {
    let moves = prop_oneof![
        1 => prop::collection::vec((any_id(), any_lines()), 0..4),
        4 => prop::collection::vec((any_id(), any_part()), 1..3),
    ];
    prop_oneof![
        4 => (any_id(), any_lines(), any_ttl(), 0u8..4, any_terms()).prop_map(
            |(reservation, lines, ttl_ms, priority, terms)| Command::Hold {
                reservation, order: OrderRef(5), lines, ttl_ms, priority, terms
            }
        ),
        3 => moves.prop_map(|moves| Command::Move { moves }),
    ]
}

fn any_turn() -> impl Strategy<Value = Command> {
    let part = || prop::option::weighted(0.7, any_part());
    prop_oneof![
        6 => any_id().prop_map(|reservation| Command::Commit { reservation }),
        2 => (any_id(), any_ttl())
            .prop_map(|(reservation, ttl_ms)| Command::Extend { reservation, ttl_ms }),
        2 => (any_id(), part())
            .prop_map(|(reservation, lines)| Command::Release { reservation, lines }),
        2 => (any_id(), part())
            .prop_map(|(reservation, lines)| Command::Consume { reservation, lines }),
        1 => any_id().prop_map(|reservation| Command::Expire { reservation }),
        3 => (any_id(), 0u32..3, any_part()).prop_map(|(reservation, to, lines)| {
            Command::Relocate { reservation, to: LocationId(to), lines }
        }),
    ]
}

/// What is expected, comes in and is counted.
fn any_supply() -> impl Strategy<Value = Command> {
    let counted = prop_oneof![
        20 => 0i64..25,
        1 => prop::sample::select(vec![i64::MIN, -1, QUANTITY_MAX, i64::MAX]),
    ];
    let expected = prop_oneof![
        30 => 0i64..6,
        1 => prop::sample::select(vec![i64::MIN, -1, QUANTITY_MAX, i64::MAX]),
    ];
    let day = || prop::option::of(any_day());
    prop_oneof![
        4 => (any_cell(), any_day(), expected)
            .prop_map(|(cell, day, quantity)| Command::SetInbound { cell, day, quantity }),
        2 => (any_cell(), any_quantity(), day(), any_effective()).prop_map(
            |(cell, quantity, expected_day, effective_ms)| Command::Receive {
                cell, quantity, expected_day, effective_ms
            }
        ),
        3 => (any_cell(), counted, any_time())
            .prop_map(|(cell, counted, effective_ms)| Command::Count { cell, counted, effective_ms }),
        1 => any_cell().prop_map(|cell| Command::CloseWindow { cell }),
    ]
}

fn any_fact() -> impl Strategy<Value = Command> {
    let stock = prop_oneof![
        12 => -6i64..25,
        1 => prop::sample::select(vec![i64::MIN, -QUANTITY_MAX, 1 - QUANTITY_MAX, QUANTITY_MAX]),
    ];
    let delta = prop_oneof![30 => -4i64..6, 1 => prop::sample::select(vec![i64::MIN, i64::MAX])];
    let safety = prop_oneof![
        20 => 0i64..4,
        1 => prop::sample::select(vec![i64::MIN, -1, QUANTITY_MAX, i64::MAX]),
    ];
    prop_oneof![
        2 => (any_cell(), stock.clone())
            .prop_map(|(cell, on_hand)| Command::SetOnHand { cell, on_hand }),
        1 => (any_cell(), 0i64..20, stock).prop_map(|(cell, expected, on_hand)| {
            Command::CompareAndSet { cell, expected, on_hand }
        }),
        1 => (any_cell(), any_cell(), any_quantity(), any_effective()).prop_map(
            |(from, to, quantity, effective_ms)| Command::Transfer {
                from, to, quantity, effective_ms
            }
        ),
        1 => (any_cell(), safety)
            .prop_map(|(cell, safety_stock)| Command::SetSafetyStock { cell, safety_stock }),
        1 => (any_cell(), delta, -2i64..3, any_effective()).prop_map(
            |(cell, on_hand_delta, unavailable_delta, effective_ms)| Command::Adjust {
                cell, on_hand_delta, unavailable_delta, reason: 2, effective_ms
            }
        ),
        2 => (0u128..30, any_cell(), any_quantity(), prop::option::of(any_id()), any_effective())
            .prop_map(|(source, cell, quantity, reservation, effective_ms)| Command::Sale {
                source, cell, quantity, reservation, effective_ms
            }),
    ]
}

fn any_act() -> impl Strategy<Value = Act> {
    let command = prop_oneof![
        5 => any_grant(), 4 => any_turn(), 3 => any_fact(), 3 => any_supply()
    ];
    (0u128..300, 0u64..8, prop::collection::vec(command, 0..5)).prop_map(
        |(request, fingerprint, commands)| Act {
            request: RequestKey {
                scope: 1,
                id: request,
            },
            fingerprint: fingerprint.saturating_sub(6),
            commands,
        },
    )
}

/// A step of a run: some acts, or a sweep, after some time.
pub fn any_step() -> impl Strategy<Value = Step> {
    let after = || prop_oneof![2 => Just(0i64), 3 => 1i64..15];
    prop_oneof![
        8 => (after(), prop::collection::vec(any_act(), 1..4))
            .prop_map(|(after_ms, acts)| Step::Acts { after_ms, acts }),
        1 => (after(), 0usize..4)
            .prop_map(|(after_ms, limit)| Step::ExpireDue { after_ms, limit }),
    ]
}
