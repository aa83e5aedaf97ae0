//! A ledger under test: checks the invariants after every act, and that its records replay.

mod commands;

use bopis_ledger::{
    codec, Act, ActOutcome, CellKey, CellView, Command, ItemId, ItemName, Ledger, Limits, Line,
    Lines, LocationId, Outcome, Record, Refusal, RequestKey, ReservationState, ReservationView,
    Shortage, Stamp, Transcript,
};

pub use commands::*;

/// Wall time runs ahead of ledger time by this much in these tests.
pub const WALL_AHEAD_MS: i64 = 1_000_000;

pub const fn at(now_ms: i64) -> Stamp {
    Stamp {
        now_ms,
        wall_ms: now_ms + WALL_AHEAD_MS,
    }
}

pub const fn cell(location: u32, item: u32) -> CellKey {
    CellKey {
        location: LocationId(location),
        item: ItemId(item),
    }
}

/// The cells that every fixture has; the third one is labor.
pub const A: CellKey = cell(0, 0);
pub const B: CellKey = cell(0, 1);
pub const C: CellKey = cell(1, 2);
/// A cell of an item that was never registered.
pub const UNKNOWN: CellKey = cell(0, 99);

pub fn lines(lines: &[(CellKey, i64)]) -> Lines {
    lines
        .iter()
        .map(|(cell, quantity)| Line {
            cell: *cell,
            quantity: *quantity,
        })
        .collect()
}

pub const fn refused(refusal: Refusal) -> Outcome {
    Outcome::Refused(refusal)
}

pub const fn shortage(line: u32, cell: CellKey, requested: i64, available: i64) -> Shortage {
    Shortage {
        line_index: line,
        cell,
        requested,
        available,
    }
}

pub fn names() -> Vec<Command> {
    let sku = |sku: &str| Command::RegisterItem {
        name: ItemName::Sku(sku.into()),
    };
    vec![
        Command::RegisterLocation {
            name: "store-1".into(),
        },
        Command::RegisterLocation {
            name: "store-2".into(),
        },
        sku("red-shirt"),
        sku("blue-shirt"),
        Command::RegisterItem {
            name: ItemName::Labor {
                window_start_s: 3600,
            },
        },
    ]
}

/// Applies the acts; their records are added, and the answers are returned.
pub fn apply(
    ledger: &mut Ledger,
    acts: &[Act],
    stamp: Stamp,
    records: &mut Vec<Record>,
) -> Vec<ActOutcome> {
    let mut made = Transcript::default();
    ledger.apply(acts, stamp, &mut made);
    records.extend(made.records);
    made.answers
}

/// Expires what is due; the records are added. True: more is due.
pub fn expire_due(
    ledger: &mut Ledger,
    stamp: Stamp,
    limit: usize,
    records: &mut Vec<Record>,
) -> bool {
    let mut made = Transcript::default();
    let more = ledger.expire_due(stamp, limit, &mut made);
    assert_eq!(made.answers, [], "an expiry answers nobody");
    records.extend(made.records);
    more
}

pub struct Fixture {
    pub ledger: Ledger,
    pub limits: Limits,
    pub records: Vec<Record>,
    next_request: u128,
}

impl Fixture {
    /// With names registered and this much of A, B and C on hand, at time 0.
    pub fn with_stock(a: i64, b: i64, c: i64) -> Self {
        Self::with_limits(Limits::default(), [a, b, c])
    }

    pub fn with_limits(limits: Limits, [a, b, c]: [i64; 3]) -> Self {
        let ledger = Ledger::new(limits);
        let mut fixture = Self {
            ledger,
            limits,
            records: Vec::new(),
            next_request: 1 << 64,
        };
        let mut commands = names();
        commands.extend([set(A, a), set(B, b), set(C, c)]);
        fixture.act(0, commands);
        fixture
    }

    /// One act under a new request id; its outcomes.
    pub fn act(&mut self, now_ms: i64, commands: Vec<Command>) -> Vec<Outcome> {
        self.next_request += 1;
        match self.ask(now_ms, self.next_request, 0, commands) {
            ActOutcome::Done(outcomes) => outcomes.into_vec(),
            other => panic!("{other:?}"),
        }
    }

    /// One act of one command; its outcome.
    pub fn one(&mut self, now_ms: i64, command: Command) -> Outcome {
        self.act(now_ms, vec![command]).pop().expect("one outcome")
    }

    pub fn ask(
        &mut self,
        now_ms: i64,
        request: u128,
        fingerprint: u64,
        commands: Vec<Command>,
    ) -> ActOutcome {
        let act = Act {
            request: RequestKey {
                scope: 100,
                id: request,
            },
            fingerprint,
            commands,
        };
        let outcomes = apply(&mut self.ledger, &[act], at(now_ms), &mut self.records);
        assert_eq!(self.ledger.check_invariants(), Ok(()));
        assert_eq!(outcomes.len(), 1);
        outcomes.into_iter().next().expect("one outcome")
    }

    pub fn expire_due(&mut self, now_ms: i64, limit: usize) -> bool {
        let more = expire_due(&mut self.ledger, at(now_ms), limit, &mut self.records);
        assert_eq!(self.ledger.check_invariants(), Ok(()));
        more
    }

    pub fn view(&self, cell: CellKey) -> CellView {
        self.ledger.cell(cell).unwrap_or_default()
    }

    pub fn atp(&self, cell: CellKey) -> i64 {
        self.view(cell).atp()
    }

    pub fn reservation(&self, reservation: u128, now_ms: i64) -> Option<ReservationView> {
        self.ledger.reservation(id(reservation), at(now_ms))
    }

    pub fn state(&self, reservation: u128, now_ms: i64) -> Option<ReservationState> {
        self.reservation(reservation, now_ms).map(|view| view.state)
    }

    /// The reservations whose expiry was journaled, in order.
    pub fn expired(&self) -> Vec<u128> {
        let expiry = |record: &Record| match record {
            Record::Expire { reservation, .. } => Some(reservation.0),
            Record::Act { .. } => None,
        };
        self.records.iter().filter_map(expiry).collect()
    }

    /// The records, through their bytes, make the same state, and are decided the same again.
    pub fn assert_replays(&self) {
        let mut replayed = Ledger::new(self.limits);
        let mut verified = Ledger::new(self.limits);
        for record in &self.records {
            let mut bytes = Vec::new();
            codec::encode(record, &mut bytes);
            let record = &codec::decode(&bytes).expect("its own bytes");
            assert_eq!(replayed.replay(record), Ok(()), "{record:?}");
            assert_eq!(verified.verify(record), Ok(()), "{record:?}");
        }
        assert_eq!(replayed.check_invariants(), Ok(()));
        assert_eq!(replayed.state_hash(), self.ledger.state_hash());
        assert_eq!(verified.state_hash(), self.ledger.state_hash());
    }
}

pub fn view_of(outcome: &Outcome) -> &ReservationView {
    match outcome {
        Outcome::Reservation(view) => view,
        other => panic!("{other:?}"),
    }
}
