//! Journal records as maps that people read, names in place of integers.
//!
//! | record | keys |
//! | --- | --- |
//! | every | `sequence`, `type` (act, expire), `now_ms` (ledger time), `wall_ms` |
//! | act | `scope`, `request_id`, `fingerprint`, `commands`, `outcomes` (one per command) |
//! | expire | `reservation_id` |
//!
//! A cell is `node_id` and either `sku` or `labor_window_start_s`.

use bopis_engine::JournalReader;
use bopis_ledger::{
    Act, ActOutcome, CellKey, CellView, Command, ItemName, Line, Outcome, Record, Refusal,
    ReservationState, ReservationView, Shortage,
};
use serde::{Serialize, Serializer};

use crate::dto::format_uuid;

/// A value.
#[derive(Debug)]
pub enum Word {
    Number(i64),
    Text(String),
    List(Vec<Word>),
    Map(Map),
    Absent,
}

type Map = Vec<(&'static str, Word)>;

impl Serialize for Word {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(words) => serializer.collect_seq(words),
            Self::Map(map) => serializer.collect_map(map.iter().map(|(key, word)| (key, word))),
            Self::Absent => serializer.serialize_none(),
        }
    }
}

impl From<i64> for Word {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Word {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// One record, by the names that the reader met so far.
pub fn record_words(sequence: u64, record: &Record, names: &JournalReader) -> Word {
    let (kind, stamp) = match record {
        Record::Act { stamp, .. } => ("act", stamp),
        Record::Expire { stamp, .. } => ("expire", stamp),
    };
    let mut words = vec![
        (
            "sequence",
            i64::try_from(sequence).unwrap_or(i64::MAX).into(),
        ),
        ("type", kind.into()),
        ("now_ms", stamp.now_ms.into()),
        ("wall_ms", stamp.wall_ms.into()),
    ];
    match record {
        Record::Act { act, outcome, .. } => words.extend(Speaker(names).act(act, outcome)),
        Record::Expire { reservation, .. } => words.push(("reservation_id", uuid(reservation.0))),
    }
    Word::Map(words)
}

struct Speaker<'a>(&'a JournalReader);

impl Speaker<'_> {
    fn act(&self, act: &Act, outcome: &ActOutcome) -> Map {
        let outcomes = match outcome {
            ActOutcome::Done(outcomes) => {
                Word::List(outcomes.iter().map(|one| self.outcome(one)).collect())
            }
            ActOutcome::RequestIdReused => "request_id_reused".into(),
            ActOutcome::RequestWindowFull => "request_window_full".into(),
        };
        let commands = act.commands.iter().map(|one| self.command(one)).collect();
        vec![
            ("scope", i64::from(act.request.scope).into()),
            ("request_id", uuid(act.request.id)),
            (
                "fingerprint",
                Word::Text(format!("{:016x}", act.fingerprint)),
            ),
            ("commands", Word::List(commands)),
            ("outcomes", outcomes),
        ]
    }

    fn command(&self, command: &Command) -> Word {
        match command {
            Command::RegisterLocation { name } => {
                named("register_node", vec![("node_id", (&**name).into())])
            }
            Command::RegisterItem { name } => named("register_item", vec![item(Some(name))]),
            Command::Adjust { .. }
            | Command::SetOnHand { .. }
            | Command::CompareAndSet { .. }
            | Command::Transfer { .. }
            | Command::SetSafetyStock { .. }
            | Command::Sale { .. } => self.fact(command),
            Command::Hold {
                reservation,
                order,
                lines,
                ttl_ms,
                priority,
            } => named(
                "hold",
                vec![
                    ("reservation_id", uuid(reservation.0)),
                    ("order_reference", Word::Text(format!("{:032x}", order.0))),
                    ("lines", self.lines(lines)),
                    ("ttl_ms", (*ttl_ms).into()),
                    ("priority", i64::from(*priority).into()),
                ],
            ),
            Command::Extend {
                reservation,
                ttl_ms,
            } => named(
                "extend",
                vec![
                    ("reservation_id", uuid(reservation.0)),
                    ("ttl_ms", (*ttl_ms).into()),
                ],
            ),
            Command::Commit { reservation } => {
                named("commit", vec![("reservation_id", uuid(reservation.0))])
            }
            Command::Release { reservation, lines } => {
                self.part("release", reservation.0, lines.as_deref())
            }
            Command::Consume { reservation, lines } => {
                self.part("consume", reservation.0, lines.as_deref())
            }
            Command::Move { moves } => {
                let moved = |(id, lines): &(bopis_ledger::ReservationId, Vec<Line>)| {
                    Word::Map(vec![
                        ("reservation_id", uuid(id.0)),
                        ("lines", self.lines(lines)),
                    ])
                };
                let moves = moves.iter().map(moved).collect();
                named("move", vec![("moves", Word::List(moves))])
            }
            Command::Expire { reservation } => {
                named("expire", vec![("reservation_id", uuid(reservation.0))])
            }
        }
    }

