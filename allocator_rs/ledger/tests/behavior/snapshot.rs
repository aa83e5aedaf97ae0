//! A snapshot, read back, is the ledger that wrote it: state, order of expiry, everything to come.
//! `PROPTEST_CASES` sets how many runs.

use bopis_ledger::{
    Act, Command, Ledger, Limits, RequestKey, SnapshotError, Transcript, SNAPSHOT_VERSION,
};
use proptest::prelude::*;

use crate::random::{any_step, Step};
use crate::support::{
    self, adjust, at, cell, commit, consume, count, effective, extend, for_day, hold, hold_on, id,
    inbound, names, sale, Fixture, A, B, C,
};

const LIMITS: Limits = Limits {
    request_window_ms: 60,
    request_window_max: 45,
    request_window_bytes_max: u64::MAX,
    move_lines_max: 10,
    count_age_max_ms: 40,
    count_changes_max: 9,
};

fn written(ledger: &Ledger) -> Vec<u8> {
    let mut bytes = Vec::new();
    ledger.write_snapshot(&mut bytes).unwrap();
    bytes
}

fn read(bytes: &[u8], limits: Limits) -> Result<Ledger, SnapshotError> {
    Ledger::read_snapshot(&mut &*bytes, limits)
}

/// Read back, with all that has to be so.
fn copied(ledger: &Ledger) -> Ledger {
    let bytes = written(ledger);
    let copy = read(&bytes, *ledger.limits()).unwrap();
    assert_eq!(copy.check_invariants(), Ok(()));
    assert_eq!(copy.state_hash(), ledger.state_hash());
    assert!(written(&copy) == bytes, "it writes other bytes");
    copy
}

/// One step of a run; what came of it.
fn step(ledger: &mut Ledger, now_ms: i64, step: &Step) -> Transcript {
    let mut made = Transcript::default();
    match step {
        Step::Acts { acts, .. } => ledger.apply(acts, at(now_ms), &mut made),
        Step::ExpireDue { limit, .. } => {
            ledger.expire_due(at(now_ms), *limit, &mut made);
        }
    }
    assert_eq!(ledger.check_invariants(), Ok(()));
    made
}

const fn after_ms(step: &Step) -> i64 {
    match step {
        Step::Acts { after_ms, .. } | Step::ExpireDue { after_ms, .. } => *after_ms,
    }
}

fn opened() -> Ledger {
    let mut commands = names();
    for location in 0..2 {
        for item in 0..3 {
            commands.push(support::set(cell(location, item), 12));
        }
    }
    let act = Act {
        request: RequestKey { scope: 0, id: 0 },
        fingerprint: 0,
        commands,
    };
    let mut ledger = Ledger::new(LIMITS);
    ledger.apply(&[act], at(0), &mut Transcript::default());
    ledger
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 20_000, ..ProptestConfig::default() })]
    #[test]
    fn a_ledger_read_back_does_everything_as_the_one_that_wrote_it(
        before in prop::collection::vec(any_step(), 0..60),
        after in prop::collection::vec(any_step(), 0..60),
    ) {
        let (mut ledger, mut now_ms) = (opened(), 0);
        for one in &before {
            now_ms += after_ms(one);
            step(&mut ledger, now_ms, one);
        }
        let mut copy = copied(&ledger);
        let (mut changed, mut changed_of_copy) = (Vec::new(), Vec::new());
        ledger.take_changed_cells(&mut changed);
        copy.take_changed_cells(&mut changed_of_copy);
        prop_assert_eq!(changed_of_copy.len(), copy.cell_count(), "all are news to readers");
        for one in &after {
            now_ms += after_ms(one);
            let (expected, found) =
                (step(&mut ledger, now_ms, one), step(&mut copy, now_ms, one));
            prop_assert_eq!(&found.records, &expected.records);
            prop_assert_eq!(&found.answers, &expected.answers);
            prop_assert_eq!(copy.state_hash(), ledger.state_hash());
            changed.clear();
            changed_of_copy.clear();
            ledger.take_changed_cells(&mut changed);
            copy.take_changed_cells(&mut changed_of_copy);
            prop_assert_eq!(&changed_of_copy, &changed);
        }
        let mut last = [Transcript::default(), Transcript::default()];
        for (ledger, made) in [&mut ledger, &mut copy].into_iter().zip(&mut last) {
            ledger.expire_due(at(i64::MAX - 2_000_000), usize::MAX, made);
        }
        prop_assert_eq!(&last[0].records, &last[1].records, "all expire in the same order");
    }

    #[test]
    fn no_bytes_make_it_panic_however_sound_their_checksums(
        steps in prop::collection::vec(any_step(), 0..25),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        is_summed in any::<bool>(),
    ) {
        let (mut ledger, mut now_ms) = (opened(), 0);
        for one in &steps {
            now_ms += after_ms(one);
            step(&mut ledger, now_ms, one);
        }
        let sound = written(&ledger);
        let mut bytes = sound.clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if is_summed {
            sum_again(&mut bytes);
        }
        match read(&bytes, LIMITS) {
            Ok(copy) => prop_assert!(is_summed || bytes == sound, "{}", copy.state_hash()),
            Err(error) => prop_assert!(bytes != sound, "{error}"),
        }
    }
}

