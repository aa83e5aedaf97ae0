//! Bytes and commands that nobody would send, made from sound ones.
//!
//! | target | is given | and must |
//! | --- | --- | --- |
//! | [`codec`] | records with bytes changed | refuse, or read them so that they write back the same; the ledger may take such a record or not, but keeps its invariants |
//! | [`segments`] | journals with bits, blocks, headers and files changed | refuse, or find nothing but the first of the records; and go on writing |
//! | [`commands`] | commands with any integers and lists | answer every one, keep the invariants, replay to the same state |
//!
//! None may panic, overflow or run out of memory.

pub mod codec;
pub mod commands;
pub mod mutate;
pub mod segments;

use std::panic::{catch_unwind, AssertUnwindSafe};

use crate::random::Random;

/// One target: a case of a seed.
pub type Target = fn(&mut Random) -> Result<(), String>;

/// All targets, by name.
pub const TARGETS: [(&str, Target); 3] = [
    ("codec", codec::case),
    ("segments", segments::case),
    ("commands", commands::case),
];

/// Runs the case of a seed; a panic is a finding.
///
/// # Errors
/// What was found.
pub fn run(target: Target, seed: u64) -> Result<(), String> {
    let case = || target(&mut Random::new(seed));
    catch_unwind(AssertUnwindSafe(case)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        Err(format!("panic: {}", text.unwrap_or("without a word")))
    })
}