    fn fact(&self, command: &Command) -> Word {
        let (kind, cell, rest): (&str, &CellKey, Map) = match command {
            Command::Adjust {
                cell,
                on_hand_delta,
                unavailable_delta,
                reason,
            } => (
                "adjust",
                cell,
                vec![
                    ("on_hand_delta", (*on_hand_delta).into()),
                    ("unavailable_delta", (*unavailable_delta).into()),
                    ("reason", i64::from(*reason).into()),
                ],
            ),
            Command::SetOnHand { cell, on_hand } => {
                ("set_on_hand", cell, vec![("on_hand", (*on_hand).into())])
            }
            Command::CompareAndSet {
                cell,
                expected,
                on_hand,
            } => (
                "compare_and_set",
                cell,
                vec![
                    ("expected", (*expected).into()),
                    ("on_hand", (*on_hand).into()),
                ],
            ),
            Command::SetSafetyStock { cell, safety_stock } => (
                "set_safety_stock",
                cell,
                vec![("safety_stock", (*safety_stock).into())],
            ),
            Command::Transfer { from, to, quantity } => (
                "transfer",
                from,
                vec![
                    ("to_node_id", self.node(to)),
                    ("quantity", (*quantity).into()),
                ],
            ),
            Command::Sale {
                source,
                cell,
                quantity,
                reservation,
            } => (
                "sale",
                cell,
                vec![
                    ("source", Word::Text(format!("{source:032x}"))),
                    ("quantity", (*quantity).into()),
                    (
                        "reservation_id",
                        reservation.map_or(Word::Absent, |id| uuid(id.0)),
                    ),
                ],
            ),
            _ => return Word::Absent,
        };
        let mut words = self.cell(*cell);
        words.extend(rest);
        named(kind, words)
    }

    fn part(&self, kind: &str, reservation: u128, lines: Option<&[Line]>) -> Word {
        let mut words = vec![("reservation_id", uuid(reservation))];
        words.extend(lines.map(|lines| ("lines", self.lines(lines))));
        named(kind, words)
    }

    fn outcome(&self, outcome: &Outcome) -> Word {
        match outcome {
            Outcome::Registered { index } => {
                named("registered", vec![("index", i64::from(*index).into())])
            }
            Outcome::Cell(view) => named("cell", counters(view)),
            Outcome::Transferred(left, come) => named(
                "transferred",
                vec![
                    ("from", Word::Map(counters(left))),
                    ("to", Word::Map(counters(come))),
                ],
            ),
            Outcome::Duplicate => named("duplicate", Vec::new()),
            Outcome::Reservation(view) => named("reservation", self.reservation(view)),
            Outcome::Moved(views) => {
                let views = views.iter().map(|view| Word::Map(self.reservation(view)));
                named("moved", vec![("reservations", Word::List(views.collect()))])
            }
            Outcome::Insufficient(shortages) => {
                let shortages = shortages.iter().map(|one| self.shortage(one)).collect();
                named("insufficient", vec![("shortages", Word::List(shortages))])
            }
            Outcome::Refused(why) => named("refused", vec![("why", refusal(*why).into())]),
        }
    }

    fn reservation(&self, view: &ReservationView) -> Map {
        let state = match view.state {
            ReservationState::Held => "HELD",
            ReservationState::Committed => "COMMITTED",
            ReservationState::Consumed => "CONSUMED",
            ReservationState::Released => "RELEASED",
            ReservationState::Expired => "EXPIRED",
        };
        vec![
            ("reservation_id", uuid(view.id.0)),
            ("state", state.into()),
            ("deadline_ms", view.deadline_ms.into()),
            ("priority", i64::from(view.priority).into()),
            ("lines", self.lines(&view.lines)),
        ]
    }

    fn shortage(&self, shortage: &Shortage) -> Word {
        let mut words = self.cell(shortage.cell);
        words.extend([
            ("line_index", i64::from(shortage.line_index).into()),
            ("requested", shortage.requested.into()),
            ("available", shortage.available.into()),
        ]);
        Word::Map(words)
    }

    fn lines(&self, lines: &[Line]) -> Word {
        let line = |line: &Line| {
            let mut words = self.cell(line.cell);
            words.push(("quantity", line.quantity.into()));
            Word::Map(words)
        };
        Word::List(lines.iter().map(line).collect())
    }

    fn cell(&self, cell: CellKey) -> Map {
        let name = self.0.item_name(cell.item);
        vec![("node_id", self.node(&cell)), item(name.as_deref())]
    }

    fn node(&self, cell: &CellKey) -> Word {
        let name = self.0.location_name(cell.location);
        name.map_or(Word::Absent, |name| (&*name).into())
    }
}

fn named(kind: &str, rest: Map) -> Word {
    let mut words = vec![("type", kind.into())];
    words.extend(rest);
    Word::Map(words)
}

fn item(name: Option<&ItemName>) -> (&'static str, Word) {
    match name {
        Some(ItemName::Sku(sku)) => ("sku", (&**sku).into()),
        Some(ItemName::Labor { window_start_s }) => {
            ("labor_window_start_s", (*window_start_s).into())
        }
        None => ("sku", Word::Absent),
    }
}

fn counters(view: &CellView) -> Map {
    vec![
        ("on_hand", view.on_hand.into()),
        ("held", view.held.into()),
        ("committed", view.committed.into()),
        ("unavailable", view.unavailable.into()),
        ("safety_stock", view.safety_stock.into()),
    ]
}

fn uuid(bits: u128) -> Word {
    Word::Text(format_uuid(bits))
}

const fn refusal(why: Refusal) -> &'static str {
    match why {
        Refusal::Malformed => "malformed",
        Refusal::ReservationNotFound => "reservation_not_found",
        Refusal::ReservationExpired => "reservation_expired",
        Refusal::ReservationEnded => "reservation_ended",
        Refusal::AlreadyCommitted => "already_committed",
        Refusal::NotCommitted => "not_committed",
        Refusal::LineNotHeld => "line_not_held",
        Refusal::QuantityOutOfRange => "quantity_out_of_range",
        Refusal::NotAsExpected => "not_as_expected",
    }
}
