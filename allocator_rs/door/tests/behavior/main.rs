//! What the door does, seen from outside, over an engine in memory.
//! One binary: each one more is compiled and linked with all that the crate needs. A test that must
//! not share a process with others is a file beside this folder.
#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking; helpers are used all over this binary"
)]

mod bad_input;
mod batches;
mod facts;
mod listing;
mod of_orders;
mod passthrough;
mod promises;
mod protocol;
mod reservations;
mod settings;
mod supply;
mod terms;

mod support;
