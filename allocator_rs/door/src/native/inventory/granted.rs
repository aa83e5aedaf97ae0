//! What a partial reservation has of each line that was asked for.
//!
//! | lines that name the same cell | get |
//! | --- | --- |
//! | the first | as much as it asks, if the reservation has it |
//! | the next | what is left |

use std::collections::HashMap;

use bopis_ledger::{CellKey, Line, ReservationView};

use crate::v1::GrantedLine;

/// One per line, in order.
pub(super) fn granted_lines(asked: &[Line], view: &ReservationView) -> Vec<GrantedLine> {
    let has = view.lines.iter().map(|line| (line.cell, line.quantity));
    let mut left: HashMap<CellKey, i64> = has.collect();
    let lines = asked.iter().zip(0_i32..).map(|(line, line_index)| {
        let left = left.entry(line.cell).or_default();
        let granted_quantity = line.quantity.min(*left);
        *left -= granted_quantity;
        GrantedLine {
            line_index,
            requested_quantity: line.quantity,
            granted_quantity,
            missing_quantity: line.quantity - granted_quantity,
        }
    });
    lines.collect()
}
