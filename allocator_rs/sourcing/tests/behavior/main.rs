//! The kernel's plans against slower ways to find them.
//! One binary: each one more is compiled and linked with all that the crate needs. A test that must
//! not share a process with others is a file beside this folder.
#![expect(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking; helpers are used all over this binary"
)]

mod kernel_alternatives;
mod kernel_forced;
mod kernel_is_exact;
mod kernel_is_no_heuristic;
mod kernel_transfers;

mod oracle;
