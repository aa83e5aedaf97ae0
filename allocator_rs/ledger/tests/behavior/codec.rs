//! Records as bytes: what is written is read, and nothing else is.

use bopis_ledger::codec::{decode, encode, CodecError, VERSION};
use bopis_ledger::{
    Act, ActOutcome, CellKey, CellView, Command, ItemId, Line, LocationId, OrderRef, Outcome,
    Outcomes, Record, Refusal, RequestKey, ReservationId, ReservationState, ReservationView,
    Shortage, Stamp, Terms,
};
use proptest::prelude::*;

use crate::arbitrary::commands::any_command;
use crate::arbitrary::{any_cell, any_id, any_lines};

fn any_view() -> impl Strategy<Value = ReservationView> {
    let states = vec![
        ReservationState::Held,
        ReservationState::Committed,
        ReservationState::Consumed,
        ReservationState::Released,
        ReservationState::Expired,
    ];
    let state = prop::sample::select(states);
    (
        any_id(),
        state,
        any::<i64>(),
        any::<i64>(),
        any::<u8>(),
        any_lines(),
    )
        .prop_map(
            |(id, state, deadline_ms, expire_wall_ms, priority, lines)| ReservationView {
                id,
                state,
                deadline_ms,
                expire_wall_ms,
                priority,
                lines,
            },
        )
}

fn any_shortage() -> impl Strategy<Value = Shortage> {
    (any::<u32>(), any_cell(), any::<i64>(), any::<i64>()).prop_map(
        |(line_index, cell, requested, available)| Shortage {
            line_index,
            cell,
            requested,
            available,
        },
    )
}

fn any_counters() -> impl Strategy<Value = CellView> {
    any::<[i64; 5]>().prop_map(
        |[on_hand, held, committed, unavailable, safety_stock]| CellView {
            on_hand,
            held,
            committed,
            unavailable,
            safety_stock,
        },
    )
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    let refusals = vec![
        Refusal::Malformed,
        Refusal::ReservationNotFound,
        Refusal::ReservationExpired,
        Refusal::ReservationEnded,
        Refusal::AlreadyCommitted,
        Refusal::NotCommitted,
        Refusal::LineNotHeld,
        Refusal::QuantityOutOfRange,
        Refusal::NotAsExpected,
        Refusal::CountTooOld,
    ];
    prop_oneof![
        any::<u32>().prop_map(|index| Outcome::Registered { index }),
        any_counters().prop_map(Outcome::Cell),
        (any_counters(), any_counters()).prop_map(|(from, to)| Outcome::Transferred(from, to)),
        (any_counters(), any::<i64>(), any::<bool>()).prop_map(|(view, drift, is_included)| {
            Outcome::Counted {
                view,
                drift,
                is_included,
            }
        }),
        Just(Outcome::Duplicate),
        any_view().prop_map(Outcome::Reservation),
        prop::collection::vec(any_view(), 0..3).prop_map(Outcome::Moved),
        prop::collection::vec(any_shortage(), 0..3).prop_map(Outcome::Insufficient),
        prop::sample::select(refusals).prop_map(Outcome::Refused),
    ]
}

fn any_record() -> impl Strategy<Value = Record> {
    let stamp =
        || (any::<i64>(), any::<i64>()).prop_map(|(now_ms, wall_ms)| Stamp { now_ms, wall_ms });
    let act = (
        (any::<u32>(), any::<u128>()).prop_map(|(scope, id)| RequestKey { scope, id }),
        any::<u64>(),
        prop::collection::vec(any_command(), 0..4),
    )
        .prop_map(|(request, fingerprint, commands)| Act {
            request,
            fingerprint,
            commands,
        });
    let outcome = prop_oneof![
        8 => prop::collection::vec(any_outcome(), 0..4).prop_map(|outcomes| ActOutcome::Done(outcomes.into())),
        1 => Just(ActOutcome::RequestIdReused),
        1 => Just(ActOutcome::RequestWindowFull),
    ];
    prop_oneof![
        6 => (stamp(), act, outcome)
            .prop_map(|(stamp, act, outcome)| Record::Act { stamp, act, outcome }),
        1 => (stamp(), any_id())
            .prop_map(|(stamp, reservation)| Record::Expire { stamp, reservation }),
    ]
}

fn bytes_of(record: &Record) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(record, &mut bytes);
    bytes
}