/// Gives every chunk the checksum of what it says now.
fn sum_again(bytes: &mut [u8]) {
    let mut at = 0;
    while let Some(header) = bytes.get(at..at + 16) {
        let length = u32::from_le_bytes(header[8..12].try_into().unwrap()) as usize;
        let Some(payload) = bytes.get(at + 16..(at + 16).saturating_add(length)) else {
            return;
        };
        let sum = crc32c::crc32c_append(crc32c::crc32c(&bytes[at..at + 12]), payload);
        bytes[at + 12..at + 16].copy_from_slice(&sum.to_le_bytes());
        at += 16 + length;
    }
}

/// A state that has something of everything.
fn varied() -> Fixture {
    let mut fixture = Fixture::with_stock(20, 20, 20);
    fixture.act(
        5,
        vec![
            hold(1, &[(A, 2), (C, 3)], 100),
            hold(2, &[(B, 1)], 50),
            hold(3, &[(A, 1)], 100),
            hold(4, &[(B, 2), (A, 1)], 9_000),
            inbound(A, 20_001, 6),
        ],
    );
    fixture.act(6, vec![extend(1, 60), commit(4), extend(1, 99)]);
    fixture.act(
        7,
        vec![
            hold_on(for_day(20_001), 5, &[(A, 4)], 500),
            sale(77, B, 1, None),
            effective(adjust(C, -2, 1), 6),
            count(B, 18, 6),
            hold(6, &[(C, 1)], 3),
            hold(8, &[(B, 1)], 3),
            commit(8),
            consume(8),
            Command::CloseWindow { cell: C },
        ],
    );
    fixture.expire_due(10, 1);
    fixture
}

#[test]
fn of_holds_with_one_deadline_the_first_given_expires_first_in_the_copy_too() {
    let mut fixture = varied();
    // 3 was given its deadline of 105 before 1 got the same one back.
    let mut copy = copied(&fixture.ledger);
    let (mut expected, mut found) = (Transcript::default(), Transcript::default());
    fixture.ledger.expire_due(at(200), 9, &mut expected);
    copy.expire_due(at(200), 9, &mut found);
    assert_eq!(found.records, expected.records);
    fixture.records.extend(expected.records);
    assert_eq!(fixture.expired(), [6, 2, 3, 1]);
}

#[test]
fn every_byte_counts_and_damage_is_named_by_its_chunk() {
    let bytes = written(&varied().ledger);
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        match read(&damaged, Limits::default()).map(|_| ()) {
            Err(SnapshotError::Damaged { offset, .. }) => {
                assert!(offset <= at as u64, "byte {at}, named {offset}");
            }
            other => panic!("byte {at}: {other:?}"),
        }
        let cut = read(&bytes[..at], Limits::default());
        assert!(
            matches!(cut, Err(SnapshotError::Damaged { .. })),
            "cut at {at}"
        );
    }
    let mut longer = bytes;
    longer.push(0);
    let longer = read(&longer, Limits::default()).map(|_| ());
    assert!(longer
        .unwrap_err()
        .to_string()
        .contains("bytes follow the end"));
}

#[test]
fn a_snapshot_of_another_version_is_refused_as_such() {
    let mut bytes = written(&varied().ledger);
    bytes[16..20].copy_from_slice(&(SNAPSHOT_VERSION + 1).to_le_bytes());
    sum_again(&mut bytes);
    let refused = read(&bytes, Limits::default()).map(|_| ());
    let (found, known) = (SNAPSHOT_VERSION + 1, SNAPSHOT_VERSION);
    assert!(
        matches!(refused, Err(SnapshotError::Version { found: f, known: k }) if (f, k) == (found, known)),
        "{refused:?}"
    );
}

/// The bytes of version 1: whoever changes them raises the version and keeps reading this file.
#[test]
fn the_golden_file_is_read_and_written_to_the_byte() {
    let golden: &[u8] = include_bytes!("golden/snapshot-1.bin");
    let fixture = varied();
    assert!(written(&fixture.ledger) == golden);
    let copy = read(golden, fixture.limits).unwrap();
    assert_eq!(copy.state_hash(), fixture.ledger.state_hash());
    assert_eq!(copy.reservation(id(4), at(10)), fixture.reservation(4, 10));
}

#[test]
fn a_large_state_is_written_in_pieces_and_read_back() {
    let mut fixture = Fixture::with_stock(1 << 40, 1 << 40, 0);
    for round in 0..40_u128 {
        let holds = (0..500_u128).map(|n| {
            let ttl_ms = 1 + i64::try_from((round * 500 + n) % 977).unwrap();
            hold(1 + round * 500 + n, &[(A, 1), (B, 2)], 1_000 * ttl_ms)
        });
        let mut made = Transcript::default();
        let act = Act {
            request: RequestKey {
                scope: 1,
                id: round,
            },
            fingerprint: 1,
            commands: holds.collect(),
        };
        fixture.ledger.apply(&[act], at(1), &mut made);
    }
    let bytes = written(&fixture.ledger);
    assert!(bytes.len() > 1 << 20);
    let mut copy = copied(&fixture.ledger);
    let mut last = [Transcript::default(), Transcript::default()];
    fixture
        .ledger
        .expire_due(at(2_000_000), usize::MAX, &mut last[0]);
    copy.expire_due(at(2_000_000), usize::MAX, &mut last[1]);
    assert_eq!(last[0].records.len(), 20_000);
    assert_eq!(last[0].records, last[1].records);
}
