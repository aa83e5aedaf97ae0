//! How much room an act takes in the journal, estimated before it is decided.

use bopis_ledger::{Act, Command, ItemName, Lines};

/// Largest weight of one act, and of all acts that share a write.
pub(crate) const WEIGHT_MAX: usize = 4 << 20;

/// Most commands of one act that answer with a reservation. One has at most 512 lines, of at most
/// 20 bytes each: even if each answers with such a one, the record fits a segment of 64 MiB.
pub(crate) const RESERVATION_COMMANDS_MAX: usize = 4_096;

const ACT_BYTES: usize = 64;
const COMMAND_BYTES: usize = 192;
/// A line as asked, and as it comes back in a reservation's view or a shortage.
const LINE_BYTES: usize = 64;

/// One of them, or all together.
pub(crate) fn are_too_large(acts: &[Act]) -> bool {
    let mut sum = 0_usize;
    acts.iter().any(|act| {
        let commands = act.commands.iter();
        let answer = commands
            .filter(|command| names_reservation(command))
            .count();
        sum = sum.saturating_add(weight(act));
        answer > RESERVATION_COMMANDS_MAX || sum > WEIGHT_MAX
    })
}

const fn names_reservation(command: &Command) -> bool {
    matches!(
        command,
        Command::Hold { .. }
            | Command::Extend { .. }
            | Command::Commit { .. }
            | Command::Release { .. }
            | Command::Consume { .. }
            | Command::Relocate { .. }
            | Command::Move { .. }
    )
}

/// Bytes of the act's record, rounded up generously.
pub(crate) fn weight(act: &Act) -> usize {
    act.commands.iter().fold(ACT_BYTES, |sum, command| {
        sum.saturating_add(of_command(command))
    })
}

fn of_command(command: &Command) -> usize {
    let more = match command {
        Command::RegisterLocation { name } => name.len(),
        Command::RegisterItem {
            name: ItemName::Sku(sku),
        } => sku.len(),
        Command::RegisterItem {
            name: ItemName::Labor { .. },
        }
        | Command::Adjust { .. }
        | Command::SetOnHand { .. }
        | Command::CompareAndSet { .. }
        | Command::Transfer { .. }
        | Command::SetSafetyStock { .. }
        | Command::CloseWindow { .. }
        | Command::SetInbound { .. }
        | Command::Receive { .. }
        | Command::Count { .. }
        | Command::Extend { .. }
        | Command::Sale { .. }
        | Command::Commit { .. }
        | Command::Expire { .. } => 0,
        Command::Hold { lines, .. } | Command::Relocate { lines, .. } => of_lines(lines),
        Command::Release { lines, .. } | Command::Consume { lines, .. } => {
            lines.as_ref().map_or(0, of_lines)
        }
        Command::Move { moves } => moves.iter().fold(0_usize, |sum, (_, lines)| {
            sum.saturating_add(COMMAND_BYTES + of_lines(lines))
        }),
    };
    COMMAND_BYTES.saturating_add(more)
}

fn of_lines(lines: &Lines) -> usize {
    lines.len().saturating_mul(LINE_BYTES)
}

/// Whether the act asks for units of a day.
pub(crate) fn gives_day(act: &Act) -> bool {
    let is_dated =
        |command: &Command| matches!(command, Command::Hold { terms, .. } if terms.day.is_some());
    act.commands.iter().any(is_dated)
}

/// Whether the act asks for units: refused first when the disk is full.
pub(crate) fn is_grant(act: &Act) -> bool {
    act.commands.iter().any(|command| {
        matches!(
            command,
            Command::Hold { .. } | Command::Move { .. } | Command::Extend { .. }
        )
    })
}