/// Whatever it reads must be what those bytes are written for.
fn read_is_exact(bytes: &[u8]) {
    if let Ok(record) = decode(bytes) {
        assert_eq!(bytes_of(&record), bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_record_survives_its_bytes(record in any_record()) {
        prop_assert_eq!(decode(&bytes_of(&record)), Ok(record));
    }

    #[test]
    fn encoding_appends(
        record in any_record(),
        before in prop::collection::vec(any::<u8>(), 0..9),
    ) {
        let mut bytes = before.clone();
        encode(&record, &mut bytes);
        prop_assert_eq!(&bytes[..before.len()], &before[..]);
        prop_assert_eq!(&bytes[before.len()..], &bytes_of(&record)[..]);
    }

    #[test]
    fn a_cut_record_is_truncated_and_a_longer_one_is_not_read(
        record in any_record(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = bytes_of(&record);
        let cut_at = cut.index(bytes.len());
        let short = decode(&bytes[..cut_at]);
        prop_assert!(
            matches!(short, Err(CodecError::Truncated | CodecError::Count(_))), "{:?}", short
        );
        bytes.push(0);
        prop_assert_eq!(decode(&bytes), Err(CodecError::Trailing(1)));
    }

    #[test]
    fn flipped_bits_never_panic_and_are_never_misread(
        record in any_record(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), 0u32..8), 1..6),
    ) {
        let mut bytes = bytes_of(&record);
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        read_is_exact(&bytes);
    }

    #[test]
    fn spliced_records_never_panic_and_are_never_misread(
        first in any_record(),
        second in any_record(),
        cuts in any::<[prop::sample::Index; 2]>(),
    ) {
        let (first, second) = (bytes_of(&first), bytes_of(&second));
        let mut bytes = first[..cuts[0].index(first.len())].to_vec();
        bytes.extend_from_slice(&second[cuts[1].index(second.len())..]);
        read_is_exact(&bytes);
    }

    #[test]
    fn random_bytes_never_panic_and_are_never_misread(
        tail in prop::collection::vec(any::<u8>(), 0..200),
        tag in 0u8..3,
    ) {
        read_is_exact(&tail);
        let mut bytes = vec![VERSION, tag];
        bytes.extend_from_slice(&tail);
        read_is_exact(&bytes);
    }
}

#[test]
fn another_version_is_refused() {
    let stamp = Stamp {
        now_ms: 1,
        wall_ms: 2,
    };
    let mut bytes = bytes_of(&Record::Expire {
        stamp,
        reservation: ReservationId(3),
    });
    bytes[0] = VERSION + 1;
    assert_eq!(decode(&bytes), Err(CodecError::Version(VERSION + 1)));
}

#[test]
fn hostile_counts_are_refused_before_any_room_is_reserved_for_them() {
    let request = RequestKey { scope: 0, id: 0 };
    let act = Act {
        request,
        fingerprint: 0,
        commands: Vec::new(),
    };
    let outcome = ActOutcome::Done(Outcomes::new());
    let stamp = Stamp {
        now_ms: 0,
        wall_ms: 0,
    };
    let mut bytes = bytes_of(&Record::Act {
        stamp,
        act,
        outcome,
    });
    let count_at = bytes.len() - 1;
    bytes.truncate(count_at);
    bytes.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    assert_eq!(decode(&bytes), Err(CodecError::Count(u64::MAX)));
    bytes.truncate(count_at);
    bytes.extend_from_slice(&[0xff; 12]);
    assert_eq!(decode(&bytes), Err(CodecError::Integer));
}

#[test]
fn a_hold_of_one_line_takes_few_bytes() {
    let cell = CellKey {
        location: LocationId(40),
        item: ItemId(9000),
    };
    let lines = vec![Line { cell, quantity: 2 }];
    let view = ReservationView {
        id: ReservationId(u128::MAX),
        state: ReservationState::Held,
        deadline_ms: 1_700_000_900_000,
        expire_wall_ms: 1_700_000_900_000,
        priority: 0,
        lines: lines.clone().into(),
    };
    let hold = Command::Hold {
        reservation: view.id,
        order: OrderRef(u128::MAX),
        lines: lines.into(),
        ttl_ms: 900_000,
        priority: 0,
        terms: Terms::default(),
    };
    let record = Record::Act {
        stamp: Stamp {
            now_ms: 1_700_000_000_000,
            wall_ms: 1_700_000_000_000,
        },
        act: Act {
            request: RequestKey {
                scope: 1,
                id: u128::MAX,
            },
            fingerprint: u64::MAX,
            commands: vec![hold],
        },
        outcome: ActOutcome::Done([Outcome::Reservation(view)].into_iter().collect()),
    };
    assert!(
        bytes_of(&record).len() <= 128,
        "{}",
        bytes_of(&record).len()
    );
}

#[test]
fn the_bytes_of_version_1_are_these() {
    let cell = CellKey {
        location: LocationId(1),
        item: ItemId(300),
    };
    let record = Record::Act {
        stamp: Stamp {
            now_ms: 5,
            wall_ms: -1,
        },
        act: Act {
            request: RequestKey { scope: 2, id: 3 },
            fingerprint: 4,
            commands: vec![Command::SetOnHand { cell, on_hand: -64 }],
        },
        outcome: ActOutcome::Done(
            [Outcome::Refused(Refusal::LineNotHeld)]
                .into_iter()
                .collect(),
        ),
    };
    let mut expected = vec![1, 0, 10, 1, 2];
    expected.extend_from_slice(&3u128.to_le_bytes());
    expected.extend_from_slice(&4u64.to_le_bytes());
    expected.extend_from_slice(&[1, 4, 1, 0xac, 2, 0x7f]);
    expected.extend_from_slice(&[0, 1, 6, 6]);
    assert_eq!(bytes_of(&record), expected);
}
