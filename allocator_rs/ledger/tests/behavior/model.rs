//! Random acts, on the ledger and on a naive second model: the same outcomes, and replay = live.
//! `PROPTEST_CASES` sets how many runs.

use bopis_ledger::{
    codec, Act, ActOutcome, ChangedCell, Command, Ledger, Limits, Outcome, Record, RequestKey,
};
use bopis_naive::Naive;
use proptest::prelude::*;

use crate::random::{any_step, Step};
use crate::support::{self, apply, at, cell, expire_due, names};

const LIMITS: Limits = Limits {
    request_window_ms: 60,
    request_window_max: 45,
    request_window_bytes_max: u64::MAX,
    move_lines_max: 10,
    count_age_max_ms: 40,
    count_changes_max: 9,
};

fn opening() -> Act {
    let mut commands = names();
    for location in 0..2 {
        for item in 0..3 {
            commands.push(support::set(cell(location, item), 12));
        }
    }
    Act {
        request: RequestKey { scope: 0, id: 0 },
        fingerprint: 0,
        commands,
    }
}

/// The two of them.
struct Pair {
    ledger: Ledger,
    naive: Naive,
    records: Vec<Record>,
    now_ms: i64,
}

impl Pair {
    fn new() -> Self {
        let mut pair = Self {
            ledger: Ledger::new(LIMITS),
            naive: Naive::new(LIMITS),
            records: Vec::new(),
            now_ms: 0,
        };
        pair.acts(vec![opening()]);
        pair
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Acts { after_ms, acts } => {
                self.now_ms += after_ms;
                self.acts(acts);
            }
            Step::ExpireDue { after_ms, limit } => {
                self.now_ms += after_ms;
                let from = self.records.len();
                let stamp = at(self.now_ms);
                let more = expire_due(&mut self.ledger, stamp, limit, &mut self.records);
                self.tell_expiries(from);
                assert_eq!(more, self.naive.is_anything_due(self.now_ms));
            }
        }
        assert_eq!(self.ledger.check_invariants(), Ok(()));
        let mut changed = Vec::new();
        self.ledger.take_changed_cells(&mut changed);
        for ChangedCell {
            cell: key, view, ..
        } in changed
        {
            assert_eq!(view, self.naive.view(key));
            assert_eq!(self.ledger.days(key), self.naive.plan(key));
        }
    }

    fn tell_expiries(&mut self, from: usize) {
        for record in &self.records[from..] {
            if let Record::Expire { reservation, .. } = record {
                self.naive.expire(*reservation, self.now_ms);
            }
        }
    }

    fn acts(&mut self, acts: Vec<Act>) {
        for act in acts {
            let from = self.records.len();
            let stamp = at(self.now_ms);
            let one = std::slice::from_ref(&act);
            let outcome = apply(&mut self.ledger, one, stamp, &mut self.records)
                .pop()
                .unwrap();
            self.tell_expiries(from);
            let expected = self.naive.apply(&act, stamp);
            assert_eq!(outcome, expected, "{act:?} at {stamp:?}");
            if self.records.len() > from {
                let last = Record::Act {
                    stamp,
                    act: act.clone(),
                    outcome: outcome.clone(),
                };
                assert_eq!(self.records.last(), Some(&last));
            }
            if let ActOutcome::Done(outcomes) = &outcome {
                self.check_grants(&act, outcomes, self.records.len() > from);
            }
        }
    }

    /// A lone grant leaves no cell that it took from below 0; a refusal leaves nothing due.
    fn check_grants(&self, act: &Act, outcomes: &[Outcome], is_first: bool) {
        if let (true, [Command::Hold { terms, .. }], [Outcome::Reservation(view)]) = (
            is_first && self.is_new_hold(outcomes),
            &*act.commands,
            outcomes,
        ) {
            for line in &view.lines {
                let day = terms.day.unwrap_or(-1);
                let atp = self.naive.atp_of_day(line.cell, day, self.now_ms);
                assert!(atp >= 0, "{act:?}");
            }
        }
        if is_first
            && outcomes
                .iter()
                .any(|o| matches!(o, Outcome::Insufficient(_)))
        {
            assert!(
                !self.naive.is_anything_due(self.now_ms),
                "refused with holds due: {act:?}"
            );
        }
    }

    /// Nothing else in the journal names this reservation before.
    fn is_new_hold(&self, outcomes: &[Outcome]) -> bool {
        let [Outcome::Reservation(view)] = outcomes else {
            return false;
        };
        let names = |record: &&Record| match record {
            Record::Act { act, .. } => act
                .commands
                .iter()
                .any(|c| matches!(c, Command::Hold { reservation, .. } if *reservation == view.id)),
            Record::Expire { .. } => false,
        };
        self.records.iter().filter(names).count() == 1
    }

    fn finish(self) {
        let mut replayed = Ledger::new(LIMITS);
        let mut verified = Ledger::new(LIMITS);
        for record in &self.records {
            let mut bytes = Vec::new();
            codec::encode(record, &mut bytes);
            let decoded = codec::decode(&bytes).unwrap();
            assert_eq!(&decoded, record);
            assert_eq!(replayed.replay(&decoded), Ok(()));
            assert_eq!(verified.verify(&decoded), Ok(()));
        }
        assert_eq!(replayed.check_invariants(), Ok(()));
        assert_eq!(replayed.state_hash(), self.ledger.state_hash());
        assert_eq!(verified.state_hash(), self.ledger.state_hash());
    }
}

