//! Journal records as maps that people read, names in place of integers.
//!
//! | record | keys |
//! | --- | --- |
//! | every | `sequence`, `type` (act, expire), `now_ms` (ledger time), `wall_ms` |
//! | act | `scope`, `request_id`, `fingerprint`, `commands`, `outcomes` (one per command) |
//! | expire | `reservation_id` |
//!
//! A cell is `node_id` and either `sku` or `labor_window_start_s`. Days are counted from 1970. What a
//! command leaves open (a day, a time, a part) is left out.

mod facts;
mod outcomes;

use bopis_engine::JournalReader;
use bopis_ledger::{
    Act, ActOutcome, CellKey, Command, ItemName, Line, Lines, LocationId, Record, ReservationId,
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
            | Command::Receive { .. }
            | Command::Count { .. }
            | Command::SetInbound { .. }
            | Command::CloseWindow { .. }
            | Command::SetSafetyStock { .. }
            | Command::Sale { .. } => self.fact(command),
            Command::Hold { .. } | Command::Relocate { .. } | Command::Move { .. } => {
                self.taking(command)
            }
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
            Command::Expire { reservation } => {
                named("expire", vec![("reservation_id", uuid(reservation.0))])
            }
        }
    }

    /// Commands that take cells for reservations.
    fn taking(&self, command: &Command) -> Word {
        match command {
            Command::Hold {
                reservation,
                order,
                lines,
                ttl_ms,
                priority,
                terms,
            } => {
                let mut words = vec![
                    ("reservation_id", uuid(reservation.0)),
                    ("order_reference", Word::Text(format!("{:032x}", order.0))),
                    ("lines", self.lines(lines)),
                    ("ttl_ms", (*ttl_ms).into()),
                    ("priority", i64::from(*priority).into()),
                ];
                if terms.is_partial {
                    words.push(("is_partial", 1.into()));
                }
                words.extend(day("day", terms.day));
                named("hold", words)
            }
            Command::Relocate {
                reservation,
                to,
                lines,
            } => named(
                "relocate",
                vec![
                    ("reservation_id", uuid(reservation.0)),
                    ("to_node_id", self.node(*to)),
                    ("lines", self.lines(lines)),
                ],
            ),
            Command::Move { moves } => {
                let moved = |(id, lines): &(ReservationId, Lines)| {
                    Word::Map(vec![
                        ("reservation_id", uuid(id.0)),
                        ("lines", self.lines(lines)),
                    ])
                };
                let moves = moves.iter().map(moved).collect();
                named("move", vec![("moves", Word::List(moves))])
            }
            _ => Word::Absent,
        }
    }

    fn part(&self, kind: &str, reservation: u128, lines: Option<&[Line]>) -> Word {
        let mut words = vec![("reservation_id", uuid(reservation))];
        words.extend(lines.map(|lines| ("lines", self.lines(lines))));
        named(kind, words)
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
        vec![("node_id", self.node(cell.location)), item(name.as_deref())]
    }

    fn node(&self, location: LocationId) -> Word {
        let name = self.0.location_name(location);
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

fn day(key: &'static str, day: Option<i32>) -> Option<(&'static str, Word)> {
    day.map(|day| (key, i64::from(day).into()))
}

fn uuid(bits: u128) -> Word {
    Word::Text(format_uuid(bits))
}
