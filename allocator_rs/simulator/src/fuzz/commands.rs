//! Commands with any integers and lists, straight into the ledger.

use bopis_ledger::{
    Act, ActOutcome, CellKey, Command, ItemId, ItemName, Ledger, Limits, Line, Lines, LocationId,
    OrderRef, Record, RecordView, RequestKey, ReservationId, Sink, Stamp, Terms, DAY_MAX,
};

use super::mutate::EXTREMES;
use crate::random::Random;

/// Keeps what the ledger makes.
#[derive(Default)]
pub(super) struct Made {
    pub(super) records: Vec<Record>,
    pub(super) answers: Vec<ActOutcome>,
}

impl Sink for Made {
    fn record(&mut self, record: RecordView<'_>) {
        self.records.push(record.to_record());
    }

    fn answer(&mut self, outcome: ActOutcome) {
        self.answers.push(outcome);
    }
}

pub(super) const LIMITS: Limits = Limits {
    request_window_ms: 1_000,
    request_window_max: 60,
    request_window_bytes_max: 60_000,
    move_lines_max: 24,
    count_age_max_ms: 60,
    count_changes_max: 12,
};

fn integer(random: &mut Random) -> i64 {
    match random.below(6) {
        0 => random.pick(&EXTREMES),
        1 => random.pick(&EXTREMES).wrapping_add(random.between(-3, 3)),
        2 => random.any().cast_signed(),
        _ => random.between(-2, 9),
    }
}

fn cell(random: &mut Random) -> CellKey {
    let id = |random: &mut Random| match random.below(30) {
        0 => u32::MAX,
        1 => random.any() as u32,
        _ => random.below(3) as u32,
    };
    CellKey {
        location: LocationId(id(random)),
        item: ItemId(id(random)),
    }
}

fn lines(random: &mut Random) -> Lines {
    let count = match random.below(40) {
        0 => 511 + random.below(4),
        1 => 0,
        _ => 1 + random.below(6),
    };
    let line = |_| Line {
        cell: cell(random),
        quantity: integer(random),
    };
    (0..count).map(line).collect()
}

fn id(random: &mut Random) -> ReservationId {
    match random.below(30) {
        0 => ReservationId(u128::MAX),
        _ => ReservationId(u128::from(random.below(12))),
    }
}

fn name(random: &mut Random) -> Box<str> {
    let length = match random.below(12) {
        0 => 0,
        1 => 250 + random.index(12),
        _ => 1 + random.index(2),
    };
    // Two bytes each, so that the limit falls into a character as well.
    let letter = random.pick(&['a', 'b', 'ß']);
    std::iter::repeat_n(letter, length)
        .collect::<String>()
        .into_boxed_str()
}

fn part(random: &mut Random) -> Option<Lines> {
    random.once_in(2).then(|| lines(random))
}

pub(super) fn command(random: &mut Random) -> Command {
    let (reservation, cell) = (id(random), cell(random));
    match random.below(23) {
        0 => Command::RegisterLocation { name: name(random) },
        1 => Command::RegisterItem {
            name: ItemName::Sku(name(random)),
        },
        2 => Command::RegisterItem {
            name: ItemName::Labor {
                window_start_s: integer(random),
            },
        },
        3..9 | 15..20 => fact(random, cell, reservation),
        9 => Command::Extend {
            reservation,
            ttl_ms: integer(random),
        },
        10 => Command::Commit { reservation },
        11 => Command::Release {
            reservation,
            lines: part(random),
        },
        12 => Command::Consume {
            reservation,
            lines: part(random),
        },
        13 => {
            let count = random.below(5);
            let moves = (0..count).map(|_| (id(random), lines(random))).collect();
            Command::Move { moves }
        }
        14 => Command::Expire { reservation },
        20 => Command::Relocate {
            reservation,
            to: LocationId(random.below(3) as u32),
            lines: lines(random),
        },
        _ => Command::Hold {
            reservation,
            order: OrderRef(u128::from(random.any())),
            lines: lines(random),
            ttl_ms: integer(random),
            priority: random.any() as u8,
            terms: Terms {
                is_partial: random.once_in(3),
                day: random.once_in(2).then(|| day(random)),
            },
        },
    }
}

