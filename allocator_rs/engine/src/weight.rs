//! How much room an act may take in the journal, known before it is decided.

use bopis_ledger::{Act, Command, ItemName, Lines};

/// Bytes of one act at most; far below a frame, so that a batch always fits one segment.
pub(crate) const ACT_WEIGHT_MAX: usize = 4 << 20;

const ACT_BYTES: usize = 128;
const COMMAND_BYTES: usize = 256;
/// A line as asked, and as it comes back in a reservation's view or a shortage.
const LINE_BYTES: usize = 128;

/// An upper bound of the bytes of the act's record.
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
        | Command::Sale { .. }
        | Command::Commit { .. }
        | Command::Expire { .. } => 0,
        Command::Hold { lines, .. } => of_lines(lines),
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

/// Whether the act asks for units: refused first when the disk is full.
pub(crate) fn is_grant(act: &Act) -> bool {
    act.commands
        .iter()
        .any(|command| matches!(command, Command::Hold { .. } | Command::Move { .. }))
}
