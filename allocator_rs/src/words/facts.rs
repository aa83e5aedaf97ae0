//! Facts and settings of cells in words.

use bopis_ledger::{CellKey, Command};

use super::{day, named, uuid, Map, Speaker, Word};

impl Speaker<'_> {
    pub(super) fn fact(&self, command: &Command) -> Word {
        let Some((kind, cell, rest)) = self.parts(command) else {
            return Word::Absent;
        };
        let mut words = self.cell(cell);
        words.extend(rest);
        named(kind, words)
    }

    /// The name, the cell and what else there is to say.
    fn parts(&self, command: &Command) -> Option<(&'static str, CellKey, Map)> {
        Some(match command {
            Command::Adjust {
                cell,
                on_hand_delta,
                unavailable_delta,
                reason,
                effective_ms,
            } => {
                let mut words = vec![
                    ("on_hand_delta", (*on_hand_delta).into()),
                    ("unavailable_delta", (*unavailable_delta).into()),
                    ("reason", i64::from(*reason).into()),
                ];
                words.extend(effective(*effective_ms));
                ("adjust", *cell, words)
            }
            Command::SetOnHand { cell, on_hand } => {
                ("set_on_hand", *cell, vec![("on_hand", (*on_hand).into())])
            }
            Command::CompareAndSet {
                cell,
                expected,
                on_hand,
            } => {
                let words = vec![
                    ("expected", (*expected).into()),
                    ("on_hand", (*on_hand).into()),
                ];
                ("compare_and_set", *cell, words)
            }
            Command::Transfer {
                from,
                to,
                quantity,
                effective_ms,
            } => {
                let mut words = vec![("to_node_id", self.node(to.location))];
                words.push(("quantity", (*quantity).into()));
                words.extend(effective(*effective_ms));
                ("transfer", *from, words)
            }
            Command::Receive {
                cell,
                quantity,
                expected_day,
                effective_ms,
            } => {
                let mut words = vec![("quantity", (*quantity).into())];
                words.extend(day("expected_day", *expected_day));
                words.extend(effective(*effective_ms));
                ("receive", *cell, words)
            }
            Command::Sale { .. } => return sale(command),
            _ => return setting(command),
        })
    }
}

fn sale(command: &Command) -> Option<(&'static str, CellKey, Map)> {
    let Command::Sale {
        source,
        cell,
        quantity,
        reservation,
        effective_ms,
    } = command
    else {
        return None;
    };
    let mut words = vec![
        ("source", Word::Text(format!("{source:032x}"))),
        ("quantity", (*quantity).into()),
    ];
    words.extend(reservation.map(|id| ("reservation_id", uuid(id.0))));
    words.extend(effective(*effective_ms));
    Some(("sale", *cell, words))
}

fn setting(command: &Command) -> Option<(&'static str, CellKey, Map)> {
    match command {
        Command::Count {
            cell,
            counted,
            effective_ms,
        } => {
            let mut words = vec![("counted", (*counted).into())];
            words.extend(effective(Some(*effective_ms)));
            Some(("count", *cell, words))
        }
        Command::SetInbound {
            cell,
            day: on,
            quantity,
        } => {
            let mut words = vec![("quantity", (*quantity).into())];
            words.extend(day("day", Some(*on)));
            Some(("set_inbound", *cell, words))
        }
        Command::CloseWindow { cell } => Some(("close_window", *cell, Vec::new())),
        Command::SetSafetyStock { cell, safety_stock } => {
            let words = vec![("safety_stock", (*safety_stock).into())];
            Some(("set_safety_stock", *cell, words))
        }
        _ => None,
    }
}

fn effective(time_ms: Option<i64>) -> Option<(&'static str, Word)> {
    time_ms.map(|time_ms| ("effective_ms", time_ms.into()))
}