fn fact(random: &mut Random, cell: CellKey, reservation: ReservationId) -> Command {
    match random.below(11) {
        0 => Command::Adjust {
            cell,
            on_hand_delta: integer(random),
            unavailable_delta: integer(random),
            reason: random.any() as u8,
            effective_ms: time(random),
        },
        1 => Command::SetOnHand {
            cell,
            on_hand: integer(random),
        },
        2 => Command::CompareAndSet {
            cell,
            expected: integer(random),
            on_hand: integer(random),
        },
        3 => Command::Transfer {
            from: cell,
            to: self::cell(random),
            quantity: integer(random),
            effective_ms: time(random),
        },
        4 => Command::SetSafetyStock {
            cell,
            safety_stock: integer(random),
        },
        5 => Command::Sale {
            source: u128::from(random.below(30)),
            cell,
            quantity: integer(random),
            reservation: random.once_in(2).then_some(reservation),
            effective_ms: time(random),
        },
        6 => Command::Receive {
            cell,
            quantity: integer(random),
            expected_day: random.once_in(2).then(|| day(random)),
            effective_ms: time(random),
        },
        7 => Command::Count {
            cell,
            counted: integer(random),
            effective_ms: integer(random),
        },
        8..10 => Command::SetInbound {
            cell,
            day: day(random),
            quantity: integer(random),
        },
        _ => Command::CloseWindow { cell },
    }
}

fn day(random: &mut Random) -> i32 {
    random.pick(&[0, 1, 2, 3, DAY_MAX, DAY_MAX + 1, -1, i32::MIN, i32::MAX])
}

fn time(random: &mut Random) -> Option<i64> {
    random.once_in(2).then(|| integer(random))
}

pub(super) fn act(random: &mut Random) -> Act {
    let count = random.below(5);
    Act {
        request: RequestKey {
            scope: random.pick(&[0, 1, 9, u32::MAX]),
            id: u128::from(random.below(200)),
        },
        fingerprint: random.below(3),
        commands: (0..count).map(|_| command(random)).collect(),
    }
}

/// A ledger of some acts, and what it made.
pub(super) fn lived(random: &mut Random, turns: u64) -> Result<(Ledger, Made), String> {
    let mut ledger = Ledger::new(LIMITS);
    let mut made = Made::default();
    let mut stamp = Stamp {
        now_ms: random.pick(&[0, 0, 5, i64::MAX - 900]),
        wall_ms: 0,
    };
    let mut asked = 0;
    for _ in 0..turns {
        let passed_ms = random.pick(&[0, 1, 7, 300, -4, i64::MAX]);
        if passed_ms < i64::MAX || random.once_in(30) {
            stamp.now_ms = stamp.now_ms.saturating_add(passed_ms);
        }
        stamp.wall_ms = if random.once_in(9) {
            integer(random)
        } else {
            stamp.now_ms
        };
        let acts: Vec<Act> = (0..random.below(4)).map(|_| act(random)).collect();
        if random.once_in(3) {
            ledger.expire_due(stamp, random.index(4), &mut made);
        }
        ledger.apply(&acts, stamp, &mut made);
        asked += acts.len();
        ledger.check_invariants()?;
    }
    if made.answers.len() != asked {
        return Err(format!("{asked} acts, {} answers", made.answers.len()));
    }
    Ok((ledger, made))
}

/// One ledger's life.
///
/// # Errors
/// An invariant does not hold, or the records do not lead to the same state.
pub fn case(random: &mut Random) -> Result<(), String> {
    let turns = 1 + random.below(30);
    let (ledger, made) = lived(random, turns)?;
    let mut replayed = Ledger::new(LIMITS);
    let mut verified = Ledger::new(LIMITS);
    for record in &made.records {
        replayed
            .replay(record)
            .map_err(|error| format!("replay: {error} at {record:?}"))?;
        verified
            .verify(record)
            .map_err(|error| format!("verify: {error} at {record:?}"))?;
    }
    if replayed.state_hash() != ledger.state_hash() || verified.state_hash() != ledger.state_hash()
    {
        return Err("the records lead to another state".to_owned());
    }
    Ok(())
}
