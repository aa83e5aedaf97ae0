//! Makes a failing run small: delta debugging (Zeller and Hildebrandt, 2002) over its events.

use crate::plan::Plan;

/// Runs that a shrinking may take.
const RUNS_MAX: usize = 3_000;

/// The events, as indexes, that are enough for the plan to fail.
#[must_use]
pub fn shrink(plan: &Plan, fails: impl Fn(&Plan) -> bool) -> Vec<usize> {
    let mut kept: Vec<usize> = (0..plan.events.len()).collect();
    let mut runs = 0;
    let mut pieces = 2;
    while kept.len() > 1 && runs < RUNS_MAX {
        let size = kept.len().div_ceil(pieces);
        let smaller = (0..pieces).rev().find_map(|piece| {
            let without: Vec<usize> = kept
                .iter()
                .enumerate()
                .filter(|(at, _)| at / size != piece)
                .map(|(_, event)| *event)
                .collect();
            runs += 1;
            let is_enough = without.len() < kept.len() && fails(&plan.only(&without));
            is_enough.then_some(without)
        });
        match smaller {
            Some(without) => {
                kept = without;
                pieces = (pieces - 1).max(2);
            }
            None if pieces >= kept.len() => break,
            None => pieces = (pieces * 2).min(kept.len()),
        }
    }
    kept
}

/// Indexes as a command line takes them: `3,5-9`.
#[must_use]
pub fn ranges(kept: &[usize]) -> String {
    let mut text = String::new();
    let mut rest = kept;
    while let Some(first) = rest.first() {
        let length = rest
            .iter()
            .zip(*first..)
            .take_while(|(a, b)| *a == b)
            .count();
        if !text.is_empty() {
            text.push(',');
        }
        match length {
            1 => text.push_str(&first.to_string()),
            _ => text.push_str(&format!("{first}-{}", first + length - 1)),
        }
        rest = &rest[length..];
    }
    text
}

/// Reads what [`ranges`] writes; none: it is not that.
#[must_use]
pub fn parse_ranges(text: &str) -> Option<Vec<usize>> {
    let mut kept = Vec::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        kept.extend(first.parse::<usize>().ok()?..=last.parse().ok()?);
    }
    Some(kept)
}
