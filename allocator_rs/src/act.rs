//! From a submission's commands to the ledger's, and from the ledger's outcomes to one outcome per
//! command of the submission.

use std::collections::HashSet;

use bopis_engine::{fingerprint, order_reference, scope};
use bopis_ledger::{
    Act, CellKey, Command, ItemId, ItemName, LocationId, OrderRef, Outcome, RequestKey,
    ReservationId, Terms,
};

use crate::answers::{OutcomeDto, ResultDto};
use crate::dto::{parse_uuid, CommandDto, Submission};
use crate::errors::BindingError;
use crate::names::{FreshNames, Names};

/// How many outcomes of the ledger answer one command of a submission, and as what.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// One as it is.
    One,
    /// So many names.
    Names(usize),
    /// So many labor windows, behind so many that are closed or opened.
    Windows {
        /// Closed or opened.
        switched: usize,
        /// All.
        count: usize,
    },
}

/// An act and how its outcomes are read.
#[derive(Debug)]
pub struct Translated {
    /// For the engine.
    pub act: Act,
    /// One per command of the submission.
    pub shapes: Vec<Shape>,
}

/// Nodes and labor windows that `commands` open and the engine does not know yet.
pub fn unknown_names(commands: &[CommandDto], names: &Names<'_>) -> Vec<Command> {
    let mut unknown = Vec::new();
    let mut seen = HashSet::new();
    for command in commands {
        if let CommandDto::SetCapacity { node_id, windows } = command {
            if names.location(node_id).is_err() && !unknown.contains(&register_node(node_id)) {
                unknown.push(register_node(node_id));
            }
            let starts = windows.iter().map(|window| window.start_s);
            let new = starts.filter(|start| seen.insert(*start) && names.labor(*start).is_err());
            for window_start_s in new {
                let name = ItemName::Labor { window_start_s };
                unknown.push(Command::RegisterItem { name });
            }
        }
    }
    unknown
}

/// The act that registers names; its id is made from them, so a repeat finds the same ids.
pub fn registration(commands: Vec<Command>) -> Act {
    let text = format!("register {commands:?}");
    Act {
        request: RequestKey {
            scope: scope::INTERNAL,
            id: order_reference(&text),
        },
        fingerprint: fingerprint(text.as_bytes()),
        commands,
    }
}

/// The ids that a registration gave.
pub fn fresh_names(commands: &[Command], outcomes: &[Outcome]) -> FreshNames {
    let mut fresh = FreshNames::default();
    for (command, outcome) in commands.iter().zip(outcomes) {
        match (command, outcome) {
            (Command::RegisterLocation { name }, Outcome::Registered { index }) => {
                fresh.nodes.insert(name.to_string(), LocationId(*index));
            }
            (Command::RegisterItem { name }, Outcome::Registered { index }) => {
                fresh.items.insert(name.clone(), ItemId(*index));
            }
            _ => {}
        }
    }
    fresh
}

/// A submission as an act.
///
/// # Errors
/// The result to answer it with: unknown names, or a malformed payload.
pub fn translate(submission: &Submission, names: &Names<'_>) -> Result<Translated, ResultDto> {
    let mut commands = Vec::with_capacity(submission.commands.len());
    let mut shapes = Vec::with_capacity(submission.commands.len());
    for command in &submission.commands {
        shapes.push(translate_command(command, names, &mut commands)?);
    }
    let id = parse_uuid(&submission.request_id)?;
    let fingerprint = match &submission.fingerprint_of {
        Some(text) => fingerprint(text.as_bytes()),
        None => {
            let bytes = rmp_serde::to_vec(&submission.commands).map_err(BindingError::from)?;
            fingerprint(&bytes)
        }
    };
    let act = Act {
        request: RequestKey {
            scope: scope::INTERNAL,
            id,
        },
        fingerprint,
        commands,
    };
    Ok(Translated { act, shapes })
}

/// One outcome per command of the submission.
pub fn outcomes(shapes: &[Shape], outcomes: &[Outcome], names: &Names<'_>) -> Vec<OutcomeDto> {
    let mut rest = outcomes.iter();
    let mut answered = Vec::with_capacity(shapes.len());
    for shape in shapes {
        match shape {
            Shape::One => answered.extend(rest.next().map(|one| OutcomeDto::new(one, names))),
            Shape::Names(count) => answered.push(all_or_refusal(&mut rest, *count, names)),
            Shape::Windows { switched, count } => {
                answered.push(cells_set(&mut rest, (*switched, *count), names));
            }
        }
    }
    answered
}

fn all_or_refusal<'a>(
    rest: &mut impl Iterator<Item = &'a Outcome>,
    count: usize,
    names: &Names<'_>,
) -> OutcomeDto {
    let part: Vec<_> = rest.take(count).collect();
    let refused = part
        .iter()
        .find(|outcome| matches!(outcome, Outcome::Refused(_)));
    refused.map_or(OutcomeDto::Registered, |one| OutcomeDto::new(one, names))
}