proptest! {
    #[test]
    fn random_acts_come_out_as_in_the_naive_model_and_replay_to_the_same_state(
        steps in prop::collection::vec(any_step(), 1..60)
    ) {
        let mut pair = Pair::new();
        for step in steps {
            pair.step(step);
        }
        pair.finish();
    }
}

fn any_index() -> impl Strategy<Value = prop::sample::Index> {
    any::<prop::sample::Index>()
}

/// The records, and one of them with some bits of its bytes flipped.
fn replay_damaged(records: &[Record], at: usize, flips: &[(prop::sample::Index, u32)]) {
    let mut bytes = Vec::new();
    codec::encode(&records[at], &mut bytes);
    for (byte, bit) in flips {
        let byte = byte.index(bytes.len());
        bytes[byte] ^= 1 << bit;
    }
    let Ok(damaged) = codec::decode(&bytes) else {
        return;
    };
    let (mut replayed, mut verified) = (Ledger::new(LIMITS), Ledger::new(LIMITS));
    for record in &records[..at] {
        replayed.replay(record).unwrap();
        verified.replay(record).unwrap();
    }
    if replayed.replay(&damaged).is_ok() {
        assert_eq!(replayed.check_invariants(), Ok(()), "{damaged:?}");
    }
    if verified.verify(&damaged).is_ok() {
        assert_eq!(verified.check_invariants(), Ok(()), "{damaged:?}");
        assert_eq!(verified.state_hash(), replayed.state_hash(), "{damaged:?}");
    }
}

proptest! {
    #[test]
    fn a_damaged_record_never_panics_and_never_breaks_an_invariant(
        steps in prop::collection::vec(any_step(), 1..12),
        damages in prop::collection::vec(
            (any_index(), prop::collection::vec((any_index(), 0u32..8), 1..3)),
            30,
        ),
    ) {
        let mut pair = Pair::new();
        for step in steps {
            pair.step(step);
        }
        for (at, flips) in damages {
            replay_damaged(&pair.records, at.index(pair.records.len()), &flips);
        }
    }
}

fn kind_of(command: &Command, outcome: &Outcome) -> String {
    let name = |debug: String| debug.split([' ', '(', '{']).next().unwrap().to_owned();
    let outcome = match outcome {
        Outcome::Refused(refusal) => format!("{refusal:?}"),
        Outcome::Reservation(view) => format!("{:?}", view.state),
        other => name(format!("{other:?}")),
    };
    format!("{} {outcome}", name(format!("{command:?}")))
}

/// What the random acts above come to; a generator that misses a case proves nothing about it.
#[test]
fn the_random_acts_come_to_every_outcome() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let steps = prop::collection::vec(any_step(), 30..60);
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    for _ in 0..1_000 {
        let mut pair = Pair::new();
        for step in steps.new_tree(&mut runner).unwrap().current() {
            let from = pair.records.len();
            pair.step(step);
            for record in &pair.records[from..] {
                let Record::Act {
                    act,
                    outcome: ActOutcome::Done(outcomes),
                    ..
                } = record
                else {
                    *counts.entry("Expiry".to_owned()).or_default() += 1;
                    continue;
                };
                for (command, outcome) in act.commands.iter().zip(outcomes) {
                    *counts.entry(kind_of(command, outcome)).or_default() += 1;
                }
            }
        }
    }
    let expected = [
        "Expiry; Adjust Cell, Malformed, QuantityOutOfRange",
        "SetOnHand Cell, Malformed, QuantityOutOfRange",
        "CompareAndSet Cell, Malformed, NotAsExpected; Transfer Transferred, Malformed",
        "Transfer QuantityOutOfRange; SetSafetyStock Cell, Malformed, QuantityOutOfRange",
        "Extend Held, Malformed, ReservationNotFound, ReservationExpired, ReservationEnded",
        "Extend AlreadyCommitted, QuantityOutOfRange",
        "Sale Cell, Duplicate, Malformed, QuantityOutOfRange",
        "Hold Held, Committed, Consumed, Released, Expired, Insufficient, Malformed",
        "Hold QuantityOutOfRange; Commit Committed, AlreadyCommitted, ReservationNotFound",
        "Commit ReservationExpired, ReservationEnded",
        "Release Held, Committed, Released, Malformed, ReservationNotFound, ReservationExpired",
        "Release ReservationEnded, LineNotHeld",
        "Consume Committed, Consumed, Malformed, ReservationNotFound, ReservationExpired",
        "Consume ReservationEnded, NotCommitted, LineNotHeld, QuantityOutOfRange",
        "Move Moved, Insufficient, Malformed, ReservationNotFound, ReservationExpired",
        "Move ReservationEnded, QuantityOutOfRange",
        "SetInbound Cell, Malformed, QuantityOutOfRange; CloseWindow Cell, Malformed",
        "Receive Cell, Malformed, QuantityOutOfRange",
        "Count Counted, Malformed, CountTooOld, QuantityOutOfRange",
        "Relocate Committed, Malformed, ReservationNotFound, ReservationExpired",
        "Relocate ReservationEnded, NotCommitted, LineNotHeld",
        "Expire Held, Committed, Consumed, Released, Expired, ReservationNotFound",
    ];
    for group in expected.iter().flat_map(|group| group.split("; ")) {
        let (command, outcomes) = group.split_once(' ').unwrap_or((group, ""));
        for outcome in outcomes.split(", ") {
            let kind = format!("{command} {outcome}");
            let count = counts.get(kind.trim()).copied().unwrap_or_default();
            assert!(count > 0, "{kind}: {count} of {counts:#?}");
        }
    }
}
