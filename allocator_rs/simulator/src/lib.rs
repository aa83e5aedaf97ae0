//! Simulation: the production ledger, the production engine's turns and the production journal,
//! over a clock and a disk of our own, under a seed. The same seed does the same, bit for bit.
//!
//! | module | |
//! | --- | --- |
//! | [`plan`] | what happens in a run, made from its seed before it |
//! | [`world`] | the run |
//! | [`disk`], [`clock`] | what the engine stands on |
//! | [`witness`], [`judge`], [`rot`] | who watches it: a second parser, a second ledger, the checks |
//! | [`shrink`] | fewer events that still fail |
//! | [`fuzz`] | bytes and commands that nobody would send |
#![allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a simulator may fail by panicking: a panic is a violation, and its seed is printed"
)]

pub mod clock;
pub mod disk;
pub mod fuzz;
pub mod judge;
pub mod plan;
pub mod random;
pub mod rot;
pub mod shrink;
pub mod witness;
pub mod world;

use std::panic::{catch_unwind, AssertUnwindSafe};

use judge::checks::Violation;
use plan::Plan;
use world::Report;

/// Runs a plan; a panic is a violation.
///
/// # Errors
/// The first check that failed.
pub fn run(plan: &Plan) -> Result<Report, Violation> {
    let unwound = catch_unwind(AssertUnwindSafe(|| world::run(plan)));
    unwound.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        judge::checks::violated("panic", text.unwrap_or("without a word"))
    })
}