fn cells_set<'a>(
    rest: &mut impl Iterator<Item = &'a Outcome>,
    (switched, count): (usize, usize),
    names: &Names<'_>,
) -> OutcomeDto {
    let mut cells = Vec::with_capacity(count);
    let mut refused = None;
    for (index, outcome) in rest.take(switched + count).enumerate() {
        match outcome {
            Outcome::Cell(_) if index < switched => {}
            Outcome::Cell(view) => cells.push(view.into()),
            other => refused = refused.or_else(|| Some(OutcomeDto::new(other, names))),
        }
    }
    refused.unwrap_or(OutcomeDto::CellsSet { cells })
}

fn register_node(node_id: &str) -> Command {
    Command::RegisterLocation {
        name: node_id.into(),
    }
}

/// Closes a labor window, or opens it.
fn closing(cell: CellKey, closed: bool) -> Command {
    if closed {
        Command::CloseWindow { cell }
    } else {
        Command::SetSafetyStock {
            cell,
            safety_stock: 0,
        }
    }
}

fn reservation(text: &str) -> Result<ReservationId, ResultDto> {
    Ok(ReservationId(parse_uuid(text)?))
}

fn translate_command(
    command: &CommandDto,
    names: &Names<'_>,
    commands: &mut Vec<Command>,
) -> Result<Shape, ResultDto> {
    match command {
        CommandDto::RegisterNodes { node_ids } => {
            commands.extend(node_ids.iter().map(|node_id| register_node(node_id)));
            Ok(Shape::Names(node_ids.len()))
        }
        CommandDto::RegisterItems { skus } => {
            commands.extend(skus.iter().map(|sku| Command::RegisterItem {
                name: ItemName::Sku(sku.as_str().into()),
            }));
            Ok(Shape::Names(skus.len()))
        }
        CommandDto::SetCapacity { node_id, windows } => {
            let location = names.location(node_id)?;
            let mut seconds = Vec::with_capacity(windows.len());
            let before = commands.len();
            for window in windows {
                let item = names.labor(window.start_s)?;
                let cell = CellKey { location, item };
                commands.extend(window.closed.map(|closed| closing(cell, closed)));
                seconds.push(Command::SetOnHand {
                    cell,
                    on_hand: window.seconds,
                });
            }
            let switched = commands.len() - before;
            commands.extend(seconds);
            let count = windows.len();
            Ok(Shape::Windows { switched, count })
        }
        CommandDto::Adjust { .. } | CommandDto::SetOnHand { .. } => {
            commands.push(fact(command, names)?);
            Ok(Shape::One)
        }
        _ => {
            commands.push(reservation_command(command, names)?);
            Ok(Shape::One)
        }
    }
}

fn fact(command: &CommandDto, names: &Names<'_>) -> Result<Command, ResultDto> {
    match command {
        CommandDto::Adjust {
            node_id,
            sku,
            on_hand_delta,
            unavailable_delta,
            reason,
        } => Ok(Command::Adjust {
            cell: names.cell(node_id, Some(sku), None)?,
            on_hand_delta: *on_hand_delta,
            unavailable_delta: *unavailable_delta,
            reason: *reason,
            effective_ms: None,
        }),
        CommandDto::SetOnHand {
            node_id,
            sku,
            on_hand,
        } => Ok(Command::SetOnHand {
            cell: names.cell(node_id, Some(sku), None)?,
            on_hand: *on_hand,
        }),
        _ => Err(misplaced()),
    }
}

fn reservation_command(command: &CommandDto, names: &Names<'_>) -> Result<Command, ResultDto> {
    match command {
        CommandDto::Hold {
            reservation_id,
            order_id,
            lines,
            ttl_ms,
            priority,
        } => Ok(Command::Hold {
            reservation: reservation(reservation_id)?,
            order: OrderRef(order_reference(order_id)),
            lines: names.lines(lines)?,
            ttl_ms: *ttl_ms,
            priority: *priority,
            terms: Terms::default(),
        }),
        CommandDto::Commit { reservation_id } => Ok(Command::Commit {
            reservation: reservation(reservation_id)?,
        }),
        CommandDto::Release {
            reservation_id,
            lines,
        } => Ok(Command::Release {
            reservation: reservation(reservation_id)?,
            lines: lines.as_deref().map(|part| names.lines(part)).transpose()?,
        }),
        CommandDto::Consume {
            reservation_id,
            lines,
        } => Ok(Command::Consume {
            reservation: reservation(reservation_id)?,
            lines: lines.as_deref().map(|part| names.lines(part)).transpose()?,
        }),
        CommandDto::Move { moves } => {
            let mut translated = Vec::with_capacity(moves.len());
            for one in moves {
                let id = reservation(&one.reservation_id)?;
                translated.push((id, names.lines(&one.lines)?));
            }
            Ok(Command::Move { moves: translated })
        }
        _ => Err(misplaced()),
    }
}

fn misplaced() -> ResultDto {
    ResultDto::Malformed {
        why: "the command belongs to another group".to_owned(),
    }
}
